"""The confusion of labels as a table of few enough rows to read."""

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from ..evaluation.report_numbers import Confused, TaskReport

N_LABELS = 30
OTHER, NOTHING = "other labels", "nothing"
SHARES = (0.02, 0.1, 0.3)
"""From which share of a row a cell is darker."""


@dataclass(frozen=True)
class Cell:
    """How often a gold label meets a predicted one.

    n (int): How often.
    style (str): Its CSS class: "hit" or "miss" and how dark; empty for 0.
    title (str): What it says in words.
    """

    n: int
    style: str
    title: str


@dataclass(frozen=True)
class ConfusionTable:
    """Gold labels by predicted labels.

    columns (List[str]): The predicted labels.
    rows (List[Tuple[str, List[Cell]]]): The gold labels with a cell for each column.
    n_left_out (int): How many labels are put together as others.
    """

    columns: List[str]
    rows: List[Tuple[str, List[Cell]]]
    n_left_out: int


def confusion_table(task: TaskReport, n_labels: int = N_LABELS) -> ConfusionTable:
    """Arrange the confusion of a target's labels.

    task (TaskReport): The target.
    n_labels (int): How many labels to show, the most frequent in gold; the rest is put together.
    RETURNS (ConfusionTable): The table.
    """
    shown = [row.label for row in task.labels[:n_labels]]
    rest = [row.label for row in task.labels[n_labels:]]
    counts = _add_up(task.confusion, shown)
    extra = [OTHER] if rest else []
    golds = [name for name in (*shown, *extra, NOTHING) if any(gold == name for gold, _ in counts)]
    columns = [name for name in (*shown, *extra, NOTHING) if any(predicted == name for _, predicted in counts)]
    rows = []
    for gold in golds:
        total = sum(n for (name, _), n in counts.items() if name == gold)
        rows.append((gold, [_cell(gold, predicted, counts.get((gold, predicted), 0), total) for predicted in columns]))
    return ConfusionTable(columns, rows, len(rest))


def _add_up(confusion: Sequence[Confused], shown: Sequence[str]) -> Dict[Tuple[str, str], int]:
    names = {label: label for label in shown}
    counts: Dict[Tuple[str, str], int] = {}
    for each in confusion:
        key = tuple(NOTHING if not label else names.get(label, OTHER) for label in (each.gold, each.predicted))
        counts[key[0], key[1]] = counts.get((key[0], key[1]), 0) + each.n
    return counts


def _cell(gold: str, predicted: str, n: int, total: int) -> Cell:
    if not n:
        return Cell(0, "", "")
    # Among the other labels, right and wrong ones are mixed.
    hit = "hit" if gold == predicted else "miss"
    level = 1 + sum(n >= share * total for share in SHARES)
    title = f"gold {gold}, predicted {predicted}: {n:,} of {total:,} ({100 * n / total:.1f} %)"
    return Cell(n, f"{hit}-{level}", title)
