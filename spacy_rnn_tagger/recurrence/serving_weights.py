"""A recurrent layer's weights as serving wants them: gate by gate, so that every gate is a contiguous block.

All gates of a step are squashed together, since sigmoid(z) = (tanh(z / 2) + 1) / 2, whose inner factor is folded into
the weights here (see `squashing`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np
from numpy.typing import NDArray

from .cells import CELLS
from .squashing import scales_for

Params = Mapping[str, Any]
Floats = NDArray[np.float32]

STATE_BITS, DOUBLE_BITS = 23, 53
"""Binary places of a state that count in exact sums, and those that a double has."""

UNIT, EDGE = 12, 8
"""Rows that OpenBLAS takes at once on AVX2, and columns at both ends of a matrix that it treats otherwise there."""

# The gates in the order in which steps want them, the sigmoids first, and what the tanh of each wants its argument
# multiplied by.
_ORDERS: Dict[str, List[int]] = {"lstm": [0, 1, 3, 2], "gru": [0, 1, 2], "rnn_tanh": [0], "rnn_relu": [0]}
_SCALES: Dict[str, Tuple[float, ...]] = {
    "lstm": (0.5, 0.5, 0.5, 1.0),
    "gru": (0.5, 0.5, 1.0),
    "rnn_tanh": (1.0,),
    "rnn_relu": (1.0,),
}


@dataclass(frozen=True)
class Weights:
    """The weights of one layer, laid out for serving. D directions, G gates; scaled as `scales_for` says.

    cell: Name of the cell.
    inputs: (G, D, n_in, n_hidden).
    bias: (G, D, 1, n_hidden).
    recurrent: (G, D, n_hidden, n_hidden).
    bias_hn: (D, 1, n_hidden); zeros but for the GRU.
    """

    cell: str
    inputs: Floats
    bias: Floats
    recurrent: Floats
    bias_hn: Floats

    @property
    def n_gates(self) -> int:
        return int(self.recurrent.shape[0])

    @property
    def n_directions(self) -> int:
        return int(self.recurrent.shape[1])

    @property
    def n_hidden(self) -> int:
        return int(self.recurrent.shape[3])

    @property
    def is_bounded(self) -> bool:
        """Whether hidden states are between -1 and 1."""
        return self.cell != "rnn_relu"

    @cached_property
    def exact_recurrent(self) -> NDArray[np.float64]:
        """(D, n_hidden, G * n_hidden) float64, in units of a state's last place: the recurrent weights, rounded so that
        sums of their products with bounded states are exact. A usual layer's largest weights keep 22 binary places."""
        n_gates, n_directions, n_hidden, _ = self.recurrent.shape
        together = self.recurrent.transpose(1, 2, 0, 3).reshape((n_directions, n_hidden, n_gates * n_hidden))
        weights = together.astype("float64")
        largest = float(np.abs(weights).sum(axis=1).max(initial=0.0)) or 1.0
        places = DOUBLE_BITS - 1 - STATE_BITS - int(np.ceil(np.log2(largest)))
        whole: NDArray[np.float64] = np.rint(weights * 2.0**places) * 2.0 ** (-places - STATE_BITS)
        return whole

    @cached_property
    def recurrent_columns(self) -> Floats:
        """The recurrent weights by `as_columns`."""
        return as_columns(self.recurrent)

    @cached_property
    def recurrent_between_zeros(self) -> Floats:
        """The recurrent weights by `between_zeros`."""
        return between_zeros(self.recurrent)


def as_columns(recurrent: Floats) -> Floats:
    """RETURNS (array): (D, n_columns, n_hidden) each column of the weights of all gates as a row, followed by zeros to
    a multiple of `UNIT`. recurrent (array): (G, D, n_hidden, n_hidden) weights."""
    n_gates, n_directions, n_hidden, _ = recurrent.shape
    n_columns = n_gates * n_hidden
    columns = np.zeros((n_directions, -(-n_columns // UNIT) * UNIT, n_hidden), dtype="float32")
    columns[:, :n_columns] = recurrent.transpose((1, 0, 3, 2)).reshape((n_directions, n_columns, n_hidden))
    return columns


def between_zeros(weights: Floats) -> Floats:
    """RETURNS (array): (..., n_in, n_columns) weights after `EDGE` columns of zeros, and before at least as many, which
    end at a multiple of twice as many. weights (array): (..., n_in, n_out)."""
    n_out = weights.shape[-1]
    n_columns = -(-(n_out + 2 * EDGE) // (2 * EDGE)) * 2 * EDGE
    between = np.zeros((*weights.shape[:-1], n_columns), dtype="float32")
    between[..., EDGE : EDGE + n_out] = weights
    return between


def prepare(cell: str, params: Params, *, bidirectional: bool) -> Weights:
    """Lay out a layer's weights for serving; once for as long as they do not change.

    cell (str): Name of the cell, a key of `cells.CELLS`.
    params (Mapping[str, array]): Weights by name, `_reverse` appended for the backward direction.
    bidirectional (bool): Whether there is a backward direction.
    """
    suffixes = ("", "_reverse") if bidirectional else ("",)
    n_hidden = params["weight_hh"].shape[1]
    n_gates = len(CELLS[cell].gates)
    scales = scales_for(cell, _SCALES[cell], "float32")
    scale = np.asarray(scales, dtype="float32").reshape((n_gates, 1, 1, 1))

    def stack(name: str) -> Floats:
        gates = np.stack([params[name + suffix].reshape((n_gates, n_hidden, -1)) for suffix in suffixes], axis=1)
        gates = gates[_ORDERS[cell]].transpose((0, 1, 3, 2))
        scaled: Floats = np.ascontiguousarray(gates, dtype="float32") * scale
        return scaled

    bias_hn = np.zeros((len(suffixes), 1, n_hidden), dtype="float32")
    if "bias_hn" in params:
        bias_hn[:, 0] = [params["bias_hn" + suffix] for suffix in suffixes]
    return Weights(cell, stack("weight_ih"), stack("bias"), stack("weight_hh"), bias_hn)


def input_columns(weights: Weights) -> Floats:
    """The input weights of all gates and directions side by side: (n_in, G * D * n_hidden)."""
    columns = weights.inputs.transpose((2, 0, 1, 3))
    return np.ascontiguousarray(columns).reshape((columns.shape[0], -1))


def as_gates(weights: Weights, products: Floats) -> Floats:
    """What inputs add to a layer's gates, at whatever step they come: `W_ih x + b`, scaled.

    weights (Weights): The layer.
    products (array): (n_rows, G * D * n_hidden) inputs times `input_columns`.
    RETURNS (array): (G, D, n_rows, n_hidden).
    """
    n_rows = products.shape[0]
    shape = (n_rows, weights.n_gates, weights.n_directions, weights.n_hidden)
    gates: Floats = products.reshape(shape).transpose((1, 2, 0, 3)) + weights.bias
    return gates
