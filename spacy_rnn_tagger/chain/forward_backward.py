"""Sums over all paths of a lattice: normaliser, marginals, expected transitions, probabilities of segments.

The forward-backward algorithm, as in Sutton & McCallum (2012), section 4.1, https://arxiv.org/abs/1011.4088. States
stay logarithms, so none is ever lost, and each step's sum over predecessors is one matrix product of exponentials taken
relative to the step's best state. A product too small for the floating-point type to hold exactly enough is summed
again as logarithms, which ordinary scores never need.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import take
from ..recurrence.threads import one_thread
from .dense_transitions import DenseTransitions, add_side_by_side
from .lattice import Lattice, no_path, sum_by_sequence
from .steady_sums import steady_sums
from .transitions import Product, Scores, Transitions


@dataclass(frozen=True)
class Posterior:
    """What forward-backward finds out about a lattice. Token rows are packed, and the columns of tags are in the order
    that the transitions prefer.

    lattice: The lattice.
    transitions: Its transitions, tags numbered by their columns; None if the tags are independent.
    log_z: (n_seqs,) float64, logarithm of the sum over all paths of the exponential of their score.
    packed_marginals: (n_tokens, n_tags) probability of each tag at each token; rows sum to 1.
    prefixes: (n_tokens, n_tags) log-sum of the paths up to and with each tag, relative to the row's largest.
    arrivals: (n_tokens, n_tags) log-sum over the tags before, of their `prefixes` and the transition.
    departures: (n_tokens, n_tags) log of marginal over exponential of arrival.
    """

    lattice: Lattice
    transitions: Optional[Transitions]
    log_z: NDArray[np.float64]
    packed_marginals: Scores
    prefixes: Scores
    arrivals: Scores
    departures: Scores

    @property
    def marginals(self) -> Scores:
        """(n_tokens, n_tags) probability of each tag at each token of the concatenated sequences; rows sum to 1."""
        return self.by_tag(take(self.packed_marginals, self.lattice.packing.from_packed))

    @cached_property
    def columns(self) -> Optional[NDArray[np.int64]]:
        """(n_tags,) the column of each tag; None if they are in the order of the tags."""
        order = None if self.transitions is None else self.transitions.order
        return None if order is None else np.argsort(order)

    def by_tag(self, rows: Scores) -> Scores:
        """RETURNS (array): (n, n_tags) rows with their columns in the order of the tags; the very same if they are so
        already."""
        return rows if self.columns is None else rows.take(self.columns, axis=1)


class Counts(NamedTuple):
    """How often a batch's paths use each score: expected under the lattice, seen in gold, or the difference of the two.

    tokens: (n_tokens, n_tags), packed.
    transitions: (n_tags, n_tags); None if the lattice has no transition scores.
    start: (n_tags,).
    end: (n_tags,).
    """

    tokens: Scores
    transitions: Optional[Scores]
    start: Scores
    end: Scores


class _Sweep(NamedTuple):
    """What one pass over the steps finds, in one direction.

    arrivals: (n_tokens, n_tags) log-sum over the predecessors; zero at first tokens.
    prefixes: (n_tokens, n_tags) arrivals plus scores, less the row's peak.
    peaks: (n_tokens,) what was taken out.
    """

    arrivals: Scores
    prefixes: Scores
    peaks: Scores


@one_thread
def forward_backward(lattice: Lattice, *, steady: bool = False) -> Posterior:
    """Sum over all paths through each tag.

    lattice (Lattice): The lattice.
    steady (bool): Whether a sequence's numbers must be the same to the bit, whatever other sequences there are, as
        those that are written to docs; else they may differ by rounding.
    RETURNS (Posterior): Normalisers and marginals.
    RAISES (ValueError): If some sequence has no legal path.
    """
    if lattice.transitions is None:
        return _independent(lattice)
    transitions, unary = lattice.transitions.in_columns, _in_columns(lattice)
    forward, backward = _sweep_both_ways(lattice, unary, transitions, steady_sums if steady else np.matmul)
    onward = take(backward.arrivals, lattice.packing.mirror)
    onward += unary
    log_z = _log_z(lattice, forward, transitions.shift)
    departures, marginals = _normalize_rows(onward, forward.arrivals + onward)
    return Posterior(lattice, transitions, log_z, marginals, forward.prefixes, forward.arrivals, departures)


@one_thread
def log_partition(lattice: Lattice, *, steady: bool = False) -> NDArray[np.float64]:
    """The normalisers alone, by the forward pass only.

    lattice (Lattice): The lattice.
    steady (bool): As in `forward_backward`.
    RETURNS (array): (n_seqs,) float64, as `Posterior.log_z`.
    RAISES (ValueError): If some sequence has no legal path.
    """
    if lattice.transitions is None:
        return _independent(lattice).log_z
    product = steady_sums if steady else np.matmul
    (sweep,) = _sweep(lattice, _in_columns(lattice)[None], (lattice.transitions.in_columns,), product)
    return _log_z(lattice, sweep, lattice.transitions.shift)


def suffix_sums(lattice: Lattice, transitions: Transitions) -> Tuple[Scores, Scores]:
    """The sums over how paths go on, which make a path's tags, read from the left, a Markov chain: the probability that
    tag j follows tag i is `exp(score of j after i - transitions.shift) * begun[j] / after[i]`.

    lattice (Lattice): The lattice.
    transitions (Transitions): Its transition scores.
    RETURNS (Tuple[array, array]): (n_tokens, n_tags) packed. `after`, the sum over what follows each tag, 1 at last
        tokens; `begun`, the sum over the paths that begin with each tag, relative to the row's largest, in units that
        fit those of `after` in the row before.
    RAISES (ValueError): If some sequence has no legal path.
    """
    mirror = lattice.packing.mirror
    (sweep,) = _sweep(lattice, take(lattice.unary, mirror)[None], (transitions.reverse,))
    return np.exp(take(sweep.arrivals, mirror)), np.exp(take(sweep.prefixes, mirror))


@one_thread
def expected_counts(posterior: Posterior, weights: Optional[NDArray[np.float64]] = None) -> Counts:
    """How often each score is used by a path drawn from the lattice, which is the gradient of `log_z` (Sutton &
    McCallum 2012, section 5.1).

    posterior (Posterior): What `forward_backward` gave.
    weights (Optional[array]): (n_seqs,) how often each sequence counts; once if None.
    RETURNS (Counts): The expectations, of the whole batch except for `tokens`.
    """
    lattice = posterior.lattice
    packing = lattice.packing
    marginals = posterior.by_tag(posterior.packed_marginals)
    times = None
    if weights is not None:
        times = weights[packing.seqs].astype(marginals.dtype)[:, None]
        marginals = marginals * times
    scored = posterior.transitions if posterior.transitions is not None and posterior.transitions.is_scored else None
    return Counts(
        marginals,
        None if scored is None else _expected_transitions(posterior, scored, times),
        marginals[packing.firsts].sum(axis=0),
        marginals[packing.lasts].sum(axis=0),
    )


@one_thread
def segment_probabilities(
    posterior: Posterior,
    seqs: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    tags: NDArray[np.int64],
) -> NDArray[np.float64]:
    """The probability that a path has just these tags in just this place, whatever it has elsewhere. With the tags of
    an entity, this is the exact probability of the entity (Culotta & McCallum 2004, constrained forward-backward).

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
    firsts = np.cumsum(sizes) - sizes
    within = np.arange(tags.shape[0]) - np.repeat(firsts, sizes)
    seq_starts = np.cumsum(packing.lengths) - packing.lengths
    rows = packing.from_packed[np.repeat(seq_starts[seqs] + starts, sizes) + within]
    last = firsts + sizes - 1
    tags = tags if posterior.columns is None else posterior.columns[tags]
    logs = _log_conditionals(posterior, rows, tags)
    with np.errstate(divide="ignore"):
        logs[last] = np.log(posterior.packed_marginals[rows[last], tags[last]])
    segments = np.repeat(np.arange(sizes.shape[0]), sizes)
    total = np.bincount(segments, weights=logs.astype("float64"), minlength=sizes.shape[0])
    return np.minimum(np.exp(total), 1.0)


