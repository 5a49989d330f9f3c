"""The steps of each cell, forwards and backwards, as loops over packed array rows.

Formulas as in `array_loops`, and their derivatives (back-propagation through time, Werbos 1990,
https://doi.org/10.1109/5.58337). A gate's gradient is the gradient of the step's hidden (or cell) state times a factor
that depends on the forward pass alone. So the factors of many steps are computed at once, before the steps, which then
have little more to do than multiply. Both directions take each step together.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Dict, List, Type

import numpy as np

from .squashing import squashing
from .training_weights import StepWeights, TrainingWeights

# Numbers in the gates of the rows whose factors are computed at a time: few enough to stay in the processor's cache.
BLOCK_SIZE = 2**15

# Up to so many rows, a product of each row for itself takes less time than one of all, as BLAS then copies no weights.
# Up to so many more, one of columns does, for whose order BLAS copies weights in half of the time.
FEW_ROWS, SOME_ROWS = 6, 32


@dataclass(frozen=True)
class Steps:
    """The steps of a pass, as the loops count their rows: those of step t are the `sizes[t]` next ones, and each
    sequence (or piece of one) keeps its place from step to step.

    sizes: Rows of each step, descending.
    starts: Where the rows of each step start.
    """

    sizes: List[int]
    starts: List[int]

    @classmethod
    def of(cls, batch_sizes: Any) -> "Steps":
        """batch_sizes (array): (n_steps,) rows of each step."""
        return cls(batch_sizes.tolist(), (np.cumsum(batch_sizes) - batch_sizes).tolist())

    @property
    def n_seqs(self) -> int:
        return self.sizes[0] if self.sizes else 0

    @property
    def n_rows(self) -> int:
        return self.starts[-1] + self.sizes[-1] if self.sizes else 0

    @property
    def befores(self) -> Any:
        """(n_rows,) where the state before each row is in an array of states that begins with those before the
        first step."""
        counts = np.asarray(self.sizes, dtype=np.int64)
        back = np.concatenate((counts[:1], counts[:-1])) - self.n_seqs
        return np.arange(self.n_rows) - np.repeat(back, counts)


class TrainingLoop(ABC):
    """A cell's steps, and what they keep for the backward pass.

    weights: The layer. D directions.
    gates: (D, n_rows, n_slots, n_hidden) the gates; after the backward pass, the gradients of their arguments.
    states: (D, n_seqs + n_rows, n_hidden) the hidden states, after those before the first step, which are zero.
    """

    def __init__(self, weights: TrainingWeights, steps: Steps, gates: Any) -> None:
        self.weights, self.steps, self.gates = weights, steps, gates
        self.states = self._new_states()
        self.squashing = squashing(gates.dtype)

    @abstractmethod
    def forward(self) -> None:
        """Take all steps. `gates` has the input product of each, and is overwritten; `states` is filled."""

    @abstractmethod
    def factors(self, direction: int, rows: slice, befores: Any) -> None:
        """Overwrite the gates of some rows by what the gradients of their arguments are multiples of.

        direction (int): The direction that they are of.
        rows (slice): The rows.
        befores (array): (n_rows,) where the states before them are.
        """

    @abstractmethod
    def step_back(self, start: int, end: int, d_state: Any, d_before: Any) -> None:
        """Multiply the factors of one step, so that they are gradients.

        start (int): The step's first row.
        end (int): The row after its last.
        d_state (array): (D, end - start, n_hidden) gradient of the step's hidden states.
        d_before (array): The gradient of the hidden states before, shaped alike, to which is added what does not come
            through the recurrent product; None at the first step.
        """

    def rearrange(self, steps: Steps, rows: Any) -> None:
        """Put what was kept into the order that the backward pass reads it in. States stay where they are.

        steps (Steps): The steps of the backward pass.
        rows (array): (D, n_rows) for each of its rows, the row of the forward pass.
        """
        self.steps = steps
        self.gates = _take(self.gates, rows)

    def backward(self, d_states: Any, befores: Any) -> None:
        """Take all steps backwards: `gates` becomes the gradients of the gates' arguments.

        d_states (array): (D, n_rows, n_hidden) gradients of the hidden states; overwritten.
        befores (array): (D, n_rows) where the states before each row are.
        """
        sizes, starts = self.steps.sizes, self.steps.starts
        n_block = max(1, BLOCK_SIZE // (self.gates.shape[2] * self.gates.shape[3]))
        for direction in range(self.gates.shape[0]):
            for first in range(0, self.gates.shape[1], n_block):
                rows = slice(first, first + n_block)
                self.factors(direction, rows, befores[direction, rows])
        flat = flat_slots(self.gates)
        recurrent = self.weights.recurrent_back
        n_columns = recurrent.rows.shape[1]
        product = np.empty_like(d_states, shape=(d_states.shape[0], self.steps.n_seqs, d_states.shape[2]))
        for step in range(len(sizes) - 1, -1, -1):
            n, start = sizes[step], starts[step]
            d_state = d_states[:, start : start + n]
            before = d_states[:, starts[step - 1] : starts[step - 1] + n] if step else None
            self.step_back(start, start + n, d_state, before)
            if before is not None:
                d_before = product[:, :n]
                multiply_rows(flat[:, start : start + n, :n_columns], recurrent, d_before)
                np.add(before, d_before, before)

    def _new_states(self) -> Any:
        shape = (self.gates.shape[0], self.steps.n_seqs + self.gates.shape[1], self.gates.shape[3])
        states = np.empty_like(self.gates, shape=shape)
        states[:, : self.steps.n_seqs] = 0.0
        return states

    def _for_a_step(self, *shape: int) -> Any:
        return np.empty_like(self.gates, shape=(self.gates.shape[0], self.steps.n_seqs, *shape))


class _LSTMLoop(TrainingLoop):
    """Slots: output, input, forget, candidate. Also kept: cell states and their tanh."""

    def forward(self) -> None:
        add, multiply = np.add, np.multiply
        squash, tanh = self.squashing.squash, self.squashing.tanh
        recurrent, states, gates = self.weights.recurrent, self.states, self.gates
        n_hidden = gates.shape[3]
        cells, squashed = self._new_states(), np.empty_like(gates, shape=gates.shape[:2] + gates.shape[3:])
        flat = flat_slots(gates)
        product, written = self._for_a_step(recurrent.rows.shape[2]), self._for_a_step(n_hidden)
        n_seqs, before, size = self.steps.n_seqs, 0, 0
        for n, start in zip(self.steps.sizes, self.steps.starts):
            if n != size:
                size, p, w = n, product[:, :n], written[:, :n]
            end = start + n
            z = flat[:, start:end]
            sigmoids = z[:, :, : 3 * n_hidden]
            o, i, f, g = (gates[:, start:end, slot] for slot in range(4))
            multiply_rows(states[:, before : before + n], recurrent, p)
            add(z, p, z)
            squash(z, sigmoids, g)
            c = multiply(cells[:, before : before + n], f, cells[:, n_seqs + start : n_seqs + end])
            multiply(i, g, w)
            add(c, w, c)
            t = tanh(c, squashed[:, start:end])
            multiply(t, o, states[:, n_seqs + start : n_seqs + end])
            before = n_seqs + start
        self.cells, self.squashed = cells, squashed

    def rearrange(self, steps: Steps, rows: Any) -> None:
        super().rearrange(steps, rows)
        self.squashed = _take(self.squashed, rows)

    def backward(self, d_states: Any, befores: Any) -> None:
        self.d_cells = self._for_a_step(self.gates.shape[3])
        self.d_cells.fill(0.0)
        self.room = self._for_a_step(self.gates.shape[3])
        self.forget = np.empty_like(self.squashed)
        super().backward(d_states, befores)

    def factors(self, direction: int, rows: slice, befores: Any) -> None:
        """With `s' = s (1 - s)` of a sigmoid: o' tanh(c) of the output gate, times the hidden state's gradient. i' g,
        f' c before, i (1 - g^2), times the cell state's. And in place of tanh(c), o (1 - tanh(c)^2), times the hidden
        state's gradient a part of the cell state's."""
        gates, t = self.gates[direction, rows], self.squashed[direction, rows]
        sigmoids, g = gates[:, :3], gates[:, 3]
        o, i, f = (sigmoids[:, slot] for slot in range(3))
        self.forget[direction, rows] = f
        slopes = sigmoids * sigmoids
        np.subtract(sigmoids, slopes, slopes)
        # x (1 - y^2) is x - x y y.
        d_g, d_t = i * g, o * t
        np.multiply(d_g, g, d_g)
        np.multiply(d_t, t, d_t)
        np.subtract(i, d_g, d_g)
        np.multiply(slopes[:, 1], g, i)
        g[...] = d_g
        np.subtract(o, d_t, d_t)
        np.multiply(slopes[:, 0], t, o)
        t[...] = d_t
        np.multiply(slopes[:, 2], self.cells[direction].take(befores, axis=0), f)

    def step_back(self, start: int, end: int, d_state: Any, d_before: Any) -> None:
        n = end - start
        d_cell, room = self.d_cells[:, :n], self.room[:, :n]
        gates = self.gates[:, start:end]
        np.multiply(d_state, self.squashed[:, start:end], room)
        np.add(d_cell, room, d_cell)
        o, others = gates[:, :, 0], gates[:, :, 1:]
        np.multiply(o, d_state, o)
        np.multiply(others, d_cell[:, :, None], others)
        np.multiply(d_cell, self.forget[:, start:end], d_cell)


class _GRULoop(TrainingLoop):
    """Slots: the candidate's recurrent product with its bias, reset, update, candidate."""

    def forward(self) -> None:
        add, subtract, multiply = np.add, np.subtract, np.multiply
        squash, tanh = self.squashing.squash, self.squashing.tanh
        recurrent, states, gates = self.weights.recurrent, self.states, self.gates
        n_hidden = gates.shape[3]
        flat = flat_slots(gates)
        product, room = self._for_a_step(recurrent.rows.shape[2]), self._for_a_step(n_hidden)
        n_seqs, before, size = self.steps.n_seqs, 0, 0
        for n, start in zip(self.steps.sizes, self.steps.starts):
            if n != size:
                size, p, w = n, product[:, :n], room[:, :n]
            end = start + n
            sigmoids = flat[:, start:end, n_hidden : 3 * n_hidden]
            q, reset, update, candidate = (gates[:, start:end, slot] for slot in range(4))
            h = states[:, before : before + n]
            multiply_rows(h, recurrent, p)
            add(sigmoids, p[:, :, n_hidden:], sigmoids)
            squash(sigmoids, sigmoids, None)
            add(p[:, :, :n_hidden], self.weights.bias_hn, q)
            multiply(q, reset, w)
            add(candidate, w, candidate)
            tanh(candidate, candidate)
            state = subtract(h, candidate, states[:, n_seqs + start : n_seqs + end])
            multiply(state, update, state)
            add(state, candidate, state)
            before = n_seqs + start

    def backward(self, d_states: Any, befores: Any) -> None:
        self.update = np.empty_like(self.gates, shape=self.gates.shape[:2] + self.gates.shape[3:])
        super().backward(d_states, befores)

    def factors(self, direction: int, rows: slice, befores: Any) -> None:
        """Times the hidden state's gradient: (1 - u) (1 - n^2) of the candidate n; that times r of its recurrent
        product q; that times q (1 - r) of the reset gate r; (h before - n) u (1 - u) of the update gate u."""
        q, r, u, n = (self.gates[direction, rows, slot] for slot in range(4))
        update = self.update[direction, rows]
        update[...] = u
        before = self.states[direction].take(befores, axis=0)
        np.subtract(before, n, before)
        _slope_of_tanh(n)
        np.subtract(1.0, u, u)
        np.multiply(n, u, n)
        np.multiply(u, update, u)
        np.multiply(u, before, u)
        d_q = np.multiply(n, r, before)
        np.subtract(1.0, r, r)
        np.multiply(r, q, r)
        np.multiply(r, d_q, r)
        q[...] = d_q

    def step_back(self, start: int, end: int, d_state: Any, d_before: Any) -> None:
        gates = self.gates[:, start:end]
        np.multiply(gates, d_state[:, :, None], gates)
        if d_before is not None:
            np.multiply(d_state, self.update[:, start:end], d_state)
            np.add(d_before, d_state, d_before)


