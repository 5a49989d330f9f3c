"""The negative log-likelihood of gold tags under a lattice, and its gradient: expected minus seen (Lafferty et al. 2001).

Gold may be partial: with a set of allowed tags per token, the likelihood is the sum over the paths that keep to the sets
(Tsuboi et al. 2008, https://aclanthology.org/C08-1113; Täckström et al. 2013, https://aclanthology.org/Q13-1001). For a
lattice of independent tags this is softmax cross-entropy, which leaves missing tokens out.
"""

from typing import Any, NamedTuple, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import Packing, take
from .forward_backward import Counts, expected_counts, forward_backward
from .lattice import Lattice, array_module, path_scores, reconcile, restrict, select, to_numpy

MISSING = -1
"""Tag index of a token whose gold tag is unknown."""


class CRFLoss(NamedTuple):
    """A loss and its gradient, both summed over the batch.

    loss: In nats.
    emissions: (n_tokens, n_tags) gradient of the concatenated sequences' scores.
    transitions: (n_tags, n_tags) gradient of the transition scores, exactly zero where forbidden; None if the lattice has
        none.
    start: (n_tags,) gradient of the start scores.
    end: (n_tags,) gradient of the end scores.
    """

    loss: float
    emissions: Any
    transitions: Optional[Any]
    start: Any
    end: Any


def crf_loss(lattice: Lattice, gold: Any) -> CRFLoss:
    """The log-probability of the gold tags, negated.

    A token with no gold tag, `MISSING` or a row of the mask that is all True or all False, may have any tag. So may a
    token whose gold tag breaks the constraints, in the sense of `reconcile`: read from the left, the first that cannot
    follow. A sequence that has nothing but such tokens adds exactly zero to the loss and to the gradient.

    lattice (Lattice): The lattice.
    gold (array): (n_tokens,) tag indices of the concatenated sequences, or (n_tokens, n_tags) bool, the set of tags of
        which one is right.
    RETURNS (CRFLoss): The loss and its gradient.
    RAISES (ValueError): If the gold tags do not fit the lattice, or some annotated sequence has no legal path.
    """
    xp = array_module(lattice.unary)
    packing = lattice.packing
    tags, sets = _read_gold(lattice, xp.asarray(gold))
    scores = to_numpy(path_scores(lattice, xp.maximum(tags, 0)))
    complete = _without_missing(packing, tags) & (scores != -np.inf)
    partial, compatible = _compatible(lattice, tags, sets, ~complete)
    annotated = complete | partial
    if not annotated.any():
        return no_loss(lattice)
    posterior = forward_backward(select(lattice, annotated))
    losses = xp.zeros((lattice.n_seqs,), dtype="float64")
    losses[xp.asarray(annotated)] = posterior.log_z
    losses[xp.asarray(complete)] -= xp.asarray(scores[complete])
    gradient = _spread(lattice, annotated, expected_counts(posterior))
    if complete.any():
        _subtract_path(lattice, gradient, complete, take(tags, packing.to_packed))
    if partial.any():
        numerator = forward_backward(compatible)
        losses[xp.asarray(partial)] -= numerator.log_z
        rows = xp.asarray(np.flatnonzero(partial[packing.seqs]))
        _subtract(gradient, rows, expected_counts(numerator))
    # No likelihood exceeds 1; rounding may say otherwise.
    loss = float(xp.maximum(losses, 0.0).sum())
    return CRFLoss(loss, take(gradient.tokens, packing.from_packed), *gradient[1:])


def compatible_lattice(lattice: Lattice, gold: Any) -> Tuple[NDArray[np.bool_], Lattice]:
    """What gold tags leave possible.

    lattice (Lattice): The lattice.
    gold (array): Gold tags, as `crf_loss` takes them.
    RETURNS (Tuple[array, Lattice]): (n_seqs,) bool, the sequences that are annotated at all; the lattice of their paths that
        agree with the gold.
    """
    tags, sets = _read_gold(lattice, array_module(lattice.unary).asarray(gold))
    return _compatible(lattice, tags, sets, np.ones((lattice.n_seqs,), dtype=bool))


