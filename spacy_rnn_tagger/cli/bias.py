"""`python -m spacy rnn bias`: trade precision for recall on development data, without training."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Dict, List, Optional, Tuple

import numpy as np
from spacy.cli._util import Opt, import_code

from ..evaluation.bias_curve import Point, best_point
from ..evaluation.bias_sweep import TOGETHER, BiasSweep, ComponentBiases, sweep_biases
from ..pipeline.safe_output import FIGURE_SUFFIXES
from .app import rnn_cli
from .places import running
from .shared import (
    CodeOpt,
    ComponentOpt,
    DataArg,
    ForceOpt,
    GoldPreprocOpt,
    JsonOpt,
    ModelArg,
    heading,
    load_pipeline,
    percent,
    read_corpus,
    show_progress,
    tell_next,
)


@rnn_cli.command("bias")
def bias_cli(
    model: ModelArg,
    data: DataArg,
    component: ComponentOpt = None,
    label: Annotated[Optional[List[str]], Opt("--label", "-l", help="Bias only this label; may be repeated")] = None,
    each: Annotated[bool, Opt("--each", help="Bias every label by itself, one curve for each")] = False,
    limits: Annotated[
        Tuple[float, float], Opt("--range", metavar="LOW HIGH", help="Least and greatest bias, in nats")
    ] = (-3.0, 3.0),
    steps: Annotated[int, Opt("--steps", "-n", help="Number of biases", min=2)] = 13,
    json_path: JsonOpt = None,
    figure: Annotated[
        Optional[Path], Opt("--figure", help="Image file to draw the curves in; needs matplotlib")
    ] = None,
    force: ForceOpt = False,
    gold_preproc: GoldPreprocOpt = False,
    code_path: CodeOpt = None,
) -> None:
    """
    Sweep label_bias on development data, and print precision, recall and F of the biased labels, component by
    component. Without --label and --each, all entity types get the same bias; where every token gets a tag anyway, each
    label is biased by itself, and the best bias of each is shown. The best F is marked. The pipeline is not changed:
    set label_bias in its config, pass it to spacy.load in a config override, or set the component's attribute.

    Example: python -m spacy rnn bias training/model-best corpus/dev.spacy --component rnn_ner --each --json curves.json
    """
    import_code(code_path)
    with running("rnn bias", model, force=force, inputs=[data, code_path]) as places:
        _check_options(*limits, figure)
        drawing = places.add_figure(figure)
        places.add_json(json_path)
        nlp = load_pipeline(model)
        done = sweep_biases(
            nlp,
            read_corpus(data, gold_preproc),
            component,
            labels=label or [],
            each=each,
            biases=np.linspace(*limits, steps).tolist(),
            progress=show_progress,
        )
        print("\n\n".join(format_component(report) for report in done.components))
        places.write_json(done)
        if drawing is not None and figure is not None:
            suffix = figure.suffix[1:].lower()
            drawing.write(lambda path: draw(done, path, suffix))
        tell_next(*next_steps(done, model))


def format_component(report: ComponentBiases) -> str:
    """RETURNS (str): One component's curves as tables. report (ComponentBiases): The curves."""
    if report.by_label:
        return f"{heading(report.component)}\n{format_labels(report.curves)}"
    return f"{heading(report.component)}\n" + "\n\n".join(format_curve(*curve) for curve in report.curves.items())


def format_curve(title: str, points: List[Point]) -> str:
    """RETURNS (str): A curve as a table, its best F marked. title (str): The label. points (List[Point]): The curve."""
    best = best_point(points)
    lines = [title, f"{'bias':>7} {'predicted':>10} {'precision':>10} {'recall':>8} {'F':>8}"]
    for point in points:
        shares = f"{percent(point.precision):>10} {percent(point.recall):>8} {percent(point.f):>8}"
        lines.append(f"{point.bias:>7.2f} {point.predicted:>10,} {shares}{' *' if point is best else ''}")
    return "\n".join(lines)


def format_labels(curves: Dict[str, List[Point]]) -> str:
    """RETURNS (str): The best bias of each label beside the bias nearest to none, as a table. curves (Dict[str,
    List[Point]]): The curves by label."""
    width = max(len("label"), *map(len, curves))
    lines = [
        "every token gets a label anyway, so each is biased by itself; --each shows whole curves",
        f"{'label':<{width}} {'F':>8} {'best bias':>10} {'predicted':>10} {'precision':>10} {'recall':>8} {'F':>8}",
    ]
    for label, points in curves.items():
        best = best_point(points)
        shares = f"{percent(best.precision):>10} {percent(best.recall):>8} {percent(best.f):>8}"
        now = percent(_unbiased(points).f)
        lines.append(f"{label:<{width}} {now:>8} {best.bias:>10.2f} {best.predicted:>10,} {shares}")
    return "\n".join(lines)


def next_steps(sweep: BiasSweep, model: str) -> List[str]:
    """RETURNS (List[str]): What to do with the curves. sweep (BiasSweep): The curves. model (str): The pipeline."""
    steps = []
    for report in sweep.components:
        gains = {title: best for title, best in report.best().items() if best.f > _unbiased(report.curves[title]).f}
        if not gains:
            steps.append(
                f"{report.component}: no bias has a better F than {_unbiased_of(report):g}; leave label_bias as it is."
            )
            continue
        # A rare label's F leaps with one token more or less.
        title = max(gains, key=lambda t: gains[t].predicted * (gains[t].f - _unbiased(report.curves[t]).f))
        settings = f"every label = {gains[title].bias:g}" if title == TOGETHER else f"{title} = {gains[title].bias:g}"
        steps.append(
            f"{report.component}: set {settings} in [components.{report.component}.label_bias] of the config, or as "
            "the component's attribute label_bias."
        )
        if len(report.curves) > 1:
            steps.append(f"{report.component}: one label at a time; biases change each other's best.")
    steps.append(f"Check what it does to all scores: python -m spacy evaluate {model} TEST.spacy")
    return steps


def draw(sweep: BiasSweep, path: Path, suffix: str) -> None:
    """Draw precision over recall, one line for each curve.

    sweep (BiasSweep): The curves.
    path (Path): The file.
    suffix (str): Its format, such as "png".
    """
    from matplotlib.figure import Figure  # only needed here, and not by all who install the package

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
    for report in sweep.components:
        for title, points in report.curves.items():
            name = f"{report.component}: {title}" if len(sweep.components) > 1 else title
            axes.plot([point.recall for point in points], [point.precision for point in points], marker=".", label=name)
    axes.legend(fontsize=7)
    figure.savefig(path, format=suffix)


def _check_options(low: float, high: float, figure: Optional[Path]) -> None:
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(
            f"--range {low:g} {high:g} is not allowed; it must be two finite numbers, the first below the second"
        )
    if figure is not None and find_spec("matplotlib") is None:
        raise ValueError("--figure needs matplotlib: pip install matplotlib")
    if figure is not None and figure.suffix.lower() not in FIGURE_SUFFIXES:
        raise ValueError(f"--figure {str(figure)!r} has an unknown ending; allowed: {', '.join(FIGURE_SUFFIXES)}")


def _unbiased(points: List[Point]) -> Point:
    """The point with the bias nearest to none."""
    return min(points, key=lambda point: abs(point.bias))


def _unbiased_of(report: ComponentBiases) -> float:
    return _unbiased(next(iter(report.curves.values()))).bias
