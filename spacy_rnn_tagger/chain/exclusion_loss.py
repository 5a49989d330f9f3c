"""The negative log-likelihood of what must not be: segments of tags that a path must not have.

A segment is excluded by minus the logarithm of 1 - P, P being its probability over all paths. The paths without it are
those that keep to its tags up to some token and leave them there, one disjoint set of paths per token of the segment.
So the loss is log Z - log(Z_1 + ... + Z_n), where Z sums over all paths and Z_j over those that leave at token j, and
its gradient is expected minus expected, as for gold that is partial (see `crf_loss`). No 1 - P is ever computed, so a
certain segment still has an exact gradient.
"""

from typing import NamedTuple, Tuple

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import take
from .forward_backward import expected_counts, forward_backward
from .lattice import Lattice, gather, reconcile, restrict, select
from .loss_result import PathLoss, no_loss

Excluded = Tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]
"""Segments that a path must not have: the arguments of `exclusion_loss` after the lattice."""


def exclusion_loss(
    lattice: Lattice,
    seqs: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    tags: NDArray[np.bool_],
) -> PathLoss:
    """Minus the log-probability that a path does not have a segment, summed over the segments.

    A segment that all legal paths have adds nothing: no gradient can lead away from it. Costs a forward-backward pass
    over the sequence for each token of a segment.

    lattice (Lattice): The lattice.
    seqs (array): (n_segments,) the sequence of each segment.
    starts (array): (n_segments,) its first token.
    ends (array): (n_segments,) the token after its last.
    tags (array): (sum of the segments' lengths, n_tags) bool. A path has the segment if each of the tokens has one of
        its tags.
    RETURNS (PathLoss): The loss and its gradient.
    """
    copies = _deviations(lattice, seqs, starts, ends, tags)
    if not copies.owners.size:
        return no_loss(lattice)
    without = forward_backward(copies.lattice)
    # The sequences themselves, as often as they have a segment that can be avoided.
    avoidable = np.unique(copies.owners)
    times = np.bincount(seqs[avoidable], minlength=lattice.n_seqs).astype("float64")
    every = forward_backward(select(lattice, times > 0))
    log_z = np.zeros((lattice.n_seqs,))
    log_z[times > 0] = every.log_z
    log_without = np.full(seqs.shape, -np.inf)
    np.logaddexp.at(log_without, copies.owners, without.log_z)
    shares = np.exp(without.log_z - log_without[copies.owners])
    losses = log_z[seqs[avoidable]] - log_without[avoidable]

    counts = expected_counts(every, times[times > 0])
    others = expected_counts(without, shares)
    tokens = np.zeros_like(lattice.unary)
    tokens[(times > 0)[lattice.packing.seqs]] = counts.tokens
    np.subtract.at(tokens, copies.rows, others.tokens)
    if counts.transitions is not None and others.transitions is not None:
        counts.transitions[...] -= others.transitions
    # No probability exceeds 1; rounding may say otherwise.
    loss = float(np.maximum(losses, 0.0).sum())
    return PathLoss(
        loss,
        take(tokens, lattice.packing.from_packed),
        counts.transitions,
        counts.start - others.start,
        counts.end - others.end,
    )


class _Deviations(NamedTuple):
    """The ways to avoid segments, as restricted copies of their sequences.

    lattice: The copies.
    owners: (n_copies,) the segment of each.
    rows: (n_tokens,) for each packed row of the copies, the packed row of the lattice that it is a copy of.
    """

    lattice: Lattice
    owners: NDArray[np.int64]
    rows: NDArray[np.int64]


def _deviations(
    lattice: Lattice,
    seqs: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    tags: NDArray[np.bool_],
) -> _Deviations:
    """One copy of its sequence per token of a segment, restricted to the paths that have the segment's tags before that
    token, and others there; without the copies that have no legal path."""
    sizes = ends - starts
    owners = np.repeat(np.arange(seqs.shape[0]), sizes)
    depths = _counting(sizes)
    copies, rows = gather(lattice, seqs[owners])
    packing = copies.packing
    # Every token from a segment's first to the one where a copy leaves it.
    n_fixed = depths + 1
    fixed = np.repeat(np.arange(owners.shape[0]), n_fixed)
    steps = _counting(n_fixed)
    offsets = np.cumsum(packing.lengths) - packing.lengths
    sets = tags[(np.cumsum(sizes) - sizes)[owners[fixed]] + steps]
    allowed = np.ones((packing.n_tokens, lattice.n_tags), dtype=bool)
    at = packing.from_packed[offsets[fixed] + starts[owners[fixed]] + steps]
    allowed[at] = sets ^ (steps == depths[fixed])[:, None]
    freed = reconcile(copies, allowed) != allowed
    possible = np.ones((owners.shape[0],), dtype=bool)
    possible[packing.seqs[freed.any(axis=1)]] = False
    kept = np.flatnonzero(possible[packing.seqs])
    remaining = restrict(select(copies, possible), allowed[kept])
    return _Deviations(remaining, owners[possible], rows[kept])


def _counting(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... up to each of some sizes, concatenated."""
    return np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
