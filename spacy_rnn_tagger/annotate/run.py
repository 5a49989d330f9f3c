"""`annotate`: files of any size to rows, by all cores or a cluster, each document exactly once."""

import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Union

from ..errors import check_positive, unknown_name
from ..training.local_pool import n_cores
from .chunks import make_chunks
from .engines import ENGINES
from .inputs import InputFile, find_inputs, hash_files
from .manifest import Manifest, read_manifest, versions_of
from .models import describe_model, find_model
from .output import RunFolder, shards_left
from .records import Chunk, ShardRecord
from .settings import WHERE, AnnotateSettings
from .shards import Place
from .tables import check_columns
from .worker import WorkerSettings, peak_memory

Paths = Union[str, Path, Sequence[Union[str, Path]]]


@dataclass
class Progress:
    """How far a run is.

    stage: "reading" while checksums of the inputs are taken, then "annotating".
    n_bytes: Bytes of the inputs that are done.
    of_bytes: Bytes of all inputs.
    n_shards: Shards that are done, of earlier runs too.
    n_tokens: Tokens that this run has annotated.
    n_rejected: Documents that were rejected so far, in all shards.
    seconds: Since this run began to annotate.
    """

    stage: str = "reading"
    n_bytes: int = 0
    of_bytes: int = 0
    n_shards: int = 0
    n_tokens: int = 0
    n_rejected: int = 0
    seconds: float = 0.0


@dataclass
class AnnotationRun:
    """What a run has done.

    output: The folder.
    format: The format of the shards.
    engine: "local", "ray" or "spark".
    n_workers: Processes, actors or executors; 0 where the cluster decides.
    n_files: Input files.
    n_shards: All shards.
    n_resumed: Shards that were there already.
    n_rows: Documents of all shards.
    n_tokens: Tokens of all shards.
    n_rejected: Documents and places of files that were rejected; they are listed in `rejected.jsonl`.
    new_tokens: Tokens that this run has annotated.
    seconds: How long this run took.
    tokens_per_second: `new_tokens` by `seconds`.
    memory: The most memory that this process had, in bytes; 0 where that is not known.
    worker_memory: The most that one worker had.
    """

    output: str
    format: str
    engine: str
    n_workers: int
    n_files: int
    n_shards: int = 0
    n_resumed: int = 0
    n_rows: int = 0
    n_tokens: int = 0
    n_rejected: int = 0
    new_tokens: int = 0
    seconds: float = 0.0
    tokens_per_second: float = 0.0
    memory: int = 0
    worker_memory: int = 0


