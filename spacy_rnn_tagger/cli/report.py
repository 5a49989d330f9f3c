"""`python -m spacy rnn report`: what a pipeline gets right and wrong, as a page."""

from pathlib import Path
from typing import Annotated, List, Optional

from spacy.cli._util import Arg, Opt, import_code, setup_gpu
from wasabi import msg

from ..evaluation.report import MAX_ERRORS, NamedPipeline, evaluate_pipeline
from ..evaluation.report_numbers import PipelineComparison, PipelineReport
from ..report.page import PAGE, render_report
from ..training.corpus import create_corpus
from .app import rnn_cli
from .places import running
from .shared import (
    CodeOpt,
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


@rnn_cli.command("report")
def report_cli(
    model: ModelArg,
    data: Annotated[Path, Arg(help="Annotated data in .spacy format, not those trained on", exists=True)],
    output: Annotated[Path, Opt("--output", "-o", help="HTML file to write")],
    compare: Annotated[
        Optional[str], Opt("--compare", "-C", help="Second trained pipeline, to compare with the first")
    ] = None,
    train: Annotated[
        Optional[Path], Opt("--train", "-T", help="Training data, to tell seen from unseen words", exists=True)
    ] = None,
    target: Annotated[
        Optional[List[str]], Opt("--target", "-t", help="Look at this target only, such as ents; may be repeated")
    ] = None,
    max_errors: Annotated[
        int, Opt("--max-errors", "-n", help="How many errors to show for each target", min=1)
    ] = MAX_ERRORS,
    json_path: JsonOpt = None,
    force: ForceOpt = False,
    gold_preproc: GoldPreprocOpt = False,
    code_path: CodeOpt = None,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """
    Write what a pipeline gets right and wrong as one HTML page that needs nothing else: scores with bootstrap
    intervals, labels, kinds of errors, confusion, seen and unseen words, reliability of confidences, thresholds, and
    the errors in context; with --compare beside another pipeline. Works for spaCy's own components too, which give no
    confidences. The scores are those of `spacy evaluate`.

    Example: python -m spacy rnn report training/model-best corpus/dev.spacy -o report.html --train corpus/train.spacy
    """
    setup_gpu(gpu_id)
    import_code(code_path)
    inputs = [data, train, code_path, None if compare is None else Path(compare)]
    with running("rnn report", model, force=force, inputs=inputs) as places:
        page = places.add_file(output, PAGE, "--output")
        places.add_json(json_path)
        first = NamedPipeline(model, load_pipeline(model))
        done = evaluate_pipeline(
            first,
            read_corpus(data, gold_preproc),
            other=None if compare is None else NamedPipeline(compare, load_pipeline(compare)),
            targets=target or None,
            training=None if train is None else create_corpus(train).docs(first.nlp.vocab),
            data_name=str(data),
            training_name=str(train),
            max_errors=max_errors,
            progress=show_progress,
        )
        html = render_report(done)
        page.write(lambda path: path.write_text(html, encoding="utf8"))
        places.write_json(done)
        print(format_report(done))
        msg.good("Saved the report", str(output))
        tell_next(*_next_steps(done, model, data, output))


def format_report(done: PipelineReport) -> str:
    """RETURNS (str): The scores in lines. done (PipelineReport): The report."""
    blocks = []
    for task in done.tasks:
        lines = [
            f"{key:<20} {percent(score.value):>7}   {percent(score.low)} to {percent(score.high)}"
            for key, score in task.scores.items()
        ]
        if task.confidence is not None:
            lines.append(f"{'ECE':<20} {percent(task.confidence.ece):>7}")
        blocks.append("\n".join([heading(task.target), *lines]))
    if done.comparison is not None:
        blocks.append(format_comparison(done.comparison))
    return "\n\n".join(blocks)


def format_comparison(comparison: PipelineComparison) -> str:
    """RETURNS (str): The scores of two pipelines in lines. comparison (PipelineComparison): The comparison."""
    lines = [
        f"{key:<20} {percent(pair.first.value):>7} {percent(pair.second.value):>7} "
        f"{100 * pair.difference.value:>+7.2f}   "
        f"{100 * pair.difference.low:+.2f} to {100 * pair.difference.high:+.2f}, "
        f"p = {pair.difference.p_value:.3f}"
        for task in comparison.tasks
        for key, pair in task.scores.items()
    ]
    return "\n".join([heading(f"second pipeline: {comparison.model}"), *lines])


def _next_steps(done: PipelineReport, model: str, data: Path, output: Path) -> List[str]:
    steps = [f"Open {output} in a browser."]
    if done.training is None:
        steps.append("Pass --train TRAIN.spacy to tell seen from unseen words.")
    if done.comparison is None:
        steps.append(f"python -m spacy rnn report {model} {data} --output {output} --force --compare OTHER")
    if any(task.confidence is not None for task in done.tasks):
        steps.append(f"python -m spacy rnn calibrate {model} DEV.spacy --output CALIBRATED")
    return steps
