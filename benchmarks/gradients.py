"""Vanishing gradients, shown: how much of a gradient reaches the first step of a sequence, and whether a dependency
over that distance is learned, for the vanilla RNN, the GRU and the LSTM.

The task is agreement: the first symbol of a sequence (singular or plural) decides its last (the verb), and the symbols
between are noise. One model is trained for each cell and distance, on sequences drawn without end; its accuracy is on
1000 new ones.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
from thinc.api import Adam, Embed, Linear, Model, chain, fix_random_seed, with_array

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common.table import Table
from spacy_rnn_tagger.models.architectures.rnn_encoder import build_rnn_encoder
from spacy_rnn_tagger.recurrence import torch_engine
from spacy_rnn_tagger.recurrence.cells import CELLS
from spacy_rnn_tagger.recurrence.packing import make_packing

CELL_NAMES = ("rnn_tanh", "gru", "lstm")
STARTS = {"orthogonal start": True, "uniform start": False}
N_SYMBOLS = 12
SINGULAR, PLURAL, VERB = 0, 1, 2

Results = Dict[str, Any]


def gradient_norms(cell: str, distances: List[int], width: int, orthogonal: bool, rng: Any) -> List[float]:
    """The norm of d loss / d x_1, for a loss at a step that far away, as a share of d loss / d x at that step
    itself."""
    params = initial_weights(cell, width, orthogonal, rng)
    norms = []
    for distance in distances:
        x = rng.normal(size=(distance + 1, width)).astype("float32")
        packing = make_packing([len(x)])
        _, backprop = torch_engine.begin_update(cell, params, packing, x, bidirectional=False)
        d_y = np.zeros((len(x), width), dtype="float32")
        d_y[-1] = rng.normal(size=width)
        d_x, _ = backprop(d_y)
        norms.append(float(np.linalg.norm(d_x[0]) / np.linalg.norm(d_x[-1])))
    return norms


def initial_weights(cell: str, width: int, orthogonal: bool, rng: Any) -> Dict[str, Any]:
    """The layer's own initial weights (orthogonal recurrences, a forget gate that starts open), or the uniform ones
    that PyTorch and the texts start from."""
    if not orthogonal:
        bound = width**-0.5
        shapes = CELLS[cell].param_shapes(width, width)
        return {name: rng.uniform(-bound, bound, shape).astype("float32") for name, shape in shapes.items()}
    encoder = build_rnn_encoder(width=width, cell=cell, bidirectional=False)
    encoder.initialize()
    layer = next(node for node in encoder.walk() if "cell" in node.attrs)
    return {name: layer.get_param(name) for name in layer.param_names}


def agreement_accuracy(
    cell: str, distance: int, width: int, orthogonal: bool, steps: int, batch_size: int, rng: Any
) -> float:
    """Train on agreement over a distance until it is learned, or for a number of updates; the accuracy on new
    sequences. One half is chance."""
    table: Any = Embed(nO=width, nV=N_SYMBOLS)
    head: Any = Linear(nO=2, nI=width)
    encoder = build_rnn_encoder(width=width, cell=cell, bidirectional=False)
    model: Model[Any, Any] = chain(with_array(table), encoder, with_array(head))
    model.initialize()
    layer = next(node for node in model.walk() if "cell" in node.attrs)
    for name, weights in initial_weights(cell, width, orthogonal, rng).items():
        layer.set_param(name, weights)
    optimizer = Adam(0.005, grad_clip=1.0)
    losses: List[float] = []
    for _ in range(steps):
        losses.append(0.0)
        X, gold = draw(rng, batch_size, distance)
        scores, backprop = model.begin_update(X)
        gradients = [np.zeros_like(s) for s in scores]
        for gradient, s, k in zip(gradients, scores, gold):
            z = np.exp(s[-1] - s[-1].max())
            gradient[-1] = z / z.sum()
            losses[-1] -= float(np.log(gradient[-1, k])) / batch_size
            gradient[-1, k] -= 1.0
            gradient[-1] /= batch_size
        backprop(gradients)
        model.finish_update(optimizer)
        if max(losses[-10:]) < 0.02:
            break
    X, gold = draw(rng, 1000, distance)
    return float(np.mean([s[-1].argmax() == k for s, k in zip(model.predict(X), gold)]))


def draw(rng: Any, n: int, distance: int) -> Any:
    """n sequences of subject, noise and verb, and the number of each subject."""
    X = rng.integers(VERB + 1, N_SYMBOLS, size=(n, distance + 1)).astype("int32")
    gold = rng.integers(0, 2, size=n)
    X[:, 0] = np.where(gold == 1, PLURAL, SINGULAR)
    X[:, -1] = VERB
    return list(X), gold


def markdown(results: Results) -> str:
    head = ["", *(f"{distance} steps" for distance in results["distances"])]
    learned = f"Agreement learned over a distance, accuracy in % after at most {results['steps']} updates (chance: 50)"
    gradients = Table("gradients", "Share of the gradient that reaches the first step", head)
    accuracy = Table("accuracy", learned, head)
    for kind in STARTS:
        for cell, shares in results["gradients"][kind].items():
            gradients.add(f"{cell}, {kind}", *(f"{share:.1e}" for share in shares))
        for cell, shares in results["accuracy"][kind].items():
            accuracy.add(f"{cell}, {kind}", *(f"{100 * share:.1f}" for share in shares))
    return f"{gradients.markdown()}\n\n{accuracy.markdown()}\n"


def figure(results: Results, path: Path) -> None:
    """RAISES (ImportError): If matplotlib is not installed."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "spacy-rnn-tagger"  # the same figure, byte for byte, from the same numbers
    from matplotlib import pyplot

    fig, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    for kind, style in zip(STARTS, ("-", ":")):
        for i, cell in enumerate(CELL_NAMES):
            look = {"linestyle": style, "color": f"C{i}", "marker": "o", "label": f"{cell}, {kind}"}
            left.plot(results["distances"], results["gradients"][kind][cell], **look)
            right.plot(results["distances"], [100 * v for v in results["accuracy"][kind][cell]], **look)
    left.set(xscale="log", yscale="log", xlabel="distance in steps", title="Share of the gradient that arrives")
    left.set_ylim(bottom=1e-12)
    left.legend(fontsize=7)
    right.set(xscale="log", ylim=(40, 103), xlabel="distance in steps", title="Agreement learned, accuracy in %")
    right.legend(fontsize=7)
    fig.tight_layout()
    fig.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="folder for gradients.json, gradients.md and the figure")
    parser.add_argument("--figure", default="svg", choices=("svg", "png", "none"), help="format of the figure (svg)")
    parser.add_argument("--distances", type=int, nargs="+", default=[5, 10, 20, 50, 100, 200])
    parser.add_argument("--width", type=int, default=32, help="units of each layer (32)")
    parser.add_argument("--steps", type=int, default=200, help="updates per model (200)")
    parser.add_argument("--batch-size", type=int, default=32, help="sequences per update (32)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    rng = np.random.default_rng(args.seed)
    fix_random_seed(args.seed)
    results: Results = {"distances": args.distances, "steps": args.steps, "gradients": {}, "accuracy": {}}
    for kind, orthogonal in STARTS.items():
        results["gradients"][kind] = {
            cell: gradient_norms(cell, args.distances, args.width, orthogonal, rng) for cell in CELL_NAMES
        }
        results["accuracy"][kind] = {cell: [] for cell in CELL_NAMES}
        for cell in CELL_NAMES:
            for distance in args.distances:
                settings = (args.width, orthogonal, args.steps, args.batch_size)
                accuracy = agreement_accuracy(cell, distance, *settings, rng)
                results["accuracy"][kind][cell].append(accuracy)
                print(f"{cell}, {kind}, over {distance} steps: {100 * accuracy:.1f} %", file=sys.stderr, flush=True)
    print(markdown(results))
    if args.output is not None:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "gradients.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf8")
        (args.output / "gradients.md").write_text(markdown(results), encoding="utf8")
        if args.figure != "none":
            figure(results, args.output / f"gradients.{args.figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
