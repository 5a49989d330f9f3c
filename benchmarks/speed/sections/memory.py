"""How much memory a process needs that loads a pipeline and serves texts with it."""

import statistics
from typing import Dict, List, Tuple

from ...common.table import Table
from ..processes import run_child
from ..setup import Setup
from .whole import PAIRS

RUNS = 3
# A module that shall seem not to be installed: serving needs none.
HIDDEN = (None, "torch")


def measure_memory(setup: Setup) -> Table:
    """MB after loading, and at most, in fresh processes."""
    table = Table(
        "memory",
        f"Memory of a process that loads a pipeline and runs `nlp.pipe` on {len(setup.texts):,} texts of "
        f"{setup.title} in batches of {setup.batch_size}: MB, the median of {RUNS} processes",
        ["pipeline", "after loading", "at most", "at most, without PyTorch installed"],
    )
    for pair in PAIRS[:1] if setup.quick else PAIRS:
        for who, (name, pipes) in zip(("ours", "spaCy"), pair):
            peaks: Dict[Tuple[str, str], List[float]] = {}
            for hidden in HIDDEN:
                order = {
                    "model": str(setup.pipelines.path(name)),
                    "pipes": pipes,
                    "hidden": hidden,
                    "texts": setup.texts,
                    "batch_size": setup.batch_size,
                }
                for _ in range(1 if setup.quick else RUNS):
                    for kind, mb in run_child("peak", order).items():
                        peaks.setdefault((kind, str(hidden)), []).append(mb)
            medians = {key: statistics.median(values) for key, values in peaks.items()}
            shown = [medians["loaded", "None"], medians["peak", "None"], medians["peak", "torch"]]
            table.add(f"{who}, `{'+'.join(pipes)}`", *(f"{mb:.0f}" for mb in shown), MB=shown)
    table.notes.append(setup.pipelines.note(*(name for pair in PAIRS for name, _ in pair)))
    return table
