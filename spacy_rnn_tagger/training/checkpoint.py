"""The whole state of a training between two steps, in one file: weights, optimizer, random numbers, and the place in
the data."""

import os
import random
from dataclasses import dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np
import srsly
from spacy.language import Language
from thinc.api import Model, Optimizer
from thinc.shims import Shim

from ..recurrence.random_state import set_torch_random_state, torch_random_state

FORMAT = 1
SLOTS = ("mom1", "mom2", "averages")
"""Arrays that an optimizer keeps for each weight."""
VERSIONS = ("spacy-rnn-tagger", "spacy", "thinc", "numpy", "torch")
"""Packages of which another version may compute something else in the last digits."""


@dataclass
class Position:
    """Where a training stands after a step.

    step (int): Number of the last step, from 0; -1 before the first.
    epoch_states (List[Any]): For each epoch that was begun, the state of Python's random numbers before it was
        shuffled.
    n_docs (int): How many training docs there are; -1 if they are streamed.
    n_words (int): How many tokens these docs have; -1 if they are streamed.
    results (List[Tuple[float, int]]): Score and step of each evaluation.
    infos (List[Dict[str, Any]]): What a logger was told after each evaluation.
    losses (Dict[str, float]): Losses since the last evaluation, by component.
    words (int): How many words were trained on.
    seconds (float): How long training took.
    is_complete (bool): Whether training has come to its end.
    """

    step: int = -1
    epoch_states: List[Any] = field(default_factory=list)
    n_docs: int = -1
    n_words: int = -1
    results: List[Tuple[float, int]] = field(default_factory=list)
    infos: List[Dict[str, Any]] = field(default_factory=list)
    losses: Dict[str, float] = field(default_factory=dict)
    words: int = 0
    seconds: float = 0.0
    is_complete: bool = False


def write_checkpoint(
    path: Path, nlp: Language, optimizer: Optimizer, frozen: Sequence[str], position: Position
) -> None:
    """Write a checkpoint beside its place, and move it there by a rename.

    path (Path): The file.
    nlp (Language): The pipeline in training.
    optimizer (Optimizer): Its optimizer.
    frozen (Sequence[str]): Components that do not learn, which are left out.
    position (Position): Where the training stands.
    RAISES (OSError): If it cannot be written; an earlier checkpoint stays.
    """
    nodes, shims = _learners(nlp, frozen)
    content = {
        "format": FORMAT,
        "versions": installed_versions(),
        "position": {each.name: getattr(position, each.name) for each in fields(Position)},
        "random": _random_states(),
        "weights": [{name: _array(node, name) for name in node.param_names if node.has_param(name)} for node in nodes],
        "shims": [shim.to_bytes() for shim in shims],
        "optimizer": _optimizer_state(optimizer, _keys(nodes, shims)),
    }
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("wb") as file:
            file.write(srsly.msgpack_dumps(_plain(content)))
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def read_checkpoint(path: Path) -> Dict[str, Any]:
    """Read a checkpoint. Nothing that it holds is executed.

    path (Path): The file.
    RETURNS (Dict[str, Any]): What `put_back` takes, and the `Position` under "position".
    RAISES (ValueError): If it is no checkpoint, or damaged.
    """
    try:
        content = srsly.msgpack_loads(path.read_bytes())
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r} is not known to this version")
        content["position"] = Position(**content["position"])
        content["position"].results = [(score, step) for score, step in content["position"].results]
    except OSError:
        raise
    except Exception as e:
        raise ValueError(
            f"{str(path)!r} is no checkpoint of a training, or it is damaged ({type(e).__name__}: {e}); train anew."
        ) from e
    return dict(content)


