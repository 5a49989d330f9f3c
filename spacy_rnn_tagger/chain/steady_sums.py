"""Products of weights with transitions in which a row is the same to the bit, whatever the other rows are, so that
probabilities do not depend on which docs stand in a batch."""

from typing import Optional

import numpy as np

from ..recurrence.steady_rows import multiply_rows
from .transitions import Scores


def steady_sums(weights: Scores, factors: Scores, out: Optional[Scores] = None) -> Scores:
    """`numpy.matmul` whose rows do not depend on each other.

    weights (array): (..., n_rows, n_before) what each tag before counts.
    factors (array): (n_before, n_after), or (..., n_before, n_after), exponentials of transition scores.
    out (Optional[array]): Where to put the products.
    RETURNS (array): (..., n_rows, n_after) products.
    """
    out = np.empty((*weights.shape[:-1], factors.shape[-1]), dtype=weights.dtype) if out is None else out
    if weights.ndim == 2:
        multiply_rows(weights, factors, out)
        return out
    for i in range(weights.shape[0]):
        steady_sums(weights[i], factors[i] if factors.ndim > 2 else factors, out[i])
    return out
