"""The negative log-likelihood of gold tags with a weight for each token.

A path's probability is a product over its tokens, read from the left: that of the first tag, that of the second given
the first, and so on, all under the whole lattice. Each token's weight multiplies the logarithm of its own factor. With
all weights 1 this is `crf_loss`; without transition scores it is weighted cross-entropy. (Weighted CRFs for unbalanced
classes: de Lannoy et al. 2012, https://doi.org/10.1109/TBME.2011.2171037.)

Where gold is partial, a token's factor is the probability that its tag is one of those allowed, given that all tags
before it are; a token with no gold has the factor 1. So the loss is a sum of normalisers, each of the paths that keep
to the gold up to some token, and its gradient a sum of expectations, which two sweeps over the tokens add up. They work
with probabilities, not with logarithms: a sequence with scores too far apart for that is left to the sums' definition,
one normaliser at a time.
"""

from typing import List, NamedTuple, Tuple

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import take
from ..recurrence.threads import one_thread
from .crf_loss import compatible_lattice
from .forward_backward import expected_counts, forward_backward, suffix_sums
from .gold_tags import Gold
from .lattice import Lattice, gather, restrict, select
from .loss_result import PathLoss
from .transitions import Scores, Transitions

LEAST = 1e-200
"""Factor below which the sweeps could lose what counts."""
BLOCK = 2**16
"""Tokens of copies that `_by_definition` takes at a time."""


class _Sums(NamedTuple):
    """The loss of a batch and its gradient.

    loss: In nats.
    tokens: (n_tokens, n_tags) packed gradient of the emissions.
    transitions: (n_tags, n_tags) gradient of the transitions.
    """

    loss: float
    tokens: Scores
    transitions: Scores


class _Sweeps(NamedTuple):
    """What the two sweeps find, per packed row: (n_tokens, n_tags) each except the first.

    factor: (n_tokens,) probability of the token's gold, given that of the tokens before.
    before: Distribution of the tag, given the gold of the tokens before.
    filtered: The same, given the token's own gold too.
    shares: How much of `filtered` enters the gradient at this token.
    flows: What expectations about earlier tokens add to this one's.
    """

    factor: Scores
    before: Scores
    filtered: Scores
    shares: Scores
    flows: Scores


@one_thread
def weighted_crf_loss(lattice: Lattice, gold: Gold, weights: NDArray[np.floating]) -> PathLoss:
    """The log-probability of the gold tags, negated, with a weight for each token.

    lattice (Lattice): The lattice, with transition scores.
    gold (array): Gold tags, as `crf_loss` takes them.
    weights (array): (n_tags,) what a token with this gold tag counts; of several allowed tags, their mean.
    RETURNS (PathLoss): The loss and its gradient.
    RAISES (ValueError): If the gold tags do not fit the lattice, or some annotated sequence has no legal path.
    """
    dtype = lattice.unary.dtype
    n_tags = lattice.n_tags
    annotated, compatible = compatible_lattice(lattice, gold)
    emissions = np.zeros_like(lattice.unary)
    transitions: Scores = np.zeros((n_tags, n_tags))
    start, end = np.zeros((2, n_tags))
    loss = 0.0
    if annotated.any():
        part = _double(select(lattice, annotated))
        allowed = compatible.unary > -np.inf
        loss, tokens, transitions = _sum_up(part, allowed, (allowed @ np.asarray(weights)) / allowed.sum(axis=1))
        emissions[annotated[lattice.packing.seqs]] = tokens
        start = tokens[part.packing.firsts].sum(axis=0)
        end = tokens[part.packing.lasts].sum(axis=0)
    return PathLoss(
        loss,
        take(emissions, lattice.packing.from_packed),
        transitions.astype(dtype),
        start.astype(dtype),
        end.astype(dtype),
    )


def _double(lattice: Lattice) -> Lattice:
    """The lattice in double precision: a factor of the gold path may be tiny, and is divided by."""
    transitions = None if lattice.transitions is None else lattice.transitions.doubled()
    return Lattice(lattice.packing, lattice.unary.astype("float64"), transitions)


def _sum_up(lattice: Lattice, allowed: NDArray[np.bool_], weights: Scores) -> _Sums:
    """The loss and its gradient, each sequence in the way that is exact for it. `weights` are those of the tokens."""
    sums, exact = _by_sweeps(lattice, allowed, weights)
    if exact.all():
        return sums
    seqs = lattice.packing.seqs
    loss, tokens, transitions = 0.0, np.zeros_like(lattice.unary), np.zeros_like(sums.transitions)
    parts: List[NDArray[np.bool_]] = [exact] if exact.any() else []
    parts += [np.arange(lattice.n_seqs) == i for i in np.flatnonzero(~exact)]
    for keep in parts:
        rows = np.flatnonzero(keep[seqs])
        part = select(lattice, keep), allowed[rows], weights[rows]
        sums = _by_sweeps(*part)[0] if keep is exact else _by_definition(*part)
        loss += sums.loss
        tokens[rows] = sums.tokens
        transitions += sums.transitions
    return _Sums(loss, tokens, transitions)