class _ElmanLoop(TrainingLoop):
    """One slot, which is the hidden state's own argument."""

    relu = False

    def forward(self) -> None:
        recurrent, states = self.weights.recurrent, self.states
        z = self.gates[:, :, 0]
        product = self._for_a_step(recurrent.rows.shape[2])
        n_seqs, before = self.steps.n_seqs, 0
        for n, start in zip(self.steps.sizes, self.steps.starts):
            p = product[:, :n]
            multiply_rows(states[:, before : before + n], recurrent, p)
            np.add(p, z[:, start : start + n], p)
            before = n_seqs + start
            state = states[:, before : before + n]
            if self.relu:
                np.maximum(p, 0.0, out=state)
            else:
                self.squashing.tanh(p, state)
            z[:, start : start + n] = state

    def factors(self, direction: int, rows: slice, befores: Any) -> None:
        z = self.gates[direction, rows]
        if self.relu:
            # What is no number lets gradients through, as in PyTorch.
            np.less_equal(z, 0.0, out=z)
            np.subtract(1.0, z, z)
        else:
            _slope_of_tanh(z)

    def step_back(self, start: int, end: int, d_state: Any, d_before: Any) -> None:
        z = self.gates[:, start:end, 0]
        np.multiply(z, d_state, z)


class _ReLULoop(_ElmanLoop):
    relu = True


