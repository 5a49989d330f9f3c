"""The steps of each cell as loops over packed array rows.

Formulas: Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000) for the LSTM, Cho et al. (2014)
    with
the reset gate applied after the recurrent product (as cuDNN and PyTorch do) for the GRU, Elman (1990) for the others.
Both directions take each step together, and no step allocates anything.
"""

import threading
from abc import ABC, abstractmethod
from typing import Dict, List, Tuple, Type

import numpy as np

from .serving_weights import Floats, Weights
from .squashing import squashing
from .step_products import step_products

# Scratch memory that a thread keeps between calls, at most.
KEPT_BYTES = 2**24


class _Idle(threading.local):
    """The scratch memory that a thread does not use at the moment."""

    def __init__(self) -> None:
        self.scratches: List[Scratch] = []


class Scratch:
    """Memory for one run, reused by the thread's next one. A run within a run borrows another."""

    _idle = _Idle()

    def __init__(self) -> None:
        self._flat: Dict[str, Floats] = {}

    @classmethod
    def borrow(cls) -> "Scratch":
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


class Loop(ABC):
    """A cell's steps, and the state that they carry from block to block.

    weights: The layer.
    h: (D, n_running, n_hidden) the latest hidden states.
    """

    def __init__(self, weights: Weights, n_seqs: int, scratch: Scratch) -> None:
        self.weights = weights
        self.scratch = scratch
        self.squashing = squashing("float32")
        self.h = self._zeros("h", n_seqs)
        self.products = step_products(weights, n_seqs, scratch)

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

    def _squashed(self, size: int) -> Floats:
        return self.scratch.array("squashed", (self.weights.n_directions, size, self.weights.n_hidden))

    def _keep(self, h: Floats) -> None:
        """Copy the block's last states out of memory that the next block overwrites."""
        kept = self.h[:, : h.shape[1]]
        kept[...] = h
        self.h = kept


class _LSTMLoop(Loop):
    def __init__(self, weights: Weights, n_seqs: int, scratch: Scratch) -> None:
        super().__init__(weights, n_seqs, scratch)
        self.c = self._zeros("cells", n_seqs)

    def run(self, sizes: List[int], gates: Floats, states: Floats) -> None:
        # The tanh of the cell state is a fifth of all: one call is worth more than the faster function.
        add, multiply, tanh, squash = np.add, np.multiply, np.tanh, self.squashing.squash
        fill = self.products.fill
        previous, c, size, start = self.h, self.c, 0, 0
        for n in sizes:
            if n != size:
                size = n
                products, z = self.products.resize(n)
                t = self._squashed(n)
                sigmoids, (i, f, o, g) = z[:3], z
                c = c[:, :n]
                previous = previous[:, :n]
            end = start + n
            fill(previous)
            add(products, gates[:, :, start:end], z)
            squash(z, sigmoids, g)
            multiply(c, f, c)
            multiply(g, i, g)
            add(c, g, c)
            tanh(c, t)
            previous = multiply(t, o, states[:, start:end])
            start = end
        self.c = c
        self._keep(previous)


class _GRULoop(Loop):
    def run(self, sizes: List[int], gates: Floats, states: Floats) -> None:
        add, subtract, multiply, fill = np.add, np.subtract, np.multiply, self.products.fill
        squash, tanh = self.squashing.squash, self.squashing.tanh
        bias_hn = self.weights.bias_hn
        previous, size, start = self.h, 0, 0
        for n in sizes:
            if n != size:
                size = n
                products, z = self.products.resize(n)
                sigmoids, (reset, update, candidate) = z[:2], z
                previous = previous[:, :n]
            end = start + n
            fill(previous)
            add(products[:2], gates[:2, :, start:end], sigmoids)
            squash(sigmoids, sigmoids, None)
            add(products[2], bias_hn, candidate)
            multiply(candidate, reset, candidate)
            add(candidate, gates[2, :, start:end], candidate)
            tanh(candidate, candidate)
            state = subtract(previous, candidate, states[:, start:end])
            multiply(state, update, state)
            previous = add(state, candidate, state)
            start = end
        self._keep(previous)


class _ElmanLoop(Loop):
    def run(self, sizes: List[int], gates: Floats, states: Floats) -> None:
        relu = self.weights.cell == "rnn_relu"
        previous, size, start = self.h, 0, 0
        for n in sizes:
            if n != size:
                size = n
                products, (z,) = self.products.resize(n)
            end = start + n
            self.products.fill(previous[:, :n])
            np.add(products[0], gates[0, :, start:end], z)
            state = states[:, start:end]
            previous = np.maximum(z, 0.0, out=state) if relu else self.squashing.tanh(z, state)
            start = end
        self._keep(previous)


LOOPS: Dict[str, Type[Loop]] = {"lstm": _LSTMLoop, "gru": _GRULoop, "rnn_tanh": _ElmanLoop, "rnn_relu": _ElmanLoop}
