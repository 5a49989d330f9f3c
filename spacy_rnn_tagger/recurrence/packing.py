"""Time-major packed layout of a batch of sequences: what PyTorch calls a `PackedSequence`.

The tokens of all sequences are ordered by time step, and within a step by descending sequence length, so that the
sequences still running at step t are always the first `batch_sizes[t]`. There is no padding, and an empty sequence
simply has no rows.
"""

from dataclasses import dataclass
from typing import Any, Sequence, Union

import numpy as np
from numpy.typing import NDArray

Lengths = Union[Sequence[int], NDArray[np.int64]]


@dataclass(frozen=True)
class Packing:
    """Where each token of a batch lies in the packed layout.

    lengths: (n_seqs,) tokens per sequence, in the caller's order.
    batch_sizes: (n_steps,) sequences still running at each step, descending.
    to_packed: (n_tokens,) for each packed row, its row in the concatenated sequences.
    from_packed: (n_tokens,) the inverse: for each concatenated row, its packed row.
    mirror: (n_tokens,) for each packed row, the packed row of the same sequence read backwards; its own inverse.
    seqs: (n_tokens,) for each packed row, the index of its sequence in the caller's order.
    """

    lengths: NDArray[np.int64]
    batch_sizes: NDArray[np.int64]
    to_packed: NDArray[np.int64]
    from_packed: NDArray[np.int64]
    mirror: NDArray[np.int64]
    seqs: NDArray[np.int64]

    @property
    def n_tokens(self) -> int:
        return int(self.to_packed.shape[0])

    @property
    def firsts(self) -> NDArray[np.int64]:
        """(n_running,) packed rows of the first tokens, which are of the non-empty sequences, the longest first."""
        return np.arange(self.batch_sizes[0] if self.batch_sizes.size else 0)

    @property
    def lasts(self) -> NDArray[np.int64]:
        """(n_running,) packed rows of the last tokens of the same sequences."""
        return self.mirror[self.firsts]

    @property
    def previous(self) -> NDArray[np.int64]:
        """(n_tokens - n_running,) for each packed row that is not a first token's, the row of the token before it."""
        rows = np.arange(self.firsts.shape[0], self.n_tokens)
        return rows - np.repeat(self.batch_sizes[:-1], self.batch_sizes[1:])

    @property
    def ranks(self) -> NDArray[np.int64]:
        """(n_tokens,) for each packed row, the place of its sequence among the non-empty ones, the longest first."""
        starts = np.cumsum(self.batch_sizes) - self.batch_sizes
        return np.arange(self.n_tokens) - np.repeat(starts, self.batch_sizes)


def make_packing(lengths: Lengths) -> Packing:
    """Lay out a batch.

    lengths (Sequence[int]): Tokens per sequence; zeros are allowed.
    RETURNS (Packing): The layout.
    """
    sizes = np.asarray(lengths, dtype=np.int64).reshape(-1)
    order = np.argsort(-sizes, kind="stable")
    ordered = sizes[order]
    n_steps = int(ordered[0]) if ordered.size else 0
    # Sequences longer than t: those before the insertion point of t in the descending lengths.
    batch_sizes = np.searchsorted(-ordered, -np.arange(n_steps), side="left").astype(np.int64)
    step_starts = np.cumsum(batch_sizes) - batch_sizes
    steps = np.repeat(np.arange(n_steps), batch_sizes)
    ranks = np.arange(steps.shape[0]) - step_starts[steps]
    seqs = order[ranks]
    seq_starts = np.cumsum(sizes) - sizes
    to_packed = seq_starts[seqs] + steps
    from_packed = np.empty_like(to_packed)
    from_packed[to_packed] = np.arange(to_packed.shape[0])
    mirror = step_starts[ordered[ranks] - 1 - steps] + ranks
    return Packing(sizes, batch_sizes, to_packed, from_packed, mirror, seqs)


def take(rows: Any, index: NDArray[np.int64]) -> Any:
    """`rows[index]` as a fresh contiguous array, for NumPy and CuPy alike."""
    return rows.take(index if isinstance(rows, np.ndarray) else _like(rows, index), axis=0)


def _like(array: Any, index: NDArray[np.int64]) -> Any:
    import cupy  # only ever reached with a CuPy array in hand

    return cupy.asarray(index)