def multiply_rows(rows: Any, weights: StepWeights, out: Any) -> None:
    """The products of one step: (D, n, n_in) rows times (D, n_in, n_out) weights."""
    n = rows.shape[1]
    if 1 < n <= FEW_ROWS:
        np.matmul(rows[:, :, None], weights.rows[:, None], out[:, :, None])
    elif FEW_ROWS < n <= SOME_ROWS:
        out[...] = np.matmul(weights.columns, rows.transpose((0, 2, 1))).transpose((0, 2, 1))
    else:
        np.matmul(rows, weights.rows, out)


def flat_slots(gates: Any) -> Any:
    """(D, n_rows, n_slots * n_hidden): the slots of a row one after another."""
    return gates.reshape(gates.shape[:2] + (gates.shape[2] * gates.shape[3],))


def _slope_of_tanh(values: Any) -> None:
    """Overwrite values of a tanh by its derivative there."""
    np.multiply(values, values, values)
    np.subtract(1.0, values, values)


def _take(kept: Any, rows: Any) -> Any:
    """Rows of each direction: (D, n, ...) of (D, n_kept, ...) by (D, n)."""
    return np.stack([of_direction.take(index, axis=0) for of_direction, index in zip(kept, rows)])


LOOPS: Dict[str, Type[TrainingLoop]] = {
    "lstm": _LSTMLoop,
    "gru": _GRULoop,
    "rnn_tanh": _ElmanLoop,
    "rnn_relu": _ReLULoop,
}