def _log_conditionals(posterior: Posterior, rows: NDArray[np.int64], tags: NDArray[np.int64]) -> Scores:
    """(n,) log-probability of each tag given the next one in the list, which holds the token after it. Each is relative
    to its own row, so that nothing depends on how long or how unlikely the rest of the sequence is. The last is 0."""
    logs = np.zeros(rows.shape, dtype=posterior.prefixes.dtype)
    joint = posterior.prefixes[rows[:-1], tags[:-1]]
    transitions = posterior.transitions
    if transitions is not None:
        joint = joint + (transitions.between(tags[:-1], tags[1:]) - transitions.shift)
    arrivals = posterior.arrivals[rows[1:], tags[1:]]
    # An impossible pair stays so. The arrival at a tag that is impossible itself is not always summed.
    impossible = (joint == -np.inf) | (arrivals == -np.inf)
    logs[:-1] = np.where(impossible, -np.inf, joint - np.where(impossible, 0, arrivals))
    return logs


def _independent(lattice: Lattice) -> Posterior:
    """Forward-backward without transition scores: a softmax per token, as a special case of the same quantities."""
    peaks = lattice.unary.max(axis=1)
    if (peaks == -np.inf).any():
        raise no_path(lattice)
    marginals = lattice.unary - peaks[:, None]
    logs, marginals = _normalize_rows(marginals, marginals.copy())
    log_z = sum_by_sequence(lattice.packing, peaks - logs.max(axis=1))
    return Posterior(lattice, None, log_z, marginals, logs, np.zeros_like(logs), logs)


