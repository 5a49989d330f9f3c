"""Files of saved pipelines that are cut, changed, exchanged or replaced: one clear sentence, nothing executed, no wrong
answer without a word."""

import configparser
import pickle
import random
import resource
import struct
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import spacy
import srsly

from .answers import Answers
from .attack import OURS, Attack, Count, quiet
from .subjects import answer, ours, subjects, texts

PART = "Files"
OWN = ("rnn_tagger", "rnn_ner", "tagger", "ner")
"""The components whose folders are attacked; the tokenizer and the vocabulary are spaCy's in all pipelines."""
MARKER = "executed"
Change = Callable[[bytes, random.Random], bytes]


def attacks(size: float) -> Iterator[Attack]:
    """YIELDS (Attack): The attacks of this part. size (float): How much is tried; 1 for a few minutes."""
    places = max(6, int(200 * size))
    with tempfile.TemporaryDirectory() as folder, quiet():
        saved = {who: Path(folder) / who for who in subjects()}
        for who, nlp in subjects().items():
            nlp.to_disk(saved[who])
        expected = {who: _answers(path) for who, path in saved.items()}
        for name, change in CHANGES.items():
            attack = Attack(PART, name, "refused by an error, or the same answers")
            for who, path in saved.items():
                for file in _files(path):
                    _try_changes(attack.count(who), path, file, change, places, expected[who])
            yield attack
        yield _exchange(saved, expected)
        yield _code(saved)
        yield _bombs(saved)


def _files(path: Path) -> List[Path]:
    """The files of the components, and the settings."""
    found = [file for name in OWN if (path / name).is_dir() for file in sorted((path / name).rglob("*"))]
    return [*(file for file in found if file.is_file()), path / "config.cfg", path / "meta.json"]


def _answers(path: Path) -> Answers:
    return [answer(doc) for doc in spacy.load(path).pipe(texts()[:12], batch_size=4)]


def _judge(count: Count, path: Path, expected: Answers, what: str) -> None:
    """It went well if the pipeline is refused by an error that is no accident, or answers as before."""
    try:
        found = _answers(path)
    except (SystemExit, Exception) as e:
        count.add(_is_clear(e), f"{what}: {type(e).__name__}: {e}")
    else:
        count.add(found == expected, f"{what}: loaded, and other answers")


def _is_clear(error: BaseException) -> bool:
    """Whether an error is a refusal: one of spaCy's sentences, which have numbers, or of the parser of configs, or an
    error of values or files that has words."""
    said = str(error).strip()
    return bool(said) and ("[E" in said or isinstance(error, (ValueError, OSError, configparser.Error)))


