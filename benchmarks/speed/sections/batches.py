"""Batches of one doc up to a thousand."""

from typing import Dict, Tuple

from ...common.table import Table, thousands, times
from ...common.timer import Task, measure
from ..labels import n_different
from ..serving import serving_task
from ..setup import Setup

SIZES = (1, 32, 256, 1000)
# Ours and spaCy's: the name of the recipe, and the components.
OURS = ("ewt", ("tok2vec", "rnn_tagger"))
PEER = ("ewt-peer", ("tok2vec", "tagger"))


def measure_batches(setup: Setup) -> Table:
    """Tokens per second for each batch size."""
    table = Table(
        "batches",
        f"Batch sizes: tokens per second of one core on {setup.described()}, tokenised",
        ["docs in a batch", *(f"`{'+'.join(pipes)}`" for _, pipes in (OURS, PEER)), "× spaCy"],
    )
    ours, theirs = (setup.pipelines.load(*pair) for pair in (OURS, PEER))
    tasks: Dict[Tuple[str, int], Task] = {}
    for size in SIZES:
        tasks["ours", size] = serving_task(ours, setup.sentences, size)
        tasks["spaCy", size] = serving_task(theirs, setup.sentences, size)
    found = measure(tasks, setup.rounds)
    for size in SIZES:
        rates = [found.rate((who, size)) for who in ("ours", "spaCy")]
        ratio = found.ratio(("ours", size), ("spaCy", size))
        table.add(
            f"{size:,}", *map(thousands, rates), times(ratio), **{"tokens per second": rates, "times spaCy": ratio}
        )
    first, *others = (found.results["ours", size] for size in SIZES)
    different = sum(n_different(first, other) for other in others)
    table.check("of ours with all batch sizes", different, len(others) * setup.n_tokens)
    table.notes.append(setup.pipelines.note(OURS[0], PEER[0]))
    return table
