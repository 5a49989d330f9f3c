"""Commands with arguments that are wrong, files that are damaged, places that cannot be written to, and Ctrl-C: a
sentence and an exit code, and nothing of the user's is lost."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple

from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_rnn_tagger.cli import rnn_cli

from .attack import OURS, Attack, Count, quiet
from .configs import bases
from .subjects import gold, subjects, texts

PART = "Commands"
SENTENCES = (1, 2, 130)
"""Exit codes of a command that ends by itself."""


class World(NamedTuple):
    """What commands read, and where they write."""

    folder: Path
    model: Path
    data: Path
    text: Path
    config: Path
    out: Path


Make = Callable[[World], List[object]]
COMMANDS: Dict[str, Make] = {
    "convert": lambda w: ["convert", w.data, w.out, "--split", 0.1, 0.1],
    "init-config": lambda w: ["init-config", w.data, "--split-dev", 0.3, "-o", w.out],
    "check": lambda w: ["check", w.data, "--json", w.out],
    "summary": lambda w: ["summary", w.model, "--json", w.out],
    "bias": lambda w: ["bias", w.model, w.data, "-n", 2, "--json", w.out],
    "calibrate": lambda w: ["calibrate", w.model, w.data, "-C", "rnn_ner", "-o", w.out],
    "compress": lambda w: ["compress", w.model, w.out, "-d", w.data],
    "report": lambda w: ["report", w.model, w.data, "-o", w.out],
    "doubts": lambda w: ["doubts", w.data, "-o", w.out],
    "suggest": lambda w: ["suggest", w.model, w.data, "-o", w.out],
    "annotate": lambda w: ["annotate", w.model, w.text, w.out, "-n", 1],
    "wheelhouse": lambda w: ["wheelhouse", w.model, w.out],
    "train": lambda w: ["train", w.config, "-o", w.out, "--training.max_steps", 4],
    "distill": lambda w: [*("distill", w.model, w.text, "-c", w.config, "--dev", w.data, "-o", w.out, "-n", 1)],
}
SUFFIXES = {
    "init-config": ".cfg",
    "check": ".json",
    "summary": ".json",
    "bias": ".json",
    "report": ".html",
    "doubts": ".jsonl",
    "suggest": ".jsonl",
}


def attacks(size: float) -> Iterator[Attack]:
    """YIELDS (Attack): The attacks of this part. size (float): How much is tried; 1 for a few minutes."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        base = _make_world(Path(folder) / "base")
        names = list(COMMANDS) if size >= 0.5 else list(COMMANDS)[::4]
        for what, spoil in SPOILS.items():
            attack = Attack(PART, what, "one sentence, no traceback; all that was there is there, unchanged")
            for name in names:
                world = _copy(base, Path(folder) / "copy", SUFFIXES.get(name, ""))
                _judge(attack.count(OURS), name, world, spoil)
            yield attack
        yield _full_disk(base, Path(folder) / "copy", names)
        yield _ctrl_c(base, Path(folder) / "copy", names, max(1, int(3 * size)))


def _make_world(folder: Path) -> World:
    folder.mkdir(parents=True)
    world = _world(folder, "")
    subjects()[OURS].to_disk(world.model)
    DocBin(docs=gold()[:30]).to_disk(world.data)
    world.text.write_text("\n".join(texts()[200:260]) + "\n", encoding="utf8")
    bases(str(world.data))[OURS].to_disk(world.config, interpolate=False)
    return world


def _world(folder: Path, suffix: str) -> World:
    names = (folder / name for name in ("model", "data.spacy", "text.txt", "config.cfg", f"out{suffix}"))
    return World(folder, *names)


def _copy(base: World, folder: Path, suffix: str) -> World:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base.folder, folder, symlinks=True)
    world = _world(folder, suffix)
    config = world.config.read_text(encoding="utf8").replace(str(base.data), str(world.data))
    world.config.write_text(config, encoding="utf8")
    return world


