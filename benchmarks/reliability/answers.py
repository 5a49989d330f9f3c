"""The same answer to the bit, however a pipeline is used."""

import copy
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence

import spacy
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example
from srsly import cloudpickle

from spacy_rnn_tagger.models.serving import row_cache

from .attack import OURS, PEERS, Attack, Count
from .subjects import GRID, answer, gold, ours, subjects, texts

PART = "The same answer, to the bit"
Answers = List[Any]
Way = Callable[[Language, Sequence[str]], Answers]


def attacks(size: float) -> Iterator[Attack]:
    """YIELDS (Attack): The attacks of this part. size (float): How much is tried; 1 for a few minutes."""
    some = list(texts())[: max(20, int(1000 * size))]
    expected = {who: _pipe(nlp, some, 256) for who, nlp in subjects().items()}
    for name, way in WAYS.items():
        attack = Attack(PART, name, "labels and probabilities as in batches of 256")
        for who, nlp in subjects().items():
            _compare(attack.count(who), name, expected[who], lambda: way(nlp, some))  # noqa: B023
        yield attack
    attack = Attack(PART, "every cell, direction, depth and decoder", "the same alone, in batches of 7, shuffled")
    few = some[:: max(1, len(some) // 50)]
    for kind in GRID if size >= 0.5 else GRID[:: max(1, len(GRID) // 4)]:
        nlp = ours(*kind)
        wanted = _pipe(nlp, few, 256)
        for way in (WAYS["batches of 1"], WAYS["batches of 7"], WAYS["shuffled"], WAYS["saved and loaded"]):
            _compare(attack.count(OURS), str(kind), wanted, lambda: way(nlp, few))  # noqa: B023
    yield attack
    attack = Attack(PART, "two trainings with one seed, other PYTHONHASHSEED", "byte-identical folders")
    for who in (OURS, *PEERS):
        folders = [_train_apart(who, seed) for seed in ("0", "1", "random")[: 3 if size >= 0.5 else 2]]
        for found in folders[1:]:
            different = sorted(name for name in folders[0] if folders[0][name] != found.get(name))
            attack.count(who).add(not different and len(found) == len(folders[0]), f"files differ: {different}")
    yield attack


def _compare(count: Count, name: str, expected: Answers, work: Callable[[], Answers]) -> None:
    try:
        found = work()
    except Exception as e:
        for _ in expected:
            count.add(False, f"{name}: {type(e).__name__}: {e}")
        return
    for i, (one, other) in enumerate(zip(expected, found, strict=True)):
        # Processes do not hand over what only our components write into docs.
        n = min(len(one), len(other))
        count.add(n > 0 and one[:n] == other[:n], f"{name}: doc {i}: {texts()[i][:60]}")


def _pipe(nlp: Language, some: Sequence[str], size: int, n_process: int = 1) -> Answers:
    return [answer(doc) for doc in nlp.pipe(some, batch_size=size, n_process=n_process)]


def _batches(size: int) -> Way:
    return lambda nlp, some: _pipe(nlp, some, size)


def _shuffled(nlp: Language, some: Sequence[str]) -> Answers:
    order = random.Random(0).sample(range(len(some)), len(some))
    found: Dict[int, Any] = dict(zip(order, _pipe(nlp, [some[i] for i in order], 64)))
    return [found[i] for i in range(len(some))]


def _threads(nlp: Language, some: Sequence[str]) -> Answers:
    """Eight threads that each annotate all."""
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda size: _pipe(nlp, some, size), [1, 3, 16, 64, 128, 256, 512, 1000]))
    return runs[0] if all(run == runs[0] for run in runs) else [[] for _ in some]


def _processes(method: str) -> Way:
    def way(nlp: Language, some: Sequence[str]) -> Answers:
        import torch

        # Threads of PyTorch that are there before a fork have hung many a child.
        (torch.ones(300, 300) @ torch.ones(300, 300)).sum()
        before = multiprocessing.get_start_method()
        multiprocessing.set_start_method(method, force=True)
        try:
            return _pipe(nlp, some, 64, n_process=2)
        finally:
            multiprocessing.set_start_method(before, force=True)

    return way


def _copied(make: Callable[[Language], Language]) -> Way:
    return lambda nlp, some: _pipe(make(nlp), some, 64)


def _saved(nlp: Language) -> Language:
    with tempfile.TemporaryDirectory() as folder:
        nlp.to_disk(folder)
        return _as_it_was(nlp, spacy.load(folder))


def _from_bytes(nlp: Language) -> Language:
    return _as_it_was(nlp, type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes()))


def _as_it_was(before: Language, after: Language) -> Language:
    """spaCy does not save that a tagger shall keep its probabilities."""
    for name, pipe in after.pipeline:
        if hasattr(pipe, "save_activations") and hasattr(before.get_pipe(name), "save_activations"):
            pipe.save_activations = before.get_pipe(name).save_activations
    return after


def _doc_bin(nlp: Language, some: Sequence[str]) -> Answers:
    """Docs that have been in a DocBin, annotated there."""
    docs = list(nlp.pipe(some, batch_size=64))
    kept = DocBin(store_user_data=True, docs=docs).to_bytes()
    return [answer(doc) for doc in DocBin().from_bytes(kept).get_docs(nlp.vocab)]


def _other_pipes(nlp: Language, some: Sequence[str]) -> Answers:
    """Each component alone has been used before."""
    for name in nlp.pipe_names:
        with nlp.select_pipes(enable=[name]):
            _pipe(nlp, some[:20], 3)
    return _pipe(nlp, some, 64)


def _small_caches(nlp: Language, some: Sequence[str]) -> Answers:
    """A table of lexemes that is too small for a batch, in a pipeline that has none yet."""
    before = row_cache.MAX_ENTRIES, row_cache.FIRST_ENTRIES
    row_cache.MAX_ENTRIES, row_cache.FIRST_ENTRIES = 16, 16
    try:
        return _pipe(_saved(nlp), [*some[::-1], *some], 32)[len(some) :]
    finally:
        row_cache.MAX_ENTRIES, row_cache.FIRST_ENTRIES = before


def _memory_zone(nlp: Language, some: Sequence[str]) -> Answers:
    found: Answers = []
    for i in range(0, len(some), 50):
        with nlp.memory_zone():
            found += _pipe(nlp, some[i : i + 50], 16)
    return found


def _after_update(nlp: Language, some: Sequence[str]) -> Answers:
    """Weights that were trained further, and put back."""
    weights = nlp.to_bytes()
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in gold()[:8]]
    optimizer = nlp.resume_training()
    nlp.update(examples, sgd=optimizer)
    changed = _pipe(nlp, some[:10], 64)
    with nlp.use_params(optimizer.averages or {}):
        _pipe(nlp, some[:10], 64)
    if changed != _pipe(nlp, some[:10], 1):
        raise ValueError("after an update, batches of 1 and of 64 differ")
    nlp.from_bytes(weights)
    return _pipe(_as_it_was(nlp, nlp), some, 64)


