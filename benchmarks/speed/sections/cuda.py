"""Serving on a GPU, where there is one."""

from typing import Dict

import spacy
from thinc.api import require_cpu

from ...common.table import Table, thousands, times
from ...common.timer import WALL, Task, measure
from ..serving import serving_task
from ..setup import Setup
from .whole import PAIRS


def measure_cuda(setup: Setup) -> Table:
    """Tokens per second by the clock, and how many times as fast as spaCy's own on the same GPU."""
    table = Table(
        "cuda",
        f"On a GPU: tokens per second by the clock on {setup.described()}, tokenised, in batches of {setup.batch_size}",
        ["components", "tokens/s", "× spaCy"],
    )
    if not spacy.prefer_gpu():
        table.notes.append("`spacy.prefer_gpu()` found none on this machine, so nothing was measured.")
        return table
    try:
        for pair in PAIRS:
            tasks: Dict[str, Task] = {}
            for who, (name, pipes) in zip(("ours", "spaCy"), pair):
                tasks[f"{who}, `{'+'.join(pipes)}`"] = serving_task(
                    setup.pipelines.load(name, pipes), setup.sentences, setup.batch_size
                )
            found = measure(tasks, setup.rounds, WALL)
            base = list(tasks)[1]
            for name in tasks:
                rate, ratio = found.rate(name), found.ratio(name, base)
                table.add(name, thousands(rate), times(ratio), **{"tokens per second": rate, "times spaCy": ratio})
    finally:
        require_cpu()
    return table
