from typing import Any, Callable, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray
from thinc.api import Model
from thinc.types import Floats2d

from ...recurrence.packing import make_packing, take
from ..types import Packed, VectorsToVectors


def with_packed(layer: Model[Packed, Packed]) -> VectorsToVectors:
    """Run a layer over the packed layout of a list of sequences. The inputs are copied, never changed."""
    return Model(
        f"with_packed({layer.name})",
        forward,
        init=init,
        layers=[layer],
        dims={name: layer.maybe_get_dim(name) for name in ("nI", "nO")},
    )


def forward(
    model: VectorsToVectors, Xs: List[Floats2d], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Floats2d]]]:
    layer: Model[Packed, Packed] = model.layers[0]
    lengths = [X.shape[0] for X in Xs]
    if not any(lengths):
        nI, nO = model.get_dim("nI"), model.get_dim("nO")
        return (
            [model.ops.alloc2f(0, nO) for _ in Xs],
            lambda dYs: [model.ops.alloc2f(0, nI) for _ in dYs],
        )
    packing = make_packing(lengths)
    Yp, backprop_layer = layer(Packed(_pack(model, Xs, packing.to_packed), packing), is_train)

    def backprop(dYs: List[Floats2d]) -> List[Floats2d]:
        dXp = backprop_layer(Packed(_pack(model, dYs, packing.to_packed), packing))
        return _unpack(model, dXp, lengths)

    return _unpack(model, Yp, lengths), backprop


def init(
    model: VectorsToVectors,
    X: Optional[List[Floats2d]] = None,
    Y: Optional[List[Floats2d]] = None,
) -> None:
    layer: Model[Packed, Packed] = model.layers[0]
    sample = None
    if X is not None and any(len(x) for x in X):
        packing = make_packing([x.shape[0] for x in X])
        sample = Packed(_pack(model, X, packing.to_packed), packing)
    layer.initialize(X=sample)
    for name in ("nI", "nO"):
        if layer.has_dim(name) and not model.has_dim(name):
            model.set_dim(name, layer.get_dim(name))


def _pack(model: VectorsToVectors, Xs: List[Floats2d], to_packed: NDArray[np.int64]) -> Any:
    flat = Xs[0] if len(Xs) == 1 else model.ops.xp.concatenate(Xs)
    return take(flat, to_packed)


def _unpack(model: VectorsToVectors, Xp: Packed, lengths: List[int]) -> List[Floats2d]:
    flat = take(Xp.data, Xp.packing.from_packed)
    return model.ops.unflatten(flat, model.ops.asarray1i(lengths))
