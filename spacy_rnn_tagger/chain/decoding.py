"""The best legal paths through a lattice of tag scores (Viterbi 1967; k-best as in Huang & Chiang 2005)."""

from typing import List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import Lengths
from .block_transitions import BlockTransitions
from .constraints import Constraints
from .forward_backward import log_partition
from .lattice import Lattice, make_lattice, no_path, sum_by_sequence
from .temperature import temper
from .transitions import Scores

# Candidates that one step weighs at a time: few enough to stay in the processor's cache.
BLOCK = 2**18

Path = NDArray[np.int64]


def decode(
    scores: Scores,
    lengths: Lengths,
    constraints: Optional[Constraints] = None,
    *,
    transitions: Optional[Scores] = None,
    start: Optional[Scores] = None,
    end: Optional[Scores] = None,
    allowed: Optional[NDArray[np.bool_]] = None,
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


def viterbi(
    scores: Scores, lengths: Lengths, constraints: Optional[Constraints] = None, **others: Optional[NDArray]
) -> Path:
    """`decode` without its shortcut, by dynamic programming alone.

    others (Optional[array]): `transitions`, `start`, `end` and `allowed`.
    """
    return best_paths(make_lattice(scores, lengths, constraints=constraints, **others))[0][0]


def best_paths(lattice: Lattice, k: int = 1) -> Tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The best distinct paths of every sequence, by dynamic programming over all sequences at once. Of equally good
    tags, the first wins, whatever `k` is.

    lattice (Lattice): The lattice.
    k (int): How many paths.
    RETURNS (Tuple[array, array]): (k, n_tokens) tag indices of the concatenated sequences, best path first; (k, n_seqs)
        their scores, minus infinity where a sequence has fewer paths (the tags then mean nothing).
    RAISES (ValueError): If a sequence has no legal path.
    """
    transitions = lattice.transitions
    if k > 1:
        return _best_k(lattice, k)
    if transitions is None:
        return _best_tags(lattice)
    return _best_in_blocks(lattice, transitions) if isinstance(transitions, BlockTransitions) else _best_k(lattice, 1)


def _best_k(lattice: Lattice, k: int) -> Tuple[NDArray[np.int64], NDArray[np.float64]]:
    """`best_paths` over all pairs of tags, for any k."""
    packing = lattice.packing
    running = packing.firsts
    n_tags, dtype = lattice.n_tags, lattice.unary.dtype
    shape = (n_tags, n_tags)
    incoming = np.zeros(shape, dtype) if lattice.transitions is None else lattice.transitions.dense().T.copy()
    # The k best paths up to each tag. Rows stop changing when their sequence ends.
    state = np.full((running.shape[0], n_tags, k), -np.inf, dtype=dtype)
    state[:, :, 0] = 0.0
    # Which of the k * n_tags paths before each goes on, in the smallest type: of a long sequence, they take the most
    # memory.
    pointers = np.zeros((packing.n_tokens, n_tags, k), dtype=np.min_scalar_type(n_tags * k - 1))
    totals = np.zeros((running.shape[0],), dtype="float64")
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
    if not np.isfinite(totals).all():
        raise no_path(lattice)
    final, ends = _extend(state, np.zeros((1, n_tags), dtype=dtype), k)
    scores = np.full((k, lattice.n_seqs), -np.inf)
    scores[0] = 0.0
    scores[:, packing.seqs[running]] = (final[:, 0] + totals[:, None]).T
    return _follow(lattice, pointers, ends[:, 0], k), scores


def _best_in_blocks(lattice: Lattice, transitions: BlockTransitions) -> Tuple[NDArray[np.int64], NDArray[np.float64]]:
    """`best_paths` for one path per sequence, by the same sums in the same order, within blocks alone. What came before
    a tag is only looked for where a best path has the tag."""
    packing = lattice.packing
    states = np.empty_like(lattice.unary)
    totals = np.zeros((packing.firsts.shape[0],), dtype="float64")
    at = before = 0
    with np.errstate(invalid="ignore"):
        for size in packing.batch_sizes.tolist():
            rows = slice(at, at + size)
            state = states[rows]
            if at:
                np.add(transitions.maxima(states[before : before + size]), lattice.unary[rows], out=state)
            else:
                state[:] = lattice.unary[rows]
            peaks = state.max(axis=1)
            state -= peaks[:, None]
            totals[:size] += peaks
            before, at = at, at + size
    if not np.isfinite(totals).all():
        raise no_path(lattice)
    scores = np.zeros((1, lattice.n_seqs))
    scores[0, packing.seqs[packing.firsts]] = totals
    tags = states[packing.lasts].argmax(axis=1)
    path = np.empty((packing.n_tokens,), dtype=np.int64)
    for size, preceding in zip(packing.batch_sizes[::-1].tolist(), [*packing.batch_sizes[-2::-1].tolist(), 0]):
        at -= size
        path[at : at + size] = tags[:size]
        if at:
            earlier = states[at - preceding : at - preceding + size]
            for which, sources, terms in transitions.arrivals(earlier, tags[:size]):
                best = terms == terms.max(axis=1, keepdims=True)
                tags[which] = np.where(best, sources, lattice.n_tags).min(axis=1)
    return path[packing.from_packed][None], scores


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
    logs = np.minimum(scores / temperature - log_partition(temper(lattice, temperature), steady=True), 0.0)
    splits = np.cumsum(lattice.packing.lengths)[:-1]
    by_seq = np.split(paths, splits, axis=1)
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


def _best_tags(lattice: Lattice) -> Tuple[NDArray[np.int64], NDArray[np.float64]]:
    best = lattice.unary.argmax(axis=1)
    scores = lattice.unary[np.arange(best.shape[0]), best]
    if not np.isfinite(scores).all():
        raise no_path(lattice)
    packing = lattice.packing
    return best[packing.from_packed][None], sum_by_sequence(packing, scores)[None]


def _extend(state: Scores, incoming: Scores, k: int) -> Tuple[Scores, NDArray[np.int32]]:
    """Take the k best paths up to each tag one step further.

    state (array): (size, n_tags, k) scores of the paths up to each tag, best first.
    incoming (array): (n_to, n_tags) score of coming to each tag from each.
    RETURNS (Tuple[array, array]): (size, n_to, k) scores of the paths into each tag, best first; and the same shape,
        the path each goes on from, as tag * k + place.
    """
    block = max(1, BLOCK // max(1, incoming.size))
    parts = [_merge(state[i : i + block], incoming, k) for i in range(0, max(1, state.shape[0]), block)]
    if len(parts) == 1:
        return parts[0]
    values, pointers = zip(*parts)
    return np.concatenate(values), np.concatenate(pointers)


def _merge(state: Scores, incoming: Scores, k: int) -> Tuple[Scores, NDArray[np.int32]]:
    """`_extend`, as a merge of sorted lists: every tag before offers its best path not yet taken."""
    offers = state[:, None, :, 0] + incoming
    values = np.empty((*offers.shape[:2], k), dtype=state.dtype)
    pointers = np.empty(values.shape, dtype="int32")
    seqs = np.arange(offers.shape[0])[:, None]
    into = np.arange(offers.shape[1])[None, :]
    places = np.zeros(offers.shape, dtype="int32") if k > 1 else None
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


def _follow(lattice: Lattice, pointers: NDArray[np.integer], ends: NDArray[np.integer], k: int) -> NDArray[np.int64]:
    """Follow the pointers back from the paths' ends, (n_running, k)."""
    packing = lattice.packing
    paths = np.zeros((k, packing.n_tokens), dtype="int64")
    current = ends.copy()
    at = packing.n_tokens
    for size in packing.batch_sizes.tolist()[::-1]:
        at -= size
        rows = slice(at, at + size)
        paths[:, rows] = current[:size].T // k
        if at:
            flat = pointers[rows].reshape((size, -1))
            current[:size] = flat[np.arange(size)[:, None], current[:size]]
    return paths[:, packing.from_packed]