def _normalize_rows(onward: Scores, totals: Scores) -> Tuple[Scores, Scores]:
    """Turn log-sums through each tag into probabilities, and take the same constants out of `onward`; both in place."""
    peaks = totals.max(axis=1, keepdims=True)
    totals -= peaks
    np.exp(totals, out=totals)
    sums = totals.sum(axis=1, keepdims=True)
    totals /= sums
    onward -= peaks + np.log(sums)
    return onward, totals


def _log_z(lattice: Lattice, sweep: _Sweep, shift: np.floating) -> NDArray[np.float64]:
    packing = lattice.packing
    per_token = sweep.peaks.copy()
    per_token[packing.firsts.shape[0] :] += shift
    per_token[packing.lasts] += np.log(np.exp(sweep.prefixes[packing.lasts]).sum(axis=1))
    return sum_by_sequence(packing, per_token)


def _in_columns(lattice: Lattice) -> Scores:
    """The lattice's packed scores, with their columns in the order that its transitions prefer."""
    order = None if lattice.transitions is None else lattice.transitions.order
    return lattice.unary if order is None else lattice.unary.take(order, axis=1)


def _sweep_both_ways(lattice: Lattice, unary: Scores, transitions: Transitions, product: Product) -> List[_Sweep]:
    """Pass over the steps in both directions: of few tags side by side, which saves calls, and of many one after the
    other, which saves memory."""
    mirrored = take(unary, lattice.packing.mirror)
    ways = (transitions, transitions.reverse)
    if isinstance(transitions, DenseTransitions):
        return _sweep(lattice, np.stack((unary, mirrored)), ways, product)
    return [_sweep(lattice, scores[None], (way,), product)[0] for scores, way in zip((unary, mirrored), ways)]


