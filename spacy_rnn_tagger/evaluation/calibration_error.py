"""How far probabilities are from how often predictions are right."""

import math
from typing import Any

import numpy as np

N_BINS = 15


def calibration_error(confidences: Any, right: Any, n_bins: int = N_BINS) -> float:
    """Expected calibration error: how far the share of right predictions is from their mean confidence, over bins of
    equal width, weighted by their number of predictions (Guo et al. 2017, equation 3,
    https://arxiv.org/abs/1706.04599).

    confidences (array): (n,) probabilities of predictions.
    right (array): (n,) bool, whether each was right.
    n_bins (int): Number of bins.
    RETURNS (float): From 0 to 1; NaN if there are no predictions.
    """
    if not len(confidences):
        return math.nan
    # Bins are open below and closed above, as in the paper.
    bins = np.clip(np.ceil(np.asarray(confidences, dtype="float64") * n_bins) - 1, 0, n_bins - 1).astype(np.int64)
    surplus = np.bincount(bins, weights=np.asarray(confidences, dtype="float64") - right, minlength=n_bins)
    return float(np.abs(surplus).sum() / len(confidences))
