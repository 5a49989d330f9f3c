"""Processes of this machine that do tasks side by side. Each makes what it needs once, and does one task after the
other. A process that dies is replaced, and its task is done again."""

import os
import pickle
import signal
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process
from typing import Any, Callable, Deque, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

MOST_TRIES = 3
Make = Callable[..., Callable[[Any], Any]]


def one_thread_each() -> Dict[str, str]:
    """RETURNS (Dict[str, str]): Variables of the environment of a process that has one thread for matrix products."""
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1")


def n_cores() -> int:
    """RETURNS (int): The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerDied(RuntimeError):
    """A task during which processes ended, again and again, in one sentence."""


@dataclass
class _Member:
    process: Any
    link: Any
    is_ready: bool = False
    task: Optional[Tuple[int, Any]] = None


@dataclass
class LocalPool:
    """Processes that do tasks. Used in a `with` statement, at the end of which all of them have ended.

    make: A function that each process calls once, at its start, and that returns the function that does a task. It must
        be importable, as it is passed by its name.
    args: Its arguments.
    n_processes: How many processes.
    environment: Variables of the environment that they start with.
    what: What a task is, for messages.
    """

    make: Make
    args: Sequence[Any]
    n_processes: int
    environment: Dict[str, str] = field(default_factory=dict)
    what: str = "task"
    _members: List[_Member] = field(default_factory=list)
    _n_unready: int = 0

    def __enter__(self) -> "LocalPool":
        for _ in range(self.n_processes):
            self._members.append(self._start())
        return self

    def __exit__(self, *error: Any) -> None:
        for member in self._members:
            member.process.kill()
        for member in self._members:
            member.process.join()
            member.link.close()
        self._members.clear()

    def wait_until_ready(self) -> None:
        """Wait until one process can do tasks. RAISES (Exception): What the first raised that cannot."""
        while not any(member.is_ready for member in self._members):
            for _ in self._receive(deque(), {}):
                raise AssertionError("there is no task yet")

    def run(self, tasks: Iterable[Any]) -> Iterator[Tuple[Any, Any]]:
        """Do tasks, each by the next process that is free.

        tasks (Iterable[Any]): The tasks. One more than there are processes is taken before it is needed.
        YIELDS (Tuple[Any, Any]): A task and its result, in the order in which they are done.
        RAISES (WorkerDied): If processes end during a task, three times. What a task raises is raised here.
        """
        source = iter(tasks)
        waiting: Deque[Tuple[int, Any]] = deque()
        tries: Dict[int, int] = {}
        n_taken, is_open = 0, True
        while True:
            self._give(waiting)
            # The next task is made while the processes are busy.
            while is_open and len(waiting) <= sum(m.task is None for m in self._members):
                try:
                    waiting.append((n_taken, next(source)))
                    n_taken += 1
                except StopIteration:
                    is_open = False
                self._give(waiting)
            if not waiting and not is_open and all(member.task is None for member in self._members):
                return
            yield from self._receive(waiting, tries)

    def _give(self, waiting: Deque[Tuple[int, Any]]) -> None:
        for member in self._members:
            if waiting and member.is_ready and member.task is None:
                member.task = waiting.popleft()
                try:
                    member.link.send(member.task[1])
                except OSError:
                    pass  # it has ended, which is seen when it is waited for

    def _receive(self, waiting: Deque[Tuple[int, Any]], tries: Dict[int, int]) -> Iterator[Tuple[Any, Any]]:
        """Wait for what the processes say."""
        links = {member.link: member for member in self._members}
        ends = {member.process.sentinel: member for member in self._members}
        ready = connection.wait([*links, *ends])
        told = [links[each] for each in ready if each in links]
        for member in told:
            try:
                kind, content = member.link.recv()
            except (EOFError, OSError, pickle.UnpicklingError):
                self._replace(member, waiting, tries)
                continue
            if kind == "error":
                raise content
            if kind == "ready":
                member.is_ready, self._n_unready = True, 0
            else:
                task, member.task = member.task, None
                assert task is not None
                yield task[1], content
        for each in ready:
            if each in ends and ends[each] not in told:
                self._replace(ends[each], waiting, tries)

    def _replace(self, member: _Member, waiting: Deque[Tuple[int, Any]], tries: Dict[int, int]) -> None:
        member.process.join()
        code = member.process.exitcode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._n_unready += not member.is_ready
        if not member.is_ready and (code > 0 or self._n_unready >= MOST_TRIES):
            raise WorkerDied(
                f"A worker process ended before it was ready ({how}). In a script, call this below "
                "`if __name__ == '__main__':`; else, is there memory for one more process?"
            )
        if member.task is not None:
            number = member.task[0]
            tries[number] = tries.get(number, 0) + 1
            if tries[number] >= MOST_TRIES:
                raise WorkerDied(
                    f"{self.what} {number + 1}: {MOST_TRIES} worker processes ended while they were at it (the last by "
                    f"{how}). Is there memory for {self.n_processes} processes?"
                )
            waiting.appendleft(member.task)
        member.link.close()
        self._members[self._members.index(member)] = self._start()

    def _start(self) -> _Member:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.make, tuple(self.args)), daemon=True)
        with _environment(self.environment), _deaf_to_ctrl_c():
            process.start()
        theirs.close()
        return _Member(process, ours)


def _serve(link: Any, make: Make, args: Tuple[Any, ...]) -> None:
    """What a process does until its parent closes the link, or ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        do = make(*args)
        link.send(("ready", None))
        while True:
            task = link.recv()
            link.send(("result", do(task)))
    except (EOFError, BrokenPipeError):
        return
    except BaseException as e:
        link.send(("error", sendable(e)))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def sendable(error: BaseException) -> BaseException:
    """An error that comes through a pipe as it is, or one that says the same."""
    try:
        copy = pickle.loads(pickle.dumps(error))
        if type(copy) is type(error) and str(copy) == str(error):
            return error
    except Exception:
        pass
    return RuntimeError(f"{type(error).__name__}: {error}")


@contextmanager
def _environment(variables: Dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that start now do not hear Ctrl-C, which reaches all processes of a terminal: their parent ends
    them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
