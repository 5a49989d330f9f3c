"""Annotation by actors of a Ray cluster: each loads the pipeline once and writes one shard after the other, as the
processes of a machine do. An actor that dies is replaced, and its shard is made again."""

from collections import deque
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Deque, Dict, Iterable, Iterator, List

from ..training.local_pool import MOST_TRIES, WorkerDied, one_thread_each
from ..training.ray_connection import connect, import_ray
from .engines import RunChunks
from .records import Chunk, ShardRecord
from .settings import WHERE
from .worker import Worker, WorkerSettings


class ShardActor:
    """What an actor does. given (WorkerSettings): What it is started with."""

    def __init__(self, given: WorkerSettings) -> None:
        self._given = given

    def load(self) -> None:
        """Load the pipeline. Not done when the actor is made, since Ray hides what is raised there in a traceback."""
        self._worker = Worker(self._given)

    def write(self, chunk: Chunk) -> ShardRecord:
        """RETURNS (ShardRecord): What was written. chunk (Chunk): The documents of a shard."""
        return self._worker(chunk)


@contextmanager
def start_actors(given: WorkerSettings, n_workers: int, address: str) -> Iterator[RunChunks]:
    """Actors of a Ray cluster.

    given (WorkerSettings): What each is started with.
    n_workers (int): How many; 0 for as many as the cluster has cores, or GPUs if they are asked for.
    address (str): The address of the cluster, as `ray.init` takes it; if empty, the one that this process is connected
        to, else one that is started on this machine and ends with the run.
    YIELDS (Callable): See `RunChunks`.
    RAISES (ValueError): If the cluster cannot be reached, or has nothing to run an actor on.
    """
    ray = import_ray(WHERE)
    is_ours = not ray.is_initialized()
    if is_ours:
        connect(ray, address, n_workers, WHERE)
    actors = _Actors(ray, given)
    try:
        kind = "CPU" if given.gpu < 0 else "GPU"
        n_actors = n_workers or int(ray.cluster_resources().get(kind, 0))
        if not n_actors:
            raise ValueError(f"{WHERE}: the Ray cluster has no {kind} to run an actor on.")
        for _ in range(n_actors):
            actors.start()
        actors.wait_until_one_is_ready()
        yield actors.run
    finally:
        actors.stop()
        if is_ours:
            ray.shutdown()


class _Actors:
    """Actors, and what each is doing."""

    def __init__(self, ray: Any, given: WorkerSettings) -> None:
        self._ray = ray
        gpus = {"num_gpus": 1} if given.gpu >= 0 else {}
        options = {"num_cpus": 1, **gpus, "runtime_env": {"env_vars": one_thread_each()}}
        self._make = ray.remote(**options)(ShardActor)
        # Ray shows an actor no other GPU than its own.
        self._given = given if given.gpu < 0 else replace(given, gpu=0)
        self._loading: Dict[Any, Any] = {}
        self._idle: List[Any] = []
        self._busy: Dict[Any, Any] = {}
        self._n_failed = 0

    def start(self) -> None:
        actor = self._make.remote(self._given)
        self._loading[actor.load.remote()] = actor

    def stop(self) -> None:
        for actor in [*self._loading.values(), *self._idle, *(actor for actor, _ in self._busy.values())]:
            self._ray.kill(actor)

    def wait_until_one_is_ready(self) -> None:
        while not self._idle:
            self._receive_loaded(self._ray.wait(list(self._loading), num_returns=1)[0])

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ShardRecord]:
        """Annotate chunks. No more of them are read than there are actors to take them."""
        source = iter(chunks)
        again: Deque[Chunk] = deque()
        tries: Dict[int, int] = {}
        while True:
            while self._idle:
                chunk = again.popleft() if again else next(source, None)
                if chunk is None:
                    break
                actor = self._idle.pop()
                self._busy[actor.write.remote(chunk)] = (actor, chunk)
            if not self._busy and (self._idle or not self._loading):
                return
            done, _ = self._ray.wait([*self._busy, *self._loading], num_returns=1)
            self._receive_loaded([each for each in done if each in self._loading])
            for reference in done:
                if reference in self._busy:
                    actor, chunk = self._busy.pop(reference)
                    if self._has_died(reference):
                        tries[chunk.number] = tries.get(chunk.number, 0) + 1
                        if tries[chunk.number] >= MOST_TRIES:
                            raise WorkerDied(
                                f"shard {chunk.number + 1}: {MOST_TRIES} Ray actors ended while they were at it. Is "
                                "there memory for them?"
                            )
                        again.append(chunk)
                        self.start()
                    else:
                        self._idle.append(actor)
                        yield self._ray.get(reference)

    def _receive_loaded(self, done: List[Any]) -> None:
        for reference in done:
            actor = self._loading.pop(reference)
            if self._has_died(reference):
                self._n_failed += 1
                if self._n_failed >= MOST_TRIES:
                    raise WorkerDied(f"{MOST_TRIES} Ray actors ended before they were ready. Is there memory for them?")
                self.start()
            else:
                self._n_failed = 0
                self._idle.append(actor)

    def _has_died(self, reference: Any) -> bool:
        """Whether an actor died at a task. What the task raised is raised here."""
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as e:
            raise e.cause from None
        except self._ray.exceptions.RayActorError:
            return True
        return False
