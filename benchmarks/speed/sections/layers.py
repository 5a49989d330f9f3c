"""One recurrent layer in training: arrays beside `torch.nn.*`, forward and backward, for every cell."""

from typing import Any, Callable, Dict

import numpy as np

from spacy_rnn_tagger.recurrence import array_training, torch_engine
from spacy_rnn_tagger.recurrence.cells import CELLS
from spacy_rnn_tagger.recurrence.packing import Packing, make_packing

from ...common.table import Table, times
from ...common.timer import Task, measure
from ..setup import Setup

WIDTH = 128
N_SENTENCES, LENGTH = 40, 296
# PyTorch's LSTM takes a way of its own where all sequences of a batch are equally long, as a single one is.
UNLIKE = (320, 300, 290, 274)
ENGINES = {"torch": torch_engine.begin_update, "arrays": array_training.begin_update}
TOLERANCE = 1e-4


def measure_layers(setup: Setup) -> Table:
    """Milliseconds of a bidirectional layer's forward and backward pass, with random weights and inputs."""
    sentences = setup.sentences[:N_SENTENCES]
    batches = {
        f"{len(sentences)} sentences": [len(words) for words in sentences],
        f"4 docs of {LENGTH} tokens": [LENGTH] * 4,
        f"4 docs of {min(UNLIKE)} to {max(UNLIKE)} tokens": list(UNLIKE),
    }
    table = Table(
        "layers",
        f"One bidirectional layer in training, {WIDTH} to 2 × {WIDTH}: milliseconds of one core for the forward and "
        f"backward pass of a batch, with the layers of `torch.nn` and with arrays, medians of {setup.rounds} rounds",
        ["cell", "batch", "tokens", "`torch.nn`, ms", "arrays, ms", "arrays / `torch.nn`"],
        n_texts=2,
    )
    worst = 0.0
    for cell in CELLS:
        params = random_weights(cell)
        for title, lengths in batches.items():
            packing = make_packing(lengths)
            rng = np.random.default_rng(0)
            x = rng.normal(size=(packing.n_tokens, WIDTH)).astype("float32")
            d_y = rng.normal(size=(packing.n_tokens, 2 * WIDTH)).astype("float32")
            tasks = {
                name: Task(packing.n_tokens, lambda: None, both_passes(engine, cell, params, packing, x, d_y), dict)
                for name, engine in ENGINES.items()
            }
            found = measure(tasks, setup.rounds)
            worst = max(worst, difference(found.results["arrays"], found.results["torch"]))
            theirs, ours = (1000 * found.median(name) for name in ENGINES)
            slower = found.slowdown("arrays", "torch")
            table.add(
                f"`{cell}`",
                title,
                f"{packing.n_tokens:,}",
                f"{theirs:.1f}",
                f"{ours:.1f}",
                times(slower),
                batch=title,
                ms=[theirs, ours],
                **{"time / torch's": slower},
            )
    table.n_different = int(worst > TOLERANCE)
    table.notes.append(f"Hidden states and all gradients agree to {worst:.0e} of the largest number of an array.")
    return table


def random_weights(cell: str) -> Dict[str, Any]:
    """RETURNS (Dict[str, array]): Weights of both directions by name, from seed 0. cell (str): Name of the cell."""
    rng = np.random.default_rng(0)
    return {
        name + suffix: rng.uniform(-(WIDTH**-0.5), WIDTH**-0.5, shape).astype("float32")
        for suffix in ("", "_reverse")
        for name, shape in CELLS[cell].param_shapes(WIDTH, WIDTH).items()
    }


def both_passes(
    begin_update: Callable[..., Any], cell: str, params: Dict[str, Any], packing: Packing, x: Any, d_y: Any
) -> Callable[[Any], Dict[str, Any]]:
    """RETURNS (Callable): What runs an engine's forward and backward pass, and returns all that they give."""

    def run(_: Any) -> Dict[str, Any]:
        y, backprop = begin_update(cell, params, packing, x, bidirectional=True)
        d_x, gradients = backprop(d_y)
        return {"y": y, "d_x": d_x, **gradients}

    return run


def difference(found: Dict[str, Any], expected: Dict[str, Any]) -> float:
    """RETURNS (float): The largest difference, as a share of the largest number of its array."""
    return max(float(abs(found[name] - array).max() / abs(array).max()) for name, array in expected.items())
