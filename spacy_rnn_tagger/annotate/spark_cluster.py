"""Annotation by the Python workers of a Spark cluster: each loads the pipeline once and writes one shard after the
other. Each shard is a job of one task, which Spark does again where its executor is lost."""

import os
import pickle
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, Callable, Dict, Iterable, Iterator, Set

from ..training.local_pool import WorkerDied, one_thread_each, sendable
from .engines import RunChunks
from .records import Chunk, ShardRecord
from .settings import WHERE, import_pyarrow
from .worker import WorkerSettings, worker_of

FAILURES = 4
"""How often a task may fail on this machine, as often as on a cluster; Spark alone would allow no failure here."""
UNKNOWN_SLOTS = 8
"""Jobs at a time where a cluster does not say how many cores it has, as over Spark Connect."""


def import_spark() -> Any:
    """RETURNS (module): `pyspark.sql`. RAISES (ValueError): If it is not installed."""
    try:
        import pyspark.sql
    except ImportError as e:
        raise ValueError(f"{WHERE}: the engine 'spark' needs PySpark: pip install 'spacy-rnn-tagger[spark]'") from e
    import_pyarrow("the engine 'spark'")
    return pyspark.sql


@contextmanager
def start_executors(given: WorkerSettings, n_workers: int, address: str) -> Iterator[RunChunks]:
    """The executors of a Spark cluster.

    given (WorkerSettings): What each Python worker is started with.
    n_workers (int): How many shards are made at a time; 0 for as many as the cluster has cores.
    address (str): The master, such as "spark://host:7077", or "sc://host:15002" for Spark Connect; if empty, the
        session of this process, else one that is started on this machine and ends with the run.
    YIELDS (Callable): See `RunChunks`.
    RAISES (ValueError): If the cluster cannot be reached.
    """
    sql = import_spark()
    session = None if address else sql.SparkSession.getActiveSession()
    is_ours = session is None
    if session is None:
        session = _connect(sql, address, n_workers)
    try:
        _first_worker(session, given)
        yield partial(_run, session, given, n_workers or _n_slots(session))
    finally:
        if is_ours:
            session.stop()


def _connect(sql: Any, address: str, n_workers: int) -> Any:
    builder = sql.SparkSession.builder.appName(WHERE)
    if address.startswith("sc://"):
        builder = builder.remote(address)
    else:
        builder = builder.master(address or f"local[{n_workers or '*'},{FAILURES}]")
        builder = builder.config("spark.ui.enabled", "false").config("spark.log.level", "ERROR")
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1") if not address else builder
        for name, value in one_thread_each().items():
            builder = builder.config(f"spark.executorEnv.{name}", value)
    try:
        with _environment() if not address else nullcontext():
            return builder.getOrCreate()
    except Exception as e:  # of many kinds, by what is wrong
        detail = " ".join(str(e).split())[:200]
        where = f"at {address!r}" if address else "of this machine"
        java = "" if address.startswith("sc://") else " Is there a Java runtime (JAVA_HOME)?"
        raise ValueError(f"{WHERE}: the Spark cluster {where} cannot be reached: {detail}.{java}") from e


@contextmanager
def _environment() -> Iterator[None]:
    """What the Python workers of this machine inherit from the process that starts Java: one thread for each, and the
    interpreter of this process, unless another one is named."""
    wanted = {**one_thread_each(), "PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON", sys.executable)}
    before: Dict[str, Any] = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _n_slots(session: Any) -> int:
    try:
        return int(session.sparkContext.defaultParallelism)
    except Exception:  # there is none over Spark Connect
        return UNKNOWN_SLOTS


def _first_worker(session: Any, given: WorkerSettings) -> None:
    """Load the pipeline in one worker, so that what is wrong with it is seen before anything is written."""
    _do(session, partial(_load, given), None)


def _load(given: WorkerSettings, chunk: Any) -> None:
    worker_of(given)


def _write(given: WorkerSettings, chunk: Chunk) -> ShardRecord:
    return worker_of(given)(chunk)


def _run(session: Any, given: WorkerSettings, n_slots: int, chunks: Iterable[Chunk]) -> Iterator[ShardRecord]:
    source = iter(chunks)
    running: Set[Future[ShardRecord]] = set()
    pool = ThreadPoolExecutor(n_slots, thread_name_prefix="spark-job")
    try:
        while True:
            while len(running) < n_slots:
                chunk = next(source, None)
                if chunk is None:
                    break
                running.add(pool.submit(_do, session, partial(_write, given), chunk))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for each in done:
                yield each.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _do(session: Any, function: Callable[[Any], Any], task: Any) -> Any:
    """Have a worker of the cluster do something. What it returns or raises is returned or raised here."""
    frame = session.createDataFrame([(bytearray(pickle.dumps(task)),)], "content binary").coalesce(1)
    try:
        (row,) = frame.mapInArrow(partial(_serve, function), "content binary").collect()
    except Exception as e:  # of many kinds, by the version and the way to the cluster
        lines = [line for line in str(e).splitlines() if line.strip()]
        shard = f"shard {task.number + 1}: " if isinstance(task, Chunk) else ""
        raise WorkerDied(f"{shard}the Spark job failed, again and again: {' '.join(lines[:1])[:300]}") from e
    is_error, content = pickle.loads(bytes(row[0]))
    if is_error:
        raise content
    return content


def _serve(function: Callable[[Any], Any], batches: Iterable[Any]) -> Iterator[Any]:
    """What a worker does. Errors are passed as they are, since Spark would try again, and show a traceback."""
    import pyarrow as pa

    for batch in batches:
        for task in batch.column(0).to_pylist():
            try:
                content = (False, function(pickle.loads(task)))
            except Exception as e:
                content = (True, sendable(e))
            yield pa.RecordBatch.from_arrays([pa.array([pickle.dumps(content)], pa.binary())], ["content"])
