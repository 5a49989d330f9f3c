"""The example service under mixed traffic: every answer as one thread that nobody shares would give it, and memory that
does not grow."""

import sys
import tempfile
from pathlib import Path
from typing import Iterator

from .attack import OURS, Attack
from .subjects import ROOT, subjects

PART = "A service"
MOST_GROWTH = 20.0
"""Megabytes."""


def attacks(size: float) -> Iterator[Attack]:
    """YIELDS (Attack): The attacks of this part. size (float): Minutes of traffic."""
    sys.path.insert(0, str(ROOT / "examples" / "serve"))
    from load_test import load

    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        subjects()[OURS].to_disk(model)
        done = load(str(model), size, 2, 6)
    answers = Attack(PART, f"requests of 1 to 64 texts from 6 clients at once, {size:g} min", "the oracle's answers")
    count = answers.count(OURS)
    count.tries, count.failures = done.requests + len(done.failed), len(done.wrong) + len(done.failed)
    count.first = [*done.wrong, *done.failed]
    yield answers
    memory = Attack(PART, "memory of two workers in that time", f"grows by less than {MOST_GROWTH:g} MB")
    memory.count(OURS).add(done.growth_mb < MOST_GROWTH, f"grew by {done.growth_mb} MB")
    yield memory