def annotate(
    model: Union[str, Path],
    inputs: Paths,
    output: Union[str, Path],
    *,
    settings: Optional[AnnotateSettings] = None,
    processes: int = 0,
    engine: str = "local",
    address: str = "",
    gpu: int = -1,
    code: Optional[Union[str, Path]] = None,
    force: bool = False,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> AnnotationRun:
    """Annotate files with a pipeline, and write rows. The same call goes on with a run that was interrupted, however it
    was, and ends with the same bytes.

    model (Union[str, Path]): Any spaCy pipeline: a directory, or the name of an installed package.
    inputs (Union[str, Path, Sequence[Union[str, Path]]]): Files (.txt, .jsonl, .csv and .tsv, these also with .gz or
        .zst behind; .parquet, .spacy), folders and patterns.
    output (Union[str, Path]): The folder of the shards.
    settings (Optional[AnnotateSettings]): What is written.
    processes (int): How many processes, actors or executors; 0 for as many as there are cores.
    engine (str): "local", "ray" or "spark".
    address (str): The address of a Ray or Spark cluster; if empty, one is started on this machine.
    gpu (int): The number of the GPU that the pipeline runs on; -1 for the CPU.
    code (Optional[Union[str, Path]]): Python file with functions that the pipeline needs.
    force (bool): Whether to start anew where the folder holds a run of other inputs, model or settings. That run is
        replaced when the new one is complete.
    progress (Callable[[Progress], None]): Is told how far the run is.
    RETURNS (AnnotationRun): What was done.
    RAISES (ValueError): If an argument is not allowed, or something has changed since the run began.
    """
    settings = settings or AnnotateSettings()
    settings.check()
    if engine not in ENGINES:
        raise unknown_name(WHERE, "engine", engine, ENGINES)
    if processes:
        check_positive(WHERE, processes=processes)
    n_workers = processes or (n_cores() if engine == "local" else 0)
    files = find_inputs(inputs)
    for file in files:
        check_columns(file, settings)
    folder = find_model(str(model))
    run_folder = RunFolder(Path(output), folder, [file.path for file in files])
    run = AnnotationRun(str(output), settings.format, engine, n_workers, len(files))
    state = Progress(of_bytes=sum(file.size for file in files))

    def tell(n_bytes: int) -> None:
        state.n_bytes += n_bytes
        progress(state)

    began = time.perf_counter()
    manifest = Manifest(asdict(settings), describe_model(folder), hash_files(files, tell), versions_of(settings))
    if not run_folder.choose(manifest, force):
        where = str(run_folder.work.resolve())
        given = WorkerSettings(_absolute(str(model)), where, settings, None if code is None else str(code), gpu)
        state.stage, state.n_bytes = "annotating", 0
        with ENGINES[engine](given, n_workers, address) as do_chunks, run_folder.open(manifest, settings) as place:
            shards = _write_shards(place, make_chunks(files, settings), do_chunks, run, state, progress)
            _check_unchanged(files, manifest)
            for path in shards_left(place, {shard.name for shard in shards}):
                path.unlink()
            run_folder.complete(place, manifest, shards)
    return _summary(run, run_folder.path, time.perf_counter() - began)


def _write_shards(
    place: Place,
    chunks: Iterator[Chunk],
    do_chunks: Callable[[Iterator[Chunk]], Iterator[ShardRecord]],
    run: AnnotationRun,
    state: Progress,
    progress: Callable[[Progress], None],
) -> List[ShardRecord]:
    done: Dict[int, ShardRecord] = {}
    sizes: Dict[int, int] = {}
    began = time.perf_counter()

    def note(record: ShardRecord, n_bytes: int) -> None:
        done[record.number] = record
        state.n_bytes += n_bytes
        state.n_shards += 1
        state.n_rejected += len(record.rejected)
        state.seconds = time.perf_counter() - began
        progress(state)

    def todo() -> Iterator[Chunk]:
        for chunk in chunks:
            record = place.read_record(chunk.number)
            if record is None:
                sizes[chunk.number] = chunk.n_bytes
                yield chunk
            else:
                run.n_resumed += 1
                note(record, chunk.n_bytes)

    with closing(do_chunks(todo())) as records:  # type: ignore[type-var]
        for record in records:
            run.new_tokens += record.n_tokens
            state.n_tokens += record.n_tokens
            run.worker_memory = max(run.worker_memory, record.memory)
            note(record, sizes.pop(record.number))
    return [done[number] for number in sorted(done)]


def _check_unchanged(files: Sequence[InputFile], manifest: Manifest) -> None:
    """Shards of files that were changed while they were read would be of neither content."""
    for file, before in zip(files, hash_files(files)):
        known = next(each for each in manifest.inputs if each["file"] == file.name)
        if known["sha256"] != before["sha256"]:
            raise ValueError(
                f"{WHERE}: the input {file.name!r} was changed while it was read; start anew with --force."
            )


def _summary(run: AnnotationRun, output: Path, seconds: float) -> AnnotationRun:
    content: Any = read_manifest(output)
    totals = content["totals"]
    run.n_shards, run.n_rows = totals["shards"], totals["rows"]
    run.n_tokens, run.n_rejected = totals["tokens"], totals["rejected"]
    run.n_resumed = run.n_shards if not run.new_tokens else run.n_resumed
    run.seconds, run.tokens_per_second = seconds, run.new_tokens / seconds
    run.memory = peak_memory()
    return run


def _absolute(model: str) -> str:
    path = Path(model).expanduser()
    return str(path.resolve()) if path.is_dir() else model
