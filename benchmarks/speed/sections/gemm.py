"""How much of the machine's own speed the recurrence reaches: its products and gates, against plain matrix products."""

from typing import Any, Callable, Dict, List

import numpy as np

from spacy_rnn_tagger.recurrence import array_engine
from spacy_rnn_tagger.recurrence.cells import CELLS
from spacy_rnn_tagger.recurrence.packing import make_packing
from spacy_rnn_tagger.recurrence.serving_inputs import Inputs, Rows
from spacy_rnn_tagger.recurrence.serving_weights import Weights, prepare

from ...common.table import Table
from ...common.timer import Task, measure
from ..setup import Setup

WIDTH, BATCH, STEPS = 128, 256, 30
# Square matrix products; the best of them is what the machine can do.
SQUARES = (1024, 2048)
QUICK_SQUARES = (256,)
N_GATES = len(CELLS["lstm"].gates)


class Resting(Inputs):
    """Input gates that cost nothing: fetched for the first block, and found in the same memory by the others, if they
    are as large."""

    def __init__(self, gates: Any) -> None:
        self.gates = gates
        self.fetched = False

    def fetch(self, tokens: List[Any], out: Any) -> None:
        if not self.fetched:
            self.fetched = True
            out[...] = self.gates[:, :, np.arange(out.shape[2]) % self.gates.shape[2]]


def measure_gemm(setup: Setup) -> Table:
    """Billions of floating point operations per second, and their share of the best square product's. Of the
    recurrence, only those of the recurrent product are counted, in the time of all it does."""
    rng = np.random.default_rng(0)
    flops: Dict[str, float] = {}
    tasks: Dict[str, Task] = {}

    def add(name: str, n_flops: float, run: Callable[[], Any], repeat: int = 1) -> None:
        flops[name] = repeat * n_flops
        tasks[name] = Task(1, lambda: None, lambda _: [run() for _ in range(repeat)])

    squares = QUICK_SQUARES if setup.quick else SQUARES
    for n in squares:
        a, b, out = (rng.normal(size=(n, n)).astype("float32") for _ in range(3))
        add(f"`numpy.matmul`, {n} × {n}", 2.0 * n**3, _product(a, b, out), 3)
    for n_directions, kind in ((1, "unidirectional"), (2, "bidirectional")):
        step_flops = 2.0 * N_GATES * WIDTH * WIDTH * BATCH * n_directions
        states = rng.normal(size=(n_directions, BATCH, WIDTH)).astype("float32")
        weights = _weights(rng, n_directions)
        out = np.empty((N_GATES, n_directions, BATCH, WIDTH), dtype="float32")
        add(f"`numpy.matmul`, as in one {kind} step", step_flops, _product(states, weights.recurrent, out), STEPS)
        add(f"{kind} LSTM: products and gates", STEPS * step_flops, _recurrence(rng, weights), 3)
        add(f"{kind} LSTM, also fetching inputs and writing states", STEPS * step_flops, _served(rng, weights), 3)
    found = measure(tasks, setup.rounds)
    rates = {name: [flops[name] / 1e9 / s for s in found.seconds[name]] for name in tasks}
    best = max(max(rates[name]) for name in list(tasks)[: len(squares)])
    table = Table(
        "gemm",
        f"The recurrence against plain matrix products: float32 on one core, LSTM of {WIDTH} units, {BATCH} sequences "
        f"of {STEPS} steps. Operations are those of the (recurrent) product, share is that of the fastest square "
        "product",
        ["what", "GFLOP/s, median", "best", "share, median", "best"],
    )
    for name, of_rounds in rates.items():
        median, top = float(np.median(of_rounds)), max(of_rounds)
        cells = [f"{median:.1f}", f"{top:.1f}", f"{100 * median / best:.0f} %", f"{100 * top / best:.0f} %"]
        table.add(name, *cells, **{"GFLOP/s": of_rounds, "share": median / best, "best share": top / best})
    return table


def _product(a: Any, b: Any, out: Any) -> Callable[[], Any]:
    return lambda: np.matmul(a, b, out=out)


def _weights(rng: Any, n_directions: int) -> Weights:
    shapes = CELLS["lstm"].param_shapes(WIDTH, WIDTH)
    bound = WIDTH**-0.5
    params = {
        name + suffix: rng.uniform(-bound, bound, shape).astype("float32")
        for suffix in ("", "_reverse")[:n_directions]
        for name, shape in shapes.items()
    }
    return prepare("lstm", params, bidirectional=n_directions == 2)


def _gates(rng: Any, weights: Weights, n_rows: int) -> Any:
    return rng.normal(size=(weights.n_gates, weights.n_directions, n_rows, weights.n_hidden)).astype("float32")


def _recurrence(rng: Any, weights: Weights) -> Callable[[], Any]:
    packing = make_packing([STEPS] * BATCH)
    gates = _gates(rng, weights, BATCH * STEPS)

    def run() -> None:
        array_engine.run_blocks(weights, packing, Resting(gates), lambda start, end, states: None)

    return run


def _served(rng: Any, weights: Weights) -> Callable[[], Any]:
    packing = make_packing([STEPS] * BATCH)
    gates = _gates(rng, weights, 1000)
    rows = rng.integers(0, gates.shape[2], packing.n_tokens)
    return lambda: array_engine.run(weights, packing, Rows(gates, rows))
