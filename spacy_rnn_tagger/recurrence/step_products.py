"""Products of hidden states with recurrent weights, step after step, in which a sequence's is the same to the bit
whatever the other sequences are.

A step has as many rows as sequences are running, often few. Three ways are there, the first that does it on a processor
is taken: rows padded to a multiple of a small number; sums in one order (`OrderedProducts`); and sums that are exact,
whole numbers in double precision, of which no order of summation can make another (`ExactProducts`).
"""

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import List, NamedTuple, Optional, Protocol, Tuple

import numpy as np

from .serving_weights import EDGE, STATE_BITS, UNIT, Floats, Weights, as_columns, between_zeros
from .steady_rows import LEAST, RowPlan, row_plan, steady_up_to
from .threads import one_thread

SMALL_UNIT = 4
"""More rows than this in place of a single one would make a step of one sequence slow."""


class Memory(Protocol):
    """Where the steps of a recurrence take memory from."""

    def array(self, name: str, shape: Tuple[int, ...]) -> Floats:
        """RETURNS (array): An array of any content. name (str): Its name. shape (Tuple[int, ...]): Its shape."""


class Products(ABC):
    """The products of the states of running sequences with the recurrent weights. G gates, D directions."""

    @abstractmethod
    def resize(self, n: int) -> Tuple[Floats, Floats]:
        """Prepare for steps of so many sequences.

        n (int): Running sequences.
        RETURNS (Tuple[array, array]): (G, D, n, n_hidden) where `fill` puts the products, which may lie in memory
            anyhow, and an array of that shape without gaps for what becomes of them: the same one where it has none.
        """

    @abstractmethod
    def fill(self, previous: Floats) -> None:
        """Multiply. previous (array): (D, n, n_hidden) states."""


class RowProducts(Products):
    """Products of rows as a plan wants them.

    recurrent (array): (G, D, n_hidden, n_columns) weights.
    n_seqs (int): Most sequences.
    memory (Memory): Where memory comes from.
    plan (RowPlan): How rows are multiplied.
    columns (slice): Which columns of the weights count.
    """

    def __init__(
        self, recurrent: Floats, n_seqs: int, memory: Memory, plan: RowPlan, columns: slice = slice(None)
    ) -> None:
        self.recurrent, self.plan, self.columns = recurrent, plan, columns
        n_gates, n_directions, n_hidden, n_columns = recurrent.shape
        self._all_count = len(range(n_columns)[columns]) == n_columns
        most = plan.padded(n_seqs)
        self._padded = memory.array("padded", (n_directions, most, n_hidden))
        self._padded.fill(0.0)
        self._products = memory.array("products", (n_gates * n_directions * most * n_columns,))
        self._memory = memory
        self._whole: Optional[Floats] = None
        self._rows = self._padded
        self._parts: List[Tuple[Floats, Floats]] = []

    def resize(self, n: int) -> Tuple[Floats, Floats]:
        n_gates, n_directions, n_hidden, n_columns = self.recurrent.shape
        n_padded = self.plan.padded(n)
        shape = (n_gates, n_directions, n_padded, n_columns)
        products = self._products[: n_gates * n_directions * n_padded * n_columns].reshape(shape)
        self._whole = products if n_padded == n <= self.plan.most else None
        self._rows = self._padded[:, :n]
        self._parts = [(self._padded[:, part], products[:, :, part]) for part in self.plan.parts(n_padded)]
        counted = products[:, :, :n, self.columns]
        return counted, counted if self._all_count else self._memory.array("sums", counted.shape)

    def fill(self, previous: Floats) -> None:
        if self._whole is not None:
            np.matmul(previous, self.recurrent, self._whole)
            return
        self._rows[...] = previous
        for rows, products in self._parts:
            np.matmul(rows, self.recurrent, products)


class OrderedPlan(NamedTuple):
    """Which products of states add up their terms in one order.

    few: Up to so many states, at least two, as columns to the right of the weights.
    rows: How more are multiplied as rows to the left of the weights, which lie between columns of zeros.
    """

    few: int
    rows: RowPlan


@lru_cache(maxsize=256)
@one_thread
def ordered_plan(n_hidden: int, n_gates: int) -> Optional[OrderedPlan]:
    """Try out which products add up their terms in one order. OpenBLAS's kernels for AVX2 do so, one term after the
    other, but for the first and the last columns of the weights and for some numbers of rows.

    n_hidden (int): Width of the states.
    n_gates (int): Gates of the cell.
    RETURNS (Optional[OrderedPlan]): The plan; None if there is none.
    """
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(n_gates, 1, n_hidden, n_hidden)).astype("float32")
    states = rng.normal(size=(3, n_hidden)).astype("float32")
    columns = as_columns(weights)[0]
    expected = [np.matmul(columns, np.tile(state, (2, 1)).T)[:, :1] for state in states]
    few = 1
    while few < UNIT and all(
        (np.matmul(columns, np.tile(state, (few + 1, 1)).T) == product).all()
        for state, product in zip(states, expected)
    ):
        few += 1
    if few < 2:
        return None
    first = between_zeros(weights)[0, 0]
    product_of_first = np.zeros((len(states), 1, first.shape[1]), dtype="float32")
    product_of_first[:, 0, EDGE : EDGE + n_hidden] = [product[:n_hidden, 0] for product in expected]
    most = steady_up_to(UNIT, states, first, list(product_of_first))
    return OrderedPlan(few, RowPlan(UNIT, most)) if most >= LEAST else None


