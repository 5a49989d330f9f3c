"""Serving: the recurrence as a loop over packed array rows. NumPy alone is enough.

Formulas: Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000) for the LSTM, Cho et al. (2014) with
the reset gate applied after the recurrent product (as cuDNN and PyTorch do) for the GRU, Elman (1990) for the others.
"""

from typing import Any, Callable, Dict, Mapping

import numpy as np

from .cells import CELLS
from .packing import Packing, take

Params = Mapping[str, Any]


def forward(
    cell: str,
    params: Params,
    packing: Packing,
    x: Any,
    *,
    bidirectional: bool,
) -> Any:
    """Run one recurrent layer.

    cell (str): Name of the cell, a key of `cells.CELLS`.
    params (Mapping[str, array]): Weights by name, `_reverse` appended for the backward direction.
    packing (Packing): Layout of the batch.
    x (array): (n_tokens, n_in) packed inputs; not changed. Or, of one-hot inputs, (n_tokens,) the columns of their ones.
    bidirectional (bool): Whether there is a backward direction, whose states are appended to the forward ones.
    RETURNS (array): (n_tokens, n_hidden * n_directions) packed hidden states.
    """
    n_hidden = params["weight_hh"].shape[1]
    y = np.empty((packing.n_tokens, n_hidden * (2 if bidirectional else 1)), dtype="float32")
    y[:, :n_hidden] = run_direction(cell, _direction(cell, params, ""), packing, x)
    if bidirectional:
        mirrored = run_direction(cell, _direction(cell, params, "_reverse"), packing, take(x, packing.mirror))
        y[:, n_hidden:] = take(mirrored, packing.mirror)
    return y


def run_direction(cell: str, params: Params, packing: Packing, x: Any) -> Any:
    """Run one direction over packed inputs, first step first, from a zero state.

    RETURNS (array): (n_tokens, n_hidden) packed hidden states.
    """
    weight = params["weight_ih"]
    gates = np.ascontiguousarray(weight.take(x, axis=1).T) if x.ndim == 1 else x @ weight.T
    gates += params["bias"]
    return _LOOPS[cell](gates, params, packing)


def _direction(cell: str, params: Params, suffix: str) -> Dict[str, Any]:
    return {name: params[name + suffix] for name in CELLS[cell].param_shapes(1, 1)}


def _sigmoid(z: Any) -> None:
    """In place, through tanh: NumPy's float32 tanh is vectorised and cannot overflow."""
    z *= 0.5
    np.tanh(z, out=z)
    z += 1.0
    z *= 0.5


def _lstm(gates: Any, params: Params, packing: Packing) -> Any:
    n_hidden = params["weight_hh"].shape[1]
    recurrent = np.ascontiguousarray(params["weight_hh"].T)
    # One tanh serves all four gates: sigmoid(z) = (tanh(z / 2) + 1) / 2.
    scale = np.full((4 * n_hidden,), 0.5, dtype="float32")
    scale[2 * n_hidden : 3 * n_hidden] = 1.0
    gates *= scale
    recurrent *= scale
    n_seqs = int(packing.batch_sizes[0]) if packing.batch_sizes.size else 0
    y = np.empty((gates.shape[0], n_hidden), dtype="float32")
    c = np.zeros((n_seqs, n_hidden), dtype="float32")
    products = np.empty((n_seqs, 4 * n_hidden), dtype="float32")
    squashed = np.empty((n_seqs, n_hidden), dtype="float32")
    previous = c[:0]
    start = 0
    for size in packing.batch_sizes.tolist():
        z = gates[start : start + size]
        if start:
            z += np.matmul(previous[:size], recurrent, out=products[:size])
        np.tanh(z, out=z)
        i, f = z[:, :n_hidden], z[:, n_hidden : 2 * n_hidden]
        g, o = z[:, 2 * n_hidden : 3 * n_hidden], z[:, 3 * n_hidden :]
        state = c[:size]
        part = squashed[:size]
        i += 1.0
        i *= g
        f += 1.0
        state *= f
        state += i
        state *= 0.5
        o += 1.0
        np.tanh(state, out=part)
        part *= o
        previous = y[start : start + size]
        np.multiply(part, 0.5, out=previous)
        start += size
    return y


def _gru(gates: Any, params: Params, packing: Packing) -> Any:
    n_hidden = params["weight_hh"].shape[1]
    recurrent = np.ascontiguousarray(params["weight_hh"].T)
    bias_hn = params["bias_hn"]
    n_seqs = int(packing.batch_sizes[0]) if packing.batch_sizes.size else 0
    y = np.empty((gates.shape[0], n_hidden), dtype="float32")
    products = np.empty((n_seqs, 3 * n_hidden), dtype="float32")
    previous = np.zeros((n_seqs, n_hidden), dtype="float32")
    start = 0
    for size in packing.batch_sizes.tolist():
        z = gates[start : start + size]
        h = previous[:size]
        product = np.matmul(h, recurrent, out=products[:size])
        reset_update = z[:, : 2 * n_hidden]
        reset_update += product[:, : 2 * n_hidden]
        _sigmoid(reset_update)
        inner = product[:, 2 * n_hidden :]
        inner += bias_hn
        inner *= z[:, :n_hidden]
        candidate = z[:, 2 * n_hidden :]
        candidate += inner
        np.tanh(candidate, out=candidate)
        previous = y[start : start + size]
        np.subtract(h, candidate, out=previous)
        previous *= z[:, n_hidden : 2 * n_hidden]
        previous += candidate
        start += size
    return y


def _elman(activate: Callable[[Any], Any]) -> Callable[[Any, Params, Packing], Any]:
    def loop(gates: Any, params: Params, packing: Packing) -> Any:
        recurrent = np.ascontiguousarray(params["weight_hh"].T)
        previous = gates[:0]
        start = 0
        for size in packing.batch_sizes.tolist():
            z = gates[start : start + size]
            if start:
                z += previous[:size] @ recurrent
            activate(z)
            previous = z
            start += size
        return gates

    return loop


def _tanh(z: Any) -> Any:
    return np.tanh(z, out=z)


def _relu(z: Any) -> Any:
    return np.maximum(z, 0.0, out=z)


_LOOPS: Dict[str, Callable[[Any, Params, Packing], Any]] = {
    "lstm": _lstm,
    "gru": _gru,
    "rnn_tanh": _elman(_tanh),
    "rnn_relu": _elman(_relu),
}