def put_back(content: Dict[str, Any], path: Path, nlp: Language, optimizer: Optimizer, frozen: Sequence[str]) -> None:
    """Give a pipeline that was initialized in the same way the state of a checkpoint. Random numbers are restored by
    `restore_random`, since reading the data may draw some.

    content (Dict[str, Any]): What `read_checkpoint` returned.
    path (Path): The file, for messages.
    nlp (Language): The pipeline.
    optimizer (Optimizer): A new optimizer of the same config.
    frozen (Sequence[str]): Components that do not learn.
    RAISES (ValueError): If the pipeline is of another shape.
    """
    nodes, shims = _learners(nlp, frozen)
    weights, states = content["weights"], content["shims"]
    shapes = [{name: _array(node, name).shape for name in node.param_names if node.has_param(name)} for node in nodes]
    if shapes != [{name: array.shape for name, array in each.items()} for each in weights] or len(shims) != len(states):
        raise ValueError(
            f"{str(path)!r} is a checkpoint of a pipeline with other labels, sizes or components than the config gives "
            "with these data; train anew, or restore the data that the training began with."
        )
    ops: Any = nodes[0].ops if nodes else None
    for node, each in zip(nodes, weights):
        for name, array in each.items():
            node.set_param(name, ops.asarray(np.array(array)))
    for shim, state in zip(shims, states):
        shim.from_bytes(state)
    keys = _keys(nodes, shims)
    for slot in SLOTS:
        kept = content["optimizer"][slot]
        if kept is not None:
            setattr(optimizer, slot, {keys[i]: ops.asarray(np.array(array)) for i, array in kept})
    optimizer.nr_update.update({keys[i]: n for i, n in content["optimizer"]["nr_update"]})
    for _ in range(content["position"].step + 1):
        optimizer.step_schedules()


def restore_random(content: Dict[str, Any]) -> None:
    """Let random numbers go on where they stood. content (Dict[str, Any]): What `read_checkpoint` returned."""
    states = content["random"]
    set_python_state(states["python"])
    np.random.set_state(tuple(states["numpy"]))
    set_torch_random_state(states["torch"])


def python_state() -> Any:
    """RETURNS (Any): The state of Python's random numbers, as a file can hold it."""
    kind, numbers, gauss = random.getstate()
    return [kind, np.array(numbers, dtype="uint32"), gauss]


def set_python_state(state: Any) -> None:
    """Let Python's random numbers go on from a state. state (Any): What `python_state` returned."""
    kind, numbers, gauss = state
    random.setstate((kind, tuple(int(number) for number in numbers), gauss))


def installed_versions() -> Dict[str, str]:
    """RETURNS (Dict[str, str]): The versions of what computes, an empty one of what is not installed."""
    found = {}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def _random_states() -> Dict[str, Any]:
    return {"python": python_state(), "numpy": np.random.get_state(), "torch": torch_random_state()}


def _learners(nlp: Language, frozen: Sequence[str]) -> Tuple[List[Model], List[Shim]]:
    """All layers and PyTorch modules that learn, each once, in the order of the pipeline."""
    nodes: Dict[int, Model] = {}
    shims: Dict[int, Shim] = {}
    for name, component in nlp.components:
        model = getattr(component, "model", None)
        if name in frozen or not isinstance(model, Model):
            continue
        for node in model.walk():
            nodes.setdefault(node.id, node)
            for shim in node.shims:
                shims.setdefault(shim.id, shim)
    return list(nodes.values()), list(shims.values())


def _keys(nodes: Sequence[Model], shims: Sequence[Shim]) -> List[Tuple[int, str]]:
    """What an optimizer calls the weights in this process, in an order that is the same in every process."""
    keys = [(node.id, name) for node in nodes for name in node.param_names]
    for shim in shims:
        keys += [(shim.id, name) for name in _names_in(shim)]
    return keys


def _names_in(shim: Shim) -> Iterator[str]:
    module: Any = getattr(shim, "_model", None)
    if hasattr(module, "named_parameters"):
        yield from (name for name, _ in module.named_parameters())


def _optimizer_state(optimizer: Optimizer, keys: Sequence[Tuple[int, str]]) -> Dict[str, Any]:
    numbers = {key: i for i, key in enumerate(keys)}
    state: Dict[str, Any] = {
        "nr_update": [(numbers[key], n) for key, n in optimizer.nr_update.items() if key in numbers]
    }
    for slot in SLOTS:
        arrays = getattr(optimizer, slot)
        state[slot] = (
            None
            if arrays is None
            else [(numbers[key], _to_numpy(array)) for key, array in arrays.items() if key in numbers]
        )
    return state


def _array(node: Model, name: str) -> Any:
    return node.ops.to_numpy(node.get_param(name))


def _to_numpy(array: Any) -> Any:
    return array if isinstance(array, np.ndarray) else array.get()


def _plain(value: Any) -> Any:
    """The same with lists for tuples and Python's numbers for NumPy's, which the file format has not."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    return np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value
