"""Transitions of any structure, as one matrix of scores."""

from functools import cached_property
from typing import Callable, Iterator, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from .transitions import Arrivals, Product, Scores, Tags, Transitions


class DenseTransitions(Transitions):
    """Scores of all pairs of tags.

    scores (array): (n_tags, n_tags) score of column after row, minus infinity where that is forbidden.
    is_scored (bool): Whether the scores are more than what is legal.
    """

    def __init__(self, scores: Scores, is_scored: bool = True) -> None:
        self.n_tags = scores.shape[0]
        self.is_scored = is_scored
        self._scores = scores

    @cached_property
    def shift(self) -> np.floating:
        largest: np.floating = self._scores.max()
        return largest if largest > -np.inf else self._scores.dtype.type(0)

    @cached_property
    def factors(self) -> Scores:
        """(n_tags, n_tags) exponentials of the scores less `shift`."""
        factors: Scores = np.exp(self._scores - self.shift)
        return factors

    @cached_property
    def _follows(self) -> NDArray[np.float32]:
        # Counted by BLAS, which is much faster than NumPy's products of booleans.
        return (self._scores > -np.inf).astype("float32")

    @cached_property
    def _incoming(self) -> Scores:
        return np.ascontiguousarray(self._scores.T)

    @cached_property
    def reverse(self) -> "DenseTransitions":
        reverse = DenseTransitions(self._scores.T, self.is_scored)
        reverse.factors = self.factors.T
        return reverse

    def between(self, before: Tags, after: Tags) -> Scores:
        return self._scores[before, after]

    def divided(self, divisor: float) -> "DenseTransitions":
        return DenseTransitions(self._scores / divisor, self.is_scored)

    def doubled(self) -> "DenseTransitions":
        return DenseTransitions(self._scores.astype("float64"), self.is_scored)

    def dense(self) -> Scores:
        return self._scores

    def sums(self, weights: Scores, out: Optional[Scores] = None, product: Product = np.matmul) -> Scores:
        return product(weights, self.factors, out=out)

    def pair_sums(self, before: Scores, after: Scores) -> Scores:
        sums: Scores = before.T @ after
        sums *= self.factors
        return sums

    def subtract_pairs(self, counts: Scores, before: Tags, after: Tags) -> None:
        counts -= np.bincount(before * self.n_tags + after, minlength=counts.size).reshape(counts.shape)

    def leads(self, possible: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.matmul(possible.astype("float32"), self._follows) > 0

    def arrivals(self, scores: Scores, tags: Tags) -> Iterator[Arrivals]:
        sources = np.broadcast_to(np.arange(self.n_tags), scores.shape)
        yield Arrivals(np.arange(tags.shape[0]), sources, scores + self._incoming[tags])


def add_side_by_side(
    transitions: Sequence[Transitions], product: Product = np.matmul
) -> Callable[[Scores, Scores], Scores]:
    """`sums` along several transitions at once.

    transitions (Sequence[Transitions]): The transitions.
    product (Callable): What multiplies matrices, as in `Transitions.sums`.
    RETURNS (Callable): A function from (n_transitions, n, n_tags) weights and where to put their sums to the sums.
    """
    factors = np.stack([each.factors for each in transitions if isinstance(each, DenseTransitions)])

    def add_up(weights: Scores, out: Scores) -> Scores:
        return product(weights, factors, out=out)

    return add_up
