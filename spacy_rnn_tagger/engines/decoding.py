"""The best legal path through a lattice of tag scores (Viterbi 1967)."""

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

from .packing import Lengths, make_packing

NEVER = np.float32(-1e9)
"""Score of what is forbidden: finite, so that sums of it stay ordered and no NaN can arise."""


@dataclass(frozen=True)
class Constraints:
    """Which paths are legal, by tag index.

    start: (n_tags,) bool, tags that may begin a sequence.
    end: (n_tags,) bool, tags that may end one.
    follows: (n_tags, n_tags) bool, whether column may follow row.
    """

    start: NDArray[np.bool_]
    end: NDArray[np.bool_]
    follows: NDArray[np.bool_]


def decode(scores: Any, lengths: Lengths, constraints: Optional[Constraints] = None) -> NDArray[np.int64]:
    """Find the best-scoring legal path of every sequence.

    scores (array): (n_tokens, n_tags) scores of the concatenated sequences; `NEVER` forbids a tag at a token.
    lengths (Sequence[int]): Tokens per sequence.
    constraints (Optional[Constraints]): The legal paths; all if None.
    RETURNS (array): (n_tokens,) tag indices, concatenated.
    RAISES (ValueError): If a score is NaN.
    """
    if np.isnan(scores).any():
        raise ValueError(
            "The model's scores contain NaN: its weights are damaged or its training diverged (try a lower learn rate)."
        )
    best = scores.argmax(axis=1) if scores.shape[0] else np.zeros((0,), dtype=np.int64)
    if constraints is None or not best.size:
        return best
    # Without transition scores, a sequence whose best tags happen to be legal is decoded already.
    sizes = np.asarray(lengths, dtype=np.int64)
    sizes = sizes[sizes > 0]
    ends = np.cumsum(sizes)
    starts = ends - sizes
    legal = np.ones(best.shape, dtype=bool)
    legal[1:] = constraints.follows[best[:-1], best[1:]]
    legal[starts] = constraints.start[best[starts]]
    legal[ends - 1] &= constraints.end[best[ends - 1]]
    redo = ~np.logical_and.reduceat(legal, starts)
    if redo.any():
        rows = np.flatnonzero(np.repeat(redo, sizes))
        best[rows] = viterbi(scores[rows], sizes[redo], constraints)
    return best


def viterbi(
    scores: Any,
    lengths: Lengths,
    constraints: Constraints,
) -> NDArray[np.int64]:
    """`decode` by dynamic programming over all sequences at once, one step after another."""
    packing = make_packing(lengths)
    packed = scores[packing.to_packed].astype("float32")
    transitions = np.where(constraints.follows, np.float32(0), NEVER)
    start = np.where(constraints.start, np.float32(0), NEVER)
    end = np.where(constraints.end, np.float32(0), NEVER)
    n_tags = packed.shape[1]
    pointers = np.zeros((packing.n_tokens, n_tags), dtype=np.int32)
    sizes = packing.batch_sizes.tolist()
    path = np.zeros((packing.n_tokens,), dtype=np.int64)
    last = np.zeros((sizes[0] if sizes else 0, n_tags), dtype="float32")
    at = 0
    for step, size in enumerate(sizes):
        if step == 0:
            last[:] = start + packed[:size]
        else:
            candidates = last[:size, :, None] + transitions  # (size, from, to)
            pointers[at : at + size] = candidates.argmax(axis=1)
            last[:size] = candidates.max(axis=1) + packed[at : at + size]
            # Keep long sequences within float32's exact range: only differences matter.
            last[:size] -= last[:size].max(axis=1, keepdims=True)
        at += size
    # Rows of `last` stop changing when their sequence ends, so each now holds its own final scores.
    tags = (last + end).argmax(axis=1)
    for step in range(len(sizes) - 1, -1, -1):
        size = sizes[step]
        at -= size
        path[at : at + size] = tags[:size]
        if step:
            tags[:size] = pointers[np.arange(at, at + size), tags[:size]]
    return path[packing.from_packed]
