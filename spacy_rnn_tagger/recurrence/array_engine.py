"""Serving: the recurrence as a loop over packed array rows. NumPy alone is enough.

Formulas: Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000) for the LSTM, Cho et al. (2014) with
the reset gate applied after the recurrent product (as cuDNN and PyTorch do) for the GRU, Elman (1990) for the others.

How it is made fast: the weights are laid out once (`prepare`), gate by gate, so that every gate is a contiguous block;
both directions take each step together; all squashing of a step is one tanh, since sigmoid(z) = (tanh(z / 2) + 1) / 2, whose
inner factor is folded into the weights (of float32, NumPy's tanh takes half the time of its exp, and no division follows);
inputs are fetched and states handed on in blocks that stay in the processor's cache, whatever the length of the batch; and
no step allocates anything.
"""

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Tuple, Type

import numpy as np
from numpy.typing import NDArray

from .cells import CELLS
from .packing import Packing
from .threads import one_thread

Params = Mapping[str, Any]
Floats = NDArray[np.float32]
Sink = Callable[[int, int, Floats], None]

# Packed rows that are fetched and handed on at a time: few enough to stay in the processor's cache.
BLOCK_ROWS = 256
# Scratch memory that a thread keeps between calls, at most.
KEPT_BYTES = 2**24

# A zero-dimensional array, which ufuncs take without a conversion.
_HALF = np.asarray(0.5, dtype="float32")


@dataclass(frozen=True)
class Weights:
    """The weights of one layer, laid out for serving. D directions, G gates; scaled as `_SCALES` says.

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


class Inputs(ABC):
    """A layer's packed inputs, as its input gates, which are fetched block by block."""

    @abstractmethod
    def fetch(self, tokens: List[Any], out: Floats) -> None:
        """Fill in the gates of one block.

        tokens (List[Union[slice, array]]): For each direction, what to index packed arrays by.
        out (array): (G, D, n_rows, n_hidden) to be filled.
        """


class Rows(Inputs):
    """A layer's inputs as rows of a table of input gates: those of lexemes, or the columns of one-hot inputs.

    table (array): (G, D, n_rows, n_hidden) what `input_gates` gives.
    rows (array): (n_tokens,) packed rows of the table.
    """

    def __init__(self, table: Floats, rows: NDArray[np.integer]) -> None:
        self.table = table
        self.rows = rows

    def fetch(self, tokens: List[Any], out: Floats) -> None:
        for direction, index in enumerate(tokens):
            take_rows(self.table, self.rows[index], direction, out)


class Vectors(Inputs):
    """A layer's inputs as (n_tokens, n_in) packed vectors."""

    def __init__(self, weights: Weights, x: Floats) -> None:
        self.weights = weights
        self.x = x

    def fetch(self, tokens: List[Any], out: Floats) -> None:
        for direction, index in enumerate(tokens):
            np.matmul(self.x[index], self.weights.inputs[:, direction], out=out[:, direction])
        out += self.weights.bias


def take_rows(table: Floats, rows: NDArray[np.integer], direction: int, out: Floats) -> None:
    """Copy one direction's part of some rows of a (G, D, n_rows, n_hidden) table into `out`, which is shaped alike."""
    for gate in range(out.shape[0]):
        np.take(table[gate, direction], rows, axis=0, out=out[gate, direction], mode="clip")


def prepare(cell: str, params: Params, *, bidirectional: bool) -> Weights:
    """Lay out a layer's weights for serving; once for as long as they do not change.

    cell (str): Name of the cell, a key of `cells.CELLS`.
    params (Mapping[str, array]): Weights by name, `_reverse` appended for the backward direction.
    bidirectional (bool): Whether there is a backward direction.
    """
    suffixes = ("", "_reverse") if bidirectional else ("",)
    n_hidden = params["weight_hh"].shape[1]
    n_gates = len(CELLS[cell].gates)
    scale = np.asarray(_SCALES[cell], dtype="float32").reshape((n_gates, 1, 1, 1))

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


def forward(
    cell: str,
    params: Params,
    packing: Packing,
    x: Any,
    *,
    bidirectional: bool,
) -> Floats:
    """Run one recurrent layer.

    cell (str): Name of the cell, a key of `cells.CELLS`.
    params (Mapping[str, array]): Weights by name, `_reverse` appended for the backward direction.
    packing (Packing): Layout of the batch.
    x (array): (n_tokens, n_in) packed inputs; not changed. Or, of one-hot inputs, (n_tokens,) the columns of their ones.
    bidirectional (bool): Whether there is a backward direction, whose states are appended to the forward ones.
    RETURNS (array): (n_tokens, n_hidden * n_directions) packed hidden states.
    """
    return run(prepare(cell, params, bidirectional=bidirectional), packing, x)


