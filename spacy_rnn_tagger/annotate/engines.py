"""Where chunks are annotated: an engine takes chunks, and says of each what was written."""

from contextlib import contextmanager
from typing import Callable, ContextManager, Dict, Iterable, Iterator

from ..training.local_pool import LocalPool, one_thread_each
from .records import Chunk, ShardRecord
from .worker import Worker, WorkerSettings

RunChunks = Callable[[Iterable[Chunk]], Iterator[ShardRecord]]
"""Annotates chunks, as many side by side as there are workers, and gives the records in any order."""
Engine = Callable[[WorkerSettings, int, str], ContextManager[RunChunks]]
"""Starts workers: what they are started with, how many (0 for as many as the engine has cores), and the address of a
cluster. When it is entered, one worker at least has loaded the pipeline."""


@contextmanager
def local_engine(given: WorkerSettings, n_workers: int, address: str) -> Iterator[RunChunks]:
    """Processes of this machine. given (WorkerSettings): What each is started with. n_workers (int): How many. address
    (str): Not used. YIELDS (Callable): See `RunChunks`."""
    with LocalPool(Worker, (given,), n_workers, one_thread_each(), what="shard") as pool:
        pool.wait_until_ready()
        yield lambda chunks: (record for _, record in pool.run(chunks))


@contextmanager
def ray_engine(given: WorkerSettings, n_workers: int, address: str) -> Iterator[RunChunks]:
    """Actors of a Ray cluster. See `ray_cluster`."""
    from .ray_cluster import start_actors

    with start_actors(given, n_workers, address) as run:
        yield run


@contextmanager
def spark_engine(given: WorkerSettings, n_workers: int, address: str) -> Iterator[RunChunks]:
    """Executors of a Spark cluster. See `spark_cluster`."""
    from .spark_cluster import start_executors

    with start_executors(given, n_workers, address) as run:
        yield run


ENGINES: Dict[str, Engine] = {"local": local_engine, "ray": ray_engine, "spark": spark_engine}
