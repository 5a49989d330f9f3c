"""The last linear layer of a model, its `output_layer`, whose width follows the labels."""

from functools import partial
from typing import Any, Callable, Optional, Tuple

from thinc.api import Model, glorot_uniform_init, zero_init
from thinc.layers.linear import init
from thinc.types import Floats2d

from ...recurrence.threads import one_thread

# A column added after training: rarely chosen until it is trained, but near enough for its gradient to move it.
NEW_COLUMN_BIAS = -10.0


def make_output(nO: Optional[int], nI: Optional[int]) -> Model[Floats2d, Floats2d]:
    """Thinc's Linear layer, but for its products: those of NumPy, which is faster at them. Widths that are None are
    inferred."""
    return Model(
        "linear",
        forward,
        init=partial(init, glorot_uniform_init, zero_init),
        dims={"nO": nO, "nI": nI},
        params={"W": None, "b": None},
    )


@one_thread
def forward(
    model: Model[Floats2d, Floats2d], X: Floats2d, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    W: Any = model.get_param("W")
    Y: Any = X @ W.T
    Y += model.get_param("b")

    @one_thread
    def backprop(dY: Any) -> Floats2d:
        model.inc_grad("b", dY.sum(axis=0))
        model.inc_grad("W", dY.T @ X)
        dX: Floats2d = dY @ W
        return dX

    return Y, backprop


def set_width(model: Model[Any, Any], nO: int) -> None:
    """Tell the width of the output layer to every layer around it."""
    output = model.get_ref("output_layer")
    for node in model.walk():
        if output in node.walk():
            node.set_dim("nO", nO, force=True)


def add_columns(model: Model[Any, Any], new_nO: int) -> None:
    """Widen an initialized model, in place. The scores of the columns that it has stay as they are.

    model (Model): A model whose `output_layer` is one of `make_output`.
    new_nO (int): The new number of columns.
    """
    old: Any = model.get_ref("output_layer")
    old_nO, nI = old.get_dim("nO"), old.get_dim("nI")
    W: Any = old.ops.alloc2f(new_nO, nI)
    b: Any = old.ops.alloc1f(new_nO)
    W[:old_nO] = old.get_param("W")
    b[:old_nO] = old.get_param("b")
    b[old_nO:] = NEW_COLUMN_BIAS
    new = make_output(new_nO, nI)
    new.set_param("W", W)
    new.set_param("b", b)
    replace_layer(model, "output_layer", new)
    set_width(model, new_nO)


def replace_layer(model: Model[Any, Any], ref: str, new: Model[Any, Any]) -> None:
    """Put another layer in a layer's place. Thinc fixes the dimensions of a layer that has weights."""
    old = model.get_ref(ref)
    for node in list(model.walk()):
        if old in node.layers:
            node.layers[node.layers.index(old)] = new
    model.set_ref(ref, new)
