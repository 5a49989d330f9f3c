"""Sums over all paths of a lattice: normaliser, marginals, expected transitions, probabilities of segments.

The forward-backward algorithm, as in Sutton & McCallum (2012), section 4.1, https://arxiv.org/abs/1011.4088. States stay
logarithms, so none is ever lost, and each step's sum over predecessors is one matrix product of exponentials taken
relative to the step's best state. A product too small for the floating-point type to hold exactly enough is summed
again as logarithms, which ordinary scores never need.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import take
from ..recurrence.threads import one_thread
from .lattice import Lattice, array_module, no_path, sum_by_sequence


@dataclass(frozen=True)
class Posterior:
    """What forward-backward finds out about a lattice. Token rows are packed.

    lattice: The lattice.
    log_z: (n_seqs,) float64, logarithm of the sum over all paths of the exponential of their score.
    packed_marginals: (n_tokens, n_tags) probability of each tag at each token; rows sum to 1.
    prefixes: (n_tokens, n_tags) log-sum of the paths up to and with each tag, relative to the row's largest.
    arrivals: (n_tokens, n_tags) log-sum over the tags before, of their `prefixes` and the transition.
    departures: (n_tokens, n_tags) log of marginal over exponential of arrival.
    """

    lattice: Lattice
    log_z: NDArray[np.float64]
    packed_marginals: Any
    prefixes: Any
    arrivals: Any
    departures: Any

    @property
    def marginals(self) -> Any:
        """(n_tokens, n_tags) probability of each tag at each token of the concatenated sequences; rows sum to 1."""
        return take(self.packed_marginals, self.lattice.packing.from_packed)


class Counts(NamedTuple):
    """How often a batch's paths use each score: expected under the lattice, seen in gold, or the difference of the two.

    tokens: (n_tokens, n_tags), packed.
    transitions: (n_tags, n_tags); None if the lattice has no transition scores.
    start: (n_tags,).
    end: (n_tags,).
    """

    tokens: Any
    transitions: Optional[Any]
    start: Any
    end: Any


class _Sweep(NamedTuple):
    """One pass over the steps, in several directions at once.

    arrivals: (n_directions, n_tokens, n_tags) log-sum over the predecessors; zero at first tokens.
    prefixes: (n_directions, n_tokens, n_tags) arrivals plus scores, less the row's peak.
    weights: (n_directions, n_tokens, n_tags) their exponentials.
    peaks: (n_directions, n_tokens) what was taken out.
    """

    arrivals: Any
    prefixes: Any
    weights: Any
    peaks: Any


@one_thread
def forward_backward(lattice: Lattice) -> Posterior:
    """Sum over all paths through each tag.

    lattice (Lattice): The lattice.
    RETURNS (Posterior): Normalisers and marginals.
    RAISES (ValueError): If some sequence has no legal path.
    """
    if lattice.transitions is None:
        return _independent(lattice)
    xp = array_module(lattice.unary)
    mirror = lattice.packing.mirror
    log_factors, shift = _normalize(xp, lattice.transitions)
    scores = xp.stack((lattice.unary, take(lattice.unary, mirror)))
    sweep = _sweep(lattice, scores, xp.stack((log_factors, log_factors.T)))
    arrivals = sweep.arrivals[0]
    onward = lattice.unary + take(sweep.arrivals[1], mirror)
    marginals = arrivals + onward
    departures, marginals = _normalize_rows(onward, marginals)
    return Posterior(lattice, _log_z(lattice, sweep, shift), marginals, sweep.prefixes[0], arrivals, departures)


@one_thread
def log_partition(lattice: Lattice) -> NDArray[np.float64]:
    """The normalisers alone, by the forward pass only.

    lattice (Lattice): The lattice.
    RETURNS (array): (n_seqs,) float64, as `Posterior.log_z`.
    RAISES (ValueError): If some sequence has no legal path.
    """
    if lattice.transitions is None:
        return _independent(lattice).log_z
    log_factors, shift = _normalize(array_module(lattice.unary), lattice.transitions)
    return _log_z(lattice, _sweep(lattice, lattice.unary[None], log_factors[None]), shift)


def suffix_sums(lattice: Lattice) -> Tuple[Any, Any]:
    """The sums over how paths go on, which make a path's tags, read from the left, a Markov chain: the probability that tag j
    follows tag i is `exp(transitions[i, j] - transitions.max()) * begun[j] / after[i]`.

    lattice (Lattice): The lattice, with transition scores.
    RETURNS (Tuple[array, array]): (n_tokens, n_tags) packed. `after`, the sum over what follows each tag, 1 at last tokens;
        `begun`, the sum over the paths that begin with each tag, relative to the row's largest, in units that fit those of
        `after` in the row before.
    RAISES (ValueError): If some sequence has no legal path.
    """
    xp = array_module(lattice.unary)
    mirror = lattice.packing.mirror
    log_factors, _ = _normalize(xp, lattice.transitions)
    sweep = _sweep(lattice, take(lattice.unary, mirror)[None], log_factors.T[None])
    return xp.exp(take(sweep.arrivals[0], mirror)), take(sweep.weights[0], mirror)


@one_thread
def expected_counts(posterior: Posterior, weights: Optional[NDArray[np.float64]] = None) -> Counts:
    """How often each score is used by a path drawn from the lattice, which is the gradient of `log_z` (Sutton & McCallum
    2012, section 5.1).

    posterior (Posterior): What `forward_backward` gave.
    weights (Optional[array]): (n_seqs,) how often each sequence counts; once if None.
    RETURNS (Counts): The expectations, of the whole batch except for `tokens`.
    """
    lattice = posterior.lattice
    xp = array_module(lattice.unary)
    packing = lattice.packing
    marginals = posterior.packed_marginals
    times = None
    if weights is not None:
        times = xp.asarray(weights[packing.seqs], dtype=marginals.dtype)[:, None]
        marginals = marginals * times
    return Counts(
        marginals,
        None if lattice.transitions is None else _expected_transitions(posterior, lattice.transitions, times),
        marginals[xp.asarray(packing.firsts)].sum(axis=0),
        marginals[xp.asarray(packing.lasts)].sum(axis=0),
    )


@one_thread
def segment_probabilities(
    posterior: Posterior,
    seqs: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    tags: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The probability that a path has just these tags in just this place, whatever it has elsewhere. With the tags of an
    entity, this is the exact probability of the entity (Culotta & McCallum 2004, constrained forward-backward).

    posterior (Posterior): What `forward_backward` gave.
    seqs (array): (n_segments,) the sequence of each segment.
    starts (array): (n_segments,) its first token.
    ends (array): (n_segments,) the token after its last.
    tags (array): (sum of the segments' lengths,) tag indices of the concatenated segments.
    RETURNS (array): (n_segments,) probabilities.
    RAISES (ValueError): If a segment is empty or reaches out of its sequence, or the tags are too few or too many.
    """
    seqs, starts, ends, tags = (np.asarray(array, dtype=np.int64) for array in (seqs, starts, ends, tags))
    packing = posterior.lattice.packing
    sizes = ends - starts
    if (sizes < 1).any() or (starts < 0).any() or (ends > packing.lengths[seqs]).any() or sizes.sum() != tags.shape[0]:
        raise ValueError("Segments: each needs at least one token, one tag per token, and its place in its sequence.")
    xp = array_module(posterior.arrivals)
    firsts = np.cumsum(sizes) - sizes
    within = np.arange(tags.shape[0]) - np.repeat(firsts, sizes)
    seq_starts = np.cumsum(packing.lengths) - packing.lengths
    rows = packing.from_packed[np.repeat(seq_starts[seqs] + starts, sizes) + within]
    rows, tags, last = (xp.asarray(array) for array in (rows, tags, firsts + sizes - 1))
    logs = _log_conditionals(posterior, rows, tags)
    with np.errstate(divide="ignore"):
        logs[last] = xp.log(posterior.packed_marginals[rows[last], tags[last]])
    segments = xp.asarray(np.repeat(np.arange(sizes.shape[0]), sizes))
    total = xp.bincount(segments, weights=logs.astype("float64"), minlength=sizes.shape[0])
    return xp.minimum(xp.exp(total), 1.0)


