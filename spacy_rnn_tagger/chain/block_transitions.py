"""Transitions that fall into blocks (see `constraints`), at the cost of the blocks alone.

Where there are no scores, all targets of a block are arrived at alike, and a block costs no more than its tags.
"""

from functools import cached_property
from typing import Iterator, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from .constraints import Structure
from .transitions import Arrivals, Product, Scores, Tags, Transitions


def make_block_transitions(
    n_tags: int, structure: Structure, scores: Optional[Scores], dtype: str
) -> "BlockTransitions":
    """Take the scores that count out of a matrix.

    n_tags (int): Number of tags.
    structure (Structure): The legal pairs of tags.
    scores (Optional[array]): (n_tags, n_tags) score of column after row, of which only those within blocks are ever
        read; None if what is legal scores zero.
    dtype (str): The type of the scores.
    RETURNS (BlockTransitions): The transitions.
    """
    shapes = [ScoredBlocks(*each) for each in structure.shapes]
    if scores is not None:
        shapes = [shape.scored(scores[shape.pairs]) for shape in shapes]
    return BlockTransitions(structure.order, shapes, dtype, scores is not None)


class BlockTransitions(Transitions):
    """Scores of the pairs of tags within blocks; all others are forbidden.

    order (array): (n_tags,) the tags in the order in which sums are fastest.
    shapes (Sequence[ScoredBlocks]): The blocks and their scores, those of one shape together; all have scores, or none
        has.
    dtype (str): The type of the scores.
    is_scored (bool): Whether the blocks have scores.
    """

    def __init__(self, order: Tags, shapes: Sequence["ScoredBlocks"], dtype: str, is_scored: bool) -> None:
        self.n_tags = order.shape[0]
        self._order = order
        self.is_scored = is_scored
        self.shapes = shapes
        self._dtype = np.dtype(dtype)

    @property
    def order(self) -> Tags:
        return self._order

    @cached_property
    def in_columns(self) -> "BlockTransitions":
        places = np.argsort(self._order)
        shapes = [ScoredBlocks(places[shape.sources], places[shape.targets], shape.scores) for shape in self.shapes]
        renamed = BlockTransitions(self._order, shapes, self._dtype.name, self.is_scored)
        renamed._names = self._order
        renamed._factors = self._factors
        return renamed

    @cached_property
    def _names(self) -> Tags:
        """(n_tags,) what `pair_sums` calls each tag."""
        return np.arange(self.n_tags)

    @cached_property
    def shift(self) -> np.floating:
        zero: np.floating = self._dtype.type(0)
        largest: np.floating = max((s.scores.max() for s in self.shapes if s.scores is not None), default=zero)
        return largest if largest > -np.inf else zero

    @cached_property
    def _factors(self) -> List[Optional[Scores]]:
        return [None if shape.scores is None else np.exp(shape.scores - self.shift) for shape in self.shapes]

    @cached_property
    def _columns(self) -> Tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """For each tag as a target: the index of its block's shape, -1 if nothing leads to the tag; the block among
        those of this shape; and the tag's place in the block."""
        columns = np.full((3, self.n_tags), -1)
        for i, shape in enumerate(self.shapes):
            places, blocks = np.indices(shape.targets.shape)
            columns[:, shape.targets] = np.full_like(blocks, i), blocks, places
        return columns[0], columns[1], columns[2]

    @cached_property
    def _leads_everywhere(self) -> bool:
        return sum(shape.targets.size for shape in self.shapes) == self.n_tags

    @cached_property
    def reverse(self) -> "BlockTransitions":
        reverse = BlockTransitions(
            self._order, [shape.reverse for shape in self.shapes], self._dtype.name, self.is_scored
        )
        reverse._factors = [None if array is None else array.swapaxes(0, 1) for array in self._factors]
        return reverse

    def between(self, before: Tags, after: Tags) -> Scores:
        scores = np.full(before.shape, -np.inf, dtype=self._dtype)
        shapes, blocks, places = self.reverse._columns
        for i, shape in enumerate(self.shapes):
            pairs = np.flatnonzero((shapes[before] == i) & (self._columns[0][after] == i))
            pairs = pairs[blocks[before[pairs]] == self._columns[1][after[pairs]]]
            at = places[before[pairs]], self._columns[2][after[pairs]], blocks[before[pairs]]
            scores[pairs] = 0 if shape.scores is None else shape.scores[at]
        return scores

    def divided(self, divisor: float) -> "BlockTransitions":
        shapes = [s if s.scores is None else s.scored(s.scores / divisor) for s in self.shapes]
        return BlockTransitions(self._order, shapes, self._dtype.name, self.is_scored)

    def doubled(self) -> "BlockTransitions":
        shapes = [s if s.scores is None else s.scored(s.scores.astype("float64")) for s in self.shapes]
        return BlockTransitions(self._order, shapes, "float64", self.is_scored)

    def dense(self) -> Scores:
        scores: Scores = np.full((self.n_tags, self.n_tags), -np.inf, dtype=self._dtype)
        for shape in self.shapes:
            scores[shape.pairs] = 0 if shape.scores is None else shape.scores
        return scores

    def sums(self, weights: Scores, out: Optional[Scores] = None, product: Product = np.matmul) -> Scores:
        out = np.empty_like(weights) if out is None else out
        if not self._leads_everywhere:
            out.fill(0)
        for shape, factors in zip(self.shapes, self._factors):
            shape.into.put(out, _sums(shape.out_of.pick(weights), factors, product))
        return out

    def maxima(self, scores: Scores) -> Scores:
        """RETURNS (array): (n, n_tags) the best score to arrive at each tag with, given those up to the tags before,
        (n, n_tags) too."""
        out = np.full_like(scores, -np.inf)
        for shape in self.shapes:
            shape.into.put(out, shape.maxima(shape.out_of.pick(scores)))
        return out

    def pair_sums(self, before: Scores, after: Scores) -> Scores:
        sums: Scores = np.zeros((self.n_tags, self.n_tags), dtype=before.dtype)
        for shape, factors in zip(self.shapes, self._factors):
            part = _pair_sums(shape.out_of.pick(before), shape.into.pick(after))
            sums[self._names[shape.sources][:, None], self._names[shape.targets]] = (
                part if factors is None else part * factors
            )
        return sums

    def subtract_pairs(self, counts: Scores, before: Tags, after: Tags) -> None:
        pairs, times = np.unique(before * self.n_tags + after, return_counts=True)
        counts[pairs // self.n_tags, pairs % self.n_tags] -= times

    def leads(self, possible: NDArray[np.bool_]) -> NDArray[np.bool_]:
        out = np.zeros_like(possible)
        for shape in self.shapes:
            shape.into.put(out, shape.leads(shape.out_of.pick(possible)))
        return out

    def arrivals(self, scores: Scores, tags: Tags) -> Iterator[Arrivals]:
        kinds, blocks, places = (column[tags] for column in self._columns)
        for i, shape in enumerate(self.shapes):
            which = np.flatnonzero(kinds == i)
            if which.size:
                sources = shape.sources.T[blocks[which]]
                terms = scores[which[:, None], sources]
                if shape.incoming is not None:
                    terms = terms + shape.incoming[blocks[which], places[which]]
                yield Arrivals(which, sources, terms)


class ScoredBlocks:
    """Blocks of one shape, with their scores.

    sources (array): (n_sources, n_blocks) tags.
    targets (array): (n_targets, n_blocks) tags.
    scores (Optional[array]): (n_sources, n_targets, n_blocks); None if they are zero.
    """

    def __init__(self, sources: Tags, targets: Tags, scores: Optional[Scores] = None) -> None:
        self.sources = sources
        self.targets = targets
        self.scores = scores

    @cached_property
    def out_of(self) -> "_Side":
        return _Side(self.sources)

    @cached_property
    def into(self) -> "_Side":
        return _Side(self.targets)

    @property
    def pairs(self) -> Tuple[Tags, Tags]:
        """What to index (n_tags, n_tags) arrays by for an (n_sources, n_targets, n_blocks) one."""
        return self.sources[:, None], self.targets[None]

    @property
    def reverse(self) -> "ScoredBlocks":
        scores = None if self.scores is None else self.scores.swapaxes(0, 1)
        return ScoredBlocks(self.targets, self.sources, scores)

    def scored(self, scores: Scores) -> "ScoredBlocks":
        """RETURNS (ScoredBlocks): The same blocks with other scores, (n_sources, n_targets, n_blocks)."""
        return ScoredBlocks(self.sources, self.targets, scores)

    @cached_property
    def incoming(self) -> Optional[Scores]:
        """(n_blocks, n_targets, n_sources) the scores by what they lead to."""
        return None if self.scores is None else np.ascontiguousarray(self.scores.T)

    @cached_property
    def _extremes(self) -> Tuple[Scores, Scores]:
        """(n_sources,) the least and the largest score of each source, of a single block."""
        assert self.scores is not None
        return self.scores[..., 0].min(axis=1), self.scores[..., 0].max(axis=1)

    @cached_property
    def _forbids(self) -> bool:
        """Whether scores themselves rule out what the constraints permit."""
        return self.scores is not None and not bool(self.scores.min() > -np.inf)

    def leads(self, possible: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """RETURNS (array): (n, n_targets, n_blocks), or 1 for n_targets, bool: which targets any possible source leads
        to."""
        if not self._forbids:
            return np.asarray(possible.any(axis=1, keepdims=True))
        assert self.scores is not None
        leads: NDArray[np.bool_] = _sums(possible.astype("float32"), (self.scores > -np.inf).astype("float32")) > 0
        return leads

    def maxima(self, x: Scores) -> Scores:
        """RETURNS (array): (n, n_targets, n_blocks), or 1 for n_targets: the best scores to arrive with."""
        if self.scores is None:
            return x.max(axis=1, keepdims=True)
        if self.scores.shape[2] > 1:
            best = x[:, 0, None] + self.scores[0]
            for i in range(1, self.scores.shape[0]):
                np.maximum(best, x[:, i, None] + self.scores[i], out=best)
            return best
        return self._maxima_of_one(x[..., 0], self.scores[..., 0])[..., None]

    def _maxima_of_one(self, x: Scores, scores: Scores) -> Scores:
        """The maxima of a single block. A source that is behind another one by more than transitions can make up for is
        never the best one, whatever the target; rounding keeps the order of sums, so this is exact."""
        least, largest = self._extremes
        hopeless = x + largest < (x + least).max(axis=1, keepdims=True)
        best = np.empty((x.shape[0], scores.shape[1]), dtype=x.dtype)
        for i, out in enumerate(best):
            rivals = np.flatnonzero(~hopeless[i])
            np.max(x[i, rivals, None] + scores[rivals], axis=0, out=out)
        return best


class _Side:
    """Reads and writes the values of the sources or the targets of blocks, without a copy where they are neighbours.

    tags (array): (n_places, n_blocks) tags.
    """

    def __init__(self, tags: Tags) -> None:
        self._tags = tags
        self._whole = _as_slice(tags.reshape(-1))
        rows = [_as_slice(row) for row in tags] if self._whole is None and tags.shape[1] > 1 else []
        self._rows = [row for row in rows if row is not None]
        self._has_rows = bool(rows) and len(self._rows) == len(rows)

    def pick(self, array: NDArray) -> NDArray:
        """RETURNS (array): (..., n_places, n_blocks) values, of (..., n_tags) ones."""
        shape = (*array.shape[:-1], *self._tags.shape)
        if self._whole is not None:
            return array[..., self._whole].reshape(shape)
        if self._has_rows:
            return np.stack([array[..., row] for row in self._rows], axis=-2)
        return array.take(self._tags.reshape(-1), axis=-1).reshape(shape)

    def put(self, out: NDArray, values: NDArray) -> None:
        """Write (..., n_places, n_blocks) values, or one for all places, to a (..., n_tags) array."""
        if self._whole is not None:
            # Splitting the last axis of a view gives a view.
            out[..., self._whole].reshape((*out.shape[:-1], *self._tags.shape))[...] = values
        elif self._has_rows:
            for i, row in enumerate(self._rows):
                out[..., row] = values[..., min(i, values.shape[-2] - 1), :]
        else:
            out[..., self._tags] = values


def _as_slice(tags: Tags) -> Optional[slice]:
    """Tags as a slice, if each is the one after the last."""
    first = int(tags[0])
    return slice(first, first + tags.shape[0]) if bool((np.diff(tags) == 1).all()) else None


def _sums(x: Scores, factors: Optional[Scores], product: Product = np.matmul) -> Scores:
    """(..., n_targets, n_blocks) sums over the sources, (..., n_sources, n_blocks); 1 for n_targets if there are no
    factors."""
    if x.shape[-1] == 1:
        one = x[..., 0]
        sums: Scores = one.sum(axis=-1, keepdims=True) if factors is None else product(one, factors[..., 0])
        return sums[..., None]
    if factors is None:
        return x.sum(axis=-2, keepdims=True)
    sums = x[..., 0, None, :] * factors[0]
    for i in range(1, factors.shape[0]):
        sums += x[..., i, None, :] * factors[i]
    return sums


def _pair_sums(before: Scores, after: Scores) -> Scores:
    """(n_sources, n_targets, n_blocks) sums over the first axis of products of sources and targets."""
    if before.shape[-1] == 1:
        return (before[..., 0].T @ after[..., 0])[..., None]
    sums: Scores = np.empty((before.shape[1], after.shape[1], before.shape[2]), dtype=before.dtype)
    for i, j in np.ndindex(sums.shape[:2]):
        np.einsum("nb,nb->b", before[:, i], after[:, j], out=sums[i, j])
    return sums
