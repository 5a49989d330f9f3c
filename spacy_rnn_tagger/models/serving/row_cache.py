"""A bounded table of rows that are costly to compute, by key."""

import mmap
import os
import threading
from typing import Callable, NamedTuple, Tuple

import numpy as np
from numpy.typing import NDArray

from ...recurrence.serving_inputs import take_rows

Keys = NDArray[np.uint64]
Floats = NDArray[np.float32]
Index = NDArray[np.int64]

# Most rows, however small they are.
MAX_ENTRIES = 2**15
# Rows of a table at first; it grows as long as that pays.
FIRST_ENTRIES = 2**13
# The share of the rows dropped last that were computed again since, from which on a table grows.
WORTH_KEEPING = 0.1
# Rows computed at a time, which bounds the memory that computing them takes.
COMPUTED_AT_ONCE = 2048


class CacheInfo(NamedTuple):
    """The state of a cache.

    entries: Rows held.
    max_entries: Most rows it will hold.
    n_bytes: Memory of the table as it is now.
    hits: Look-ups answered from the table, one for each token.
    misses: Rows computed.
    """

    entries: int
    max_entries: int
    n_bytes: int
    hits: int
    misses: int

    @property
    def hit_rate(self) -> float:
        """RETURNS (float): The share of look-ups that needed no computation; 0.0 if there were none."""
        return self.hits / max(1, self.hits + self.misses)


class _Held(NamedTuple):
    """What a reader sees; never changed but for rows that no reader knows yet.

    keys: (n,) sorted.
    rows: (n,) the row of each key.
    table: (G, D, capacity, n_hidden).
    used: (capacity,) when each row was last read.
    end: Rows in use, from the first.
    dropped: Sorted keys of the rows that had to go when the table was made.
    """

    keys: Keys
    rows: Index
    table: Floats
    used: Index
    end: int
    dropped: Keys


class CacheState(NamedTuple):
    """What a cache held at some time.

    held: The rows.
    used: (capacity,) when each was last read.
    clock: The number of look-ups.
    """

    held: _Held
    used: Index
    clock: int


