"""Sequences cut into pieces, as truncated back-propagation through time wants them (Williams & Peng 1990,
https://doi.org/10.1162/neco.1990.2.4.490).

Each piece starts from the very state that the one before it (behind it, for the backward direction) has left, as a
constant. So the hidden states are those of the whole sequences, and only gradients end at the cuts. The gradients of
all pieces are computed side by side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .packing import Packing, make_packing


@dataclass(frozen=True)
class Pieces:
    """A batch's sequences cut into pieces, in order.

    lengths: (n_pieces,) tokens per piece.
    starts: (n_pieces,) the row of its first token in the concatenated sequences.
    before: (n_pieces,) how many pieces of its sequence come before it.
    after: (n_pieces,) how many come after it.
    packing: Packed layout of the pieces, as if each were a sequence.
    rows: (n_tokens,) for each row of that layout, the packed row of the uncut batch.
    back: (n_tokens,) the inverse: for each packed row of the uncut batch, the row of the pieces' layout.
    """

    lengths: NDArray[np.int64]
    starts: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    packing: Packing
    rows: NDArray[np.int64]
    back: NDArray[np.int64]


def cut(packing: Packing, n_steps: int) -> Pieces:
    """Cut every sequence of a batch.

    packing (Packing): Layout of the batch.
    n_steps (int): Length of a piece; the last of a sequence may be shorter.
    RETURNS (Pieces): The pieces.
    """
    whole = packing.lengths[packing.lengths > 0]
    counts = -(-whole // n_steps)
    lengths = np.full((int(counts.sum()),), n_steps, dtype=np.int64)
    ends = np.cumsum(counts)
    lengths[ends - 1] = whole - (counts - 1) * n_steps
    before = np.arange(lengths.shape[0]) - np.repeat(ends - counts, counts)
    layout = make_packing(lengths)
    return Pieces(
        lengths=lengths,
        starts=np.cumsum(lengths) - lengths,
        before=before,
        after=np.repeat(counts, counts) - 1 - before,
        packing=layout,
        rows=packing.from_packed[layout.to_packed],
        back=layout.from_packed[packing.to_packed],
    )