def _files(folder: Path) -> Dict[str, bytes]:
    """All files by name, and where links lead."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = os.readlink(path).encode()
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def _judge(count: Count, name: str, world: World, spoil: Callable[[World], object]) -> None:
    spoil(world)
    before = _files(world.folder)
    arguments = [str(each) for each in COMMANDS[name](world)]
    done = CliRunner().invoke(rnn_cli, arguments, env={"COLUMNS": "200", "TERM": "dumb"})
    after = _files(world.folder)
    lost = sorted(key for key in before if before[key] != after.get(key))
    wrong = f"{name}: lost or changed {lost[:3]}" if lost else ""
    is_raised = done.exception is not None and not isinstance(done.exception, SystemExit)
    if is_raised:
        wrong = f"{name}: {type(done.exception).__name__}: {done.exception}"
    elif done.exit_code not in (0, *SENTENCES) or (done.exit_code and not done.output.strip()):
        wrong = f"{name}: exit code {done.exit_code}"
    count.add(not wrong, wrong)


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _all_inputs(change: Callable[[Path], object]) -> Callable[[World], None]:
    def spoil(world: World) -> None:
        for path in (world.data, world.text, world.config, world.model / "rnn_ner" / "model"):
            change(path)

    return spoil


def _link(world: World) -> None:
    world.out.symlink_to(world.folder / "precious")
    (world.folder / "precious").write_text("a file of the user's", encoding="utf8")


def _other_folder(world: World) -> None:
    world.out.mkdir()
    (world.out / "thesis.docx").write_text("years of work", encoding="utf8")


SPOILS: Dict[str, Callable[[World], object]] = {
    "inputs that are missing": _all_inputs(Path.unlink),
    "inputs that are cut in half": _all_inputs(_half),
    "inputs that are empty": _all_inputs(lambda path: path.write_bytes(b"")),
    "inputs of random bytes": _all_inputs(lambda path: path.write_bytes(random.Random(0).randbytes(5000))),
    "inputs of the wrong kind": _all_inputs(lambda path: path.write_text('{"a": [1, 2]}\n', encoding="utf8")),
    "an output that is a file of the user's": lambda world: world.out.write_text("years of work", encoding="utf8"),
    "an output folder with a file of the user's": _other_folder,
    "an output that is a link to a file of the user's": _link,
    "an output below a file": lambda world: (
        world.folder.joinpath("file").write_text("a file", encoding="utf8"),
        world.out.symlink_to(world.folder / "file" / "below"),
    ),
    "an output that leads to itself": lambda world: world.out.symlink_to(world.out),
}


def _start(name: str, world: World, **options: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "spacy", "rnn", *(str(each) for each in COMMANDS[name](world))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "COLUMNS": "200"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, **options)  # type: ignore[call-overload,no-any-return]


def _full_disk(base: World, folder: Path, names: List[str]) -> Attack:
    attack = Attack(PART, "a full disk", "one sentence, no traceback; all that was there is there, unchanged")
    for name in names:
        world = _copy(base, folder, SUFFIXES.get(name, ""))
        before = _files(world.folder)
        process = _start(name, world, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700)))
        _, said = process.communicate(timeout=300)
        lost = sorted(key for key, content in before.items() if _files(world.folder).get(key) != content)
        is_clear = process.returncode in (0, *SENTENCES) and "Traceback" not in said
        attack.count(OURS).add(is_clear and not lost, f"{name}: {process.returncode}, {lost[:3]}, {said[-200:]}")
    return attack


def _ctrl_c(base: World, folder: Path, names: List[str], moments: int) -> Attack:
    attack = Attack(PART, "Ctrl-C at random moments", "no traceback; all that was there is there, unchanged")
    rng = random.Random(0)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "spacy", "rnn", "--help"], stdout=subprocess.DEVNULL, check=True)
    # Until then Python imports spaCy, which no command can end well.
    imported = time.perf_counter() - began
    for name in names:
        seconds = 0.0
        for moment in range(moments + 1):
            world = _copy(base, folder, SUFFIXES.get(name, ""))
            before = _files(world.folder)
            began = time.perf_counter()
            process = _start(name, world)
            if moment:  # the first run shows how long it takes
                time.sleep(rng.uniform(1.2 * imported, max(1.2 * imported, seconds)))
                process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=300)
            seconds = seconds or time.perf_counter() - began
            lost = sorted(key for key, content in before.items() if _files(world.folder).get(key) != content)
            what = f"{name}: {process.returncode}, {lost[:3]}, {said[-200:]}"
            attack.count(OURS).add("Traceback" not in said and not lost, what)
    return attack
