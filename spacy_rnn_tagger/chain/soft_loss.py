"""How far the probabilities of tags are from those that a teacher gave: the loss of knowledge distillation.

At a temperature T, both sides are softened by the same T, and the divergence is multiplied by T squared, so that its
gradient keeps its size whatever T is (Hinton et al. 2015, section 2.1, https://arxiv.org/abs/1503.02531). Of tags that
are decided one by one, a token's probabilities are a softmax of its scores. Of a CRF they are its marginals (Wang et
al. 2021, section 3.2, https://arxiv.org/abs/2010.05010).
"""

from dataclasses import replace
from typing import NamedTuple, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import Lengths, take
from .constraints import Constraints
from .forward_backward import Counts, expected_counts, forward_backward
from .lattice import Lattice, make_lattice
from .loss_result import PathLoss
from .temperature import temper
from .transitions import Scores

LEAST = 1e-6
"""Marginal below which a tag counts as if it had this one: a quotient by less would drown all else in rounding."""
STEP = 1e-4
"""How far scores are moved to both sides to see how the marginals follow, in nats."""


class SoftGold(NamedTuple):
    """What a teacher says about the tags of a batch.

    probabilities: (n_tokens, n_tags) of each tag at each token; rows sum to 1, or to 0 where nothing was said.
    temperature: What softens both sides; 1 for the probabilities as they are.
    """

    probabilities: NDArray[np.floating]
    temperature: float = 1.0

    @property
    def is_given(self) -> NDArray[np.bool_]:
        """(n_tokens,) where something was said."""
        return np.asarray(self.probabilities.any(axis=1))

    def softened(self) -> NDArray[np.float64]:
        """RETURNS (array): (n_tokens, n_tags) float64, the probabilities at the temperature."""
        powers = np.asarray(self.probabilities, dtype="float64") ** (1.0 / self.temperature)
        totals = powers.sum(axis=1, keepdims=True)
        return np.divide(powers, totals, out=np.zeros_like(powers), where=totals > 0)


def soft_loss(
    emissions: Scores,
    lengths: Lengths,
    soft: SoftGold,
    *,
    transitions: Optional[Scores] = None,
    start: Optional[Scores] = None,
    end: Optional[Scores] = None,
    constraints: Optional[Constraints] = None,
    allowed: Optional[NDArray[np.bool_]] = None,
) -> PathLoss:
    """The Kullback-Leibler divergence of the tags' probabilities from the teacher's, times the square of the
    temperature, summed over the tokens about which something was said.

    emissions (array): (n_tokens, n_tags) scores of the concatenated sequences; not changed.
    lengths (Sequence[int]): Tokens per sequence.
    soft (SoftGold): What the teacher said.
    transitions (Optional[array]): (n_tags, n_tags) score of column after row; None for tags that are decided one by
        one, whatever is legal.
    start (Optional[array]): (n_tags,) score of beginning a sequence.
    end (Optional[array]): (n_tags,) score of ending one.
    constraints (Optional[Constraints]): The legal paths, as `make_lattice` takes them.
    allowed (Optional[array]): (n_tokens, n_tags) bool, the tags that each token may have, as `make_lattice` takes them.
    RETURNS (PathLoss): The loss and its gradient, that of transition, start and end scores where there are any.
    RAISES (ValueError): If shapes do not fit, or some sequence has no legal path.
    """
    if soft.probabilities.shape != emissions.shape:
        raise ValueError(
            f"Soft gold should have the shape {emissions.shape} of the scores, not {soft.probabilities.shape}."
        )
    if transitions is None:
        return PathLoss(*_of_tokens(emissions, soft))
    lattice = make_lattice(
        emissions.astype("float64"),
        lengths,
        transitions=transitions.astype("float64"),
        start=None if start is None else start.astype("float64"),
        end=None if end is None else end.astype("float64"),
        constraints=constraints,
        allowed=allowed,
    )
    return _of_marginals(lattice, soft, emissions.dtype)


def _of_tokens(emissions: Scores, soft: SoftGold) -> Tuple[float, Scores]:
    rows = np.flatnonzero(soft.is_given)
    wanted = SoftGold(soft.probabilities[rows], soft.temperature).softened()
    scores = emissions[rows].astype("float64") / soft.temperature
    scores -= scores.max(axis=1, keepdims=True)
    found = np.exp(scores)
    totals = found.sum(axis=1, keepdims=True)
    loss = _divergence(wanted, scores - np.log(totals))
    gradient = np.zeros_like(emissions)
    gradient[rows] = soft.temperature * (found / totals - wanted)
    return soft.temperature**2 * loss, gradient


def _of_marginals(lattice: Lattice, soft: SoftGold, dtype: np.dtype) -> PathLoss:
    """The gradient of a sum of marginals, each times a number, is the product of the Hessian of `log_z` and these
    numbers: how expected counts change when the scores move along them (Pearlmutter 1994). It is taken as the
    difference of the counts on both sides, in double precision, each sequence moved as far as its own numbers allow."""
    tempered = temper(lattice, soft.temperature)
    packing = lattice.packing
    wanted = take(soft.softened(), packing.to_packed)
    marginals = take(forward_backward(tempered).marginals, packing.to_packed)
    # What the rules forbid cannot be learned.
    wanted[marginals <= 0] = 0.0
    totals = wanted.sum(axis=1, keepdims=True)
    wanted = np.divide(wanted, totals, out=np.zeros_like(wanted), where=totals > 0)
    known = np.maximum(marginals, LEAST)
    loss = _divergence(wanted, np.log(known))
    direction = -wanted / known
    largest = np.zeros((lattice.n_seqs,), dtype="float64")
    np.maximum.at(largest, packing.seqs, np.abs(direction).max(axis=1))
    moved = largest > 0
    steps = np.divide(STEP, largest, out=np.zeros_like(largest), where=moved)
    counts = [
        _moved_counts(tempered, sign * steps[packing.seqs][:, None] * direction, sign / (2 * np.where(moved, steps, 1)))
        for sign in (1.0, -1.0)
    ]
    temperature = soft.temperature
    tokens = take(counts[0].tokens + counts[1].tokens, packing.from_packed)
    both = [None if one is None or other is None else one + other for one, other in zip(counts[0][1:], counts[1][1:])]
    # The scores were divided by the temperature, and the loss is times its square.
    rest = [None if each is None else (temperature * each).astype(dtype) for each in both]
    return PathLoss(temperature**2 * loss, (temperature * tokens).astype(dtype), *rest)


def _moved_counts(lattice: Lattice, by: NDArray[np.float64], weights: NDArray[np.float64]) -> Counts:
    """Expected counts after the scores are moved, each sequence's times a weight that may be negative."""
    moved = replace(lattice, unary=lattice.unary + by)
    counts = expected_counts(forward_backward(moved), np.abs(weights))
    if (weights > 0).all():
        return counts
    transitions = None if counts.transitions is None else -counts.transitions
    return Counts(-counts.tokens, transitions, -counts.start, -counts.end)


def _divergence(wanted: NDArray[np.float64], logs: NDArray[np.float64]) -> float:
    at = np.nonzero(wanted)
    # No divergence is negative; rounding may say otherwise.
    return max(float((wanted[at] * (np.log(wanted[at]) - logs[at])).sum()), 0.0)
