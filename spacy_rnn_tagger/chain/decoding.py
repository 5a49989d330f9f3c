"""The best legal paths through a lattice of tag scores (Viterbi 1967; k-best as in Huang & Chiang 2005)."""

from typing import Any, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import Lengths
from .forward_backward import log_partition
from .lattice import NEVER, Constraints, Lattice, array_module, make_lattice, no_path, temper, to_numpy

__all__ = ["NEVER", "Constraints", "best_paths", "decode", "kbest", "viterbi"]

# Candidates that one step weighs at a time: few enough to stay in the processor's cache.
BLOCK = 2**18

Path = NDArray[np.int64]


def decode(
    scores: Any,
    lengths: Lengths,
    constraints: Optional[Constraints] = None,
    *,
    transitions: Optional[Any] = None,
    start: Optional[Any] = None,
    end: Optional[Any] = None,
    allowed: Optional[Any] = None,
) -> Path:
    """Find the best-scoring legal path of every sequence.

    scores (array): (n_tokens, n_tags) scores of the concatenated sequences; `NEVER` bans a tag from a token.
    lengths (Sequence[int]): Tokens per sequence.
    constraints (Optional[Constraints]): The legal paths; all if None.
    transitions (Optional[array]): (n_tags, n_tags) score of column after row.
    start (Optional[array]): (n_tags,) score of beginning a sequence.
    end (Optional[array]): (n_tags,) score of ending one.
    allowed (Optional[array]): (n_tokens, n_tags) bool, the tags that each token may have, as `make_lattice` takes them.
    RETURNS (array): (n_tokens,) tag indices, concatenated.
    RAISES (ValueError): If some sequence has no legal path.
    """
    if transitions is not None or start is not None or end is not None:
        return viterbi(scores, lengths, constraints, transitions=transitions, start=start, end=end, allowed=allowed)
    masked = scores if allowed is None else np.where(allowed, scores, -np.inf)
    best = masked.argmax(axis=1) if scores.shape[0] else np.zeros((0,), dtype=np.int64)
    possible = masked[np.arange(best.shape[0]), best] > -np.inf
    if not best.size or (constraints is None and possible.all()):
        return best
    # Without transition scores, a sequence whose best tags happen to be legal is decoded already.
    sizes = np.asarray(lengths, dtype=np.int64)
    sizes = sizes[sizes > 0]
    redo = ~_is_legal(best, possible, sizes, constraints)
    if redo.any():
        rows = np.flatnonzero(np.repeat(redo, sizes))
        part = None if allowed is None else allowed[rows]
        best[rows] = viterbi(scores[rows], sizes[redo], constraints, allowed=part)
    return best


def viterbi(scores: Any, lengths: Lengths, constraints: Optional[Constraints] = None, **others: Optional[Any]) -> Path:
    """`decode` without its shortcut, by dynamic programming alone.

    others (Optional[array]): `transitions`, `start`, `end` and `allowed`.
    """
    path: Path = to_numpy(best_paths(make_lattice(scores, lengths, constraints=constraints, **others))[0][0])
    return path


def best_paths(lattice: Lattice, k: int = 1) -> Tuple[Any, NDArray[np.float64]]:
    """The best distinct paths of every sequence, by dynamic programming over all sequences at once. Of equally good tags,
    the first wins, whatever `k` is.

    lattice (Lattice): The lattice.
    k (int): How many paths.
    RETURNS (Tuple[array, array]): (k, n_tokens) tag indices of the concatenated sequences, best path first; (k, n_seqs)
        their scores, minus infinity where a sequence has fewer paths (the tags then mean nothing).
    RAISES (ValueError): If a sequence has no legal path.
    """
    if lattice.transitions is None and k == 1:
        return _best_tags(lattice)
    xp = array_module(lattice.unary)
    packing = lattice.packing
    running = packing.firsts
    n_tags, dtype = lattice.n_tags, lattice.unary.dtype
    incoming = xp.zeros((n_tags, n_tags), dtype=dtype) if lattice.transitions is None else lattice.transitions.T.copy()
    # The k best paths up to each tag. Rows stop changing when their sequence ends.
    state = xp.full((running.shape[0], n_tags, k), -np.inf, dtype=dtype)
    state[:, :, 0] = 0.0
    # Which of the k * n_tags paths before each goes on, in the smallest type: of a long sequence, they take the most memory.
    pointers = xp.zeros((packing.n_tokens, n_tags, k), dtype=np.min_scalar_type(n_tags * k - 1))
    totals = xp.zeros((running.shape[0],), dtype="float64")
    sizes = packing.batch_sizes.tolist()
    at = 0
    with np.errstate(invalid="ignore"):
        for size in sizes:
            rows = slice(at, at + size)
            if at:
                state[:size], pointers[rows] = _extend(state[:size], incoming, k)
            state[:size] += lattice.unary[rows, :, None]
            # Only differences matter: keep those of long sequences in the exact range.
            peaks = state[:size, :, 0].max(axis=1)
            state[:size] -= peaks[:, None, None]
            totals[:size] += peaks
            at += size
    if not xp.isfinite(totals).all():
        raise no_path(lattice)
    final, ends = _extend(state, xp.zeros((1, n_tags), dtype=dtype), k)
    scores = xp.full((k, lattice.n_seqs), -np.inf)
    scores[0] = 0.0
    scores[:, xp.asarray(packing.seqs[running])] = (final[:, 0] + totals[:, None]).T
    return _follow(lattice, pointers, ends[:, 0], k), scores


