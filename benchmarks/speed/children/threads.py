"""Serve and train with as many threads as the environment says, one run for each line of input.

Its order: serve (Dict[str, Tuple[str, List[str]]], paths and components by name), train (Dict[str, str], paths by
name), steps (int) of training in a run, sentences (List[Words]), batch_size (int). Its first answer: the threads of
PyTorch, and a checksum of the labels by name. Then, for the name on each line: seconds by the clock, and tokens.
"""

from pathlib import Path
from typing import Dict

from ...common.timer import WALL, Task, once
from ..labels import checksum
from ..pipelines import load
from ..processes import further_lines, read_order, reply
from ..serving import serving_task
from ..steps import training_steps


def main() -> None:
    order = read_order()
    tasks: Dict[str, Task] = {
        name: serving_task(load(Path(path), pipes), order["sentences"], order["batch_size"])
        for name, (path, pipes) in order["serve"].items()
    }
    labels = {name: checksum(once(task, WALL)[1]) for name, task in tasks.items()}
    for name, path in order["train"].items():
        tasks[name] = _training(path, order["steps"])
        once(tasks[name], WALL)
    import torch

    reply({"threads": torch.get_num_threads(), "labels": labels})
    for name in further_lines():
        seconds, result = once(tasks[name], WALL)
        reply({"seconds": seconds, "tokens": result if name in order["train"] else tasks[name].n_tokens})


def _training(path: str, n_steps: int) -> Task:
    """A task that returns how many tokens it took."""
    steps = training_steps(load(Path(path)))
    return Task(0, lambda: None, lambda _: sum(next(steps) for _ in range(n_steps)))


if __name__ == "__main__":
    main()
