"""`python -m spacy rnn bias`: trade precision for recall on development data, without training."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Dict, List, Optional

import numpy as np
import typer
from spacy.cli._util import Arg, Opt, import_code
from spacy.language import Language

from ..errors import check_labels
from ..evaluation.bias_curve import Point, bias_curve
from .app import rnn_cli
from .shared import choose_components, load_pipeline, score_development

TOGETHER = "all labels"
Curves = Dict[str, List[Point]]


@rnn_cli.command("bias")
def bias_cli(
    model: Annotated[str, Arg(help="Trained pipeline: directory, or name of an installed package")],
    data: Annotated[Path, Arg(help="Development data in .spacy format", exists=True)],
    component: Annotated[
        Optional[str], Opt("--component", "-C", help="The component, if the pipeline has several")
    ] = None,
    label: Annotated[Optional[List[str]], Opt("--label", "-l", help="Bias only this label; may be repeated")] = None,
    each: Annotated[bool, Opt("--each", help="Bias every label by itself, one curve for each")] = False,
    low: Annotated[float, Opt("--low", help="Least bias, in nats")] = -3.0,
    high: Annotated[float, Opt("--high", help="Greatest bias, in nats")] = 3.0,
    steps: Annotated[int, Opt("--steps", "-n", help="Number of biases", min=2)] = 13,
    json_path: Annotated[Optional[Path], Opt("--json", help="File to write the curves to")] = None,
    figure: Annotated[
        Optional[Path], Opt("--figure", help="Image file to draw the curves in; needs matplotlib")
    ] = None,
    gold_preproc: Annotated[bool, Opt("--gold-preproc", "-G", help="Use gold sentences and tokens")] = False,
    code_path: Annotated[
        Optional[Path], Opt("--code", "-c", help="Python file with functions the pipeline needs")
    ] = None,
) -> None:
    """
    Sweep label_bias on development data, and print precision, recall and F of the biased labels. Without --label and --each,
    all entity types get the same bias. The best F is marked. The pipeline is not changed: set label_bias in its config, pass
    it to spacy.load in a config override, or set the component's attribute.
    """
    import_code(code_path)
    if figure is not None and find_spec("matplotlib") is None:
        raise typer.BadParameter("--figure needs matplotlib: pip install matplotlib")
    nlp = load_pipeline(model)
    try:
        curves = sweep(nlp, data, component, label or [], each, np.linspace(low, high, steps).tolist(), gold_preproc)
    except ValueError as e:
        raise typer.BadParameter(str(e)) from e
    print("\n\n".join(format_curve(name, points) for name, points in curves.items()))
    if json_path is not None:
        rows = {name: [point._asdict() for point in points] for name, points in curves.items()}
        json_path.write_text(json.dumps(_without_nan(rows), indent=2) + "\n", encoding="utf8")
    if figure is not None:
        draw(curves, figure)


def sweep(
    nlp: Language,
    data: Path,
    component: Optional[str],
    labels: List[str],
    each: bool,
    biases: List[float],
    gold_preproc: bool,
) -> Curves:
    """The curves that were asked for.

    nlp (Language): The pipeline.
    data (Path): Development data.
    component (Optional[str]): Name of the component; None if there is but one of ours.
    labels (List[str]): Labels to bias one by one.
    each (bool): Whether to bias all labels one by one.
    biases (List[float]): The biases.
    gold_preproc (bool): Whether to use gold sentences and tokens.
    RETURNS (Dict[str, List[Point]]): The curves by label.
    RAISES (ValueError): If there is no such component or label, or a curve would be flat.
    """
    names = choose_components(nlp, component)
    if len(names) > 1:
        raise ValueError(f"This pipeline has several components: {', '.join(names)}; choose one by --component.")
    (name,) = names
    pipe: Any = nlp.get_pipe(name)
    check_labels(f"component {name!r}", "--label", labels, pipe.labels)
    singles = list(pipe.labels) if each else labels
    if not singles and all(map(pipe.target.begins, pipe.tags)):
        raise ValueError(
            f"component {name!r}: every token gets one of its labels, so the same bias on all changes nothing; choose one by "
            "--label, or pass --each."
        )
    groups = {single: [single] for single in singles} or {TOGETHER: list(pipe.labels)}
    batches = score_development(nlp, name, data, gold_preproc)
    return {title: list(bias_curve(pipe, batches, group, biases)) for title, group in groups.items()}


def format_curve(title: str, points: List[Point]) -> str:
    """A curve as a table, its best F marked."""
    best = max(points, key=lambda point: (np.nan_to_num(point.f), -abs(point.bias)))
    lines = [title, f"{'bias':>7} {'predicted':>10} {'precision':>10} {'recall':>8} {'F':>8}"]
    for point in points:
        shares = f"{_percent(point.precision):>10} {_percent(point.recall):>8} {_percent(point.f):>8}"
        lines.append(f"{point.bias:>7.2f} {point.predicted:>10,} {shares}{' *' if point is best else ''}")
    return "\n".join(lines)


def draw(curves: Curves, path: Path) -> None:
    """Draw precision over recall, one line for each curve."""
    from matplotlib.figure import Figure  # only needed here, and not by all who install the package

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
    for title, points in curves.items():
        axes.plot([point.recall for point in points], [point.precision for point in points], marker=".", label=title)
    axes.legend()
    figure.savefig(path)


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.2f}"


def _without_nan(rows: Dict[str, List[Dict[str, Any]]]) -> Dict[str, List[Dict[str, Any]]]:
    """JSON has no NaN."""
    return {name: [{k: None if v != v else v for k, v in row.items()} for row in part] for name, part in rows.items()}
