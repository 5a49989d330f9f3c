from typing import Any, Callable, List, Optional, Tuple

from thinc.api import Model
from thinc.initializers import normal_init
from thinc.types import Floats2d

from ..types import VectorsToVectors
from .vocabulary import EOS, SOS


def with_boundaries(layer: VectorsToVectors) -> VectorsToVectors:
    """Let a layer read a trained start vector before each sequence and a trained end vector after it; its outputs for
    the two are dropped. Empty sequences stay empty. Of one-hot sequences, `<sos>` and `<eos>` are read, which have
    columns of their own."""
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
    start: Any
    end: Any
    one_hot = reads_columns(Xs)
    if one_hot:
        start, end = model.ops.asarray1i([SOS]), model.ops.asarray1i([EOS])
    else:
        start, end = (model.get_param(name).reshape((1, -1)) for name in ("sos", "eos"))
    Ys, backprop_layer = model.layers[0]([xp.concatenate((start, X, end)) if len(X) else X for X in Xs], is_train)

    def backprop(dYs: List[Floats2d]) -> List[Floats2d]:
        nothing = model.ops.alloc2f(1, model.get_dim("nO"))
        dXs = backprop_layer([xp.concatenate((nothing, dY, nothing)) if len(dY) else dY for dY in dYs])
        for dX in dXs:
            if len(dX) and not one_hot:
                model.inc_grad("sos", dX[0])
                model.inc_grad("eos", dX[-1])
        return [dX[1:-1] for dX in dXs]

    return [Y[1:-1] for Y in Ys], backprop


def reads_columns(Xs: List[Any]) -> bool:
    """Whether sequences are the columns of one-hot vectors rather than vectors."""
    return any(X.ndim == 1 for X in Xs)


def init(model: VectorsToVectors, X: Optional[List[Floats2d]] = None, Y: Optional[List[Floats2d]] = None) -> None:
    layer = model.layers[0]
    layer.initialize(X=X)
    for name in ("nI", "nO"):
        if layer.has_dim(name) and not model.has_dim(name):
            model.set_dim(name, layer.get_dim(name))
    for name in () if X and reads_columns(X) else model.param_names:
        model.set_param(name, normal_init(model.ops, (model.get_dim("nI"),), mean=0.0))
