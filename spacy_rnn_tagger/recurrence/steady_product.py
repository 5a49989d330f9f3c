"""Products of rows with a matrix in which a row's product is the same to the bit, whatever the other rows are.

BLAS does not promise that: its kernels treat the rows at the edges of a block otherwise than those in the middle, so
that sums are rounded in another order. Thinc multiplies by BLIS for that reason, which takes about three times as long
as NumPy's OpenBLAS. Here rows are put into blocks of few sizes, away from the edges; whether that is enough is tried
out once for each shape of the matrix.
"""

from functools import lru_cache

import numpy as np

from .serving_weights import Floats
from .threads import one_thread

# Rows of a block, of which `EDGE` at each end are zeros.
BLOCKS = (64, 128, 256)
EDGE = 16


def steady_product(X: Floats, W: Floats) -> Floats:
    """Multiply rows with a matrix for which `is_steady` holds.

    X (array): (n_rows, n_in) float32.
    W (array): (n_in, n_out) float32.
    RETURNS (array): (n_rows, n_out) float32; a row of it depends on no other row of X.
    """
    n_rows, n_in = X.shape
    Y: Floats = np.empty((n_rows, W.shape[1]), dtype="float32")
    start = 0
    while start < n_rows:
        size = next((size for size in BLOCKS if size - 2 * EDGE >= n_rows - start), BLOCKS[-1])
        end = min(n_rows, start + size - 2 * EDGE)
        block = np.zeros((size, n_in), dtype="float32")
        block[EDGE : EDGE + end - start] = X[start:end]
        Y[start:end] = _columns(W, block)[:, EDGE : EDGE + end - start].T
        start = end
    return Y


@lru_cache(maxsize=1024)
def is_steady(n_in: int, n_out: int) -> bool:
    """Try out whether NumPy's library gives a row the same product wherever it stands, in blocks of every size. It has
    other kernels for a matrix that lies in memory by columns, and on processors with AVX-512 further ones for small
    matrices, of which some are steady and some are not; so both ways are tried out.

    n_in (int): Rows of the matrix.
    n_out (int): Columns of the matrix.
    RETURNS (bool): Whether `steady_product` may be used with such a matrix.
    """
    rng = np.random.default_rng(0)
    by_rows = rng.normal(size=(n_in, n_out)).astype("float32")
    row = rng.normal(size=(1, n_in)).astype("float32")
    return all(_is_steady_with(W, row) for W in (by_rows, np.asfortranarray(by_rows)))


def _is_steady_with(W: Floats, row: Floats) -> bool:
    expected = None
    for size in BLOCKS:
        block = np.zeros((size, W.shape[0]), dtype="float32")
        block[EDGE:-EDGE] = row
        products = _columns(W, block)[:, EDGE:-EDGE]
        expected = products[:, :1] if expected is None else expected
        if not (products == expected).all():
            return False
    return True


@one_thread
def _columns(W: Floats, block: Floats) -> Floats:
    """RETURNS (array): (n_out, n_rows) products of the block's rows with W."""
    products: Floats = np.matmul(W.T, block.T)
    return products
