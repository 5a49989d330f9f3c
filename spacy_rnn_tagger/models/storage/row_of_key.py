"""Rows of a table by 64-bit key, in sorted arrays."""

from typing import Any, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

MISSING = -1


class RowOfKey(Mapping[int, int]):
    """Rows by key, as spaCy's `Vectors.key2row`.

    keys (array): (n_keys,) uint64, sorted.
    rows (array): (n_keys,) the row of each.
    """

    def __init__(self, keys: NDArray[np.uint64], rows: NDArray[Any]) -> None:
        self.sorted_keys = keys
        self.sorted_rows = rows

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """RETURNS (array): (n,) the row of each key, -1 for those that have none. keys (array): (n,) uint64."""
        if not self.sorted_keys.shape[0]:
            return np.full(keys.shape, MISSING, dtype="int64")
        at = np.minimum(np.searchsorted(self.sorted_keys, keys), self.sorted_keys.shape[0] - 1)
        return np.where(self.sorted_keys[at] == keys, self.sorted_rows[at].astype("int64"), MISSING)

    def __getitem__(self, key: int) -> int:
        row = int(self.find(np.asarray([key], dtype="uint64"))[0])
        if row == MISSING:
            raise KeyError(key)
        return row

    def __iter__(self) -> Iterator[int]:
        return iter(self.sorted_keys.tolist())

    def __len__(self) -> int:
        return int(self.sorted_keys.shape[0])
