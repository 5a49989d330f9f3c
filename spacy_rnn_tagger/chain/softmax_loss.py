"""The negative log-likelihood of gold tags that are decided one by one (cross-entropy)."""

from typing import Any, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from .gold_tags import MISSING
from .transitions import Scores


def softmax_loss(xp: Any, scores: Any, gold: Any, weights: Optional[Any] = None) -> Tuple[float, Any]:
    """Summed cross-entropy of independent decisions and its gradient. `crf_loss` gives the same without transitions;
    this runs on any device.

    xp (module): `numpy` or `cupy`, whichever the arrays are of.
    scores (array): (n_tokens, n_tags) scores; not changed.
    gold (array): (n_tokens,) tag indices, or MISSING.
    weights (Optional[array]): (n_tags,) what a token with this gold tag counts.
    RETURNS (Tuple[float, array]): The loss in nats, and its (n_tokens, n_tags) gradient.
    """
    rows = xp.flatnonzero(gold != MISSING)
    columns = gold[rows]
    shifted = scores - scores.max(axis=1, keepdims=True)
    gradient = xp.exp(shifted)
    totals = gradient.sum(axis=1, keepdims=True)
    losses = xp.log(totals[rows, 0]) - shifted[rows, columns]
    gradient /= totals
    gradient[rows, columns] -= 1.0
    gradient[gold == MISSING] = 0.0
    if weights is not None:
        losses *= weights[columns]
        gradient[rows] *= weights[columns, None]
    loss = float(losses.sum())
    return loss, gradient


def softmax_set_loss(
    scores: Scores, sets: NDArray[np.bool_], weights: Optional[NDArray[np.floating]] = None
) -> Tuple[float, Scores]:
    """`softmax_loss` for sets of tags of which any is right.

    scores (array): (n_tokens, n_tags) scores; not changed.
    sets (array): (n_tokens, n_tags) bool, the right tags of each token; one that has all or none is left out.
    weights (Optional[array]): (n_tags,) what a token with this gold tag counts; of several, their mean.
    RETURNS (Tuple[float, array]): The loss in nats, and its (n_tokens, n_tags) gradient.
    """
    gradient = np.zeros_like(scores)
    rows = np.flatnonzero(sets.any(axis=1) & ~sets.all(axis=1))
    right = sets[rows]
    log_totals, probabilities = _softmax(scores[rows])
    log_rights, shares = _softmax(np.where(right, scores[rows], scores.dtype.type(-np.inf)))
    # No probability exceeds 1; rounding may say otherwise.
    losses = np.maximum(log_totals - log_rights, 0)
    gradient[rows] = probabilities - shares
    if weights is not None:
        means = (right @ weights) / right.sum(axis=1)
        losses = losses * means
        gradient[rows] *= means[:, None]
    return float(losses.sum()), gradient


def _softmax(scores: Scores) -> Tuple[Scores, Scores]:
    """The (n,) log-sums of rows of scores, and the (n, n_tags) share of each score in its row's sum."""
    peaks = scores.max(axis=1, keepdims=True)
    shares = np.exp(scores - peaks)
    totals = shares.sum(axis=1, keepdims=True)
    return (peaks + np.log(totals))[:, 0], shares / totals
