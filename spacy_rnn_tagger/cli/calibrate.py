"""`python -m spacy rnn calibrate`: fit the temperature of a trained pipeline's probabilities on development data."""

from pathlib import Path
from typing import Annotated, List, Optional

from spacy.cli._util import Opt, import_code
from wasabi import msg

from ..evaluation.calibration import Calibration, ComponentCalibration, calibrate_pipeline
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
    load_pipeline,
    percent,
    read_corpus,
    show_progress,
    tell_next,
)


@rnn_cli.command("calibrate")
def calibrate_cli(
    model: ModelArg,
    data: DataArg,
    output: Annotated[
        Optional[Path], Opt("--output", "-o", help="Directory to save the calibrated pipeline to; else it is not saved")
    ] = None,
    component: ComponentOpt = None,
    force: ForceOpt = False,
    json_path: JsonOpt = None,
    gold_preproc: GoldPreprocOpt = False,
    code_path: CodeOpt = None,
) -> None:
    """
    Fit a temperature on development data, so that the probabilities of predictions come closer to how often they are
    right. All scores are divided by it: no prediction changes. Prints the negative log-likelihood of the gold and the
    expected calibration error of the predictions (ECE, 15 bins): before, after, and on held-out fifths of the data,
    which decide. Where the temperature does not improve the likelihood there, or makes the calibration error worse, it
    stays what it was.

    Example: python -m spacy rnn calibrate training/model-best corpus/dev.spacy --output training/calibrated
    """
    import_code(code_path)
    with running("rnn calibrate", model, force=force, inputs=[data, code_path]) as places:
        saved = places.add_pipeline(output, "--output")
        places.add_json(json_path)
        nlp = load_pipeline(model)
        done = calibrate_pipeline(nlp, read_corpus(data, gold_preproc), component, progress=show_progress)
        print(format_reports(done.components))
        _tell(done.components)
        if saved is not None:
            saved.write(nlp.to_disk)
        places.write_json(done)
        if saved is None:
            msg.info("Nothing is saved; pass --output to save the calibrated pipeline.")
            tell_next(f"python -m spacy rnn calibrate {model} {data} --output NEW")
            return
        msg.good("Saved pipeline to output directory" + ("" if done.accepted else ", as it was"), str(output))
        tell_next(
            f"python -m spacy evaluate {output} TEST.spacy",
            "Read probabilities of predictions: set store_scores = true, or call component.predict_proba(docs).",
        )


def format_reports(reports: List[ComponentCalibration]) -> str:
    """RETURNS (str): The reports as a table. reports (List[ComponentCalibration]): One for each component."""
    lines = [
        f"{'component':<20} {'':<8} {'temperature':>11} {'NLL':>8} {'ECE, %':>8} {'predictions':>11} {'right, %':>8}"
    ]
    for report in reports:
        states = [("before", report.before), ("after", report.after)]
        if report.n_folds > 1:
            states.append(("held out", report.held_out))
        lines.extend(_line(report.component, when, state) for when, state in states)
    return "\n".join(lines)


def _line(name: str, when: str, state: Calibration) -> str:
    temperature = f"{'varies' if state.temperature != state.temperature else f'{state.temperature:.3f}':>11}"
    return (
        f"{name:<20} {when:<8} {temperature} {state.nll:>8.4f} {percent(state.ece):>8} "
        f"{state.n_predictions:>11,} {percent(state.accuracy):>8}"
    )


def _tell(reports: List[ComponentCalibration]) -> None:
    """Say of each component what was decided, why, and how sure that is."""
    for report in reports:
        name = report.component
        if report.accepted:
            msg.good(f"{name}: the temperature is {report.fitted.temperature:.3f} now, since {report.why}.")
        else:
            msg.warn(f"{name}: the temperature stays {report.before.temperature:.3f}, since {report.why}.")
        if report.n_folds == 1:
            msg.warn(f"{name}: there is one doc, so nothing could be held out to judge the temperature.")
        elif report.is_uncertain:
            msg.warn(
                f"{name}: with {report.before.n_predictions:,} predictions, a change of the ECE by less than "
                f"{percent(report.standard_error)} points may be chance; more development data would tell."
            )
        if report.at_edge:
            msg.warn(
                f"{name}: the fitted temperature is at the edge of the search; are these the data it was trained on?"
            )