def _read_gold(lattice: Lattice, gold: Any) -> Tuple[Any, Optional[Any]]:
    """Gold as tag indices, `MISSING` where a token has not exactly one; and as sets, if it came as sets."""
    xp = array_module(gold)
    n_tokens, n_tags = lattice.unary.shape
    if gold.dtype == bool and gold.shape == (n_tokens, n_tags):
        tags = xp.where(gold.sum(axis=1) == 1, gold.argmax(axis=1), MISSING)
        return tags, gold
    if gold.shape != (n_tokens,) or (n_tokens and not MISSING <= int(gold.min()) <= int(gold.max()) < n_tags):
        raise ValueError(
            f"Gold tags should be {n_tokens} indices from {MISSING} (missing) to {n_tags - 1}, or a mask of the shape "
            f"{(n_tokens, n_tags)}."
        )
    return gold, None


def _without_missing(packing: Packing, tags: Any) -> NDArray[np.bool_]:
    """(n_seqs,) whether a sequence has tokens, and a gold tag for each."""
    complete = packing.lengths > 0
    complete[packing.seqs[to_numpy(tags == MISSING)[packing.to_packed]]] = False
    return complete


def _compatible(
    lattice: Lattice, tags: Any, sets: Optional[Any], candidates: NDArray[np.bool_]
) -> Tuple[NDArray[np.bool_], Lattice]:
    """Which of the candidate sequences are annotated at all, and the lattice of the paths that agree with their gold."""
    packing = lattice.packing
    partial = candidates & (packing.lengths > 0)
    if not partial.any():
        return partial, lattice
    part = select(lattice, partial)
    rows = packing.to_packed[partial[packing.seqs]]
    allowed = reconcile(part, _one_hot_or_any(take(tags, rows), lattice.n_tags) if sets is None else take(sets, rows))
    # A set that excludes only what is impossible anyway says nothing.
    telling = to_numpy((~allowed & (part.unary > -np.inf)).any(axis=1))
    annotated = np.zeros((part.n_seqs,), dtype=bool)
    annotated[part.packing.seqs[telling]] = True
    partial[partial] = annotated
    kept = np.flatnonzero(annotated[part.packing.seqs])
    return partial, restrict(select(part, annotated), take(allowed, kept))


def _one_hot_or_any(tags: Any, n_tags: int) -> Any:
    xp = array_module(tags)
    return (tags[:, None] == xp.arange(n_tags)) | (tags == MISSING)[:, None]


def no_loss(lattice: Lattice) -> CRFLoss:
    """RETURNS (CRFLoss): Zeros of the right shapes."""
    xp = array_module(lattice.unary)
    edge = xp.zeros((lattice.n_tags,), dtype=lattice.unary.dtype)
    transitions = None if lattice.transitions is None else xp.zeros_like(lattice.transitions)
    return CRFLoss(0.0, xp.zeros_like(lattice.unary), transitions, edge, edge.copy())


def _spread(lattice: Lattice, keep: NDArray[np.bool_], counts: Counts) -> Counts:
    """Counts over some of the sequences as counts over all, with zeros for the tokens of the others."""
    if keep.all():
        return counts
    xp = array_module(counts.tokens)
    tokens = xp.zeros_like(lattice.unary)
    tokens[xp.asarray(np.flatnonzero(keep[lattice.packing.seqs]))] = counts.tokens
    return counts._replace(tokens=tokens)


def _subtract(counts: Counts, rows: Any, others: Counts) -> None:
    """Take counts over some token rows from others, in place."""
    counts.tokens[rows] -= others.tokens
    for array, other in zip(counts[1:], others[1:]):
        if array is not None:
            array -= other


def _subtract_path(lattice: Lattice, counts: Counts, complete: NDArray[np.bool_], tags: Any) -> None:
    """Take what the gold paths of the complete sequences use from counts, in place. The tags are packed."""
    xp = array_module(tags)
    packing, n_tags = lattice.packing, lattice.n_tags
    inside = complete[packing.seqs]
    rows = xp.asarray(np.flatnonzero(inside))
    counts.tokens[rows, tags[rows]] -= 1.0
    n_running = packing.firsts.shape[0]
    after = inside[n_running:]
    pairs = tags[xp.asarray(packing.previous[after])] * n_tags + tags[n_running:][xp.asarray(after)]
    for array, used in (
        (counts.transitions, pairs),
        (counts.start, tags[xp.asarray(packing.firsts[inside[packing.firsts]])]),
        (counts.end, tags[xp.asarray(packing.lasts[inside[packing.lasts]])]),
    ):
        if array is not None:
            array -= xp.bincount(used, minlength=array.size).reshape(array.shape)
