"""Python processes of their own: with other numbers of threads, with memory of their own, or to see what loading costs.

A child is a module of `children`. It reads one line of JSON and answers with lines of JSON.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator

# Libraries read these when they are imported, so they have to be there when a process begins.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
THREAD_SETTINGS = (*ONE_THREAD, "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")
ROOT = Path(__file__).parent.parent.parent


def is_one_thread() -> bool:
    """Whether this process was started with one thread for everything."""
    return all(os.environ.get(name) == value for name, value in ONE_THREAD.items())


def environment(one_thread: bool) -> Dict[str, str]:
    """The environment of a child: one thread for everything, or what libraries choose when nobody says anything."""
    env = {name: value for name, value in os.environ.items() if name not in THREAD_SETTINGS}
    return {**env, **(ONE_THREAD if one_thread else {})}


class Child:
    """A running child, which answers once for each line that it is sent.

    name (str): The module's name.
    order (Dict[str, Any]): What it shall do.
    one_thread (bool): Whether it has one thread for everything, or as many as libraries choose.
    """

    def __init__(self, name: str, order: Dict[str, Any], one_thread: bool = True):
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.speed.children.{name}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(one_thread),
        )
        self.send(json.dumps(order))

    def send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """The next answer.

        RAISES (RuntimeError): If there is none, because the process ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"benchmarks.speed.children.{self.name} ended with code {self._process.wait()}; see above"
            )
        return json.loads(line)

    def ask(self, line: str) -> Any:
        self.send(line)
        return self.answer()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *error: Any) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()


def run_child(name: str, order: Dict[str, Any]) -> Any:
    """RETURNS: The answer of a child with one thread."""
    with Child(name, order) as child:
        return child.answer()


def read_order() -> Dict[str, Any]:
    """What this process was asked to do. RETURNS (Dict[str, Any]): The first line of its input."""
    order: Dict[str, Any] = json.loads(sys.stdin.readline())
    return order


def further_lines() -> Iterator[str]:
    """The lines after it, as they come."""
    for line in iter(sys.stdin.readline, ""):
        yield line.rstrip("\n")


def reply(answer: Any) -> None:
    print(json.dumps(answer), flush=True)
