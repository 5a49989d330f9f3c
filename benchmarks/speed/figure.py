"""The tables as a figure: tokens per second, ours beside spaCy's."""

from pathlib import Path
from typing import Dict, List, Tuple

from ..common.table import Table

OURS, PEER = "C0", "C7"
Bar = Tuple[str, float]


def draw(tables: Dict[str, Table], path: Path) -> None:
    """One panel for components alone with a warm cache, one for whole pipelines in one process.

    tables (Dict[str, Table]): The tables by name.
    path (Path): An .svg or .png file.
    RAISES (ImportError): Without matplotlib.
    """
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "spacy-rnn-tagger"  # the same figure, byte for byte, from the same numbers
    from matplotlib import pyplot

    panels = [(title, bars) for title, bars in _panels(tables) if bars]
    widest = max(len(bars) for _, bars in panels)
    fig, axes = pyplot.subplots(1, len(panels), figsize=(6.5 * len(panels), 1 + 0.28 * widest), squeeze=False)
    for axis, (title, bars) in zip(axes[0], panels):
        names, rates = zip(*reversed(bars))
        axis.barh(names, [rate / 1000 for rate in rates], color=[PEER if "spaCy" in name else OURS for name in names])
        axis.set(title=title, xlabel="thousands of tokens per second")
        axis.tick_params(axis="y", labelsize=7)
    fig.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _panels(tables: Dict[str, Table]) -> List[Tuple[str, List[Bar]]]:
    panels: List[Tuple[str, List[Bar]]] = []
    if "components" in tables:
        figures = tables["components"].figures
        bars = [(f"{f['components']}: {f['variant']}", f["warm: tokens per second"]) for f in figures]
        panels.append(("Components alone, one core", bars))
    if "whole" in tables:
        bars = [(f["pipeline"], f["tokens per second"][0]) for f in tables["whole"].figures if "times spaCy" in f]
        panels.append(("Whole nlp.pipe from raw text, one process", bars))
    return [(title, [(name.replace("`", ""), rate) for name, rate in bars]) for title, bars in panels]
