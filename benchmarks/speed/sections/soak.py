"""Whether memory stays flat however many docs are served."""

from ...common.table import Table
from ..processes import run_child
from ..setup import Setup

DOCS, FIRST = 20_000, 2_000
# Owner of each pipeline, the name of the recipe, and its components.
SERVED = (
    ("ours", "ewt", ("tok2vec", "rnn_tagger", "rnn_morphologizer")),
    ("ours", "wnut17", ("tok2vec", "rnn_ner")),
    ("spaCy", "ewt-peer", ("tok2vec", "tagger", "morphologizer")),
    ("spaCy", "wnut17-peer", ("tok2vec", "ner")),
)


def measure_soak(setup: Setup) -> Table:
    """MB in memory after the first docs and after all, plainly and in memory zones."""
    shrink = 100 if setup.quick else 1
    n_docs, n_first = DOCS // shrink, FIRST // shrink
    words = sorted({word for sentence in setup.sentences for word in sentence})
    table = Table(
        "soak",
        f"Memory over {n_docs:,} docs of random lengths, as texts through `nlp.pipe`: MB in memory after {n_first:,} "
        "and after all, when the C library has given free memory back. In a memory zone, one token in twenty is a "
        "word that was never there before",
        ["pipeline", "memory zone", f"after {n_first:,}", f"after {n_docs:,}", "difference"],
        n_texts=2,
    )
    for who, name, pipes in SERVED[:1] if setup.quick else SERVED:
        for zone in (False, True):
            order = {
                "model": str(setup.pipelines.path(name)),
                "pipes": pipes,
                "words": words,
                "zone": zone,
                "docs": n_docs,
                "first": n_first,
            }
            first, last = run_child("soak", order)
            cells = [f"{mb:.1f}" for mb in (first, last, last - first)]
            title = f"{who}, `{'+'.join(pipes)}`"
            table.add(title, "yes" if zone else "no", *cells, **{"memory zone": zone, "MB": [first, last]})
    table.notes.append(setup.pipelines.note(*(name for _, name, _ in SERVED)))
    return table
