"""`python -m spacy rnn compress`: save a trained pipeline in fewer bytes."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Dict, Optional

import spacy
import typer
from spacy.cli._util import Arg, Opt, import_code
from spacy.language import Language
from wasabi import msg

from ..models.storage.stored_model import check_form
from ..pipeline.compression import Compression, compress, size_on_disk
from .app import rnn_cli
from .shared import evaluate_pipeline, load_pipeline


@rnn_cli.command("compress")
def compress_cli(
    model: Annotated[str, Arg(help="Trained pipeline: directory, or name of an installed package")],
    output: Annotated[Path, Arg(help="Directory to save the small pipeline to")],
    weights: Annotated[str, Opt("--weights", "-w", help="Form of the weights: int8, float16 or float32")] = "int8",
    data: Annotated[
        Optional[Path],
        Opt("--data", "-d", help="Development data in .spacy format to score before and after", exists=True),
    ] = None,
    keep_language_model: Annotated[
        bool, Opt("--keep-language-model", "-K", help="Keep rnn_language_model, which only training needs")
    ] = False,
    force: Annotated[bool, Opt("--force", "-F", help="Replace the pipeline that lies in the output directory")] = False,
    gold_preproc: Annotated[bool, Opt("--gold-preproc", "-G", help="Use gold sentences and tokens")] = False,
    code_path: Annotated[
        Optional[Path], Opt("--code", "-c", help="Python file with functions the pipeline needs")
    ] = None,
) -> None:
    """
    Save a trained pipeline with its weights as float16, or as int8 rows with a scale each, and without the components that
    only training needs. It is loaded and installed like any other; in memory its weights are float32 again. Prints the size
    on disk before and after, and the scores if there are data.
    """
    import_code(code_path)
    try:
        check_form("rnn compress", "--weights", weights)
        _check_output(output, force)
        nlp = load_pipeline(model)
        old_size = size_on_disk(nlp.path)
        before = {} if data is None else evaluate_pipeline(nlp, data, gold_preproc, "before")
        done = compress(nlp, weights, keep_language_model)
        save(nlp, output)
        after = {} if data is None else evaluate_pipeline(spacy.load(output), data, gold_preproc, "after")
    except ValueError as e:
        raise typer.BadParameter(str(e)) from e
    print(format_report(old_size, size_on_disk(output), before, after))
    _tell(done, weights)
    msg.good("Saved pipeline to output directory", str(output))


def save(nlp: Language, output: Path) -> None:
    """Save a pipeline in place of what lies there, which stays until the new one is complete.

    nlp (Language): The pipeline.
    output (Path): The directory.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f"{output.name}-", dir=output.parent) as folder:
        nlp.to_disk(Path(folder) / "pipeline")
        if output.exists():
            shutil.rmtree(output)
        (Path(folder) / "pipeline").rename(output)


def format_report(old_size: int, new_size: int, before: Dict[str, float], after: Dict[str, float]) -> str:
    """Sizes in millions of bytes and scores in percent, before and after, and their change."""
    lines = [
        f"{'':<24} {'before':>8} {'after':>8} {'change':>9}",
        f"{'size, MB':<24} {old_size / 1e6:>8.2f} {new_size / 1e6:>8.2f} {100 * (new_size / old_size - 1):>+7.1f} %",
    ]
    for key, old in before.items():
        change = round(100 * (after[key] - old), 2) + 0.0  # never "-0.00"
        lines.append(f"{key + ', %':<24} {100 * old:>8.2f} {100 * after[key]:>8.2f} {change:>+9.2f}")
    return "\n".join(lines)


def _check_output(output: Path, force: bool) -> None:
    """Refuse to write over anything but, if told to, another pipeline."""
    if output.is_file():
        raise ValueError(f"{str(output)!r} is a file; name a directory")
    if not output.exists() or not any(output.iterdir()):
        return
    if not (output / "meta.json").is_file():
        raise ValueError(f"{str(output)!r} is not empty and holds no pipeline; name another directory")
    if not force:
        raise ValueError(f"{str(output)!r} is not empty; name another directory, or pass --force")


def _tell(done: Compression, weights: str) -> None:
    msg.info(f"Weights as {weights}: {', '.join(done.stored)}")
    if done.others:
        msg.info(f"As before, since their models are not of spacy-rnn-tagger: {', '.join(done.others)}")
    if done.dropped:
        msg.info(f"Left out, since only training needs them: {', '.join(done.dropped)}")
