"""The negative log-likelihood of gold tags under a lattice, and its gradient: expected minus seen (Lafferty et al.
2001).

Gold may be partial: with a set of allowed tags per token, the likelihood is the sum over the paths that keep to the
sets (Tsuboi et al. 2008, https://aclanthology.org/C08-1113; Täckström et al. 2013, https://aclanthology.org/Q13-1001).
For a lattice of independent tags this is softmax cross-entropy, which leaves missing tokens out.
"""

from typing import Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import Packing, take
from .forward_backward import Counts, expected_counts, forward_backward
from .gold_tags import MISSING, Gold, tag_sets, tags_and_sets
from .lattice import Lattice, reconcile, restrict, score_of_paths, select
from .loss_result import PathLoss, no_loss


def crf_loss(lattice: Lattice, gold: Gold) -> PathLoss:
    """The log-probability of the gold tags, negated.

    A token with no gold tag, `MISSING` or a row of the mask that is all True or all False, may have any tag. So may a
    token whose gold tag breaks the constraints, in the sense of `reconcile`: read from the left, the first that cannot
    follow. A sequence that has nothing but such tokens adds exactly zero to the loss and to the gradient.

    lattice (Lattice): The lattice.
    gold (array): (n_tokens,) tag indices of the concatenated sequences, or (n_tokens, n_tags) bool, the set of tags of
        which one is right.
    RETURNS (PathLoss): The loss and its gradient.
    RAISES (ValueError): If the gold tags do not fit the lattice, or some annotated sequence has no legal path.
    """
    packing = lattice.packing
    tags, sets = tags_and_sets(gold, *lattice.unary.shape)
    scores = score_of_paths(lattice, np.maximum(tags, 0))
    complete = _without_missing(packing, tags) & (scores != -np.inf)
    partial, compatible = _compatible(lattice, tags, sets, ~complete)
    annotated = complete | partial
    if not annotated.any():
        return no_loss(lattice)
    posterior = forward_backward(select(lattice, annotated))
    losses = np.zeros((lattice.n_seqs,), dtype="float64")
    losses[annotated] = posterior.log_z
    losses[complete] -= scores[complete]
    gradient = _spread(lattice, annotated, expected_counts(posterior))
    if complete.any():
        _subtract_path(lattice, gradient, complete, take(tags, packing.to_packed))
    if partial.any():
        numerator = forward_backward(compatible)
        losses[partial] -= numerator.log_z
        rows = np.flatnonzero(partial[packing.seqs])
        _subtract(gradient, rows, expected_counts(numerator))
    # No likelihood exceeds 1; rounding may say otherwise.
    loss = float(np.maximum(losses, 0.0).sum())
    return PathLoss(loss, take(gradient.tokens, packing.from_packed), *gradient[1:])


def compatible_lattice(lattice: Lattice, gold: Gold) -> Tuple[NDArray[np.bool_], Lattice]:
    """What gold tags leave possible.

    lattice (Lattice): The lattice.
    gold (array): Gold tags, as `crf_loss` takes them.
    RETURNS (Tuple[array, Lattice]): (n_seqs,) bool, the sequences that are annotated at all; the lattice of their paths
        that agree with the gold.
    """
    tags, sets = tags_and_sets(gold, *lattice.unary.shape)
    return _compatible(lattice, tags, sets, np.ones((lattice.n_seqs,), dtype=bool))


def _without_missing(packing: Packing, tags: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n_seqs,) whether a sequence has tokens, and a gold tag for each."""
    complete = packing.lengths > 0
    complete[packing.seqs[(tags == MISSING)[packing.to_packed]]] = False
    return complete


def _compatible(
    lattice: Lattice,
    tags: NDArray[np.int64],
    sets: Optional[NDArray[np.bool_]],
    candidates: NDArray[np.bool_],
) -> Tuple[NDArray[np.bool_], Lattice]:
    """Which of the candidate sequences are annotated at all, and the lattice of the paths that agree with their
    gold."""
    packing = lattice.packing
    partial = candidates & (packing.lengths > 0)
    if not partial.any():
        return partial, lattice
    part = select(lattice, partial)
    rows = packing.to_packed[partial[packing.seqs]]
    allowed = reconcile(part, tag_sets(take(tags, rows), lattice.n_tags) if sets is None else take(sets, rows))
    # A set that excludes only what is impossible anyway says nothing.
    telling = (~allowed & (part.unary > -np.inf)).any(axis=1)
    annotated = np.zeros((part.n_seqs,), dtype=bool)
    annotated[part.packing.seqs[telling]] = True
    partial[partial] = annotated
    kept = np.flatnonzero(annotated[part.packing.seqs])
    return partial, restrict(select(part, annotated), take(allowed, kept))


def _spread(lattice: Lattice, keep: NDArray[np.bool_], counts: Counts) -> Counts:
    """Counts over some of the sequences as counts over all, with zeros for the tokens of the others."""
    if keep.all():
        return counts
    tokens = np.zeros_like(lattice.unary)
    tokens[np.flatnonzero(keep[lattice.packing.seqs])] = counts.tokens
    return counts._replace(tokens=tokens)


def _subtract(counts: Counts, rows: NDArray[np.int64], others: Counts) -> None:
    """Take counts over some token rows from others, in place."""
    counts.tokens[rows] -= others.tokens
    counts.start[:] -= others.start
    counts.end[:] -= others.end
    if counts.transitions is not None and others.transitions is not None:
        counts.transitions[:] -= others.transitions


def _subtract_path(lattice: Lattice, counts: Counts, complete: NDArray[np.bool_], tags: NDArray[np.int64]) -> None:
    """Take what the gold paths of the complete sequences use from counts, in place. The tags are packed."""
    packing = lattice.packing
    inside = complete[packing.seqs]
    rows = np.flatnonzero(inside)
    counts.tokens[rows, tags[rows]] -= 1.0
    if counts.transitions is not None and lattice.transitions is not None:
        n_running = packing.firsts.shape[0]
        after = inside[n_running:]
        lattice.transitions.subtract_pairs(counts.transitions, tags[packing.previous[after]], tags[n_running:][after])
    for array, edges in ((counts.start, packing.firsts), (counts.end, packing.lasts)):
        array -= np.bincount(tags[edges[inside[edges]]], minlength=array.size)
