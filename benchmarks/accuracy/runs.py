"""The runs of the comparison: each is trained once, and its metrics are kept in the store of finished runs."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from time import perf_counter
from typing import Dict, List, Optional, Tuple

from ..common.store import Metrics, StoredRun, write_json
from .corpora import fingerprint
from .scores import score
from .sentences import read_sentences
from .systems.base import System, TrainingError


class Run:
    """One system trained with one seed and scored on one part of its corpus.

    system (System): The system.
    seed (int): The seed.
    part (str): "dev" or "test".
    work (Path): Folder of all models. This one lies in `CORPUS/SYSTEM-KEY/seed-SEED/trained`. The key is a checksum of
        the recipe and the training and development files.
    results (Optional[Path]): Folder of all metrics; that of the models if None. Those of this run lie in
        `CORPUS/SYSTEM-KEY-SEED-PART.json`.
    """

    def __init__(self, system: System, seed: int, part: str, work: Path, results: Optional[Path] = None):
        self.system, self.part = system, part
        self.seed = 0 if system.deterministic else seed
        data = system.data
        content = "\n".join([system.recipe(), fingerprint(data.train), fingerprint(data.dev)])
        self.key = hashlib.md5(content.encode("utf8"), usedforsecurity=False).hexdigest()[:10]
        self.folder = work / data.name / f"{system.name}-{self.key}" / f"seed-{self.seed}"
        self.record = (results or work) / data.name / f"{system.name}-{self.key}-{self.seed}-{part}.json"

    def stored(self) -> StoredRun:
        """Where its metrics lie; those of other gold sentences are not its own."""
        return StoredRun(self.record, {"gold": fingerprint(self.system.data.part(self.part))})

    def finished(self) -> Optional[Metrics]:
        """Its metrics, if they lie on disk and are of the same gold sentences."""
        return self.stored().read()

    def complete(self, wait: bool) -> Optional[Metrics]:
        """Its metrics, after training and scoring as far as necessary.

        wait (bool): Wait for another process that is at the same run.
        RETURNS (Optional[Metrics]): The metrics, or None if another process is at it and `wait` is False.
        RAISES (TrainingError): If the system could not be trained.
        """
        return self.stored().complete(self._measure, self.folder / "lock", wait)

    def _measure(self) -> Metrics:
        trained = self.folder / "trained"
        if not trained.exists():
            self._train(trained)
        gold_file = self.system.data.part(self.part)
        gold = read_sentences(gold_file)
        return {
            "system": self.system.name,
            "corpus": self.system.data.name,
            "part": self.part,
            "seed": self.seed,
            "key": self.key,
            "gold": fingerprint(gold_file),
            "scores": score(gold, self.system.load(trained / "model")(gold), self.system.data.fields),
            **json.loads((trained / "training.json").read_text(encoding="utf8")),
        }

    def _train(self, trained: Path) -> None:
        """Train in a folder that takes its name when all of it is there."""
        unfinished = self.folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        (unfinished / "model").mkdir(parents=True)
        wall, cpu = perf_counter(), cpu_seconds()
        self.system.train(self.seed, unfinished / "model")
        training = {
            "seconds": perf_counter() - wall,
            "cpu_seconds": cpu_seconds() - cpu,
            "bytes": sum(path.stat().st_size for path in (unfinished / "model").rglob("*") if path.is_file()),
            "versions": self.system.versions(),
        }
        write_json(unfinished / "training.json", training)
        unfinished.rename(trained)


def cpu_seconds() -> float:
    """Processor time of this process and of its finished children: unlike the wall's, about the same beside other
    work."""
    return sum(os.times()[:4])


def make_runs(
    systems: List[System], seeds: List[int], part: str, work: Path, results: Optional[Path] = None
) -> List[Run]:
    """The runs of all systems that can run here, those of the first seed first, so that whoever interrupts them has
    something of each. A deterministic system has one."""
    return [
        Run(system, seed, part, work, results)
        for i, seed in enumerate(seeds)
        for system in systems
        if system.missing() is None and not (i and system.deterministic)
    ]


def complete_all(runs: List[Run], report_only: bool) -> Tuple[Dict[Run, Metrics], Dict[Run, str]]:
    """Train and score what is not finished; runs that another process is at come last.

    runs (List[Run]): The runs.
    report_only (bool): Train and score nothing.
    RETURNS (Tuple[Dict[Run, Metrics], Dict[Run, str]]): The metrics of finished runs, and why others failed.
    """
    if report_only:
        found = {run: run.finished() for run in runs}
        return {run: metrics for run, metrics in found.items() if metrics is not None}, {}
    done: Dict[Run, Metrics] = {}
    failed: Dict[Run, str] = {}
    left = runs
    for wait in (False, True):
        busy = []
        for run in left:
            try:
                metrics = run.complete(wait)
            except TrainingError as e:  # the others go on
                failed[run] = str(e)
                print(f"{run.system.name}, seed {run.seed}: {e}", file=sys.stderr, flush=True)
                continue
            if metrics is None:
                busy.append(run)
            else:
                done[run] = metrics
                report(run, metrics)
        left = busy
    return done, failed


def report(run: Run, metrics: Metrics) -> None:
    scores = ", ".join(f"{name} {100 * value:.2f}" for name, value in metrics["scores"].items())
    print(f"{run.system.name}, seed {run.seed}, {run.part}: {scores}", file=sys.stderr, flush=True)
    now = run.system.versions()
    other = [f"{name} {then}" for name, then in metrics["versions"].items() if now.get(name) != then]
    if other:
        print(f"  trained before, with {', '.join(other)}", file=sys.stderr, flush=True)
