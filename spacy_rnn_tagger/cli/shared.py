"""What the commands share: arguments, loading, progress and print."""

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Callable, Iterable, Iterator, List, Optional

import spacy
import typer
from spacy.cli._util import Arg, Opt, show_validation_error
from spacy.language import Language
from spacy.util import is_package

from ..training.corpus import create_corpus

ModelArg = Annotated[str, Arg(help="Trained pipeline: directory, or name of an installed package")]
DataArg = Annotated[Path, Arg(help="Development data in .spacy format, not those trained on", exists=True)]
ComponentOpt = Annotated[Optional[str], Opt("--component", "-C", help="Only this component")]
JsonOpt = Annotated[Optional[Path], Opt("--json", help="File to write the numbers to; - for standard output")]
ForceOpt = Annotated[bool, Opt("--force", "-F", help="Replace outputs of the same kind that lie there already")]
GoldPreprocOpt = Annotated[bool, Opt("--gold-preproc", "-G", help="Use gold sentences and tokens")]
CodeOpt = Annotated[Optional[Path], Opt("--code", "-c", help="Python file with functions the pipeline needs")]


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Say in one sentence that a pipeline is missing or damaged, and end the command.

    name (str): Config file, directory, or package name.
    """
    try:
        with show_validation_error(name):
            yield
    except MemoryError:
        raise
    except SystemExit:  # spaCy has said what is wrong with the config, but not whose config it is
        typer.echo(f"The pipeline {name!r} cannot be loaded: its config is not valid.", err=True)
        raise
    except Exception as e:
        first = next(iter(str(e).strip().splitlines()), "")
        if not Path(name).exists() and not is_package(name):
            raise ValueError(f"Can't find model {name!r}: no such file, directory or installed package. {first}") from e
        typer.echo(
            f"The pipeline {name!r} cannot be loaded: it is incomplete or damaged, or needs a package or a --code "
            f"file that is missing ({type(e).__name__}: {first}).",
            err=True,
        )
        raise typer.Exit(1) from e


def load_pipeline(model: str) -> Language:
    """Load a trained pipeline.

    model (str): Directory, or package name.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): If there is none.
    """
    with loading(model):
        return spacy.load(model)


def read_corpus(data: Path, gold_preproc: bool) -> Callable[[Language], Iterable[Any]]:
    """A reader of data, with a clear message if they are damaged or have no tokens.

    data (Path): A .spacy file or a directory of them.
    gold_preproc (bool): Whether to use gold sentences and tokens.
    RETURNS (Callable[[Language], Iterable[Example]]): The reader.
    """
    corpus = create_corpus(data, gold_preproc=gold_preproc)

    def read(nlp: Language) -> List[Any]:
        examples = list(corpus(nlp))
        if not any(len(eg.predicted) for eg in examples):
            raise ValueError(f"The data in {str(data)!r} have no tokens ({len(examples)} docs).")
        return examples

    return read


def show_progress(items: Iterable[Any], total: int, title: str) -> Iterator[Any]:
    """Draw a bar on standard error, as a `Progress` does.

    items (Iterable[Any]): The items.
    total (int): Their number.
    title (str): What is done with them.
    YIELDS (Any): The items.
    """
    with typer.progressbar(items, total, title, file=sys.stderr) as bar:
        yield from bar


def tell_next(*steps: str) -> None:
    """Print what to do next.

    *steps (str): Sentences or commands, one a line.
    """
    print("\n".join(["", "Next:", *(f"  {step}" for step in steps)]))


def heading(name: str) -> str:
    """RETURNS (str): A line, underlined. name (str): The line."""
    return f"{name}\n{'=' * len(name)}"


def percent(share: float) -> str:
    """RETURNS (str): A share in percent, "-" for NaN. share (float): From 0 to 1."""
    return "-" if share != share else f"{100 * share:.2f}"