def _sweep(
    lattice: Lattice, scores: Scores, transitions: Sequence[Transitions], product: Product = np.matmul
) -> List[_Sweep]:
    """Pass over the steps from the first token to the last, of all sequences and directions at once.

    scores (array): (n_directions, n_tokens, n_tags) packed scores of each direction.
    transitions (Sequence[Transitions]): Those of each direction.
    product (Callable): What multiplies matrices, as in `Transitions.sums`.
    RETURNS (List[_Sweep]): What is found in each direction.
    """
    n_directions, n_tokens, n_tags = scores.shape
    arrivals = np.zeros_like(scores)
    prefixes = np.empty_like(scores)
    # Exponentials of the latest prefixes: few enough to stay in the processor's cache.
    weights = np.empty((n_directions, lattice.packing.firsts.shape[0], n_tags), dtype=scores.dtype)
    peaks = np.empty((n_directions, n_tokens, 1), dtype=scores.dtype)
    limit = _exact_above(scores)
    add_up = (
        partial(transitions[0].sums, product=product) if n_directions == 1 else add_side_by_side(transitions, product)
    )
    at = before = 0
    # The logarithm of a forbidden tag's sum is minus infinity, as it should be.
    with np.errstate(divide="ignore", invalid="ignore"):
        for size in lattice.packing.batch_sizes.tolist():
            rows = slice(at, at + size)
            here = arrivals[:, rows]
            if at:
                preceding = slice(before, before + size)
                add_up(weights[:, :size], here)
                low = here.min() < limit
                inexact = here < limit if low else None
                np.log(here, out=here)
                if inexact is not None:
                    inexact &= scores[:, rows] > -np.inf
                    for direction, along in enumerate(transitions):
                        _sum_as_logs(here[direction], inexact[direction], prefixes[direction, preceding], along)
            prefix = np.add(here, scores[:, rows], out=prefixes[:, rows])
            prefix -= np.amax(prefix, axis=2, keepdims=True, out=peaks[:, rows])
            np.exp(prefix, out=weights[:, :size])
            before, at = at, at + size
    if (peaks == -np.inf).any():
        raise no_path(lattice)
    return [_Sweep(*each) for each in zip(arrivals, prefixes, peaks[:, :, 0])]


def _exact_above(array: Scores) -> float:
    """Above this, what a sum of products of numbers up to 1 lost to underflow is less than its rounding error."""
    kind = np.finfo(array.dtype)
    return float(array.shape[-1] * kind.tiny / kind.eps)


def _sum_as_logs(arrivals: Scores, inexact: NDArray[np.bool_], prefixes: Scores, transitions: Transitions) -> None:
    """Replace the sums that underflow has spoilt, if a path leads there at all.

    arrivals (array): (size, n_tags) log-sums to correct, in place.
    inexact (array): (size, n_tags) bool, which of them to look at.
    prefixes (array): (size, n_tags) log-sums of the tags before.
    transitions (Transitions): What leads from these tags to those.
    """
    if not inexact.any():
        return
    rows, tags = np.nonzero(inexact & transitions.leads(prefixes > -np.inf))
    if not rows.size:
        return
    for which, _, terms in transitions.arrivals(prefixes[rows], tags):
        terms = terms - transitions.shift
        peaks = terms.max(axis=1)
        arrivals[rows[which], tags[which]] = peaks + np.log(np.exp(terms - peaks[:, None]).sum(axis=1))


def _expected_transitions(posterior: Posterior, transitions: Transitions, times: Optional[Scores]) -> Scores:
    """(n_tags, n_tags) expected number of times that column follows row, each token counted so many `times`, (n_tokens,
    1).

    The probability of a pair is that of its second tag, times that of the first given the second: the latter's share in
    the second's arrival. Summed over all tokens, this is one matrix product.
    """
    packing = posterior.lattice.packing
    inner = slice(packing.firsts.shape[0], None)
    shares = posterior.departures[inner]
    arrivals = posterior.arrivals[inner]
    # Likely tags with tiny arrivals: their products would overflow, and the arrivals were not summed as products.
    large = shares > -np.log(_exact_above(shares))
    apart = bool(large.any())
    after = np.exp(np.where(large, shares.dtype.type(-np.inf), shares)) if apart else np.exp(shares)
    before = take(posterior.prefixes, packing.previous)
    if times is not None:
        with np.errstate(divide="ignore"):
            before += np.log(times[inner])
    expected = transitions.pair_sums(np.exp(before), after)
    if apart:
        rows, tags = np.nonzero(large & (arrivals > -np.inf) & (posterior.packed_marginals[inner] > 0))
        for which, sources, terms in transitions.arrivals(before[rows], tags):
            second = tags[which][:, None]
            counts = np.exp(terms - transitions.shift + shares[rows[which]][np.arange(which.shape[0])[:, None], second])
            pairs = (
                (sources, second)
                if transitions.order is None
                else (transitions.order[sources], transitions.order[second])
            )
            np.add.at(expected, pairs, counts)
    return expected
