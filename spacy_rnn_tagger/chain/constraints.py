"""Which paths are legal, and the structure that makes many of them cheap to sum over.

Among BILUO tags, all that close an entity or stand outside (O, L, U) lead to the same tags, those that open one or
stand outside (O, B, U), and B-X and I-X lead to I-X and L-X alone. So the legal pairs fall into blocks, each of some
tags that lead to some others, and no two blocks share a tag on the same side: one large block, and a small one per
entity type.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from numpy.typing import NDArray


class Blocks(NamedTuple):
    """Blocks of one shape: each tag of a column of `sources` may be followed by each tag of the same column of
    `targets`.

    sources: (n_sources, n_blocks) tag indices.
    targets: (n_targets, n_blocks) tag indices.
    """

    sources: NDArray[np.int64]
    targets: NDArray[np.int64]


class Structure(NamedTuple):
    """The legal pairs of neighbours as blocks of which no two share a tag on the same side.

    shapes: The blocks, those of one shape together.
    order: (n_tags,) all tags, so ordered that the tags of blocks are neighbours as far as they can be.
    """

    shapes: Tuple[Blocks, ...]
    order: NDArray[np.int64]


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

    @cached_property
    def bind_pairs(self) -> bool:
        """Whether any tag may not follow any other."""
        return not self.follows.all()

    @cached_property
    def structure(self) -> Optional[Structure]:
        """The blocks that the legal pairs of neighbours fall into; None if they do not."""
        return find_structure(self.follows)


def find_structure(follows: NDArray[np.bool_]) -> Optional[Structure]:
    """The blocks that the pairs of a matrix fall into.

    follows (array): (n_tags, n_tags) bool, whether column may follow row.
    RETURNS (Optional[Structure]): The blocks; None if two different rows overlap.
    """
    rows: Dict[bytes, List[int]] = {}
    for tag, packed in enumerate(np.packbits(follows, axis=1)):
        rows.setdefault(packed.tobytes(), []).append(tag)
    if np.any(follows[[tags[0] for tags in rows.values()]].sum(axis=0) > 1):
        return None
    shapes: Dict[Tuple[int, int], List[Tuple[List[int], NDArray[np.int64]]]] = {}
    for sources in rows.values():
        targets = np.flatnonzero(follows[sources[0]])
        if targets.size:
            shapes.setdefault((len(sources), targets.shape[0]), []).append((sources, targets))
    found = [Blocks(*(np.asarray(side).T for side in zip(*blocks))) for blocks in shapes.values()]
    order = _order_tags(found, follows.shape[0])
    places = np.argsort(order)
    return Structure(tuple(Blocks(*(_sort_columns(side, places) for side in blocks)) for blocks in found), order)


def _order_tags(shapes: List[Blocks], n_tags: int) -> NDArray[np.int64]:
    """All tags, by the shapes of the blocks that they are sources and targets of. Targets change direction with every
    shape of sources, so that one shape's last targets and the next one's first are neighbours: of BILUO tags, L, O and
    U, B, I."""
    as_source, as_target = np.full((2, n_tags), -1)
    for i, (sources, targets) in enumerate(shapes):
        as_source[sources], as_target[targets] = i, i
    return np.lexsort((np.arange(n_tags), np.where(as_source % 2, as_target, -as_target), as_source))


def _sort_columns(tags: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.take_along_axis(tags, places[tags].argsort(axis=0), axis=0)
