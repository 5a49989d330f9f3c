"""Training on a CPU by arrays: the recurrence and its gradients as loops over packed rows. NumPy alone is enough.

The products that need not wait for a step are taken out of the loops: the input product of all rows before them, and
one product for each weight's gradient after them. Nothing outlives a call but what its own gradients need.
"""

from abc import ABC, abstractmethod
from typing import Any, Callable, Dict, List, Mapping, Tuple

import numpy as np

from .packing import Packing
from .pieces import cut
from .threads import one_thread
from .training_loops import LOOPS, Steps, TrainingLoop, flat_slots
from .training_weights import TrainingWeights, lay_out, reorder, restore, scale_rows

Params = Mapping[str, Any]
Grads = Dict[str, Any]


def begin_update(
    cell: str, params: Params, packing: Packing, x: Any, *, bidirectional: bool, bptt_steps: int = 0
) -> Tuple[Any, Callable[[Any], Tuple[Any, Grads]]]:
    """Run one recurrent layer and keep what its gradients need: `torch_engine.begin_update`, on arrays.

    cell (str): Name of the cell, a key of `cells.CELLS`.
    params (Mapping[str, array]): Weights by name, `_reverse` appended for the backward direction. Their dtype is that
        of all that is computed.
    packing (Packing): Layout of the batch.
    x (array): (n_tokens, n_in) packed inputs. Or, of one-hot inputs, (n_tokens,) the columns of their ones; their
        gradient is zero.
    bidirectional (bool): Whether there is a backward direction.
    bptt_steps (int): Through how many steps gradients flow back at most, see `pieces`; all if 0.
    RETURNS (Tuple[array, Callable]): The (n_tokens, n_hidden * n_directions) packed hidden states, and a function from
        their gradient to the gradient of `x` and the gradients of the weights by name. It can be called once.
    """
    suffixes = ("", "_reverse") if bidirectional else ("",)
    with one_thread:
        weights = lay_out(cell, params, suffixes, one_hot=x.ndim == 1)
        inputs: _Inputs = (_OneHot if x.ndim == 1 else _Vectors)(weights, x, params, suffixes)
        # The backward direction reads each sequence from its end.
        tokens: List[Any] = [slice(None), packing.mirror][: len(suffixes)]
        steps = Steps.of(packing.batch_sizes)
        loop = LOOPS[cell](weights, steps, inputs.fill(tokens, packing.n_tokens))
        with np.errstate(over="ignore"):
            loop.forward()
        n_hidden, n_seqs = weights.n_hidden, steps.n_seqs
        y = np.empty_like(loop.states, shape=(packing.n_tokens, n_hidden * len(suffixes)))
        for direction, rows in enumerate(tokens):
            y[rows, direction * n_hidden : (direction + 1) * n_hidden] = loop.states[direction, n_seqs:]

    @one_thread
    def backprop(d_y: Any) -> Tuple[Any, Grads]:
        befores = np.broadcast_to(steps.befores, (len(suffixes), packing.n_tokens))
        read = tokens
        if bptt_steps and packing.batch_sizes.shape[0] > bptt_steps:
            read, befores = _cut(loop, packing, befores, bptt_steps)
        d_states = np.empty_like(loop.states, shape=(len(suffixes), packing.n_tokens, n_hidden))
        for direction, rows in enumerate(read):
            d_states[direction] = d_y[rows, direction * n_hidden : (direction + 1) * n_hidden]
        loop.backward(d_states, befores)
        d_x, grads = inputs.gradients(loop.gates, read)
        grads.update(_recurrent_gradients(weights, loop, befores, suffixes))
        return d_x, grads

    return y, backprop


def _cut(loop: TrainingLoop, packing: Packing, befores: Any, n_steps: int) -> Tuple[List[Any], Any]:
    """Let the backward pass read pieces side by side.

    RETURNS (Tuple[List[array], array]): For each direction, the packed rows in the order in which it is read; and
        (D, n_tokens) where the states before them are.
    """
    pieces = cut(packing, n_steps)
    tokens = [pieces.rows, pieces.rows[pieces.packing.mirror]][: befores.shape[0]]
    rows = np.stack([tokens[0], *(packing.mirror[of_direction] for of_direction in tokens[1:])])
    loop.rearrange(Steps.of(pieces.packing.batch_sizes), rows)
    return tokens, np.take_along_axis(befores, rows, axis=1)


def _recurrent_gradients(
    weights: TrainingWeights, loop: TrainingLoop, befores: Any, suffixes: Tuple[str, ...]
) -> Grads:
    n_hidden, order = weights.n_hidden, weights.slots.recurrent
    grads: Grads = {}
    for direction, suffix in enumerate(suffixes):
        d_gates = flat_slots(loop.gates)[direction, :, : len(order) * n_hidden]
        before = loop.states[direction].take(befores[direction], axis=0)
        grads["weight_hh" + suffix] = restore(d_gates.T @ before, order, n_hidden)
        if weights.bias_hn is not None:
            grads["bias_hn" + suffix] = loop.gates[direction, :, 0].sum(axis=0)
    return grads


