"""What confidences are worth: how often predictions are right by confidence, and what a threshold would keep."""

from dataclasses import dataclass
from typing import Dict, List, Optional

import numpy as np

from .calibration_error import N_BINS, calibration_error
from .judged_task import JudgedTask

N_THRESHOLDS = 100


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of about the same confidence.

    low (float): Confidences are above this.
    high (float): And not above this.
    n (int): How many predictions there are.
    confidence (float): Their mean confidence; NaN if there are none.
    accuracy (float): The share of them that is right; NaN if there are none.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class LabelCurve:
    """What is left of the predictions of one label under thresholds.

    gold (int): Gold items.
    kept (List[int]): By threshold, predictions with at least this confidence.
    right (List[int]): By threshold, how many of them are right.
    """

    gold: int
    kept: List[int]
    right: List[int]


@dataclass(frozen=True)
class ConfidenceCurves:
    """What a target's confidences are worth.

    n (int): Predictions with a confidence.
    ece (float): Their expected calibration error, as `calibration_error` computes it.
    bins (List[ReliabilityBin]): All predictions by confidence.
    thresholds (List[float]): Thresholds from 0 to 1.
    curves (Dict[str, LabelCurve]): By label, what each threshold keeps. A prediction without confidence is always kept.
    """

    n: int
    ece: float
    bins: List[ReliabilityBin]
    thresholds: List[float]
    curves: Dict[str, LabelCurve]


def confidence_curves(task: JudgedTask) -> Optional[ConfidenceCurves]:
    """Find out what a target's confidences are worth.

    task (JudgedTask): The target on data.
    RETURNS (Optional[ConfidenceCurves]): The curves; None if no component says how likely it finds its predictions.
    """
    if not task.has_confidence:
        return None
    labels: List[str] = []
    values: List[float] = []
    right: List[bool] = []
    for reading, confidences in zip(task.readings, task.confidences):
        for item, value in confidences.items():
            labels.append(item[2])
            values.append(np.nan if value is None else value)
            right.append(item in reading.gold)
    confidence, is_right = np.asarray(values, dtype="float64"), np.asarray(right, dtype=bool)
    known = np.isfinite(confidence)
    golds = [item[2] for reading in task.readings for item in reading.gold]
    label_of, gold_of = np.asarray(labels), np.asarray(golds)
    thresholds = np.arange(N_THRESHOLDS + 1) / N_THRESHOLDS
    curves = {}
    for label in (name for name in task.labels if name):
        own = label_of == label
        curves[label] = LabelCurve(
            int((gold_of == label).sum()),
            _kept(confidence[own], thresholds),
            _kept(confidence[own & is_right], thresholds),
        )
    bins = _bins(confidence[known], is_right[known])
    ece = calibration_error(confidence[known], is_right[known])
    return ConfidenceCurves(int(known.sum()), ece, bins, thresholds.tolist(), curves)


def _kept(confidence: np.ndarray, thresholds: np.ndarray) -> List[int]:
    """By threshold, how many have at least this confidence, as a component compares them, or none at all."""
    finite = np.sort(confidence[np.isfinite(confidence)]).astype("float32")
    n_below = np.searchsorted(finite, thresholds.astype("float32"), side="left")
    kept: List[int] = (confidence.size - n_below).tolist()
    return kept


def _bins(confidence: np.ndarray, right: np.ndarray) -> List[ReliabilityBin]:
    """Bins are open below and closed above, as those of the calibration error."""
    which = np.clip(np.ceil(confidence * N_BINS) - 1, 0, N_BINS - 1).astype(np.int64)
    found = []
    for i in range(N_BINS):
        own = which == i
        n = int(own.sum())
        means = (float(confidence[own].mean()), float(right[own].mean())) if n else (float("nan"), float("nan"))
        found.append(ReliabilityBin(i / N_BINS, (i + 1) / N_BINS, n, *means))
    return found
