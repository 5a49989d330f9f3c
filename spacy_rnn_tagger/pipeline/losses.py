"""Losses of independent decisions; those of paths are in `chain`."""

from typing import Any, Optional, Tuple

from ..chain.crf_loss import MISSING


def softmax_loss(xp: Any, scores: Any, gold: Any, weights: Optional[Any] = None) -> Tuple[float, Any]:
    """Summed cross-entropy of independent decisions and its gradient. `crf_loss` gives the same without transitions;
    this runs on any device.

    scores (array): (n_tokens, n_tags).
    gold (array): (n_tokens,) tag indices, or MISSING.
    weights (Optional[array]): (n_tags,) what a token with this gold tag counts.
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
