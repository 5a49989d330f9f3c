"""`python -m spacy rnn calibrate`: fit the temperature of a trained pipeline's probabilities on development data."""

from pathlib import Path
from typing import Annotated, List, Optional, Tuple

import typer
from spacy.cli._util import Arg, Opt, import_code
from spacy.language import Language
from wasabi import msg

from ..chain.temperature import COLDEST, HOTTEST
from ..evaluation.calibration import Calibration, calibrate
from .app import rnn_cli
from .shared import choose_components, load_pipeline, score_development

Report = Tuple[str, Calibration, Calibration]


@rnn_cli.command("calibrate")
def calibrate_cli(
    model: Annotated[str, Arg(help="Trained pipeline: directory, or name of an installed package")],
    data: Annotated[Path, Arg(help="Development data in .spacy format, not those trained on", exists=True)],
    output: Annotated[
        Optional[Path], Opt("--output", "-o", help="Directory to save the calibrated pipeline to; else it is not saved")
    ] = None,
    component: Annotated[Optional[str], Opt("--component", "-C", help="Only this component")] = None,
    force: Annotated[bool, Opt("--force", "-F", help="Replace what lies in the output directory")] = False,
    gold_preproc: Annotated[bool, Opt("--gold-preproc", "-G", help="Use gold sentences and tokens")] = False,
    code_path: Annotated[
        Optional[Path], Opt("--code", "-c", help="Python file with functions the pipeline needs")
    ] = None,
) -> None:
    """
    Fit a temperature on development data, so that the probabilities of predictions come closer to how often they are right.
    All scores are divided by it: no prediction changes. Prints the negative log-likelihood of the gold and the expected
    calibration error of the predictions (ECE, 15 bins), before and after.
    """
    import_code(code_path)
    if output is not None and output.is_file():
        raise typer.BadParameter(f"{str(output)!r} is a file; name a directory")
    if output is not None and output.exists() and any(output.iterdir()) and not force:
        raise typer.BadParameter(f"{str(output)!r} is not empty; name another directory, or pass --force")
    nlp = load_pipeline(model)
    try:
        reports = calibrate_pipeline(nlp, data, component, gold_preproc)
    except ValueError as e:
        raise typer.BadParameter(str(e)) from e
    print(format_reports(reports))
    for name, _, after in reports:
        if not COLDEST * 1.01 < after.temperature < HOTTEST / 1.01:
            msg.warn(
                f"{name}: the temperature is at the edge of the search; are these the data that it was trained on?"
            )
    if output is None:
        msg.info("Nothing is saved; pass --output to save the calibrated pipeline.")
    else:
        nlp.to_disk(output)
        msg.good("Saved pipeline to output directory", str(output))


def calibrate_pipeline(nlp: Language, data: Path, component: Optional[str], gold_preproc: bool) -> List[Report]:
    """Calibrate components in place, and note the result in the pipeline's meta data, under "performance".

    nlp (Language): The pipeline.
    data (Path): Development data.
    component (Optional[str]): Name of one; all of ours if None.
    gold_preproc (bool): Whether to use gold sentences and tokens.
    RETURNS (List[Report]): For each component its name, and how it was before and is now.
    RAISES (ValueError): If there is no such component, or nothing is annotated.
    """
    reports: List[Report] = []
    for name in choose_components(nlp, component):
        batches = score_development(nlp, name, data, gold_preproc)
        before, after = calibrate(nlp.get_pipe(name), batches)  # type: ignore[arg-type]
        nlp.meta.setdefault("performance", {}).update({f"{name}_nll": after.nll, f"{name}_ece": after.ece})
        reports.append((name, before, after))
    return reports


def format_reports(reports: List[Report]) -> str:
    """The reports as a table."""
    lines = [
        f"{'component':<20} {'':<6} {'temperature':>11} {'NLL':>8} {'ECE, %':>8} {'predictions':>11} {'right, %':>8}"
    ]
    for name, *states in reports:
        for when, state in zip(("before", "after"), states):
            lines.append(
                f"{name:<20} {when:<6} {state.temperature:>11.3f} {state.nll:>8.4f} {100 * state.ece:>8.2f} "
                f"{state.n_predictions:>11,} {100 * state.accuracy:>8.2f}"
            )
    return "\n".join(lines)
