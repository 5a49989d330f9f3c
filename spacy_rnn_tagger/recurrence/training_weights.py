"""A recurrent layer's weights as training by arrays wants them: all gates of a direction side by side.

A step's product is then one per direction, forwards and backwards. Forwards, all gates of a step are squashed together,
as in `serving_weights`, and the scaling of their arguments is folded into the weights here too.
"""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, NamedTuple, Tuple

import numpy as np

from .squashing import scales_for

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Slots:
    """How the gates of a cell lie in the (n_directions, n_rows, n_slots, n_hidden) array that steps work on.

    Each slot holds what a gate was, and in the backward pass the gradient of its argument. Gates are numbers of the
    places in which `Cell.gates` has them.

    cell: Name of the cell.
    n: Number of slots.
    recurrent: The gates, in the order in which the recurrent product has them; their slots begin with the first one.
    inputs: The gates, in the order in which the input product has them; their slots end with the last one.
    scales: 1/2 for a sigmoid, 1 for a tanh.
    """

    cell: str
    n: int
    recurrent: Tuple[int, ...]
    inputs: Tuple[int, ...]
    scales: Tuple[float, ...]


# The LSTM's output gate comes first: so the sigmoids lie side by side, and so do the gates that the cell state's
# gradient is multiplied by. The GRU's first slot is its candidate's recurrent product, which the reset gate multiplies.
SLOTS: Dict[str, Slots] = {
    "lstm": Slots("lstm", 4, (3, 0, 1, 2), (3, 0, 1, 2), (0.5, 0.5, 1.0, 0.5)),
    "gru": Slots("gru", 4, (2, 0, 1), (0, 1, 2), (0.5, 0.5, 1.0)),
    "rnn_tanh": Slots("rnn_tanh", 1, (0,), (0,), (1.0,)),
    "rnn_relu": Slots("rnn_relu", 1, (0,), (0,), (1.0,)),
}


class StepWeights(NamedTuple):
    """The weights of a step's product, in both orders in memory.

    rows: (D, n_in, n_out) what rows are multiplied with.
    columns: (D, n_out, n_in) the same, what columns are multiplied with.
    """

    rows: Any
    columns: Any


@dataclass(frozen=True)
class TrainingWeights:
    """The weights of one layer, laid out for training. D directions, R gates of the recurrent product, I gates of the
    input product; in the orders of `slots`.

    slots: How the cell's gates lie.
    recurrent: From n_hidden to R * n_hidden, scaled.
    recurrent_back: From R * n_hidden to n_hidden, not scaled.
    inputs: (D, I * n_hidden, n_in), scaled; None of one-hot inputs.
    inputs_back: (D, I * n_hidden, n_in), not scaled; None of one-hot inputs.
    bias: (D, I * n_hidden), scaled.
    bias_hn: (D, 1, n_hidden); None but for the GRU.
    """

    slots: Slots
    recurrent: StepWeights
    recurrent_back: StepWeights
    inputs: Any
    inputs_back: Any
    bias: Any
    bias_hn: Any

    @property
    def n_hidden(self) -> int:
        return int(self.recurrent.rows.shape[1])

    @property
    def n_directions(self) -> int:
        return int(self.recurrent.rows.shape[0])


def lay_out(cell: str, params: Params, suffixes: Tuple[str, ...], one_hot: bool) -> TrainingWeights:
    """Lay out a layer's weights for one step of training.

    cell (str): Name of the cell, a key of `cells.CELLS`.
    params (Mapping[str, array]): Weights by name, a direction's suffix appended.
    suffixes (Tuple[str, ...]): The suffix of each direction.
    one_hot (bool): Whether inputs are one-hot, so that few columns of the input weights are read.
    RETURNS (TrainingWeights): The weights, copied.
    """
    slots = SLOTS[cell]
    n_hidden = params["weight_hh"].shape[1]

    def gather(name: str, gates: Tuple[int, ...]) -> Any:
        return np.stack([reorder(params[name + suffix], gates, n_hidden) for suffix in suffixes])

    recurrent_back = gather("weight_hh", slots.recurrent)
    inputs_back = None if one_hot else gather("weight_ih", slots.inputs)
    recurrent = recurrent_back * scale_rows(slots, slots.recurrent, recurrent_back)
    return TrainingWeights(
        slots=slots,
        recurrent=StepWeights(np.ascontiguousarray(recurrent.transpose((0, 2, 1))), recurrent),
        recurrent_back=StepWeights(recurrent_back, np.ascontiguousarray(recurrent_back.transpose((0, 2, 1)))),
        inputs=None if inputs_back is None else inputs_back * scale_rows(slots, slots.inputs, inputs_back),
        inputs_back=inputs_back,
        bias=gather("bias", slots.inputs) * scale_rows(slots, slots.inputs, recurrent_back)[:, 0],
        bias_hn=np.stack([params["bias_hn" + suffix][None] for suffix in suffixes]) if cell == "gru" else None,
    )


def reorder(weights: Any, gates: Tuple[int, ...], n_hidden: int) -> Any:
    """Weights of one direction, (n_gates * n_hidden, ...), with their gates in the given order."""
    blocks = weights.reshape((len(gates), n_hidden) + weights.shape[1:])
    return blocks[list(gates)].reshape(weights.shape)


def restore(gradient: Any, gates: Tuple[int, ...], n_hidden: int) -> Any:
    """A gradient with its gates in the given order, in the order of `Cell.gates`: undoes `reorder`."""
    return reorder(gradient, tuple(int(place) for place in np.argsort(gates)), n_hidden)


def scale_rows(slots: Slots, gates: Tuple[int, ...], weights: Any) -> Any:
    """(n_gates * n_hidden, 1) what to multiply the rows of weights by whose gates have the given order."""
    n_hidden = weights.shape[-2] // len(gates)
    scales = np.asarray(scales_for(slots.cell, slots.scales, weights.dtype), dtype=weights.dtype)[list(gates)]
    return np.repeat(scales, n_hidden)[:, None]
