"""A linear chain of tag scores over a batch of sequences: what a CRF (Lafferty et al. 2001) normalises and decodes.

A path's score is the sum of its tags' emission scores, of the transition scores between neighbours, and of the start
and end scores of its outermost tags. What is forbidden scores minus infinity, in the normaliser as in decoding. Without
transition scores and constraints the tags are independent, which is softmax tagging: one lattice serves both decoders.

Rows of tokens are packed (see `packing`) inside a lattice; every function takes and gives them in the caller's order,
the sequences one after another.
"""

from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import Lengths, Packing, make_packing, take
from .block_transitions import make_block_transitions
from .constraints import Constraints
from .dense_transitions import DenseTransitions
from .transitions import Scores, Transitions

NEVER = np.float32(-1e9)
"""Emission score of what should not be chosen: finite, so that sums of it stay ordered and no NaN can arise."""

BLOCKS_FROM = 250
"""Number of tags from which the structure of constraints pays: with fewer, one matrix product costs less than several
steps."""


@dataclass(frozen=True)
class Lattice:
    """The scores of all paths of a batch, with what is forbidden at minus infinity.

    packing: Layout of the batch.
    unary: (n_tokens, n_tags) packed emission scores, start and end scores included.
    transitions: Scores of going from tag to tag; None if the tags are independent.
    """

    packing: Packing
    unary: Scores
    transitions: Optional[Transitions]

    @property
    def n_tags(self) -> int:
        return int(self.unary.shape[1])

    @property
    def n_seqs(self) -> int:
        return int(self.packing.lengths.shape[0])


def make_lattice(
    emissions: Scores,
    lengths: Lengths,
    *,
    transitions: Optional[Scores] = None,
    start: Optional[Scores] = None,
    end: Optional[Scores] = None,
    constraints: Optional[Constraints] = None,
    allowed: Optional[NDArray[np.bool_]] = None,
) -> Lattice:
    """Bring the scores of a batch together. Float64 emissions make a float64 lattice, all others a float32 one.

    emissions (array): (n_tokens, n_tags) scores of the concatenated sequences; not changed.
    lengths (Sequence[int]): Tokens per sequence; zeros are allowed. An empty sequence has one path, of score 0.
    transitions (Optional[array]): (n_tags, n_tags) score of column after row.
    start (Optional[array]): (n_tags,) score of beginning a sequence.
    end (Optional[array]): (n_tags,) score of ending one.
    constraints (Optional[Constraints]): The legal paths; all if None.
    allowed (Optional[array]): (n_tokens, n_tags) bool, the tags that each token may have. Where no legal path keeps to
        it, it gives way as described in `reconcile`.
    RETURNS (Lattice): The lattice.
    RAISES (ValueError): If the shapes do not fit.
    """
    packing = make_packing(lengths)
    dtype = "float64" if emissions.dtype == np.float64 else "float32"
    _check_shapes(packing, emissions, transitions, start, end, allowed)
    unary = take(emissions.astype(dtype, copy=False), packing.to_packed)
    for rows, scores, legal in (
        (packing.firsts, start, None if constraints is None else constraints.start),
        (packing.lasts, end, None if constraints is None else constraints.end),
    ):
        if scores is not None:
            unary[rows] += scores.astype(dtype, copy=False)
        if legal is not None and not legal.all():
            unary[rows] = np.where(legal, unary[rows], -np.inf)
    lattice = Lattice(packing, unary, _make_transitions(transitions, constraints, emissions.shape[1], dtype))
    if allowed is not None:
        unary[~reconcile(lattice, take(allowed, packing.to_packed))] = -np.inf
    return lattice


def _make_transitions(
    scores: Optional[Scores], constraints: Optional[Constraints], n_tags: int, dtype: str
) -> Optional[Transitions]:
    """Transitions in the form that costs least: none for independent tags, blocks for many tags that fall into them."""
    scores = None if scores is None else scores.astype(dtype, copy=False)
    if constraints is None or not constraints.bind_pairs:
        return None if scores is None else DenseTransitions(scores)
    if n_tags >= BLOCKS_FROM and constraints.structure is not None:
        return make_block_transitions(n_tags, constraints.structure, scores, dtype)
    legal = np.zeros((n_tags, n_tags), dtype=dtype) if scores is None else scores
    return DenseTransitions(np.where(constraints.follows, legal, legal.dtype.type(-np.inf)), scores is not None)


def check_scores(*arrays: Scores) -> None:
    """Refuse scores that no path can be chosen by.

    arrays (array): Scores of any kind.
    RAISES (ValueError): If one is NaN or plus infinity.
    """
    # NaN is less than nothing.
    if not all(array.max() < np.inf for array in arrays if array.size):
        raise ValueError(
            "The model's scores contain NaN or infinity: its weights are damaged or its training diverged (try a "
            "lower learn rate)."
        )


def select(lattice: Lattice, keep: NDArray[np.bool_]) -> Lattice:
    """The lattice of some of the sequences.

    keep (array): (n_seqs,) bool, the sequences to keep.
    RETURNS (Lattice): Their lattice; the very same if all are kept.
    """
    packing = lattice.packing
    if keep.all():
        return lattice
    # Packing sorts stably, so the kept rows are in the order of their own packing already.
    rows = np.flatnonzero(keep[packing.seqs])
    return Lattice(make_packing(packing.lengths[keep]), take(lattice.unary, rows), lattice.transitions)


