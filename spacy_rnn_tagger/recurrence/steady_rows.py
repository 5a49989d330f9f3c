"""Products of rows with small matrices, in which a row is the same to the bit whatever the other rows are.

BLAS rounds differently at the edges of what its kernels take at once, with a single row, and above some size, where it
changes kernels. With some processors and shapes it is enough to bring rows to a multiple of a small number and to
multiply no more than so many at once; which numbers these are is tried out once. Else there is `steady_product`, whose
blocks are large, and for the steps of a recurrence, which have few rows, sums that are exact: whole numbers in double
precision, of which no order of summation can make another.
"""

from functools import lru_cache
from typing import List, NamedTuple, Optional, Protocol, Tuple

import numpy as np
from numpy.typing import NDArray

from .serving_weights import STATE_BITS, Floats, Weights
from .steady_product import is_steady, steady_product
from .threads import one_thread

UNITS = (1, 2, 4, 8)
"""Numbers of which the rows may have to be a multiple, the cheapest first."""
LEAST, MOST = 48, 256
"""Rows at once: fewer are not worth their calls, and more are not tried out."""
SMALL_UNIT = 4
"""More rows than this in place of a single one would make a step of one sequence slow."""


class RowPlan(NamedTuple):
    """How rows are to be multiplied.

    unit: The number of rows has to be a multiple of this.
    most: Rows at once, a multiple of `unit` too.
    """

    unit: int
    most: int

    def padded(self, n_rows: int) -> int:
        """RETURNS (int): The next multiple. n_rows (int): Some number of rows."""
        return -(-n_rows // self.unit) * self.unit

    def parts(self, n_rows: int) -> List[slice]:
        """RETURNS (List[slice]): What is multiplied at once. n_rows (int): A multiple of the unit."""
        return [slice(start, min(n_rows, start + self.most)) for start in range(0, n_rows, self.most)]


@lru_cache(maxsize=1024)
def row_plan(n_in: int, n_out: int) -> Optional[RowPlan]:
    """Try out how rows have to be multiplied with a matrix that lies in memory by rows.

    n_in (int): Rows of the matrix.
    n_out (int): Columns of the matrix.
    RETURNS (Optional[RowPlan]): The plan of the least unit; None if there is none.
    """
    rng = np.random.default_rng(0)
    W = rng.normal(size=(n_in, n_out)).astype("float32")
    rows = rng.normal(size=(3, n_in)).astype("float32")
    plans = (RowPlan(unit, _steady_up_to(unit, rows, W)) for unit in UNITS)
    return next((plan for plan in plans if plan.most >= LEAST), None)


@one_thread
def _steady_up_to(unit: int, rows: Floats, W: Floats) -> int:
    """The most rows, a multiple of a unit, up to which all multiples give the same products."""
    expected: List[Optional[Floats]] = [None] * len(rows)
    most = 0
    for n in range(unit, MOST + 1, unit):
        # Kernels change at few sizes; far up, not all need to be tried.
        if n > 64 and n % (8 * unit) and n + unit <= MOST:
            continue
        for i, row in enumerate(rows):
            products = np.matmul(np.tile(row, (n, 1)), W)
            first = expected[i]
            if first is None:
                first = expected[i] = products[:1]
            if not (products == first).all():
                return most
        most = n
    return most


@one_thread
def multiply_rows(X: NDArray[np.floating], W: NDArray[np.floating], out: NDArray[np.floating]) -> None:
    """`numpy.matmul` whose rows do not depend on each other.

    X (array): (n_rows, n_in) rows.
    W (array): (n_in, n_out) matrix, by rows in memory where that is to be fast.
    out (array): (n_rows, n_out) where to put the products.
    """
    n_rows = X.shape[0]
    is_float = X.dtype == W.dtype == np.float32
    plan = row_plan(*W.shape) if is_float and W.flags.c_contiguous else None
    if plan is not None:
        whole = n_rows - n_rows % plan.unit
        for part in plan.parts(whole):
            np.matmul(X[part], W, out=out[part])
        if whole < n_rows:
            rest = np.zeros((plan.unit, X.shape[1]), dtype=X.dtype)
            rest[: n_rows - whole] = X[whole:]
            out[whole:] = np.matmul(rest, W)[: n_rows - whole]
    elif is_float and is_steady(*W.shape):
        out[...] = steady_product(X, W)
    else:
        out.fill(0)
        for i in range(W.shape[0]):
            out += X[:, i, None] * W[i]


class Memory(Protocol):
    """Where the steps of a recurrence take memory from."""

    def array(self, name: str, shape: Tuple[int, ...]) -> Floats:
        """RETURNS (array): An array of any content. name (str): Its name. shape (Tuple[int, ...]): Its shape."""


class StepProducts:
    """The products of the states of running sequences with the recurrent weights, step after step.

    recurrent (array): (G, D, n_hidden, n_hidden) weights.
    n_seqs (int): Most sequences.
    memory (Memory): Where memory comes from.
    plan (RowPlan): How rows are multiplied.
    """

    def __init__(self, recurrent: Floats, n_seqs: int, memory: Memory, plan: RowPlan) -> None:
        self.recurrent, self.plan = recurrent, plan
        n_gates, n_directions, n_hidden, _ = recurrent.shape
        most = plan.padded(n_seqs)
        self._padded = memory.array("padded", (n_directions, most, n_hidden))
        self._padded.fill(0.0)
        self._products = memory.array("products", (n_gates * n_directions * most * n_hidden,))
        self._whole: Optional[Floats] = None
        self._rows = self._padded
        self._parts: List[Tuple[Floats, Floats]] = []

    def resize(self, n: int) -> Floats:
        """Prepare for steps of so many sequences.

        n (int): Running sequences.
        RETURNS (array): (G, D, n, n_hidden) where `fill` puts the products.
        """
        n_gates, n_directions, n_hidden, _ = self.recurrent.shape
        n_padded = self.plan.padded(n)
        shape = (n_gates, n_directions, n_padded, n_hidden)
        products = self._products[: n_gates * n_directions * n_padded * n_hidden].reshape(shape)
        self._whole = products if n_padded == n <= self.plan.most else None
        self._rows = self._padded[:, :n]
        self._parts = [(self._padded[:, part], products[:, :, part]) for part in self.plan.parts(n_padded)]
        return products[:, :, :n]

    def fill(self, previous: Floats) -> None:
        """Multiply. previous (array): (D, n, n_hidden) states."""
        if self._whole is not None:
            np.matmul(previous, self.recurrent, self._whole)
            return
        self._rows[...] = previous
        for rows, products in self._parts:
            np.matmul(rows, self.recurrent, products)


class ExactProducts:
    """`StepProducts` of states between -1 and 1 by sums of whole numbers in double precision, which are exact.

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

    def resize(self, n: int) -> Floats:
        """Prepare for steps of so many sequences, see `StepProducts`. n (int): Running sequences."""
        n_gates, n_directions, n_hidden, _ = self._shape
        products = self._products[: n_gates * n_directions * n * n_hidden].reshape((n_gates, n_directions, n, n_hidden))
        self._rows = self._states[:, :n]
        sums = self._sums[: products.size].reshape((n_directions, n, n_gates * n_hidden))
        self._all_sums = sums
        self._by_gate = sums.reshape((n_directions, n, n_gates, n_hidden)).transpose(2, 0, 1, 3)
        self._target = products
        return products

    def fill(self, previous: Floats) -> None:
        """Multiply. previous (array): (D, n, n_hidden) states."""
        np.multiply(previous, 2.0**STATE_BITS, out=self._rows)
        np.rint(self._rows, out=self._rows)
        np.matmul(self._rows, self._weights, out=self._all_sums)
        self._target[...] = self._by_gate


def step_products(weights: Weights, n_seqs: int, memory: Memory) -> "StepProducts | ExactProducts":
    """What multiplies states, so that a sequence's states do not depend on the other sequences.

    weights (Weights): The layer.
    n_seqs (int): Most sequences.
    memory (Memory): Where memory comes from.
    RETURNS (StepProducts | ExactProducts): The fastest that does it. States without bounds are multiplied a few rows at
        a time where there is no better plan.
    """
    plan = row_plan(weights.n_hidden, weights.n_hidden)
    if plan is not None and (plan.unit <= SMALL_UNIT or not weights.is_bounded):
        return StepProducts(weights.recurrent, n_seqs, memory, plan)
    if weights.is_bounded:
        return ExactProducts(weights, n_seqs, memory)
    return StepProducts(weights.recurrent, n_seqs, memory, RowPlan(1, 1))