class RowCache:
    """Rows of a table (G, D, rows, n_hidden) by 64-bit key, at most as many as fit into some bytes.

    Any number of threads may read and add. Readers take no lock: they work on a view that stays as it is. Only one
    thread adds at a time, and one that would have to wait does without, so no lock is ever waited for, not even one
    that was held elsewhere when the process was forked. When the table is full, the half that was read last moves to a
    new one; or all rows to one twice as large, if rows that had to go before were computed again: texts full of words
    that never come again make no table grow.

    reserved (array): (G, D, n, n_hidden) rows that stay, at the head of the table.
    max_bytes (int): Most bytes of the table.
    """

    def __init__(self, reserved: Floats, max_bytes: int) -> None:
        row_bytes = 4 * reserved.shape[0] * reserved.shape[1] * reserved.shape[3]
        self.reserved = reserved
        self.max_entries = max(2, min(max_bytes // row_bytes - reserved.shape[2], MAX_ENTRIES))
        self.hits = 0
        self.misses = 0
        self._clock = 0
        self._lock = threading.Lock()
        self._held = self._empty(min(self.max_entries, FIRST_ENTRIES))

    def find(self, keys: Keys, compute: Callable[[Index], Floats]) -> Tuple[Floats, Index]:
        """Look up rows, and compute those that are not there.

        keys (array): (n,) keys.
        compute (Callable): From indices into `keys`, of distinct keys, to their (G, D, m, n_hidden) rows.
        RETURNS (Tuple[array, array]): A table, and for each key its row there.
        """
        held = self._held
        rows, hit = _look_up(held, keys)
        self._clock += 1
        if hit.all():
            self.hits += keys.shape[0]
            held.used[rows] = self._clock
            return held.table, rows
        held.used[rows[hit]] = self._clock
        unknown = np.flatnonzero(~hit)
        missing, first = np.unique(keys[unknown], return_index=True)
        self.misses += missing.shape[0]
        self.hits += keys.shape[0] - missing.shape[0]
        new = self._compute(unknown[first], compute)
        if self._lock.acquire(blocking=False):
            try:
                self._add(missing, new)
            finally:
                self._lock.release()
        current = self._held
        current_rows, hit_now = _look_up(current, keys)
        if hit_now.all():
            return current.table, current_rows
        return _own_table(held, rows, hit, keys, missing, new)

    def reserve(self, n_entries: int) -> None:
        """Make room for some number of rows at once, rather than when they turn out to be worth it.

        n_entries (int): How many rows; at most `max_entries` count.
        """
        n_entries = min(n_entries, self.max_entries)
        with self._lock:
            if n_entries > self._n_entries():
                self._move(n_entries, np.arange(self._held.keys.shape[0]), self._held.dropped)

    def info(self) -> CacheInfo:
        """RETURNS (CacheInfo): How full the cache is, and what it was good for. Exact while one thread reads."""
        held = self._held
        return CacheInfo(held.keys.shape[0], self.max_entries, held.table.nbytes, self.hits, self.misses)

    def state(self) -> CacheState:
        """RETURNS (CacheState): What the cache holds now, for `restore`."""
        held = self._held
        return CacheState(held, held.used.copy(), self._clock)

    def restore(self, state: CacheState) -> None:
        """Hold what the cache held before, and nothing that came later. What is computed next then does not depend on
        what was computed in between. Not for a cache that other threads read at the same time.

        state (CacheState): What `state` returned.
        """
        state.held.used[:] = state.used
        self._held, self._clock = state.held, state.clock

    def _empty(self, n_entries: int) -> _Held:
        """RETURNS (_Held): A table with the reserved rows and room for so many more."""
        n_gates, n_directions, n_reserved, n_hidden = self.reserved.shape
        capacity = n_reserved + n_entries
        table = _allocate((n_gates, n_directions, capacity, n_hidden))
        table[:, :, :n_reserved] = self.reserved
        used, no_keys = np.zeros((capacity,), "int64"), np.zeros((0,), "uint64")
        return _Held(no_keys, np.zeros((0,), "int64"), table, used, n_reserved, no_keys)

    def _compute(self, first: Index, compute: Callable[[Index], Floats]) -> Floats:
        if first.shape[0] <= COMPUTED_AT_ONCE:
            return compute(first)
        parts = [compute(first[i : i + COMPUTED_AT_ONCE]) for i in range(0, first.shape[0], COMPUTED_AT_ONCE)]
        return np.concatenate(parts, axis=2)

    def _add(self, keys: Keys, new: Floats) -> None:
        """Add rows of distinct keys, as many as there may be; others may have added some of them by now."""
        fresh = np.flatnonzero(~_look_up(self._held, keys)[1])[: self.max_entries]
        keys, new = keys[fresh], new[:, :, fresh]
        while self._held.end + keys.shape[0] > self._held.used.shape[0]:
            self._make_room(keys.shape[0])
        held = self._held
        start, end = held.end, held.end + keys.shape[0]
        held.table[:, :, start:end] = new
        held.used[start:end] = self._clock
        at = np.searchsorted(held.keys, keys)
        self._held = held._replace(
            keys=np.insert(held.keys, at, keys), rows=np.insert(held.rows, at, np.arange(start, end)), end=end
        )

    def _make_room(self, n: int) -> None:
        """Move on to a new table: a larger one with all rows, or one of the same size with those that were read last,
        half of them, or fewer if more room is needed."""
        held = self._held
        n_entries = self._n_entries()
        n_kept = max(0, min(n_entries // 2, n_entries - n))
        latest = np.argsort(held.used[held.rows], kind="stable")[::-1]
        came_back = np.isin(held.dropped, held.keys, assume_unique=True).sum()
        is_of_use = came_back > WORTH_KEEPING * held.dropped.shape[0]
        if n_entries < self.max_entries and (is_of_use or n > n_entries):
            n_entries, n_kept = min(2 * n_entries, self.max_entries), latest.shape[0]
        self._move(n_entries, np.sort(latest[:n_kept]), np.sort(held.keys[latest[n_kept:]]))

    def _move(self, n_entries: int, kept: Index, dropped: Keys) -> None:
        """Move some rows, given by their places among the keys, to a new table with room for so many."""
        held = self._held
        empty = self._empty(n_entries)
        start, end = empty.end, empty.end + kept.shape[0]
        for direction in range(self.reserved.shape[1]):
            take_rows(held.table, held.rows[kept], direction, empty.table[:, :, start:end])
        empty.used[start:end] = held.used[held.rows[kept]]
        self._held = empty._replace(keys=held.keys[kept], rows=np.arange(start, end), end=end, dropped=dropped)

    def _n_entries(self) -> int:
        return int(self._held.used.shape[0] - self.reserved.shape[2])


def _look_up(held: _Held, keys: Keys) -> Tuple[Index, NDArray[np.bool_]]:
    """The row of each key, and whether it has one; if not, the row means nothing."""
    if not held.keys.shape[0]:
        return np.zeros(keys.shape, dtype="int64"), np.zeros(keys.shape, dtype=bool)
    at = np.searchsorted(held.keys, keys)
    np.minimum(at, held.keys.shape[0] - 1, out=at)
    return held.rows[at], held.keys[at] == keys


def _own_table(
    held: _Held, rows: Index, hit: NDArray[np.bool_], keys: Keys, missing: Keys, new: Floats
) -> Tuple[Floats, Index]:
    """A table of one caller's own, for when the rows could not be added: the reserved rows, those found, those
    computed."""
    n_reserved = held.end - held.keys.shape[0]
    found, inverse = np.unique(rows[hit], return_inverse=True)
    head = held.table[:, :, :n_reserved]
    table = np.concatenate((head, held.table[:, :, found], new), axis=2)
    own = np.empty(keys.shape, dtype="int64")
    own[hit] = n_reserved + inverse.reshape(-1)
    own[~hit] = n_reserved + found.shape[0] + np.searchsorted(missing, keys[~hit])
    return table, own


def _allocate(shape: Tuple[int, ...]) -> Floats:
    """Memory that is given back to the system as soon as nothing refers to it (what malloc gets back, it may keep), and
    that a forked process has for itself. All of it is taken at once, so that a process does not grow as the table
    fills."""
    size = 4 * int(np.prod(shape))
    pages = mmap.mmap(-1, size) if os.name == "nt" else mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    table = np.frombuffer(pages, dtype="float32").reshape(shape)
    table.fill(0.0)
    return table
