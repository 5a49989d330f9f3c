"""Thinc's operations on a CPU, but for the product of matrices."""

from typing import Any, Optional

import numpy as np
from thinc.api import Model, NumpyOps
from thinc.types import Floats2d

from ..recurrence.steady_product import is_steady, steady_product
from ..recurrence.threads import one_thread


class ArrayOps(NumpyOps):
    """`NumpyOps` with NumPy's product of matrices, which takes about a third of the time of Thinc's.

    What both have in common: a row's product with a matrix is the same to the bit, whatever the other rows are. Where
    NumPy's library does not do that, products are Thinc's.
    """

    def gemm(
        self, x: Any, y: Any, *, out: Optional[Any] = None, trans1: bool = False, trans2: bool = False
    ) -> Floats2d:
        """Multiply matrices, see `thinc.api.Ops.gemm`."""
        floats = x.ndim == y.ndim == 2 and x.dtype == y.dtype == np.float32
        if out is not None or not floats or not x.size or not y.size:
            return super().gemm(x, y, out=out, trans1=trans1, trans2=trans2)
        W = y.T if trans2 else y
        if trans1:
            with one_thread:
                gradient: Any = np.matmul(x.T, W)
            return gradient
        if x.shape[1] != W.shape[0] or not is_steady(*W.shape):
            return super().gemm(x, y, trans1=trans1, trans2=trans2)
        product: Any = steady_product(x, W)
        return product


def use_array_products(model: Model[Any, Any]) -> None:
    """Let all layers of a model that are on a CPU multiply by NumPy. Copies of a model, and those that come from a GPU,
    have Thinc's operations again, so this is called before a model runs.

    model (Model): The model, whose layers keep operations of another kind, such as those of a GPU.
    """
    if type(model.ops) is not NumpyOps:
        return
    for node in model.walk():
        if type(node.ops) is NumpyOps:
            node.ops = ArrayOps()
