"""What leads from the tags of one token to those of the next: the interface that sums and maxima over paths are built
on."""

from abc import ABC, abstractmethod
from typing import Callable, Iterator, NamedTuple, Optional

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Product = Callable[..., Scores]
"""What multiplies matrices, with `out` for where to put the product."""
Tags = NDArray[np.int64]


class Arrivals(NamedTuple):
    """What leads to some tags.

    which: (n,) the places of these tags in the list that was asked for.
    sources: (n, n_sources) the tags that may come before each.
    terms: (n, n_sources) scores up to each of these, the transition to the tag included.
    """

    which: NDArray[np.int64]
    sources: Tags
    terms: Scores


class Transitions(ABC):
    """The scores of going from tag to tag, minus infinity where that is forbidden.

    n_tags: Number of tags.
    is_scored: Whether there are scores at all: if not, all that is legal scores zero, and no gradient is wanted.
    """

    n_tags: int
    is_scored: bool

    @property
    def order(self) -> Optional[Tags]:
        """(n_tags,) the tags in the order in which sums are fastest; None if that is the order of the tags."""
        return None

    @property
    def in_columns(self) -> "Transitions":
        """These transitions with tags numbered by their places in `order`; `pair_sums` keeps the tags' own numbers."""
        return self

    @property
    @abstractmethod
    def shift(self) -> np.floating:
        """The largest score, which sums take out of all, so that no exponential overflows; 0 if all are forbidden."""

    @property
    @abstractmethod
    def reverse(self) -> "Transitions":
        """The transitions of sequences that are read backwards."""

    @abstractmethod
    def between(self, before: Tags, after: Tags) -> Scores:
        """RETURNS (array): (n,) the score of each pair of tags, given as two (n,) arrays."""

    @abstractmethod
    def divided(self, divisor: float) -> "Transitions":
        """RETURNS (Transitions): With all scores divided by a number above 0."""

    @abstractmethod
    def doubled(self) -> "Transitions":
        """RETURNS (Transitions): The same scores in double precision."""

    @abstractmethod
    def dense(self) -> Scores:
        """RETURNS (array): (n_tags, n_tags) scores of column after row."""

    @abstractmethod
    def sums(self, weights: Scores, out: Optional[Scores] = None, product: Product = np.matmul) -> Scores:
        """The sums over the tags before.

        weights (array): (..., n_tags) what each tag before counts.
        out (Optional[array]): Where to put the sums; it must not be `weights`.
        product (Callable): What multiplies matrices: `numpy.matmul`, or `steady_sums`.
        RETURNS (array): (..., n_tags) products with the exponentials of the scores less `shift`.
        """

    @abstractmethod
    def pair_sums(self, before: Scores, after: Scores) -> Scores:
        """How much each transition counts, summed over pairs of neighbours.

        before (array): (n_pairs, n_tags) factor of each tag of the first.
        after (array): (n_pairs, n_tags) factor of each tag of the second.
        RETURNS (array): (n_tags, n_tags) sums of the factors' products, times the exponentials of the scores less
            `shift`.
        """

    @abstractmethod
    def subtract_pairs(self, counts: Scores, before: Tags, after: Tags) -> None:
        """Take 1 from (n_tags, n_tags) counts for each pair of tags, in place."""

    @abstractmethod
    def leads(self, possible: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """RETURNS (array): (n, n_tags) bool, the tags that may follow any of the possible ones, (n, n_tags) bool
        too."""

    @abstractmethod
    def arrivals(self, scores: Scores, tags: Tags) -> Iterator[Arrivals]:
        """What leads to some tags, one by one; the score to arrive with is the sum or the maximum of the terms.

        scores (array): (n, n_tags) scores up to each tag before.
        tags (array): (n,) the tag arrived at, one for each row.
        YIELDS (Arrivals): What leads to those that have equally many tags before them; nothing leads to the others.
        """
