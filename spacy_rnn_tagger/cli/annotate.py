"""`python -m spacy rnn annotate`: files of any size to rows, by all cores of this machine or by a cluster."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, List, Optional

import typer
from spacy.cli._util import Arg, Opt
from tqdm import tqdm

from ..annotate import AnnotateSettings, AnnotationRun, Progress, annotate
from ..annotate.settings import OUTPUT_FORMATS, SHARD_TOKENS
from ..pipeline.safe_output import reason
from ..training.local_pool import WorkerDied
from .app import rnn_cli
from .convert import with_options
from .places import STOPPED, running
from .shared import CodeOpt, ForceOpt, JsonOpt, ModelArg, tell_next

RESUME = "What is done is kept: the same command goes on from there."
NAMES = ", ".join(OUTPUT_FORMATS)


@dataclass
class AnnotateOptions:
    """The arguments of the command, in the order of its help."""

    model: ModelArg
    inputs: Annotated[List[str], Arg(help="Files, folders and patterns to read", metavar="INPUT...")]
    output: Annotated[Path, Arg(help="Folder for the shards")]
    to_format: Annotated[str, Opt("--to", "-t", help=f"Format to write: {NAMES}")] = "parquet"
    with_text: Annotated[bool, Opt("--text", help="Write the texts too")] = False
    scores: Annotated[bool, Opt("--scores", help="Write the probabilities of predictions too")] = False
    text_field: Annotated[str, Opt("--text-field", help="Field of JSONL or column of a table with the text")] = "text"
    id_field: Annotated[str, Opt("--id-field", help="Field or column with the id, if there is one")] = "id"
    answers: Annotated[
        Optional[int],
        Opt("--answers", help="With --to spacy: keep so many likely tags of each token, to distill", min=1),
    ] = None
    whole_files: Annotated[bool, Opt("--whole-files", help="A .txt file is one document, not each of its lines")] = (
        False
    )
    max_characters: Annotated[
        Optional[int], Opt("--max-characters", help="Reject documents that are longer than this", min=1)
    ] = None
    shard_tokens: Annotated[int, Opt("--shard-tokens", help="About how many tokens a shard has at most", min=1)] = (
        SHARD_TOKENS
    )
    processes: Annotated[
        int, Opt("--processes", "-n", help="Processes, actors or executors; 0 for as many as there are cores", min=0)
    ] = 0
    engine: Annotated[str, Opt("--engine", "-e", help="local, ray or spark")] = "local"
    address: Annotated[str, Opt("--address", help="Address of a Ray or Spark cluster; else one is started here")] = ""
    gpu: Annotated[int, Opt("--gpu-id", "-g", help="GPU of each worker; -1 for the CPU")] = -1
    code: CodeOpt = None
    json_path: JsonOpt = None
    force: ForceOpt = False

    def settings(self) -> AnnotateSettings:
        """RETURNS (AnnotateSettings): What is written."""
        return AnnotateSettings(
            format=self.to_format,
            with_text=self.with_text,
            scores=self.scores,
            whole_files=self.whole_files,
            text_field=self.text_field,
            id_field=self.id_field,
            shard_tokens=self.shard_tokens,
            max_characters=self.max_characters,
            answers=self.answers,
        )


@rnn_cli.command("annotate")
@with_options(AnnotateOptions)
def annotate_cli(**given: Any) -> None:
    """
    Annotate texts with any pipeline, by all cores: .txt (a document a line), .jsonl, .csv, .tsv, these also compressed
    as .gz or .zst, .parquet and .spacy files, folders and patterns. Each document becomes a row of Parquet or JSONL, or
    a document of CoNLL-U or .spacy. If it is stopped, however it is, the same command goes on, and ends with the same
    bytes. What cannot be annotated is listed in OUTPUT/rejected.jsonl. With --force, a run of other inputs, model or
    options that lies in OUTPUT is replaced.

    Example: python -m spacy rnn annotate training/model-best texts/ annotated --scores
    """
    options = AnnotateOptions(**given)
    with running("rnn annotate", None, force=options.force) as places:
        places.add_json(options.json_path)
        with _Bar() as bar:
            try:
                done = annotate(
                    options.model,
                    options.inputs,
                    options.output,
                    settings=options.settings(),
                    processes=options.processes,
                    engine=options.engine,
                    address=options.address,
                    gpu=options.gpu,
                    code=options.code,
                    force=options.force,
                    progress=bar.show,
                )
            except KeyboardInterrupt as e:
                raise _end("Stopped.", STOPPED) from e
            except (OSError, MemoryError, WorkerDied) as e:
                why = str(e).rstrip(".") if isinstance(e, WorkerDied) else reason(e)
                raise _end(f"`rnn annotate` failed: {why}.", 1) from e
        print(format_run(done))
        places.write_json(done)
        tell_next(*next_steps(done))
        if done.n_rejected and not done.n_rows:
            raise typer.Exit(1)


def format_run(done: AnnotationRun) -> str:
    """RETURNS (str): What was done, in lines. done (AnnotationRun): The run."""
    lines = [
        f"{done.n_rows:,} documents with {done.n_tokens:,} tokens, in {done.n_shards:,} shards in {done.output!r}",
        f"{done.n_rejected:,} rejected, listed in rejected.jsonl",
        f"{done.new_tokens:,} tokens in {done.seconds:.1f} s: {done.tokens_per_second:,.0f} tokens/s",
    ]
    if done.n_resumed:
        lines.append(f"{done.n_resumed:,} shards were there already")
    if done.worker_memory:
        lines.append(f"most memory: {done.memory >> 20:,} MB, and {done.worker_memory >> 20:,} MB for each worker")
    return "\n".join(lines)


def next_steps(done: AnnotationRun) -> List[str]:
    """RETURNS (List[str]): What to do with what was written. done (AnnotationRun): The run."""
    if done.n_rejected:
        return [f"See why {done.n_rejected:,} were rejected: head {done.output}/rejected.jsonl"]
    if done.format == "spacy":
        return [f"python -m spacy rnn check {done.output}"]
    if done.format == "parquet":
        return [f"In Python: pyarrow.parquet.read_table({done.output + '/shard-000000.parquet'!r})"]
    return [f"Look at it: head {done.output}/shard-000000.{done.format}"]


class _Bar:
    """Draws how far a run is on standard error, where that is a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage = ""

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *error: Any) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, state: Progress) -> None:
        if state.stage != self._stage:
            self.__exit__()
            self._stage = state.stage
            self._bar = tqdm(
                total=state.of_bytes, desc=state.stage, unit="B", unit_scale=True, file=sys.stderr, disable=None
            )
        self._bar.update(state.n_bytes - self._bar.n)
        if state.seconds:
            rate = state.n_tokens / state.seconds
            self._bar.set_postfix_str(f"{rate:,.0f} tokens/s, {state.n_rejected:,} rejected")


def _end(sentence: str, code: int) -> typer.Exit:
    typer.echo(f"{sentence} {RESUME}", err=True)
    return typer.Exit(code)