def _log_conditionals(posterior: Posterior, rows: Any, tags: Any) -> Any:
    """(n,) log-probability of each tag given the next one in the list, which holds the token after it. Each is relative
    to its own row, so that nothing depends on how long or how unlikely the rest of the sequence is. The last is 0."""
    xp = array_module(posterior.prefixes)
    logs = xp.zeros(rows.shape, dtype=posterior.prefixes.dtype)
    joint = posterior.prefixes[rows[:-1], tags[:-1]]
    transitions = posterior.lattice.transitions
    if transitions is not None:
        joint = joint + (transitions[tags[:-1], tags[1:]] - _shift(xp, transitions))
    arrivals = posterior.arrivals[rows[1:], tags[1:]]
    # An impossible pair stays so. The arrival at a tag that is impossible itself is not always summed.
    impossible = (joint == -np.inf) | (arrivals == -np.inf)
    logs[:-1] = xp.where(impossible, -np.inf, joint - xp.where(impossible, 0, arrivals))
    return logs


def _independent(lattice: Lattice) -> Posterior:
    """Forward-backward without transition scores: a softmax per token, as a special case of the same quantities."""
    xp = array_module(lattice.unary)
    peaks = lattice.unary.max(axis=1)
    if (peaks == -np.inf).any():
        raise no_path(lattice)
    marginals = lattice.unary - peaks[:, None]
    logs, marginals = _normalize_rows(marginals, marginals.copy())
    log_z = sum_by_sequence(lattice.packing, peaks - logs.max(axis=1))
    return Posterior(lattice, log_z, marginals, logs, xp.zeros_like(logs), logs)