def gather(lattice: Lattice, seqs: NDArray[np.int64]) -> Tuple[Lattice, NDArray[np.int64]]:
    """The lattice of some of the sequences, each as often as it is named.

    seqs (array): (n,) indices of sequences, in any order.
    RETURNS (Tuple[Lattice, array]): Their lattice; and for each of its packed rows, the packed row that it is a copy
        of.
    """
    lengths = lattice.packing.lengths
    packing = make_packing(lengths[seqs])
    within = np.arange(packing.n_tokens) - np.repeat(np.cumsum(packing.lengths) - packing.lengths, packing.lengths)
    sources = np.repeat((np.cumsum(lengths) - lengths)[seqs], packing.lengths) + within
    rows = lattice.packing.from_packed[sources][packing.to_packed]
    return Lattice(packing, take(lattice.unary, rows), lattice.transitions), rows


def restrict(lattice: Lattice, allowed: NDArray[np.bool_]) -> Lattice:
    """The lattice of the paths that keep to given tags, which must already be reconciled with it.

    allowed (array): (n_tokens, n_tags) bool, packed.
    RETURNS (Lattice): A lattice with the other tags forbidden.
    """
    unary = np.where(allowed, lattice.unary, lattice.unary.dtype.type(-np.inf))
    return Lattice(lattice.packing, unary, lattice.transitions)


def reconcile(lattice: Lattice, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Make sets of allowed tags agree with the constraints.

    Sequences are read from left to right. A token none of whose allowed tags can follow what came before it (or, for
    the last token, end the sequence) is freed: it may have any tag that the lattice permits. A sequence that leads into
    a dead end even so is freed as a whole.

    allowed (array): (n_tokens, n_tags) bool, packed; not changed.
    RETURNS (array): (n_tokens, n_tags) bool, packed: the allowed tags, all of a freed token's.
    """
    packing = lattice.packing
    allowed = allowed.copy()
    restricted = np.zeros((lattice.n_seqs,), dtype=bool)
    restricted[packing.seqs[~allowed.all(axis=1)]] = True
    if not restricted.any():
        return allowed
    rows = np.flatnonzero(restricted[packing.seqs])
    part = select(lattice, restricted)
    possible = part.unary > -np.inf
    narrowed = allowed[rows]
    if part.transitions is None:
        freed = ~(narrowed & possible).any(axis=1)
    else:
        freed = _find_freed(part.packing, part.transitions, narrowed, possible)
    narrowed[freed] = True
    allowed[rows] = narrowed
    return allowed


def _find_freed(
    packing: Packing, transitions: Transitions, allowed: NDArray[np.bool_], possible: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(n_tokens,) bool, packed: the tokens that `reconcile` frees."""
    freed = np.zeros((packing.n_tokens,), dtype=bool)
    dead = np.zeros((packing.firsts.shape[0],), dtype=bool)
    reached = allowed[:0]
    at = 0
    for size in packing.batch_sizes.tolist():
        rows = slice(at, at + size)
        candidates = possible[rows]
        if at:
            candidates = candidates & transitions.leads(reached[:size])
        reached = candidates & allowed[rows]
        freed[rows] = ~reached.any(axis=1)
        reached[freed[rows]] = candidates[freed[rows]]
        dead[:size] |= ~reached.any(axis=1)
        at += size
    return freed | dead[packing.ranks]


def score_of_paths(lattice: Lattice, path: NDArray[np.int64]) -> NDArray[np.float64]:
    """The scores of one path per sequence.

    path (array): (n_tokens,) tag indices of the concatenated sequences.
    RETURNS (array): (n_seqs,) scores; minus infinity where a path is forbidden.
    """
    packing = lattice.packing
    tags = path[packing.to_packed]
    scores = lattice.unary[np.arange(packing.n_tokens), tags]
    if lattice.transitions is not None:
        inner = slice(packing.firsts.shape[0], None)
        scores[inner] += lattice.transitions.between(tags[packing.previous], tags[inner])
    return sum_by_sequence(packing, scores)


def sum_by_sequence(packing: Packing, values: Scores) -> NDArray[np.float64]:
    """Add up one number per packed row, in double precision, since a sequence may be very long.

    values (array): (n_tokens,) packed numbers.
    RETURNS (array): (n_seqs,) float64 sums.
    """
    sums = np.bincount(packing.seqs, weights=values.astype("float64"), minlength=packing.lengths.shape[0])
    return sums.astype("float64", copy=False)


def no_path(lattice: Lattice) -> ValueError:
    """RETURNS (ValueError): What to raise when some sequence has no legal path."""
    lengths = sorted({int(n) for n in lattice.packing.lengths})
    return ValueError(
        f"No path is legal: the constraints, or emission scores of minus infinity, rule out every sequence of tags for "
        f"some sequence of the batch, whose lengths are {lengths[:20]}. Check which tags may start, end and follow."
    )


def _check_shapes(
    packing: Packing,
    emissions: Scores,
    transitions: Optional[Scores],
    start: Optional[Scores],
    end: Optional[Scores],
    allowed: Optional[NDArray[np.bool_]],
) -> None:
    n_tags = emissions.shape[1]
    given: Tuple[Tuple[str, Optional[NDArray], Tuple[int, ...]], ...] = (
        ("emissions", emissions, (packing.n_tokens, n_tags)),
        ("transitions", transitions, (n_tags, n_tags)),
        ("start", start, (n_tags,)),
        ("end", end, (n_tags,)),
        ("allowed", allowed, (packing.n_tokens, n_tags)),
    )
    for name, array, shape in given:
        if array is not None and array.shape != shape:
            raise ValueError(f"Lattice: {name} should have the shape {shape}, but it has {tuple(array.shape)}.")
