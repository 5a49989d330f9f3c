"""The example service under mixed traffic: every answer as one thread that nobody shares would give it, and memory that
does not grow."""

import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator

from .attack import OURS, Attack
from .subjects import ROOT, subjects

PART = "A service"
MOST_GROWTH = 20.0
"""Megabytes."""
CLIENTS = 3


def attacks(size: float) -> Iterator[Attack]:
    """YIELDS (Attack): The attacks of this part. size (float): Minutes of traffic."""
    sys.path.insert(0, str(ROOT / "examples" / "serve"))
    from load_test import load

    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        subjects()[OURS].to_disk(model)
        yield from attacks_of(load(str(model), size, workers=2, clients=CLIENTS))


def attacks_of(done: Any) -> Iterator[Attack]:
    """YIELDS (Attack): What came of traffic. done (Load): What the load test says of it."""
    times = ", ".join(f"{name} {ms:,.0f} ms" for name, ms in done.latency_ms.items())
    traffic = f"{done.texts:,} texts in requests of 1 to 64 from {done.clients} clients at once, {done.minutes:g} min"
    answers = Attack(PART, f"{traffic} ({times})", "the oracle's answers")
    count = answers.count(OURS)
    count.tries, count.failures = done.requests + len(done.failed), len(done.wrong) + len(done.failed)
    count.first = [*done.wrong, *done.failed]
    yield answers
    memory = Attack(PART, f"memory of {done.workers} workers in that time", f"grows by less than {MOST_GROWTH:g} MB")
    memory.count(OURS).add(done.growth_mb < MOST_GROWTH, f"grew by {done.growth_mb} MB")
    yield memory
