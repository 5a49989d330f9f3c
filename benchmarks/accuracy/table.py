"""The table of the comparison, from the metrics of runs."""

import statistics
from typing import Any, Dict, List, Optional, Sequence

from scripts.report import COLUMNS, percent

from ..common.store import Metrics
from ..common.table import Table
from .systems.base import System

Row = Dict[str, Any]


def make_row(system: System, runs: List[Metrics], reason: Optional[str] = None) -> Row:
    """One system over its seeds.

    system (System): The system.
    runs (List[Metrics]): The metrics of its finished runs.
    reason (Optional[str]): Why there are none.
    RETURNS (Row): Mean and sample standard deviation of each score, the mean of time and size, the seeds.
    """
    names = runs[0]["scores"] if runs else {}
    return {
        "system": system.name,
        "title": system.title,
        "scores": {name: summary([run["scores"][name] for run in runs]) for name in names},
        "cpu_seconds": statistics.mean(run["cpu_seconds"] for run in runs) if runs else None,
        "bytes": statistics.mean(run["bytes"] for run in runs) if runs else None,
        "seeds": [run["seed"] for run in runs],
        "deterministic": system.deterministic,
        "note": reason or ("" if runs else "no finished run") or system.note,
        "runs": runs,
    }


def summary(values: Sequence[float]) -> Dict[str, Any]:
    """`std` is None for one value."""
    return {"mean": statistics.mean(values), "std": statistics.stdev(values) if len(values) > 1 else None}


def markdown(title: str, rows: List[Row]) -> str:
    """The whole table, under what was scored."""
    columns = [(key, name) for key, name in COLUMNS if any(key in row["scores"] for row in rows)]
    head = ["system", *(name for _, name in columns), "training, CPU min", "MB on disk", "seeds", "note"]
    table = Table("accuracy", f"{title}: mean ± standard deviation over seeds", head, n_last_texts=1)
    for row in rows:
        cells = [row["title"], *(score_cell(row["scores"].get(key)) for key, _ in columns)]
        cells += [scaled(row["cpu_seconds"], 60), scaled(row["bytes"], 1e6), seeds_cell(row), row["note"]]
        table.add(*cells)
    return table.markdown()


def score_cell(score: Optional[Dict[str, Any]]) -> str:
    if score is None:
        return percent(None)
    return percent(score["mean"]) + ("" if score["std"] is None else f" ± {percent(score['std'])}")


def scaled(value: Optional[float], unit: float) -> str:
    return percent(None) if value is None else f"{value / unit:.1f}"


def seeds_cell(row: Row) -> str:
    count = len(row["seeds"])
    return f"{count} (deterministic)" if count and row["deterministic"] else str(count)
