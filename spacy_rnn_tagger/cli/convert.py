"""`python -m spacy rnn convert`: annotated files to .spacy files, and a pipeline's output to files of annotation
tools."""

import re
import sys
from dataclasses import dataclass, fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, Callable, Iterable, List, Optional, Tuple, get_type_hints

from spacy.cli._util import Arg, Opt
from tqdm import tqdm

from ..data import FORMATS, ConversionReport, ReadSettings, WriteSettings, convert, format_report
from ..data.recognizing import has_format
from ..pipeline.safe_output import OutputKind
from ..pipeline.stored_scores import register_extensions
from .app import rnn_cli
from .places import running
from .shared import ForceOpt, JsonOpt, tell_next

NAMES = ", ".join(FORMATS)
PART = re.compile(r"(train|dev|test)(\.\w+)?|part-\d{4,}\.\w+")


@dataclass
class ConvertOptions:
    """The arguments of the command, in the order of its help."""

    inputs: Annotated[List[Path], Arg(help="Files and folders to read", metavar="INPUT...")]
    output: Annotated[Path, Arg(help="File to write; a folder with --split, --shard-docs or --to brat")]
    from_format: Annotated[
        Optional[str], Opt("--from", "-f", help=f"Format of the inputs, if it is not to be recognised: {NAMES}")
    ] = None
    to_format: Annotated[str, Opt("--to", "-t", help=f"Format to write: {NAMES}")] = "spacy"
    scheme: Annotated[
        Optional[str],
        Opt("--scheme", "-s", help="Scheme of entity tags: iob1, iob2, biluo, iobes, bmes, bmewo or plain"),
    ] = None
    columns: Annotated[
        Optional[str],
        Opt("--columns", "-c", help="CoNLL columns, as word,tag,_,ents; or names of fields, as text=body,label=kind"),
    ] = None
    labels: Annotated[Optional[str], Opt("--labels", "-b", help="Names of tags given as numbers, as O,B-X,I-X")] = None
    lang: Annotated[Optional[str], Opt("--lang", "-l", help="Language whose tokenizer splits texts, as en")] = None
    offsets: Annotated[Optional[str], Opt("--offsets", help="Unit of offsets: characters, utf16 or bytes")] = None
    misaligned: Annotated[
        str,
        Opt("--misaligned", "-m", help="Spans that match no token boundaries: drop, expand or contract them, or fail"),
    ] = "drop"
    spans_key: Annotated[
        Optional[str],
        Opt("--spans", "-k", help="Keep all spans, overlapping ones too, in this span group, and write it"),
    ] = None
    skip_bad: Annotated[bool, Opt("--skip-bad", help="List damaged lines and leave them out, instead of ending")] = (
        False
    )
    group: Annotated[
        Optional[int], Opt("--group", "-n", help="Sentences of a doc; else as documents are marked", min=1)
    ] = None
    split: Annotated[
        Optional[Tuple[float, float]],
        Opt("--split", metavar="DEV TEST", help="Shares of docs for dev and test; the others are train"),
    ] = None
    seed: Annotated[int, Opt("--seed", help="Decides which docs --split takes")] = 0
    shard_docs: Annotated[
        Optional[int], Opt("--shard-docs", help="Most docs of a file; writes OUTPUT/part-0001.spacy and so on", min=1)
    ] = None
    confidences: Annotated[
        bool,
        Opt(
            "--confidences", help="Write probabilities to CoNLL and CoNLL-U files, too; other formats always have them"
        ),
    ] = False
    json_path: JsonOpt = None
    force: ForceOpt = False

    def read_settings(self) -> ReadSettings:
        """RETURNS (ReadSettings): How files are read."""
        return ReadSettings(
            format=self.from_format,
            scheme=self.scheme,
            columns=_names(self.columns),
            labels=_names(self.labels),
            lang=self.lang,
            offsets=self.offsets,
            misaligned=self.misaligned,
            spans_key=self.spans_key,
            skip_bad=self.skip_bad,
            group=self.group,
        )

    def write_settings(self) -> WriteSettings:
        """RETURNS (WriteSettings): How docs are written."""
        return WriteSettings(
            format=self.to_format,
            split=self.split,
            seed=self.seed,
            shard_docs=self.shard_docs,
            spans_key=self.spans_key,
            confidences=self.confidences,
            register_scores=register_extensions,
            progress=show_number,
        )