def _by_definition(lattice: Lattice, allowed: NDArray[np.bool_], weights: Scores) -> _Sums:
    """The loss of one sequence as a sum over copies of it, each kept to the gold up to another token: a normaliser
    counts for as much as the next token's weight exceeds the last one's."""
    n_tokens = lattice.packing.n_tokens
    change = np.diff(weights, prepend=0.0, append=0.0)
    bounds = np.flatnonzero(change)
    loss, tokens, transitions = 0.0, np.zeros_like(lattice.unary), np.zeros((lattice.n_tags, lattice.n_tags))
    for some in np.array_split(bounds, -(-bounds.shape[0] * n_tokens // BLOCK)):
        copies, rows = gather(lattice, np.zeros(some.shape, dtype=np.int64))
        free = rows >= some[copies.packing.seqs]
        posterior = forward_backward(restrict(copies, allowed[rows] | free[:, None]))
        loss += float(change[some] @ posterior.log_z)
        for sign in (1.0, -1.0):
            counts = expected_counts(posterior, np.maximum(sign * change[some], 0.0))
            np.add.at(tokens, rows, sign * counts.tokens)
            if counts.transitions is not None:
                transitions += sign * counts.transitions
    return _Sums(max(loss, 0.0), tokens, transitions)


def _by_sweeps(lattice: Lattice, allowed: NDArray[np.bool_], weights: Scores) -> Tuple[_Sums, NDArray[np.bool_]]:
    """The loss and its gradient; and (n_seqs,) bool, for which sequences they are exact."""
    packing = lattice.packing
    along = _transitions(lattice)
    # What overflows or is lost on the way is missing in the end.
    with np.errstate(over="ignore", invalid="ignore"):
        after, begun = suffix_sums(lattice, along)
        sweeps = _sweep_forward(lattice, along, after, begun, allowed, weights)
        backwards, ratios = _sweep_backward(lattice, along, after, begun, sweeps)
        inner = slice(packing.firsts.shape[0], None)
        leaving = take(_divide(sweeps.flows + sweeps.shares, after), packing.previous)
        kept = take(_divide(sweeps.filtered, after), packing.previous)
        transitions = along.pair_sums(leaving, begun[inner]) + along.pair_sums(kept, (begun * ratios)[inner])
        tokens = sweeps.flows + backwards
        balanced = abs(tokens.sum(axis=1)) < 1e-9 * (1.0 + weights.sum())
        sound = balanced & (abs(sweeps.before.sum(axis=1) - 1.0) < 1e-9) & (sweeps.factor > LEAST)
    exact = np.ones((lattice.n_seqs,), dtype=bool)
    exact[packing.seqs[~sound]] = False
    # No probability exceeds 1; rounding may say otherwise.
    loss = -(weights @ np.log(np.clip(sweeps.factor, LEAST, 1.0)))
    return _Sums(float(loss), tokens, transitions), exact


def _sweep_forward(
    lattice: Lattice,
    along: Transitions,
    after: Scores,
    begun: Scores,
    allowed: NDArray[np.bool_],
    weights: Scores,
) -> _Sweeps:
    """From first tokens to last: filter the gold, and let the expectations flow on to later tokens."""
    packing = lattice.packing
    sizes = packing.batch_sizes.tolist()
    following = np.zeros(weights.shape)
    following[packing.previous] = weights[packing.firsts.shape[0] :]
    change = (following - weights)[:, None]
    before, flows, filtered, shares = (np.empty_like(begun) for _ in range(4))
    factor = np.empty(weights.shape)
    at = last = 0
    for size in sizes:
        rows = slice(at, at + size)
        if at:
            preceding = slice(last, last + size)
            step = _divide(np.stack((filtered[preceding], flows[preceding] + shares[preceding])), after[preceding])
            before[rows], flows[rows] = along.sums(step) * begun[rows]
        else:
            before[rows] = begun[rows] / begun[rows].sum(axis=1, keepdims=True)
            flows[rows] = weights[rows, None] * before[rows]
        agreeing = np.where(allowed[rows], before[rows], 0.0)
        factor[rows] = agreeing.sum(axis=1)
        filtered[rows] = agreeing / np.maximum(factor[rows], LEAST)[:, None]
        shares[rows] = change[rows] * filtered[rows]
        last, at = at, at + size
    return _Sweeps(factor, before, filtered, shares, flows)


def _sweep_backward(
    lattice: Lattice, along: Transitions, after: Scores, begun: Scores, sweeps: _Sweeps
) -> Tuple[Scores, Scores]:
    """From last tokens to first: what expectations about later tokens add to earlier ones, and its ratio to
    `before`."""
    packing, backward = lattice.packing, along.reverse
    total = sweeps.shares.copy()
    ratios = np.zeros_like(total)
    at = packing.n_tokens
    for size, larger in zip(packing.batch_sizes[::-1].tolist(), [*packing.batch_sizes[-2::-1].tolist(), 0]):
        at -= size
        rows = slice(at, at + size)
        ratios[rows] = _divide(total[rows], sweeps.before[rows])
        if at:
            preceding = slice(at - larger, at - larger + size)
            onward = _divide(backward.sums(begun[rows] * ratios[rows]), after[preceding])
            total[preceding] += sweeps.filtered[preceding] * onward
    return total, ratios


def _transitions(lattice: Lattice) -> Transitions:
    if lattice.transitions is None:
        raise ValueError("Weighted CRF loss: the lattice has no transition scores; use `softmax_set_loss`.")
    return lattice.transitions


def _divide(array: Scores, by: Scores) -> Scores:
    """Quotients, 0 where nothing is divided by nothing."""
    return np.divide(array, by, out=np.zeros_like(array), where=by > 0)