class _Inputs(ABC):
    """A layer's packed inputs and their part in its gates.

    weights: The layer as laid out.
    x: The inputs.
    params: Its weights by name.
    suffixes: The suffix of each direction.
    """

    def __init__(self, weights: TrainingWeights, x: Any, params: Params, suffixes: Tuple[str, ...]) -> None:
        self.weights, self.x, self.params, self.suffixes = weights, x, params, suffixes
        self.n_columns = len(weights.slots.inputs) * weights.n_hidden

    def fill(self, tokens: List[Any], n_rows: int) -> Any:
        """The product of the inputs with their weights, and the bias.

        tokens (List[Union[slice, array]]): For each direction, the packed rows in the order in which it reads them.
        n_rows (int): How many.
        RETURNS (array): (D, n_rows, n_slots, n_hidden), with whatever it was in slots that have no input product.
        """
        weights = self.weights
        shape = (weights.n_directions, n_rows, weights.slots.n * weights.n_hidden)
        gates = np.empty_like(weights.bias, shape=shape)
        for direction, rows in enumerate(tokens):
            products = gates[direction, :, shape[2] - self.n_columns :]
            self.multiply(direction, rows, products)
            np.add(products, weights.bias[direction], products)
        return gates.reshape(shape[:2] + (weights.slots.n, weights.n_hidden))

    def gradients(self, d_gates: Any, tokens: List[Any]) -> Tuple[Any, Grads]:
        """The gradients of the inputs, and of their weights and the bias by name.

        d_gates (array): (D, n_rows, n_slots, n_hidden) gradients of the gates' arguments.
        tokens (List[Union[slice, array]]): For each direction, the packed rows in the order in which these are.
        """
        order, n_hidden = self.weights.slots.inputs, self.weights.n_hidden
        d_x = np.zeros_like(self.x)
        grads: Grads = {}
        for direction, (rows, suffix) in enumerate(zip(tokens, self.suffixes)):
            d_products = flat_slots(d_gates)[direction, :, -self.n_columns :]
            grads["bias" + suffix] = restore(d_products.sum(axis=0), order, n_hidden)
            grads["weight_ih" + suffix] = self.weight_gradient(direction, rows, d_products, d_x)
        return d_x, grads

    @abstractmethod
    def multiply(self, direction: int, rows: Any, out: Any) -> None:
        """Put the products of some rows with the input weights into `out`."""

    @abstractmethod
    def weight_gradient(self, direction: int, rows: Any, d_products: Any, d_x: Any) -> Any:
        """RETURNS (array): The gradient of the input weights. That of the inputs is added to `d_x`."""


class _Vectors(_Inputs):
    """Inputs that are (n_tokens, n_in) vectors."""

    def multiply(self, direction: int, rows: Any, out: Any) -> None:
        np.matmul(self.x[rows], self.weights.inputs[direction].T, out)

    def weight_gradient(self, direction: int, rows: Any, d_products: Any, d_x: Any) -> Any:
        d_x[rows] += d_products @ self.weights.inputs_back[direction]
        return restore(d_products.T @ self.x[rows], self.weights.slots.inputs, self.weights.n_hidden)


class _OneHot(_Inputs):
    """Inputs that are the (n_tokens,) columns of ones: their product is a column of the weights."""

    def __init__(self, weights: TrainingWeights, x: Any, params: Params, suffixes: Tuple[str, ...]) -> None:
        super().__init__(weights, x, params, suffixes)
        self.columns, self.places = np.unique(x, return_inverse=True)

    def multiply(self, direction: int, rows: Any, out: Any) -> None:
        slots, n_hidden = self.weights.slots, self.weights.n_hidden
        used = self.params["weight_ih" + self.suffixes[direction]][:, self.columns]
        scaled = reorder(used, slots.inputs, n_hidden) * scale_rows(slots, slots.inputs, used)
        out[...] = scaled.T[self.places[rows]]

    def weight_gradient(self, direction: int, rows: Any, d_products: Any, d_x: Any) -> Any:
        weight = self.params["weight_ih" + self.suffixes[direction]]
        gradient = np.zeros_like(weight)
        if self.places.size:
            places = self.places[rows]
            order = np.argsort(places, kind="stable")
            starts = np.searchsorted(places[order], np.arange(self.columns.shape[0]))
            sums = np.add.reduceat(d_products[order], starts, axis=0)
            gradient[:, self.columns] = restore(sums.T, self.weights.slots.inputs, self.weights.n_hidden)
        return gradient