def run(weights: Weights, packing: Packing, x: Any) -> Floats:
    """`forward` with prepared weights. The inputs may also be `Inputs`.

    RETURNS (array): (n_tokens, n_hidden * n_directions) packed hidden states.
    """
    n_hidden = weights.n_hidden
    y: Floats = np.empty((packing.n_tokens, n_hidden * weights.n_directions), dtype="float32")

    def collect(start: int, end: int, states: Floats) -> None:
        y[start:end, :n_hidden] = states[0]
        if weights.n_directions == 2:
            y[packing.mirror[start:end], n_hidden:] = states[1]

    run_blocks(weights, packing, as_inputs(weights, x), collect)
    return y


def run_projected(weights: Weights, packing: Packing, x: Any, W: Floats, b: Floats) -> Floats:
    """Run one recurrent layer and a linear layer behind it, without ever holding the hidden states of all tokens.

    weights (Weights): The recurrent layer.
    packing (Packing): Layout of the batch.
    x: What `run` takes.
    W (array): (n_out, n_hidden * n_directions) weights of the linear layer.
    b (array): (n_out,) its bias.
    RETURNS (array): (n_tokens, n_out) outputs, not packed: of the sequences one after another.
    """
    n_hidden = weights.n_hidden
    y: Floats = np.empty((packing.n_tokens, W.shape[0]), dtype="float32")
    y[:] = b

    def collect(start: int, end: int, states: Floats) -> None:
        y[packing.to_packed[start:end]] += states[0] @ W[:, :n_hidden].T
        if weights.n_directions == 2:
            y[packing.to_packed[packing.mirror[start:end]]] += states[1] @ W[:, n_hidden:].T

    run_blocks(weights, packing, as_inputs(weights, x), collect)
    return y


def as_inputs(weights: Weights, x: Any) -> Inputs:
    """Packed inputs of any kind that `run` takes, as `Inputs`."""
    if isinstance(x, Inputs):
        return x
    return Vectors(weights, x) if x.ndim == 2 else Rows(weights.inputs + weights.bias, x)


@one_thread
def run_blocks(weights: Weights, packing: Packing, inputs: Inputs, sink: Sink) -> None:
    """Run the recurrence from a zero state, and hand its states on block by block.

    weights (Weights): The layer.
    packing (Packing): Layout of the batch.
    inputs (Inputs): The layer's inputs.
    sink (Callable): Called with the first packed row of each block, the row after its last, and the (D, n_rows, n_hidden)
        states, which the next block overwrites. The backward direction has read each sequence from its end, so its states
        belong to the packed rows `packing.mirror[start:end]`.
    """
    if not packing.n_tokens:
        return
    starts = np.concatenate(([0], np.cumsum(packing.batch_sizes)))
    n_steps = packing.batch_sizes.shape[0]
    scratch = _Scratch.borrow()
    loop = _LOOPS[weights.cell](weights, int(packing.batch_sizes[0]), scratch)
    first = 0
    while first < n_steps:
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + BLOCK_ROWS, side="right")) - 1)
        start, end = int(starts[first]), int(starts[last])
        gates = scratch.array("gates", (weights.n_gates, weights.n_directions, end - start, weights.n_hidden))
        states = scratch.array("states", (weights.n_directions, end - start, weights.n_hidden))
        tokens: List[Any] = [slice(start, end), packing.mirror[start:end]]
        inputs.fetch(tokens[: weights.n_directions], gates)
        loop.run(packing.batch_sizes[first:last].tolist(), gates, states)
        sink(start, end, states)
        first = last
    scratch.give_back()


class _Idle(threading.local):
    """The scratch memory that a thread does not use at the moment."""

    def __init__(self) -> None:
        self.scratches: List[_Scratch] = []


class _Scratch:
    """Memory for one run, reused by the thread's next one. A run within a run borrows another."""

    _idle = _Idle()

    def __init__(self) -> None:
        self._flat: Dict[str, Floats] = {}

    @classmethod
    def borrow(cls) -> "_Scratch":
        return cls._idle.scratches.pop() if cls._idle.scratches else cls()

    def give_back(self) -> None:
        if sum(flat.nbytes for flat in self._flat.values()) <= KEPT_BYTES and len(self._idle.scratches) < 2:
            self._idle.scratches.append(self)

    def array(self, name: str, shape: Tuple[int, ...]) -> Floats:
        """An array of any content; the same memory for the same name."""
        size = 1
        for n in shape:
            size *= n
        flat = self._flat.get(name)
        if flat is None or flat.size < size:
            flat = self._flat[name] = np.empty((size,), dtype="float32")
        return flat[:size].reshape(shape)