def kbest(lattice: Lattice, k: int, temperature: float = 1.0) -> List[List[Tuple[Path, float]]]:
    """The best distinct paths and how likely they are. The first is the decoded one.

    lattice (Lattice): The lattice.
    k (int): How many paths.
    temperature (float): What to divide all scores by for the probabilities. The paths stay the same.
    RETURNS (List[List[Tuple[array, float]]]): For each sequence up to k pairs of tag indices and log-probability, best
        first; fewer if there are fewer legal paths. An empty sequence has one path, which is certain.
    RAISES (ValueError): If k is less than 1, or a sequence has no legal path.
    """
    if k < 1:
        raise ValueError(f"k-best: k should be at least 1, but it is {k}.")
    paths, scores = best_paths(lattice, k)
    logs = np.minimum(to_numpy(scores / temperature - log_partition(temper(lattice, temperature))), 0.0)
    splits = np.cumsum(lattice.packing.lengths)[:-1]
    by_seq = np.split(to_numpy(paths), splits, axis=1)
    return [
        [(path, float(log)) for path, log in zip(by_seq[i], logs[:, i]) if log > -np.inf] for i in range(lattice.n_seqs)
    ]


def _is_legal(
    path: Path, possible: NDArray[np.bool_], sizes: NDArray[np.int64], constraints: Optional[Constraints]
) -> NDArray[np.bool_]:
    """Whether each of some non-empty sequences keeps to the constraints and has only tags that are possible."""
    ends = np.cumsum(sizes)
    starts = ends - sizes
    legal = possible.copy()
    if constraints is not None:
        follows = constraints.follows[path[:-1], path[1:]]
        follows[starts[1:] - 1] = True
        legal[1:] &= follows
        legal[starts] &= constraints.start[path[starts]]
        legal[ends - 1] &= constraints.end[path[ends - 1]]
    return np.logical_and.reduceat(legal, starts)


def _best_tags(lattice: Lattice) -> Tuple[Any, Any]:
    xp = array_module(lattice.unary)
    best = lattice.unary.argmax(axis=1)
    scores = lattice.unary[xp.arange(best.shape[0]), best]
    if not xp.isfinite(scores).all():
        raise no_path(lattice)
    packing = lattice.packing
    totals = xp.bincount(xp.asarray(packing.seqs), weights=scores, minlength=lattice.n_seqs)
    return best[xp.asarray(packing.from_packed)][None], totals[None]


def _extend(state: Any, incoming: Any, k: int) -> Tuple[Any, Any]:
    """Take the k best paths up to each tag one step further.

    state (array): (size, n_tags, k) scores of the paths up to each tag, best first.
    incoming (array): (n_to, n_tags) score of coming to each tag from each.
    RETURNS (Tuple[array, array]): (size, n_to, k) scores of the paths into each tag, best first; and the same shape, the
        path each goes on from, as tag * k + place.
    """
    xp = array_module(state)
    block = max(1, BLOCK // max(1, incoming.size))
    parts = [_merge(state[i : i + block], incoming, k) for i in range(0, max(1, state.shape[0]), block)]
    if len(parts) == 1:
        return parts[0]
    values, pointers = zip(*parts)
    return xp.concatenate(values), xp.concatenate(pointers)


def _merge(state: Any, incoming: Any, k: int) -> Tuple[Any, Any]:
    """`_extend`, as a merge of sorted lists: every tag before offers its best path not yet taken."""
    xp = array_module(state)
    offers = state[:, None, :, 0] + incoming
    values = xp.empty((*offers.shape[:2], k), dtype=state.dtype)
    pointers = xp.empty(values.shape, dtype="int32")
    seqs = xp.arange(offers.shape[0])[:, None]
    into = xp.arange(offers.shape[1])[None, :]
    places = xp.zeros(offers.shape, dtype="int32") if k > 1 else None
    for i in range(k):
        best = offers.argmax(axis=2)
        values[:, :, i] = offers[seqs, into, best]
        if places is None:
            pointers[:, :, i] = best
        else:
            place = places[seqs, into, best]
            pointers[:, :, i] = best * k + place
            if i + 1 < k:
                places[seqs, into, best] = place + 1
                offers[seqs, into, best] = state[seqs, best, place + 1] + incoming[into, best]
    return values, pointers


def _follow(lattice: Lattice, pointers: Any, ends: Any, k: int) -> Any:
    """Follow the pointers back from the paths' ends, (n_running, k)."""
    xp = array_module(pointers)
    packing = lattice.packing
    paths = xp.zeros((k, packing.n_tokens), dtype="int64")
    current = ends.copy()
    at = packing.n_tokens
    for size in packing.batch_sizes.tolist()[::-1]:
        at -= size
        rows = slice(at, at + size)
        paths[:, rows] = current[:size].T // k
        if at:
            flat = pointers[rows].reshape((size, -1))
            current[:size] = flat[xp.arange(size)[:, None], current[:size]]
    return paths[:, xp.asarray(packing.from_packed)]