def _normalize_rows(onward: Any, totals: Any) -> Tuple[Any, Any]:
    """Turn log-sums through each tag into probabilities, in place, and take the same constants out of `onward`."""
    xp = array_module(totals)
    peaks = totals.max(axis=1, keepdims=True)
    totals -= peaks
    xp.exp(totals, out=totals)
    sums = totals.sum(axis=1, keepdims=True)
    totals /= sums
    return onward - (peaks + xp.log(sums)), totals


def _shift(xp: Any, transitions: Any) -> Any:
    """The largest transition score, which is taken out of all, so that no exponential overflows."""
    largest = transitions.max()
    return xp.where(largest > -np.inf, largest, xp.zeros_like(largest))


def _normalize(xp: Any, transitions: Any) -> Tuple[Any, Any]:
    shift = _shift(xp, transitions)
    return transitions - shift, shift


def _log_z(lattice: Lattice, sweep: _Sweep, shift: Any) -> Any:
    xp = array_module(lattice.unary)
    packing = lattice.packing
    per_token = sweep.peaks[0]
    per_token[packing.firsts.shape[0] :] += shift
    per_token[xp.asarray(packing.lasts)] += xp.log(sweep.weights[0][xp.asarray(packing.lasts)].sum(axis=1))
    return sum_by_sequence(packing, per_token)


