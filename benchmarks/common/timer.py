"""Times of several ways to do the same work, taken in turns, so that a busy machine slows all of them alike."""

import gc
import itertools
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Tuple

Clock = Callable[[], float]

# Processor time of this process. With one thread and nothing else to do, a machine's wall clock shows the same; beside
# other work, the wall clock shows that too.
CPU: Clock = time.process_time
WALL: Clock = time.perf_counter


@dataclass(frozen=True)
class Task:
    """Something to be timed.

    n_tokens (int): How many tokens one run takes.
    prepare (Callable): Makes what `run` is given, such as fresh docs; before each run, outside of its time.
    run (Callable): What is timed.
    keep (Callable): Makes of what the first run returned what is kept of it.
    """

    n_tokens: int
    prepare: Callable[[], Any]
    run: Callable[[Any], Any]
    keep: Callable[[Any], Any] = lambda result: None


@dataclass
class Times:
    """
    n_tokens (Dict[str, int]): Tokens of one run of each task.
    seconds (Dict[str, List[float]]): The time of each task in each round.
    results (Dict[str, Any]): What each task kept of its first run.
    """

    n_tokens: Dict[str, int] = field(default_factory=dict)
    seconds: Dict[str, List[float]] = field(default_factory=dict)
    results: Dict[str, Any] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """RETURNS (float): Seconds of one run, the median over rounds."""
        return statistics.median(self.seconds[name])

    def rate(self, name: str) -> float:
        """RETURNS (float): Tokens per second, the median over rounds."""
        return self.n_tokens[name] / self.median(name)

    def ratio(self, name: str, base: str) -> float:
        """RETURNS (float): How many times as many tokens per second as another task, the median over the rounds'
        ratios."""
        tokens = self.n_tokens[name] / self.n_tokens[base]
        return tokens * statistics.median(b / s for s, b in zip(self.seconds[name], self.seconds[base]))

    def slowdown(self, name: str, base: str) -> float:
        """RETURNS (float): How many times as much time as another task, the median over the rounds' ratios."""
        return statistics.median(s / b for s, b in zip(self.seconds[name], self.seconds[base]))


@contextmanager
def frozen() -> Iterator[None]:
    """What is there now is no garbage, so that collections need not look at it."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def collected() -> Iterator[None]:
    """No garbage at the start, and no collection on the way: it would fall on whichever task comes when it is due."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def once(task: Task, clock: Clock) -> Tuple[float, Any]:
    """RETURNS (Tuple[float, Any]): The time of one run, and what it returned."""
    prepared = task.prepare()
    with collected():
        began = clock()
        result = task.run(prepared)
        return clock() - began, result


def measure(
    tasks: Dict[str, Task],
    rounds: int,
    clock: Clock = CPU,
    take: Callable[[Task, Clock], Tuple[float, Any]] = once,
    seconds: float = 0.0,
) -> Times:
    """Run every task once to warm up and then once in each round, every other round in reverse order.

    tasks (Dict[str, Task]): The tasks by name.
    rounds (int): How many rounds at least.
    clock (Callable[[], float]): What is read before and after.
    take (Callable): Takes the time of a task.
    seconds (float): For how long to go on with rounds, by the clock on the wall.
    RETURNS (Times): All times.
    """
    times = Times({name: task.n_tokens for name, task in tasks.items()}, {name: [] for name in tasks})
    names = list(tasks)
    with frozen():
        for name in names:
            times.results[name] = tasks[name].keep(take(tasks[name], clock)[1])
        until = WALL() + seconds
        for i in itertools.count():
            if i >= rounds and WALL() >= until:
                break
            for name in reversed(names) if i % 2 else names:
                times.seconds[name].append(take(tasks[name], clock)[0])
    return times