class _Loop(ABC):
    """A cell's steps, and the state that they carry from block to block.

    weights: The layer.
    h: (D, n_running, n_hidden) the latest hidden states.
    """

    def __init__(self, weights: Weights, n_seqs: int, scratch: _Scratch) -> None:
        self.weights = weights
        self.scratch = scratch
        self.h = self._zeros("h", n_seqs)

    @abstractmethod
    def run(self, sizes: List[int], gates: Floats, states: Floats) -> None:
        """Take the steps of one block.

        sizes (List[int]): Sequences running at each step.
        gates (array): (G, D, n_rows, n_hidden) input gates.
        states (array): (D, n_rows, n_hidden) to be filled.
        """

    def _zeros(self, name: str, n_seqs: int) -> Floats:
        state = self.scratch.array(name, (self.weights.n_directions, n_seqs, self.weights.n_hidden))
        state.fill(0.0)
        return state

    def _products(self, size: int) -> Floats:
        weights = self.weights
        return self.scratch.array("products", (weights.n_gates, weights.n_directions, size, weights.n_hidden))

    def _squashed(self, size: int) -> Floats:
        return self.scratch.array("squashed", (self.weights.n_directions, size, self.weights.n_hidden))

    def _keep(self, h: Floats) -> None:
        """Copy the block's last states out of memory that the next block overwrites."""
        kept = self.h[:, : h.shape[1]]
        kept[...] = h
        self.h = kept


class _LSTMLoop(_Loop):
    def __init__(self, weights: Weights, n_seqs: int, scratch: _Scratch) -> None:
        super().__init__(weights, n_seqs, scratch)
        self.c = self._zeros("cells", n_seqs)

    def run(self, sizes: List[int], gates: Floats, states: Floats) -> None:
        add, multiply, tanh, matmul = np.add, np.multiply, np.tanh, np.matmul
        recurrent = self.weights.recurrent
        previous, c, size, start = self.h, self.c, 0, 0
        for n in sizes:
            if n != size:
                size = n
                z, t = self._products(n), self._squashed(n)
                sigmoids, (i, f, o, g) = z[:3], z
                c = c[:, :n]
                previous = previous[:, :n]
            end = start + n
            matmul(previous, recurrent, z)
            add(z, gates[:, :, start:end], z)
            tanh(z, z)
            multiply(sigmoids, _HALF, sigmoids)
            add(sigmoids, _HALF, sigmoids)
            multiply(c, f, c)
            multiply(g, i, g)
            add(c, g, c)
            tanh(c, t)
            previous = multiply(t, o, states[:, start:end])
            start = end
        self.c = c
        self._keep(previous)


class _GRULoop(_Loop):
    def run(self, sizes: List[int], gates: Floats, states: Floats) -> None:
        add, subtract, multiply, tanh, matmul = np.add, np.subtract, np.multiply, np.tanh, np.matmul
        recurrent, bias_hn = self.weights.recurrent, self.weights.bias_hn
        previous, size, start = self.h, 0, 0
        for n in sizes:
            if n != size:
                size = n
                z = self._products(n)
                sigmoids, (reset, update, candidate) = z[:2], z
                previous = previous[:, :n]
            end = start + n
            matmul(previous, recurrent, z)
            add(sigmoids, gates[:2, :, start:end], sigmoids)
            tanh(sigmoids, sigmoids)
            multiply(sigmoids, _HALF, sigmoids)
            add(sigmoids, _HALF, sigmoids)
            add(candidate, bias_hn, candidate)
            multiply(candidate, reset, candidate)
            add(candidate, gates[2, :, start:end], candidate)
            tanh(candidate, candidate)
            state = subtract(previous, candidate, states[:, start:end])
            multiply(state, update, state)
            previous = add(state, candidate, state)
            start = end
        self._keep(previous)


class _ElmanLoop(_Loop):
    def run(self, sizes: List[int], gates: Floats, states: Floats) -> None:
        relu = self.weights.cell == "rnn_relu"
        recurrent = self.weights.recurrent[0]
        previous, start = self.h, 0
        for n in sizes:
            end = start + n
            z = self._squashed(n)
            np.matmul(previous[:, :n], recurrent, z)
            np.add(z, gates[0, :, start:end], z)
            state = states[:, start:end]
            previous = np.maximum(z, 0.0, out=state) if relu else np.tanh(z, state)
            start = end
        self._keep(previous)


_LOOPS: Dict[str, Type[_Loop]] = {"lstm": _LSTMLoop, "gru": _GRULoop, "rnn_tanh": _ElmanLoop, "rnn_relu": _ElmanLoop}
# The gates in the order in which steps want them, the sigmoids first, and what the tanh of each wants its argument multiplied by.
_ORDERS: Dict[str, List[int]] = {"lstm": [0, 1, 3, 2], "gru": [0, 1, 2], "rnn_tanh": [0], "rnn_relu": [0]}
_SCALES: Dict[str, Tuple[float, ...]] = {
    "lstm": (0.5, 0.5, 0.5, 1.0),
    "gru": (0.5, 0.5, 1.0),
    "rnn_tanh": (1.0,),
    "rnn_relu": (1.0,),
}
