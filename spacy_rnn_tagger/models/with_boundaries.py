from typing import Any, Callable, List, Optional, Tuple

from thinc.api import Model
from thinc.initializers import normal_init
from thinc.types import Floats2d

from .types import VectorsToVectors


def with_boundaries(layer: VectorsToVectors) -> VectorsToVectors:
    """Let a layer read a trained start vector before each sequence and a trained end vector after it; its outputs for the
    two are dropped. Empty sequences stay empty."""
    return Model(
        f"with_boundaries({layer.name})",
        forward,
        init=init,
        layers=[layer],
        dims={name: layer.maybe_get_dim(name) for name in ("nI", "nO")},
        params={"sos": None, "eos": None},
    )


def forward(
    model: VectorsToVectors, Xs: List[Floats2d], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Floats2d]]]:
    xp = model.ops.xp
    sos: Any = model.get_param("sos")
    eos: Any = model.get_param("eos")
    start, end = sos.reshape((1, -1)), eos.reshape((1, -1))
    Ys, backprop_layer = model.layers[0]([xp.concatenate((start, X, end)) if len(X) else X for X in Xs], is_train)

    def backprop(dYs: List[Floats2d]) -> List[Floats2d]:
        nothing = model.ops.alloc2f(1, model.get_dim("nO"))
        dXs = backprop_layer([xp.concatenate((nothing, dY, nothing)) if len(dY) else dY for dY in dYs])
        for dX in dXs:
            if len(dX):
                model.inc_grad("sos", dX[0])
                model.inc_grad("eos", dX[-1])
        return [dX[1:-1] for dX in dXs]

    return [Y[1:-1] for Y in Ys], backprop


def init(model: VectorsToVectors, X: Optional[List[Floats2d]] = None, Y: Optional[List[Floats2d]] = None) -> None:
    layer = model.layers[0]
    layer.initialize(X=X)
    for name in ("nI", "nO"):
        if layer.has_dim(name) and not model.has_dim(name):
            model.set_dim(name, layer.get_dim(name))
    for name in model.param_names:
        model.set_param(name, normal_init(model.ops, (model.get_dim("nI"),), mean=0.0))