class OrderedProducts(Products):
    """Products that add up their terms in one order, by an `OrderedPlan`.

    weights (Weights): The layer.
    n_seqs (int): Most sequences.
    memory (Memory): Where memory comes from.
    plan (OrderedPlan): How states are multiplied.
    """

    def __init__(self, weights: Weights, n_seqs: int, memory: Memory, plan: OrderedPlan) -> None:
        self._few = plan.few
        self._many = RowProducts(
            weights.recurrent_between_zeros, n_seqs, memory, plan.rows, slice(EDGE, EDGE + weights.n_hidden)
        )
        self._weights = weights.recurrent_columns
        self._shape = (weights.n_directions, weights.n_gates, weights.n_hidden)
        self._memory = memory
        self._two = np.zeros((weights.n_directions, 2, weights.n_hidden), dtype="float32")
        self._is_few = False

    def resize(self, n: int) -> Tuple[Floats, Floats]:
        self._is_few = n <= self._few
        if not self._is_few:
            return self._many.resize(n)
        n_directions, n_gates, n_hidden = self._shape
        self._is_one = n == 1
        self._products = self._memory.array("columns", (n_directions, self._weights.shape[1], max(n, 2)))
        by_direction = self._products[:, : n_gates * n_hidden].reshape((n_directions, n_gates, n_hidden, -1))
        counted = by_direction.transpose((1, 0, 3, 2))[:, :, :n]
        return counted, self._memory.array("sums", counted.shape)

    def fill(self, previous: Floats) -> None:
        if not self._is_few:
            self._many.fill(previous)
            return
        if self._is_one:
            self._two[:, :1] = previous
            previous = self._two
        np.matmul(self._weights, previous.transpose((0, 2, 1)), self._products)


class ExactProducts(Products):
    """Products of states between -1 and 1 by sums of whole numbers in double precision, which are exact.

    weights (Weights): The layer.
    n_seqs (int): Most sequences.
    memory (Memory): Where memory comes from.
    """

    def __init__(self, weights: Weights, n_seqs: int, memory: Memory) -> None:
        n_gates, n_directions, n_hidden, _ = self._shape = weights.recurrent.shape
        self._weights = weights.exact_recurrent
        self._products = memory.array("products", (n_gates * n_directions * n_seqs * n_hidden,))
        self._states = np.empty((n_directions, n_seqs, n_hidden))
        self._sums = np.empty((n_directions * n_seqs * n_gates * n_hidden,))

    def resize(self, n: int) -> Tuple[Floats, Floats]:
        n_gates, n_directions, n_hidden, _ = self._shape
        products = self._products[: n_gates * n_directions * n * n_hidden].reshape((n_gates, n_directions, n, n_hidden))
        self._rows = self._states[:, :n]
        sums = self._sums[: products.size].reshape((n_directions, n, n_gates * n_hidden))
        self._all_sums = sums
        self._by_gate = sums.reshape((n_directions, n, n_gates, n_hidden)).transpose(2, 0, 1, 3)
        self._target = products
        return products, products

    def fill(self, previous: Floats) -> None:
        np.multiply(previous, 2.0**STATE_BITS, out=self._rows)
        np.rint(self._rows, out=self._rows)
        np.matmul(self._rows, self._weights, out=self._all_sums)
        self._target[...] = self._by_gate


def step_products(weights: Weights, n_seqs: int, memory: Memory) -> Products:
    """What multiplies states, so that a sequence's states do not depend on the other sequences.

    weights (Weights): The layer.
    n_seqs (int): Most sequences.
    memory (Memory): Where memory comes from.
    RETURNS (Products): The fastest that does it. States without bounds are multiplied a few rows at a time where there
        is no better plan.
    """
    plan = row_plan(weights.n_hidden, weights.n_hidden)
    if plan is not None and plan.unit <= SMALL_UNIT:
        return RowProducts(weights.recurrent, n_seqs, memory, plan)
    ordered = ordered_plan(weights.n_hidden, weights.n_gates)
    if ordered is not None:
        return OrderedProducts(weights, n_seqs, memory, ordered)
    if weights.is_bounded:
        return ExactProducts(weights, n_seqs, memory)
    return RowProducts(weights.recurrent, n_seqs, memory, plan or RowPlan(1, 1))
