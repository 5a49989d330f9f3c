"""What it takes to import spaCy and load a pipeline, in fresh processes."""

import statistics
from typing import Any, Dict, List, Optional, Tuple

from ...common.table import Table
from ..processes import run_child
from ..setup import Setup
from .latency import SPARE

# Owner of each pipeline, and the name of the recipe.
LOADED = (("ours", "ewt"), ("spaCy", "ewt-peer"), ("ours", "wnut17"), ("spaCy", "wnut17-peer"))
# What only training needs.
LEFT_OUT = ["rnn_language_model"]


def measure_loading(setup: Setup) -> Table:
    """Seconds by the clock of the import, of loading and of the first call, in turns; and who asks for PyTorch."""
    table = Table(
        "loading",
        f"Import and loading in a fresh process: seconds by the clock, the median of {setup.rounds} processes",
        ["pipeline", "PyTorch", "`import spacy`", "`spacy.load`", "first call", "together"],
        n_texts=2,
    )
    answers: Dict[Tuple[str, str, Optional[str]], List[Any]] = {}
    for _ in range(setup.rounds):
        for who, name in LOADED[:1] if setup.quick else LOADED:
            for hidden in (None, "torch"):
                order = {"model": str(setup.pipelines.path(name)), "exclude": LEFT_OUT, "hidden": hidden, "text": SPARE}
                answers.setdefault((who, name, hidden), []).append(run_child("load", order))
    asked = 0
    for (who, name, hidden), of_rounds in answers.items():
        columns = list(zip(*(answer["seconds"] for answer in of_rounds)))
        medians = [statistics.median(column) for column in columns]
        medians.append(statistics.median(map(sum, zip(*columns))))
        there = "hidden" if hidden else "installed"
        table.add(f"{who} ({name})", there, *(f"{s:.2f}" for s in medians), PyTorch=there, seconds=medians)
        asked += sum(answer["asked"][1] for answer in of_rounds) if who == "ours" else 0
    table.figures.append({"ours asked for PyTorch": asked})
    table.notes.append(
        f"Where PyTorch is installed, `import spacy` itself imports it. Loading and serving ours asked for it {asked} "
        "times; hidden, it cannot be imported."
    )
    table.notes.append(setup.pipelines.note(*(name for _, name in LOADED)))
    return table
