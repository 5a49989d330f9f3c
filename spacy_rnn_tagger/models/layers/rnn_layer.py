from functools import partial
from typing import Any, Callable, Dict, Optional, Tuple

import numpy
from thinc.api import CupyOps, Model, Ops
from thinc.initializers import glorot_uniform_init
from thinc.types import Floats2d

from ...recurrence import array_engine, torch_engine
from ...recurrence.cells import CELLS
from ...recurrence.engines import training_engine
from ...recurrence.serving_inputs import Inputs
from ...recurrence.serving_weights import Weights, prepare
from ..serving.weight_watch import PerWeights
from ..types import Packed


def RNNLayer(
    nI: Optional[int],
    hidden_width: int,
    *,
    cell: str,
    bidirectional: bool,
    bptt_steps: int = 0,
    engine: str = "torch",
) -> Model[Packed, Packed]:
    """One recurrent layer. Its weights are Thinc params; PyTorch or arrays train them, arrays serve them.

    nI (Optional[int]): Input width; inferred from data if None.
    hidden_width (int): Units per direction. The output width `nO` is this times the number of directions.
    cell (str): Name of the cell, a key of `CELLS`.
    bidirectional (bool): Whether to add a backward direction.
    bptt_steps (int): Through how many steps gradients flow back at most; all if 0.
    engine (str): What trains the layer, one of `ENGINES`.
    """
    names = [
        name + suffix
        for suffix in (("", "_reverse") if bidirectional else ("",))
        for name in CELLS[cell].param_shapes(1, 1)
    ]
    return Model(
        cell,
        # Not attributes, which Thinc would save and restore over the config's.
        partial(forward, bptt_steps=bptt_steps, engine=engine),
        init=init,
        dims={"nI": nI, "nH": hidden_width, "nO": hidden_width * (2 if bidirectional else 1)},
        params={name: None for name in names},
        # Thinc saves the name and restores it over the config's; the cell itself is no message, so it stays as built.
        attrs={"cell": CELLS[cell], "cell_name": cell, "bidirectional": bidirectional, "prepared": PerWeights()},
    )


def forward(
    model: Model[Packed, Packed], Xp: Packed, is_train: bool, *, bptt_steps: int, engine: str
) -> Tuple[Packed, Callable[[Packed], Packed]]:
    cell, bidirectional = model.attrs["cell"].name, model.attrs["bidirectional"]
    check_cell(model)
    nI = model.get_dim("nI")
    is_fetched = isinstance(Xp.data, Inputs)
    if not is_fetched and Xp.data.ndim == 2 and Xp.data.shape[1] != nI:
        raise ValueError(
            f"The recurrent layer {model.name!r} takes vectors of width {nI}, but was given {Xp.data.shape[1]}; set "
            "the encoder's width to the width of what feeds it."
        )
    if is_train:
        params = _params(model)
        begin_update = training_engine(engine, isinstance(model.ops, CupyOps))
        Y, backprop_engine = begin_update(
            cell, params, Xp.packing, Xp.data, bidirectional=bidirectional, bptt_steps=bptt_steps
        )
    elif isinstance(model.ops, CupyOps):
        Y = torch_engine.forward(cell, _params(model), Xp.packing, Xp.data, bidirectional=bidirectional)
    else:
        Y = array_engine.run(prepared_weights(model, Xp.packing.n_tokens), Xp.packing, Xp.data)

    n_calls = 0

    def backprop(dYp: Packed) -> Packed:
        nonlocal n_calls
        if not is_train:
            raise ValueError(f"Cannot backpropagate through {model.name!r}: it was run with is_train=False.")
        n_calls += 1
        if n_calls > 1:
            raise ValueError(
                f"The recurrent layer {model.name!r} was asked twice for the gradients of one batch. So it is when a "
                "component that listens to a shared tok2vec is updated without it: update both, give the component a "
                "copy of its own by nlp.replace_listeners, or freeze the tok2vec as an annotating component in "
                "[training]."
            )
        dX, grads = backprop_engine(dYp.data)
        for name, grad in grads.items():
            model.inc_grad(name, grad)
        return Packed(dX, dYp.packing)

    return Packed(Y, Xp.packing), backprop


def prepared_weights(model: Model[Packed, Packed], n_rows: int) -> Weights:
    """The layer's weights as the array engine wants them, laid out once for as long as they do not change.

    model (Model[Packed, Packed]): The layer.
    n_rows (int): How many rows they are about to serve.
    """
    kept: PerWeights[Weights] = model.attrs["prepared"]

    def lay_out() -> Weights:
        return prepare(model.attrs["cell"].name, _params(model), bidirectional=model.attrs["bidirectional"])

    return kept.get(lambda: [model], lay_out, n_rows)


def _params(model: Model[Packed, Packed]) -> Dict[str, Any]:
    return {name: model.get_param(name) for name in model.param_names}


def check_cell(model: Model[Any, Any]) -> None:
    """Refuse weights of another cell, which may have the same shapes.

    RAISES (ValueError): If the layer was built for another cell than its weights.
    """
    built, loaded = model.attrs["cell"].name, model.attrs["cell_name"]
    if built != loaded:
        raise ValueError(
            f"The config gives a recurrent layer cell = {built!r}, but the saved weights are of cell = {loaded!r}; "
            "load them with the cell that they were trained with."
        )


def init(model: Model[Packed, Packed], X: Optional[Packed] = None, Y: Optional[Packed] = None) -> None:
    if X is not None and not model.has_dim("nI"):
        model.set_dim("nI", X.data.shape[1])
    cell = model.attrs["cell"]
    n_hidden = model.get_dim("nH")
    shapes = cell.param_shapes(model.get_dim("nI"), n_hidden)
    for name in model.param_names:
        kind = name[: -len("_reverse")] if name.endswith("_reverse") else name
        model.set_param(name, _initial(model.ops, kind, shapes[kind], cell.gates, n_hidden))


def _initial(ops: Ops, kind: str, shape: Any, gates: Tuple[str, ...], n_hidden: int) -> Floats2d:
    """Glorot input weights, orthogonal recurrent weights (Saxe et al. 2014), gate by gate; zero biases, but one for the
    forget gate (Jozefowicz et al. 2015)."""
    if kind == "weight_ih":
        blocks = [glorot_uniform_init(ops, (n_hidden, shape[1])) for _ in gates]
        return ops.xp.concatenate(blocks)
    if kind == "weight_hh":
        square = numpy.random.normal(size=(len(gates), n_hidden, n_hidden))
        q, r = numpy.linalg.qr(square)
        q *= numpy.sign(numpy.diagonal(r, axis1=1, axis2=2))[:, None, :]
        weights: Any = q.reshape(shape).astype("float32")
        return ops.asarray2f(weights)
    bias = ops.alloc(shape)
    if kind == "bias" and "forget" in gates:
        at = gates.index("forget") * n_hidden
        bias[at : at + n_hidden] = 1.0
    return bias