def with_options(options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the fields of a dataclass as its parameters, which typer reads from its signature.

    options (Type): The dataclass.
    RETURNS (Callable): A decorator.
    """
    hints = get_type_hints(options, include_extras=True)
    names = {each.name for each in fields(options)}
    defaults = {each.name: getattr(options, each.name, Parameter.empty) for each in fields(options)}
    parameters = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=defaults[name], annotation=hints[name])
        for name in hints
        if name in names
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {name: hints[name] for name in names}
        return command

    return decorate


@rnn_cli.command("convert")
@with_options(ConvertOptions)
def convert_cli(**given: Any) -> None:
    """
    Convert annotated files of any of these formats to any other: CoNLL columns, CoNLL-U, Prodigy, Doccano, Label
    Studio, Doc.to_json, Hugging Face's token classification, CSV, TSV, Parquet, brat and .spacy. Format, scheme of
    tags, unit of offsets and encoding are recognised and named; what was taken where there is a choice is said, and
    spans that match no tokens, overlapping spans, ill-formed tags and damaged lines are shown with file and line. With
    --split the docs become train, dev and test, without near-duplicates across them.

    Example: python -m spacy rnn convert annotated.jsonl corpus --split 0.1 0.1 --lang en

    And back, to correct what a pipeline has found: python -m spacy rnn convert output.spacy tasks.json --to
    label-studio
    """
    options = ConvertOptions(**given)
    read, write = options.read_settings(), options.write_settings()
    with running("rnn convert", None, force=options.force, inputs=options.inputs) as places:
        read.check()
        write.check()
        saved = places.add_file(options.output, data_kind(write), "OUTPUT")
        places.add_json(options.json_path)
        done = saved.write(
            lambda path: _moved(convert(options.inputs, path, read=read, write=write), path, options.output)
        )
        print(format_report(done))
        places.write_json(done)
        tell_next(*next_steps(done, options))


def next_steps(done: ConversionReport, options: ConvertOptions) -> List[str]:
    """RETURNS (List[str]): What to do with what was written. done (ConversionReport): What was done. options
    (ConvertOptions): The arguments."""
    if options.to_format != "spacy":
        return [f"Correct it, then read it back: python -m spacy rnn convert {options.output} corrected.spacy"]
    lang = "" if options.lang is None else f" --lang {options.lang}"
    if options.split is None:
        again = f"python -m spacy rnn convert {' '.join(map(str, options.inputs))} CORPUS --split 0.1 0.1"
        return [
            f"python -m spacy rnn check {options.output}{lang}",
            f"or, to divide the data: {again}{lang}",
        ]
    ending = "" if options.shard_docs is not None else ".spacy"
    train, dev = (options.output / f"{part}{ending}" for part in ("train", "dev"))
    return [f"python -m spacy rnn check {train} {dev}{lang}"]


def show_number(items: Iterable[Any], title: str) -> Iterable[Any]:
    """RETURNS (Iterable): The items, whose number is shown on standard error where that is a terminal. items
    (Iterable): The items.
    title (str): What is done with them."""
    shown: Iterable[Any] = tqdm(items, desc=title, unit=" texts", file=sys.stderr, disable=None)
    return shown


def data_kind(write: WriteSettings) -> OutputKind:
    """RETURNS (OutputKind): The file or folder that is written. write (WriteSettings): How docs are written."""
    endings = FORMATS[write.format].suffixes

    def is_ours(path: Path) -> bool:
        if write.format == "brat":
            return path.is_dir() or path.suffix in endings
        return PART.fullmatch(path.name) is not None and (path.is_dir() or path.suffix == endings[0])

    def objection(path: Path) -> Optional[str]:
        if write.is_folder():
            others = sorted(each.name for each in path.rglob("*") if not is_ours(each))
            return f"holds {', '.join(map(repr, others[:3]))}, which this command does not write" if others else None
        return None if has_format(path, write.format) else f"is no file of the format {write.format}"

    return OutputKind("data", write.is_folder(), objection)


def _names(given: Optional[str]) -> Optional[List[str]]:
    return None if given is None else [name.strip() for name in given.split(",")]


def _moved(done: ConversionReport, written: Path, output: Path) -> ConversionReport:
    """The report with the places to which what was written is moved."""
    for part in done.parts.values():
        part.files = [str(output / Path(file).relative_to(written)) for file in part.files]
    return done