def _try_changes(count: Count, path: Path, file: Path, change: Change, places: int, expected: Answers) -> None:
    whole = file.read_bytes()
    rng = random.Random(f"{file.parent.name}/{file.name}")
    n_files = len(_files(path))
    try:
        for _ in range(max(1, places // n_files)):
            changed = change(whole, rng)
            if changed == whole:
                continue
            file.write_bytes(changed)
            _judge(count, path, expected, f"{file.relative_to(path)}")
    finally:
        file.write_bytes(whole)


def _cut(whole: bytes, rng: random.Random) -> bytes:
    return whole[: rng.randrange(len(whole))] if whole else whole


def _flip(whole: bytes, rng: random.Random) -> bytes:
    changed = bytearray(whole)
    at = rng.randrange(len(changed))
    changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _grow(whole: bytes, rng: random.Random) -> bytes:
    return whole + rng.randbytes(rng.randrange(1, 100))


def _zero(whole: bytes, rng: random.Random) -> bytes:
    """As a disk leaves a block that was never written."""
    at = rng.randrange(len(whole))
    return whole[:at] + b"\0" * len(whole[at : at + 512]) + whole[at + 512 :]


CHANGES: Dict[str, Change] = {
    "a file cut short": _cut,
    "one bit flipped": _flip,
    "bytes behind the end": _grow,
    "512 bytes of zeros": _zero,
}


def _exchange(saved: Dict[str, Path], expected: Dict[str, Answers]) -> Attack:
    """The weights of one component in the folder of another, of another cell or width."""
    attack = Attack(PART, "weights of another component, cell or width", "refused by an error")
    with tempfile.TemporaryDirectory() as folder:
        for i, nlp in enumerate((ours("gru"), ours("lstm", depth=2), ours("lstm", bidirectional=False))):
            nlp.to_disk(Path(folder) / str(i))
            _put(attack.count(OURS), saved[OURS], Path(folder) / str(i) / "rnn_tagger" / "model", "rnn_tagger/model")
    for who, path in saved.items():
        one, other = ("rnn_tagger", "rnn_ner") if who == OURS else ("tagger", "ner")
        _put(attack.count(who), path, path / other / "model", f"{one}/model")
        _put(attack.count(who), path, path / one / "model", f"{other}/model")
    return attack


def _put(count: Count, path: Path, source: Path, target: str) -> None:
    whole = (path / target).read_bytes()
    try:
        (path / target).write_bytes(source.read_bytes())
        _must_refuse(count, path, f"{source.parent.name} for {target}")
    finally:
        (path / target).write_bytes(whole)


def _must_refuse(count: Count, path: Path, what: str) -> None:
    try:
        _answers(path)
    except Exception as e:
        count.add(_is_clear(e), f"{what}: {type(e).__name__}: {e}")
    else:
        count.add(False, f"{what}: loaded")


class _Bomb:
    """What pickle executes when it reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Tuple[Any, ...]:
        return Path.touch, (self.path,)


def _code(saved: Dict[str, Path]) -> Attack:
    """A pickle that leaves a mark when it is read, in place of each file, and within each as far as it is a message."""
    attack = Attack(PART, "a pickle in place of a file, or inside it", "nothing is executed, and it is refused")
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / MARKER
        poison = pickle.dumps(_Bomb(mark))
        for who, path in saved.items():
            for file in _files(path):
                whole = file.read_bytes()
                for content in (poison, *_poisoned(whole, poison)):
                    file.write_bytes(content)
                    try:
                        _answers(path)
                    except Exception:  # what kind of error is not the question here
                        pass
                    attack.count(who).add(not mark.exists(), f"{file.relative_to(path)}: code was executed")
                    mark.unlink(missing_ok=True)
                file.write_bytes(whole)
    return attack


def _poisoned(whole: bytes, poison: bytes) -> Iterator[bytes]:
    """The message of a file with the pickle for each of its byte strings."""
    try:
        message = srsly.msgpack_loads(whole)
    except Exception:
        return
    if isinstance(message, dict):
        for key, value in message.items():
            if isinstance(value, bytes):
                yield srsly.msgpack_dumps({**message, key: poison})
            if isinstance(value, list) and any(isinstance(each, bytes) for each in value):
                yield srsly.msgpack_dumps({**message, key: [poison for _ in value]})


def _bombs(saved: Dict[str, Path]) -> Attack:
    """Headers that promise arrays of billions of numbers."""
    attack = Attack(PART, "headers that promise gigabytes", "refused, and memory grows by less than 500 MB")
    huge = struct.pack(">BI", 0xDD, 2**31), struct.pack(">BI", 0xC6, 2**31) + b"x", struct.pack(">BI", 0xDF, 2**31)
    shapes = srsly.msgpack_dumps({"nodes": [{"shape": [2**20, 2**20], "dtype": "float32", "data": b"abcd"}]})
    for who, path in saved.items():
        for file in _files(path):
            if file.name != "model":
                continue
            whole = file.read_bytes()
            for content in (*huge, shapes, whole[:1] + huge[0] + whole[6:], b"\xff" * 8 + whole[8:]):
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                file.write_bytes(content)
                _must_refuse(attack.count(who), path, f"{file.relative_to(path)}")
                grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
                attack.count(who).add(grown < 500, f"{file.relative_to(path)}: memory grew by {grown:.0f} MB")
            file.write_bytes(whole)
    return attack
