"""Products of rows that are the same to the bit wherever the rows stand."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from thinc.api import Linear, NumpyOps

from spacy_rnn_tagger.models import array_ops
from spacy_rnn_tagger.models.array_ops import ArrayOps, use_array_products
from spacy_rnn_tagger.recurrence.steady_product import BLOCKS, EDGE, is_steady, steady_product

WIDTHS = [(1, 1), (7, 3), (37, 11), (128, 96), (200, 384)]


@pytest.mark.parametrize("n_in,n_out", WIDTHS)
@pytest.mark.parametrize("transposed", [True, False])
def test_a_row_does_not_depend_on_its_place(n_in, n_out, transposed):
    if not is_steady(n_in, n_out):
        pytest.skip("NumPy's library treats rows of a block differently here, so this product is never used")
    rng = numpy.random.default_rng(0)
    W = rng.normal(size=(n_out, n_in)).astype("float32").T if transposed else rng.normal(size=(n_in, n_out))
    W = W.astype("float32", copy=False)
    X = rng.normal(size=(600, n_in)).astype("float32")
    Y = steady_product(X, W)
    assert_allclose(Y, X.astype("float64") @ W, rtol=1e-4, atol=1e-4)
    for n in (0, 1, 2, *(size - 2 * EDGE + d for size in BLOCKS for d in (-1, 0, 1)), 599):
        rows = rng.permutation(600)[:n]
        assert (steady_product(X[rows], W) == Y[rows]).all()


@given(st.integers(0, 300), st.integers(1, 9), st.integers(1, 9), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_operations_multiply_as_thinc_does(n, n_in, n_out, trans1, trans2):
    rng = numpy.random.default_rng(n)
    x = rng.normal(size=(n_in, n) if trans1 else (n, n_in)).astype("float32")
    y = rng.normal(size=(n_out, n_in) if trans2 else (n_in, n_out)).astype("float32")
    expected = (x.T if trans1 else x) @ (y.T if trans2 else y)
    assert_allclose(ArrayOps().gemm(x, y, trans1=trans1, trans2=trans2), expected, atol=1e-5)


def test_operations_write_where_they_are_told_to():
    x, out = numpy.eye(3, dtype="float32"), numpy.zeros((3, 3), dtype="float32")
    ArrayOps().gemm(x, 2 * x, out=out)
    assert (out == 2 * x).all()


def test_where_products_are_not_steady_they_are_those_of_thinc(monkeypatch):
    monkeypatch.setattr(array_ops, "is_steady", lambda n_in, n_out: False)
    rng = numpy.random.default_rng(0)
    x, y = rng.normal(size=(2, 50, 50)).astype("float32")
    assert (ArrayOps().gemm(x, y) == NumpyOps().gemm(x, y)).all()


def test_operations_of_other_kinds_stay():
    class Other(NumpyOps):
        pass

    mine, other = Linear(2, 2), Linear(2, 2)
    other.ops = Other()
    for model in (mine, other):
        use_array_products(model)
    assert isinstance(mine.ops, ArrayOps) and type(other.ops) is Other
