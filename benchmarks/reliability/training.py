"""Trainings that are killed, and disks that are full: what was saved is whole, and going on gives the same weights."""

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
from typing import Dict, Iterator, List

import spacy
from spacy.tokens import DocBin
from thinc.api import Config

from spacy_rnn_tagger.training.resumable import BEST, LAST, START

from .attack import OURS, Attack, quiet
from .configs import bases
from .subjects import gold

PART = "Training"
STEPS, EVERY = 30, 5
LONGEST = 240.0


def attacks(size: float) -> Iterator[Attack]:
    """YIELDS (Attack): The attacks of this part. size (float): How much is tried; 1 for a few minutes."""
    kills = max(2, int(20 * size))
    with tempfile.TemporaryDirectory() as folder, quiet():
        configs = _configs(Path(folder))
        yield from _killed(Path(folder), configs, kills)
        yield _full(Path(folder), configs, max(2, int(10 * size)))


def _configs(folder: Path) -> Dict[str, Path]:
    data = folder / "gold.spacy"
    DocBin(docs=gold()).to_disk(data)
    paths = {}
    for who, base in bases(str(data)).items():
        base["training"].update(max_steps=STEPS, eval_frequency=EVERY, patience=0)
        paths[who] = folder / f"{who}.cfg"
        Config(base).to_disk(paths[who], interpolate=False)
    return paths


def _command(who: str, config: Path, output: Path) -> List[str]:
    if who != OURS:
        return [sys.executable, "-m", "spacy", "train", str(config), "-o", str(output)]
    if (output / START).is_file():
        return [sys.executable, "-m", "spacy", "rnn", "resume", str(output)]
    return [sys.executable, "-m", "spacy", "rnn", "train", str(config), "-o", str(output)]


def _start(command: List[str]) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def _run(command: List[str]) -> float:
    began = time.perf_counter()
    if _start(command).wait(LONGEST):
        raise RuntimeError(" ".join(command))
    return time.perf_counter() - began


def _files(folder: Path) -> Dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _loads(model: Path) -> str:
    """What is wrong with a saved pipeline; empty if nothing is, or nothing is there yet."""
    try:
        list(spacy.load(model).pipe(["Red Fort is in Delhi."]))
    except Exception as e:
        return f"{type(e).__name__}: {e}"
    return ""


def _killed(folder: Path, configs: Dict[str, Path], kills: int) -> Iterator[Attack]:
    whole = Attack(PART, "SIGKILL at random moments, also while saving", "`model-best` is whole at each moment")
    same = Attack(PART, "killed as often, and gone on with", "the weights of an uninterrupted training, to the bit")
    for who, config in configs.items():
        done, output = folder / f"{who}-whole", folder / f"{who}-killed"
        seconds = _run(_command(who, config, done))
        rng, had_best, n, attempts = random.Random(who), False, 0, 0
        while n < kills:
            process = _start(_command(who, config, output))
            # Half of the kills come while or just after something is saved.
            _wait(process, output, rng, seconds)
            process.send_signal(signal.SIGKILL)
            killed = process.wait() == -signal.SIGKILL
            n += 1
            is_there = (output / BEST).is_dir()
            had_best = had_best or is_there
            if had_best:
                wrong = _loads(output / BEST) if is_there else "it is gone"
                whole.count(who).add(not wrong, f"kill {n}: {wrong}")
            if not killed:  # it came to its end; another one begins
                n -= 1
                attempts += 1
                if who == OURS:
                    same.count(who).add(_files(output / BEST) == _files(done / BEST), f"{BEST} differs after {n} kills")
                if attempts > kills:
                    break
                shutil.rmtree(output)
                had_best = False
        _run(_command(who, config, output)) if who == OURS else None
        if who == OURS:
            for name in (BEST, LAST):
                same.count(who).add(_files(output / name) == _files(done / name), f"{name} differs after {n} kills")
    yield whole
    yield same


def _wait(process: "subprocess.Popen[bytes]", output: Path, rng: random.Random, seconds: float) -> None:
    """Wait until something is saved, or for some time."""
    ends = time.monotonic() + rng.uniform(0.4, 1.0) * seconds
    stamps = _stamps(output)
    watches = rng.random() < 0.5
    while time.monotonic() < ends and process.poll() is None:
        if watches and _stamps(output) != stamps:
            time.sleep(rng.uniform(0, 0.02))
            return
        time.sleep(0.002)


def _stamps(output: Path) -> List[str]:
    try:
        return sorted(f"{each} {each.stat().st_mtime_ns}" for each in output.rglob("*"))
    except OSError:
        return [str(time.monotonic())]


def _full(folder: Path, configs: Dict[str, Path], n: int) -> Attack:
    """A disk on which no file can become larger than so many bytes."""
    attack = Attack(PART, "a disk that is full while saving", "a clear end; `model-best` is whole, or was never there")
    for who, config in configs.items():
        output = folder / f"{who}-full"
        process = _start(_command(who, config, output))
        while process.poll() is None and not (output / BEST).is_dir():
            time.sleep(0.01)
        process.kill()
        process.wait()
        rng = random.Random(0)
        for _ in range(n):
            limit = rng.randrange(2_000, 400_000)
            command = _command(who, config, output)
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),  # noqa: B023
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "COLUMNS": "200"},
                timeout=LONGEST,
            )
            wrong = _loads(output / BEST) if (output / BEST).is_dir() else ("it is gone" if who == OURS else "")
            if not wrong and done.returncode and "Traceback" in done.stderr and who == OURS:
                wrong = f"a traceback: {done.stderr[-200:]}"
            attack.count(who).add(not wrong, f"at {limit} bytes: {wrong}")
            if not done.returncode:
                break
    return attack
