"""Serving: the recurrence as a loop over packed array rows. NumPy alone is enough.

How it is made fast: the weights are laid out once (`serving_weights.prepare`); a step is a few calls that allocate
nothing (`array_loops`); and inputs are fetched and states handed on in blocks that stay in the processor's cache,
whatever the length of the batch.
"""

from typing import Any, Callable, List

import numpy as np

from .array_loops import LOOPS, Scratch
from .packing import Packing
from .serving_inputs import Inputs, as_inputs
from .serving_weights import Floats, Params, Weights, prepare
from .steady_rows import multiply_rows
from .threads import one_thread

Sink = Callable[[int, int, Floats], None]

# Numbers in the gates of the packed rows that are fetched and handed on at a time: few enough to stay in the cache of
# the processor.
BLOCK_SIZE = 2**18


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
    x (array): (n_tokens, n_in) packed inputs; not changed. Or, of one-hot inputs, (n_tokens,) the columns of their
        ones.
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
    n_hidden, n_out = weights.n_hidden, W.shape[0]
    # Each direction apart: which of the two comes first at a token depends on the blocks, and sums on the order.
    y: Floats = np.empty((weights.n_directions, packing.n_tokens, n_out), dtype="float32")
    halves = [np.ascontiguousarray(half.T) for half in (W[:, :n_hidden], W[:, n_hidden:])]

    def collect(start: int, end: int, states: Floats) -> None:
        rows = np.empty((end - start, n_out), dtype="float32")
        for direction in range(weights.n_directions):
            multiply_rows(states[direction], halves[direction], rows)
            packed = packing.mirror[start:end] if direction else slice(start, end)
            y[direction, packing.to_packed[packed]] = rows

    run_blocks(weights, packing, as_inputs(weights, x), collect)
    y[0] += b
    return y[0] + y[1] if weights.n_directions == 2 else y[0]


@one_thread
def run_blocks(weights: Weights, packing: Packing, inputs: Inputs, sink: Sink) -> None:
    """Run the recurrence from a zero state, and hand its states on block by block.

    weights (Weights): The layer.
    packing (Packing): Layout of the batch.
    inputs (Inputs): The layer's inputs.
    sink (Callable): Called with the first packed row of each block, the row after its last, and the (D, n_rows,
        n_hidden) states, which the next block overwrites. The backward direction has read each sequence from its end,
        so its states belong to the packed rows `packing.mirror[start:end]`.
    """
    if not packing.n_tokens:
        return
    starts = np.concatenate(([0], np.cumsum(packing.batch_sizes)))
    n_steps = packing.batch_sizes.shape[0]
    scratch = Scratch.borrow()
    loop = LOOPS[weights.cell](weights, int(packing.batch_sizes[0]), scratch)
    n_block = max(1, BLOCK_SIZE // (weights.n_gates * weights.n_directions * weights.n_hidden))
    first = 0
    while first < n_steps:
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + n_block, side="right")) - 1)
        start, end = int(starts[first]), int(starts[last])
        gates = scratch.array("gates", (weights.n_gates, weights.n_directions, end - start, weights.n_hidden))
        states = scratch.array("states", (weights.n_directions, end - start, weights.n_hidden))
        tokens: List[Any] = [slice(start, end), packing.mirror[start:end]]
        inputs.fetch(tokens[: weights.n_directions], gates)
        with np.errstate(over="ignore"):
            loop.run(packing.batch_sizes[first:last].tolist(), gates, states)
        sink(start, end, states)
        first = last
    scratch.give_back()
