"""A training log as one HTML file."""

from pathlib import Path
from typing import Dict, List, Optional, Tuple

from ..pipeline.safe_output import Output
from ..training.training_log import EvaluationRecord, TrainingLog, read_log
from .charts import Chart, Point, line_chart
from .page import PAGE, render

MOST_LINES = 6
"""How many lines of one chart can be told apart."""


def write_training_page(log: Path, path: Path, *, force: bool = False) -> None:
    """Write what happened in training as one HTML file that needs nothing else.

    log (Path): The JSON lines that `spacy-rnn-tagger.report_logger.v1` wrote, complete or not.
    path (Path): The file.
    force (bool): Whether to replace a page that lies there.
    RAISES (ValueError): If the log is none.
    RAISES (OutputError): If something else lies there, or a page and `force` is False.
    """
    html = render_training(read_log(log), name=str(log))
    Output(path, PAGE, force=force, inputs=[log]).write(lambda new: new.write_text(html, encoding="utf8"))


def render_training(log: TrainingLog, name: str = "training") -> str:
    """RETURNS (str): The page. log (TrainingLog): What happened. name (str): What the log is called."""
    charts = [chart for chart in _charts(log) if chart is not None]
    score_keys = [key for key in log.start.score_weights if any(key in each.scores for each in log.evaluations)]
    return render(
        "training.html.j2",
        log=log,
        name=name,
        charts=charts,
        score_keys=score_keys,
        labels=_label_rows(log),
        duration=show_duration,
        data={},
    )


def show_duration(seconds: float) -> str:
    """RETURNS (str): A duration such as 1:02:03. seconds (float): Its length."""
    minutes, rest = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _charts(log: TrainingLog) -> List[Optional[Chart]]:
    def series(pick: Dict[str, List[Point]]) -> List[Tuple[str, List[Point]]]:
        return list(pick.items())[:MOST_LINES]

    losses: Dict[str, List[Point]] = {}
    scores: Dict[str, List[Point]] = {"score": []}
    rates: List[Point] = []
    norms: Dict[str, List[Point]] = {"mean": [], "greatest": []}
    speeds: List[Point] = []
    speed_title = "Words per second, evaluation included"
    for each in log.evaluations:
        for name, loss in each.losses_per_word.items():
            losses.setdefault(name, []).append((each.step, loss))
        scores["score"].append((each.step, 100 * each.score))
        for key in log.start.score_weights:
            if key in each.scores and key != "speed":
                scores.setdefault(key, []).append((each.step, 100 * each.scores[key]))
        if each.learn_rate is not None:
            rates.append((each.step, each.learn_rate))
        if each.gradient_norm is not None and each.gradient_norm_max is not None:
            norms["mean"].append((each.step, each.gradient_norm))
            norms["greatest"].append((each.step, each.gradient_norm_max))
        speeds.append((each.step, each.words_per_second))
    charts = [
        line_chart("Loss per word", series(losses), "step", from_zero=True),
        line_chart("Scores on the development data", series(scores), "step"),
    ]
    charts += [_label_chart(log, key) for key in _label_keys(log)]
    return charts + [
        line_chart("Learning rate", [("Learning rate", rates)], "step", from_zero=True),
        line_chart("Norm of the gradients before clipping", series(norms), "step", from_zero=True),
        line_chart(speed_title, [(speed_title, speeds)], "step", from_zero=True),
    ]


def _label_keys(log: TrainingLog) -> List[str]:
    return list(dict.fromkeys(key for each in log.evaluations for key in each.label_f))


def _label_chart(log: TrainingLog, key: str) -> Optional[Chart]:
    """The labels that the last evaluation is worst at, as far as there is room for lines."""
    last = log.evaluations[-1].label_f.get(key, {})
    names = sorted(last, key=lambda label: last[label])[:MOST_LINES]
    lines = [
        (
            name,
            [
                (each.step, 100 * each.label_f[key][name])
                for each in log.evaluations
                if name in each.label_f.get(key, {})
            ],
        )
        for name in names
    ]
    which = "" if len(last) <= MOST_LINES else f", the {MOST_LINES} worst of {len(last)}"
    return line_chart(f"F by label: {key}{which}", lines, "step")


def _label_rows(log: TrainingLog) -> List[Tuple[str, str, float, float]]:
    """Score, label, F at the best evaluation, F at the last."""
    best: Optional[EvaluationRecord] = log.best
    if best is None:
        return []
    last = log.evaluations[-1]
    return [
        (key, label, f, last.label_f.get(key, {}).get(label, 0.0))
        for key, labels in best.label_f.items()
        for label, f in labels.items()
    ]
