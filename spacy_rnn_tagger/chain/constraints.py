"""Which paths are legal, and the structure that makes many of them cheap to sum over.

Of BILUO tags, all that close an entity or stand outside (O, L, U) lead to the same tags, those that open one or stand outside
(O, B, U), and B-X and I-X lead to I-X and L-X alone. So the legal pairs fall into blocks, each of some tags that lead to some
others, and no two blocks share a tag on the same side: one large block, and a small one per entity type.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from numpy.typing import NDArray


class Blocks(NamedTuple):
    """Blocks of one shape: each tag of a column of `sources` may be followed by each tag of the same column of `targets`.

    sources: (n_sources, n_blocks) tag indices, ascending within a block.
    targets: (n_targets, n_blocks) tag indices, ascending within a block.
    """

    sources: NDArray[np.int64]
    targets: NDArray[np.int64]


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
    def blocks(self) -> Optional[Tuple[Blocks, ...]]:
        """The legal pairs of neighbours as blocks, those of one shape together; None if they do not fall into blocks."""
        return find_blocks(self.follows)


def find_blocks(follows: NDArray[np.bool_]) -> Optional[Tuple[Blocks, ...]]:
    """The pairs that a matrix permits, as blocks of which no two share a row or a column.

    follows (array): (n_tags, n_tags) bool, whether column may follow row.
    RETURNS (Optional[Tuple[Blocks]]): The blocks, those of one shape together; None if two different rows overlap.
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
    return tuple(
        Blocks(*(np.ascontiguousarray(np.asarray(side).T) for side in zip(*blocks))) for blocks in shapes.values()
    )