WAYS: Dict[str, Way] = {
    "batches of 1": _batches(1),
    "batches of 7": _batches(7),
    "batches of 64": _batches(64),
    "batches of 1,000": _batches(1000),
    "shuffled": _shuffled,
    "8 threads, batches of 1 to 1,000": _threads,
    "2 processes by fork, PyTorch used before": _processes("fork"),
    "2 processes by spawn": _processes("spawn"),
    "saved and loaded": _copied(_saved),
    "to bytes and back": _copied(_from_bytes),
    "through a DocBin": _doc_bin,
    "copy.deepcopy": _copied(copy.deepcopy),
    "pickle": _copied(lambda nlp: pickle.loads(pickle.dumps(nlp))),
    "cloudpickle": _copied(lambda nlp: cloudpickle.loads(cloudpickle.dumps(nlp))),
    "select_pipes before": _other_pipes,
    "a cache of 16 words": _small_caches,
    "memory_zone": _memory_zone,
    "after an update that was taken back": _after_update,
}

CHILD = """
import sys
sys.path.insert(0, {root!r})
from benchmarks.reliability.subjects import ours, peer
(ours() if {who!r} == "ours" else peer({who!r})).to_disk({folder!r})
"""


def _train_apart(who: str, hash_seed: str) -> Dict[str, bytes]:
    """The files of a pipeline that another process has trained."""
    with tempfile.TemporaryDirectory() as folder:
        root = str(Path(__file__).parents[2])
        code = CHILD.format(root=root, who=who, folder=folder)
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": hash_seed}
        )
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