def _sweep(lattice: Lattice, scores: Any, log_factors: Any) -> _Sweep:
    """Pass over the steps from the first token to the last, of all sequences and directions at once.

    scores (array): (n_directions, n_tokens, n_tags) packed scores of each direction.
    log_factors (array): (n_directions, n_tags, n_tags) transition scores, none above 0.
    """
    xp = array_module(scores)
    factors = xp.exp(log_factors)
    n_directions, n_tokens, n_tags = scores.shape
    arrivals = xp.zeros_like(scores)
    prefixes = xp.empty_like(scores)
    weights = xp.empty_like(scores)
    peaks = xp.empty((n_directions, n_tokens, 1), dtype=scores.dtype)
    limit = _exact_above(scores)
    at = before = 0
    # The logarithm of a forbidden tag's sum is minus infinity, as it should be.
    with np.errstate(divide="ignore", invalid="ignore"):
        for size in lattice.packing.batch_sizes.tolist():
            rows = slice(at, at + size)
            here = arrivals[:, rows]
            if at:
                preceding = slice(before, before + size)
                xp.matmul(weights[:, preceding], factors, out=here)
                low = here.min() < limit
                inexact = here < limit if low else None
                xp.log(here, out=here)
                if low:
                    _sum_as_logs(here, inexact, scores[:, rows], prefixes[:, preceding], log_factors)
            prefix = xp.add(here, scores[:, rows], out=prefixes[:, rows])
            prefix -= xp.amax(prefix, axis=2, keepdims=True, out=peaks[:, rows])
            xp.exp(prefix, out=weights[:, rows])
            before, at = at, at + size
    if (peaks == -np.inf).any():
        raise no_path(lattice)
    return _Sweep(arrivals, prefixes, weights, peaks[:, :, 0])


def _exact_above(array: Any) -> float:
    """Above this, what a sum of products of numbers up to 1 lost to underflow is less than its rounding error."""
    kind = np.finfo(array.dtype)
    return float(array.shape[-1] * kind.tiny / kind.eps)


def _sum_as_logs(arrivals: Any, inexact: Any, scores: Any, prefixes: Any, log_factors: Any) -> None:
    """Replace the sums that underflow has spoilt, if a path leads there at all.

    arrivals (array): (n_directions, size, n_tags) log-sums to correct, in place.
    inexact (array): The same shape, bool, which of them to look at.
    scores (array): The same shape, scores of the tags arrived at.
    prefixes (array): The same shape, log-sums of the tags before.
    log_factors (array): (n_directions, n_tags, n_tags) transition scores.
    """
    xp = array_module(arrivals)
    leads = xp.matmul((prefixes > -np.inf).astype("float32"), (log_factors > -np.inf).astype("float32"))
    directions, seqs, tags = xp.nonzero(inexact & (scores > -np.inf) & (leads > 0))
    if directions.shape[0]:
        terms = prefixes[directions, seqs] + log_factors[directions, :, tags]
        peaks = terms.max(axis=1)
        arrivals[directions, seqs, tags] = peaks + xp.log(xp.exp(terms - peaks[:, None]).sum(axis=1))


def _expected_transitions(posterior: Posterior, transitions: Any, times: Optional[Any]) -> Any:
    """(n_tags, n_tags) expected number of times that column follows row, each token counted so many `times`, (n_tokens, 1).

    The probability of a pair is that of its second tag, times that of the first given the second: the latter's share in
    the second's arrival. Summed over all tokens, this is one matrix product.
    """
    xp = array_module(posterior.arrivals)
    packing = posterior.lattice.packing
    log_factors, _ = _normalize(xp, transitions)
    inner = slice(packing.firsts.shape[0], None)
    shares = posterior.departures[inner]
    arrivals = posterior.arrivals[inner]
    limit = -np.log(_exact_above(shares))
    # Likely tags with tiny arrivals: their products would overflow, and the arrivals were not summed as products.
    spoilt = (shares > limit) & (arrivals > -np.inf) & (posterior.packed_marginals[inner] > 0)
    before = take(posterior.prefixes, packing.previous)
    if times is not None:
        with np.errstate(divide="ignore"):
            before += xp.log(times[inner])
    expected = xp.exp(before).T @ xp.exp(xp.where(shares > limit, shares.dtype.type(-np.inf), shares))
    expected *= xp.exp(log_factors)
    if spoilt.any():
        rows, tags = xp.nonzero(spoilt)
        pairs = xp.exp(before[rows] + log_factors.T[tags] + shares[rows, tags][:, None])
        expected += pairs.T @ xp.eye(posterior.lattice.n_tags, dtype=pairs.dtype)[tags]
    return expected
