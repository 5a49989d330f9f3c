"""The negative log-likelihood of gold tags with a weight for each token.

A path's probability is a product over its tokens, read from the left: that of the first tag, that of the second given the
first, and so on, all under the whole lattice. Each token's weight multiplies the logarithm of its own factor. With all weights
1 this is `crf_loss`; without transition scores it is weighted cross-entropy. (Weighted CRFs for unbalanced classes: de Lannoy
et al. 2012, https://doi.org/10.1109/TBME.2011.2171037.)

Where gold is partial, a token's factor is the probability that its tag is one of those allowed, given that all tags before it
are; a token with no gold has the factor 1. So the loss is a sum of normalisers, each of the paths that keep to the gold up to
some token, and its gradient a sum of expectations, which two sweeps over the tokens add up.
"""

from typing import Any, NamedTuple

import numpy as np

from .crf_loss import CRFLoss, compatible_lattice
from .forward_backward import suffix_sums
from .lattice import Lattice, select
from .packing import take


class _Sweeps(NamedTuple):
    """Per packed row, (n_tokens, n_tags) each.

    loss: Weighted, of all rows.
    before: Distribution of the tag, given the gold of the tokens before.
    filtered: The same, given the token's own gold too.
    shares: How much of `filtered` enters the gradient at this token.
    flows: What expectations about earlier tokens add to this one's.
    """

    loss: float
    before: Any
    filtered: Any
    shares: Any
    flows: Any


def weighted_crf_loss(lattice: Lattice, gold: Any, weights: Any) -> CRFLoss:
    """The log-probability of the gold tags, negated, with a weight for each token.

    lattice (Lattice): The lattice, with transition scores, on the CPU.
    gold (array): Gold tags, as `crf_loss` takes them.
    weights (array): (n_tags,) what a token with this gold tag counts; of several allowed tags, their mean.
    RETURNS (CRFLoss): The loss and its gradient.
    RAISES (ValueError): If the gold tags do not fit the lattice, or some annotated sequence has no legal path.
    """
    dtype = lattice.unary.dtype
    n_tags = lattice.n_tags
    annotated, compatible = compatible_lattice(lattice, gold)
    emissions = np.zeros_like(lattice.unary)
    transitions = np.zeros((n_tags, n_tags))
    start, end = np.zeros((2, n_tags))
    loss = 0.0
    if annotated.any():
        part = _double(select(lattice, annotated))
        loss, tokens, transitions = _loss_and_counts(part, compatible.unary > -np.inf, np.asarray(weights))
        emissions[annotated[lattice.packing.seqs]] = tokens
        start = tokens[part.packing.firsts].sum(axis=0)
        end = tokens[part.packing.lasts].sum(axis=0)
    return CRFLoss(
        loss,
        take(emissions, lattice.packing.from_packed),
        transitions.astype(dtype),
        start.astype(dtype),
        end.astype(dtype),
    )


def _double(lattice: Lattice) -> Lattice:
    """The lattice in double precision: a factor of the gold path may be tiny, and is divided by."""
    transitions = None if lattice.transitions is None else lattice.transitions.astype("float64")
    return Lattice(lattice.packing, lattice.unary.astype("float64"), transitions)


def _loss_and_counts(lattice: Lattice, allowed: Any, weights: Any) -> Any:
    """The loss, (n_tokens, n_tags) packed gradient of the emissions, and (n_tags, n_tags) of the transitions."""
    packing = lattice.packing
    scores: Any = lattice.transitions
    factors = np.exp(scores - scores.max())
    after, begun = suffix_sums(lattice)
    token_weights = (allowed @ weights) / allowed.sum(axis=1)
    sweeps = _sweep_forward(lattice, factors, after, begun, allowed, token_weights)
    backwards, ratios = _sweep_backward(lattice, factors, after, begun, sweeps)
    inner = slice(packing.firsts.shape[0], None)
    leaving = take(_divide(sweeps.flows + sweeps.shares, after), packing.previous)
    kept = take(_divide(sweeps.filtered, after), packing.previous)
    pairs = leaving.T @ begun[inner] + kept.T @ (begun * ratios)[inner]
    return sweeps.loss, sweeps.flows + backwards, factors * pairs


def _sweep_forward(lattice: Lattice, factors: Any, after: Any, begun: Any, allowed: Any, weights: Any) -> _Sweeps:
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
            before[rows], flows[rows] = (step @ factors) * begun[rows]
        else:
            before[rows] = begun[rows] / begun[rows].sum(axis=1, keepdims=True)
            flows[rows] = weights[rows, None] * before[rows]
        agreeing = np.where(allowed[rows], before[rows], 0.0)
        factor[rows] = agreeing.sum(axis=1)
        filtered[rows] = agreeing / np.maximum(factor[rows], np.finfo("float64").tiny)[:, None]
        shares[rows] = change[rows] * filtered[rows]
        last, at = at, at + size
    # No probability exceeds 1; rounding may say otherwise.
    logs = np.log(np.clip(factor, np.finfo("float64").tiny, 1.0))
    return _Sweeps(float(-(weights * logs).sum()), before, filtered, shares, flows)


def _sweep_backward(lattice: Lattice, factors: Any, after: Any, begun: Any, sweeps: _Sweeps) -> Any:
    """From last tokens to first: what expectations about later tokens add to earlier ones, and its ratio to `before`."""
    packing = lattice.packing
    total = sweeps.shares.copy()
    ratios = np.zeros_like(total)
    at = packing.n_tokens
    for size, larger in zip(packing.batch_sizes[::-1].tolist(), [*packing.batch_sizes[-2::-1].tolist(), 0]):
        at -= size
        rows = slice(at, at + size)
        ratios[rows] = _divide(total[rows], sweeps.before[rows])
        if at:
            preceding = slice(at - larger, at - larger + size)
            onward = _divide((begun[rows] * ratios[rows]) @ factors.T, after[preceding])
            total[preceding] += sweeps.filtered[preceding] * onward
    return total, ratios


def _divide(array: Any, by: Any) -> Any:
    """Quotients, 0 where nothing is divided by nothing."""
    return np.divide(array, by, out=np.zeros_like(array), where=by > 0)
