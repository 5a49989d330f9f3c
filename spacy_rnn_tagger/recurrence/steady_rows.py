"""Products of rows with small matrices, in which a row is the same to the bit whatever the other rows are.

BLAS rounds differently at the edges of what its kernels take at once, with a single row, and above some size, where it
changes kernels. With some processors and shapes it is enough to bring rows to a multiple of a small number and to
multiply no more than so many at once, with others if the matrix lies between columns of zeros as well, so that none of
its own is at an edge; which numbers these are is tried out once. Else there is `steady_product`, whose blocks are
large. The steps of a recurrence, which have few rows, have further ways (`step_products`).
"""

from functools import lru_cache
from typing import List, NamedTuple, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from .serving_weights import EDGE, UNIT, Floats, between_zeros
from .steady_product import is_steady, steady_product
from .threads import one_thread

UNITS = (1, 2, 4, 8)
"""Numbers of which the rows may have to be a multiple, the cheapest first."""
LEAST, MOST = 48, 256
"""Rows at once: fewer are not worth their calls, and more are not tried out."""


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
    plans = (RowPlan(unit, steady_up_to(unit, rows, W)) for unit in UNITS)
    return next((plan for plan in plans if plan.most >= LEAST), None)


@one_thread
def steady_up_to(unit: int, rows: Floats, W: Floats, products: Sequence[Optional[Floats]] = ()) -> int:
    """Try out up to how many rows all multiples of a unit give the same products.

    unit (int): The unit.
    rows (array): (n, n_in) rows, each of which is tried alone.
    W (array): (n_in, n_out) matrix.
    products (Sequence[array]): What the product of each row has to be; what the first unit gives if there is none.
    RETURNS (int): The most rows.
    """
    expected = list(products) or [None] * len(rows)
    most = 0
    for n in range(unit, MOST + 1, unit):
        # Kernels change at few sizes; far up, not all need to be tried.
        if n > 64 and n % (8 * unit) and n + unit <= MOST:
            continue
        for i, row in enumerate(rows):
            found = np.matmul(np.tile(row, (n, 1)), W)
            first = expected[i]
            if first is None:
                first = expected[i] = found[:1]
            if not (found == first).all():
                return most
        most = n
    return most


@lru_cache(maxsize=1024)
def plan_between_zeros(n_in: int, n_out: int) -> Optional[RowPlan]:
    """Try out whether rows can be multiplied with a matrix that lies `between_zeros`, see `row_plan`."""
    rng = np.random.default_rng(0)
    W = between_zeros(rng.normal(size=(n_in, n_out)).astype("float32"))
    most = steady_up_to(UNIT, rng.normal(size=(3, n_in)).astype("float32"), W)
    return RowPlan(UNIT, most) if most >= LEAST else None


@one_thread
def multiply_rows(X: NDArray[np.floating], W: NDArray[np.floating], out: NDArray[np.floating]) -> None:
    """`numpy.matmul` whose rows do not depend on each other.

    X (array): (n_rows, n_in) rows.
    W (array): (n_in, n_out) matrix, by rows in memory where that is to be fast.
    out (array): (n_rows, n_out) where to put the products.
    """
    is_float = X.dtype == W.dtype == np.float32
    plan = row_plan(*W.shape) if is_float and W.flags.c_contiguous else None
    if plan is not None:
        _multiply_by_plan(X, W, out, plan)
    elif is_float and (plan := plan_between_zeros(*W.shape)) is not None:
        between = between_zeros(W)
        room = np.empty((X.shape[0], between.shape[1]), dtype="float32")
        _multiply_by_plan(X, between, room, plan)
        out[...] = room[:, EDGE : EDGE + W.shape[1]]
    elif is_float and is_steady(*W.shape):
        out[...] = steady_product(X, W)
    else:
        out.fill(0)
        for i in range(W.shape[0]):
            out += X[:, i, None] * W[i]


def _multiply_by_plan(X: Floats, W: Floats, out: Floats, plan: RowPlan) -> None:
    n_rows = X.shape[0]
    whole = n_rows - n_rows % plan.unit
    for part in plan.parts(whole):
        np.matmul(X[part], W, out=out[part])
    if whole < n_rows:
        rest = np.zeros((plan.unit, X.shape[1]), dtype=X.dtype)
        rest[: n_rows - whole] = X[whole:]
        out[whole:] = np.matmul(rest, W)[: n_rows - whole]
