from typing import Any, Callable, List, Optional, Tuple

import numpy as np
from thinc.api import Model
from thinc.types import Floats2d

POOLINGS = ("last", "mean", "max")
THINC_REDUCTIONS = ("reduce_first", "reduce_last", "reduce_max", "reduce_mean", "reduce_sum")
"""Names of the layers of Thinc that give one vector per sequence."""


def pool(kind: str, bidirectional: bool) -> Model[List[Floats2d], Floats2d]:
    """One vector per sequence; zeros for an empty one.

    kind (str): "last" takes the final states, "mean" and "max" reduce over all steps.
    bidirectional (bool): Whether the second half of the width was read backwards, so that its final state stands at the
        first step. Only matters to "last".
    """
    return Model(
        f"pool_{kind}",
        forward,
        init=init,
        dims={"nO": None},
        attrs={"kind": kind, "bidirectional": bidirectional, "output_rank": 2},
    )


def output_rank(node: Model[Any, Any]) -> Optional[int]:
    """The rank of what a layer puts out for a batch.

    node (Model): The layer.
    RETURNS (Optional[int]): 2 for one vector per sequence, 3 for one per step; None if the layer leaves the rank as it
        is.
    """
    rank: Optional[int] = node.attrs.get("output_rank", 2 if node.name in THINC_REDUCTIONS else None)
    return rank


def forward(
    model: Model[List[Floats2d], Floats2d], Xs: List[Floats2d], is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], List[Floats2d]]]:
    ops, kind = model.ops, model.attrs["kind"]
    lengths: Any = np.asarray([X.shape[0] for X in Xs], dtype=np.int64)
    X = ops.xp.concatenate(Xs) if Xs else ops.alloc2f(0, model.get_dim("nO"))
    width = X.shape[1]
    filled: Any = ops.xp.asarray(np.flatnonzero(lengths))
    sizes = lengths[lengths > 0]
    Y = ops.alloc2f(len(Xs), width)
    backprop_filled: Callable[[Any], Any]
    if not sizes.size:
        backprop_filled = _nothing(X)
    elif kind == "last":
        Y[filled], backprop_filled = _last(model, X, sizes)
    elif kind == "mean":
        counts = ops.asarray1i(sizes)
        Y[filled] = ops.reduce_mean(X, counts)
        backprop_filled = _backprop_mean(model, counts)
    else:
        counts = ops.asarray1i(sizes)
        Y[filled], which = ops.reduce_max(X, counts)
        backprop_filled = _backprop_max(model, which, counts)

    def backprop(dY: Floats2d) -> List[Floats2d]:
        return ops.unflatten(backprop_filled(ops.as_contig(dY[filled])), ops.asarray1i(lengths))

    return Y, backprop


def init(
    model: Model[List[Floats2d], Floats2d], X: Optional[List[Floats2d]] = None, Y: Optional[Floats2d] = None
) -> None:
    if X:
        model.set_dim("nO", X[0].shape[1])


def _last(model: Model[List[Floats2d], Floats2d], X: Floats2d, sizes: Any) -> Tuple[Floats2d, Callable[[Any], Any]]:
    xp = model.ops.xp
    ends = np.cumsum(sizes)
    last: Any = xp.asarray(ends - 1)
    first: Any = xp.asarray(ends - sizes)
    half = X.shape[1] // 2 if model.attrs["bidirectional"] else X.shape[1]
    Y = xp.hstack((X[last, :half], X[first, half:]))

    def backprop(dY: Any) -> Any:
        dX = model.ops.alloc2f(*X.shape)
        dX[last, :half] = dY[:, :half]
        dX[first, half:] = dY[:, half:]
        return dX

    return Y, backprop


def _backprop_mean(model: Model[Any, Any], counts: Any) -> Callable[[Any], Any]:
    return lambda dY: model.ops.backprop_reduce_mean(dY, counts)


def _backprop_max(model: Model[Any, Any], which: Any, counts: Any) -> Callable[[Any], Any]:
    return lambda dY: model.ops.backprop_reduce_max(dY, which, counts)


def _nothing(X: Any) -> Callable[[Any], Any]:
    return lambda dY: X[:0]
