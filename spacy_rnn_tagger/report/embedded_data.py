"""What the script of a page works on, in few bytes."""

from typing import Any, Dict, List, Optional

from ..evaluation.contexts import Context, Place
from ..evaluation.report_numbers import PipelineReport, TaskComparison, TaskReport

N_CURVES = 60
"""Labels, the most frequent in gold, whose thresholds can be looked at one by one."""


def embedded_data(report: PipelineReport) -> Dict[str, Any]:
    """Errors, disagreements and thresholds of a report.

    report (PipelineReport): The report.
    RETURNS (Dict[str, Any]): What JSON can say.
    """
    compared = report.comparison.tasks if report.comparison is not None else []
    return {
        "lists": {
            **{f"errors-{i}": _errors(task) for i, task in enumerate(report.tasks)},
            **{f"disagreements-{i}": _disagreements(task) for i, task in enumerate(compared)},
        },
        "thresholds": {
            f"threshold-{i}": _thresholds(task) for i, task in enumerate(report.tasks) if task.confidence is not None
        },
    }


def _errors(task: TaskReport) -> List[Dict[str, Any]]:
    found = []
    for each in task.errors:
        rows = [("gold", each.gold, True, None), ("predicted", each.predicted, False, each.confidence)]
        labels = [place.label for _, place, _, _ in rows if place is not None]
        found.append(
            {
                "kind": each.kind,
                "labels": labels,
                "sure": short(each.confidence),
                "expected": short(each.gold_probability),
                **context_data(each.context),
                "rows": [_row(*row) for row in rows],
            }
        )
    return found


def _disagreements(task: TaskComparison) -> List[Dict[str, Any]]:
    found = []
    for each in task.disagreements:
        first_right = each.better == "first"
        rows = [
            ("gold", each.gold, True, None),
            ("first", each.first, first_right, each.first_confidence),
            ("second", each.second, not first_right, each.second_confidence),
        ]
        wrong = each.second_confidence if first_right else each.first_confidence
        found.append(
            {
                "kind": each.better,
                "labels": sorted({place.label for _, place, _, _ in rows if place is not None}),
                "sure": short(wrong),
                **context_data(each.context),
                "rows": [_row(*row) for row in rows],
            }
        )
    return found


def _row(who: str, place: Optional[Place], right: bool, confidence: Optional[float]) -> List[Any]:
    where = None if place is None else [place.start, place.end, place.label]
    return [who, where, int(right), short(confidence)]


def context_data(context: Context) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Some words as the script of a page shows them. context (Context): The words."""
    return {"doc": context.doc, "words": context.words, "cut": [int(cut) for cut in context.cut]}


def short(value: Optional[float]) -> Optional[float]:
    """RETURNS (Optional[float]): A probability in three digits. value (Optional[float]): The probability."""
    return None if value is None else float(f"{value:.3g}")


def _thresholds(task: TaskReport) -> Dict[str, Any]:
    assert task.confidence is not None
    curves = task.confidence.curves
    everything = {
        "gold": sum(curve.gold for curve in curves.values()),
        "kept": [sum(column) for column in zip(*(curve.kept for curve in curves.values()))],
        "right": [sum(column) for column in zip(*(curve.right for curve in curves.values()))],
    }
    shown = [row.label for row in task.labels if row.label in curves][:N_CURVES]
    by_label = {label: vars(curves[label]) for label in shown}
    return {"labels": list(by_label), "curves": [everything, *by_label.values()]}
