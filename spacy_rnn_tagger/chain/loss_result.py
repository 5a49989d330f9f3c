"""What every loss of paths gives."""

from typing import NamedTuple, Optional

import numpy as np

from .lattice import Lattice
from .transitions import Scores


class PathLoss(NamedTuple):
    """A loss and its gradient, both summed over the batch.

    loss: In nats.
    emissions: (n_tokens, n_tags) gradient of the concatenated sequences' scores.
    transitions: (n_tags, n_tags) gradient of the transition scores, exactly zero where forbidden; None if there are
        none.
    start: (n_tags,) gradient of the start scores; None for tags that are decided one by one.
    end: (n_tags,) gradient of the end scores; None for tags that are decided one by one.
    """

    loss: float
    emissions: Scores
    transitions: Optional[Scores] = None
    start: Optional[Scores] = None
    end: Optional[Scores] = None

    def plus(self, other: "PathLoss") -> "PathLoss":
        """RETURNS (PathLoss): The sum of two losses; of gradients that only one of them has, that one's."""
        return PathLoss(
            self.loss + other.loss,
            self.emissions + other.emissions,
            _add(self.transitions, other.transitions),
            _add(self.start, other.start),
            _add(self.end, other.end),
        )


def no_loss(lattice: Lattice) -> PathLoss:
    """RETURNS (PathLoss): Zeros of the right shapes."""
    n_tags, dtype = lattice.n_tags, lattice.unary.dtype
    scored = lattice.transitions is not None and lattice.transitions.is_scored
    transitions = np.zeros((n_tags, n_tags), dtype=dtype) if scored else None
    start, end = np.zeros((2, n_tags), dtype=dtype)
    return PathLoss(0.0, np.zeros_like(lattice.unary), transitions, start, end)


def _add(one: Optional[Scores], other: Optional[Scores]) -> Optional[Scores]:
    if one is None or other is None:
        return other if one is None else one
    return one + other
