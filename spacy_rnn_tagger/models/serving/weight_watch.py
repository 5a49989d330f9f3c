"""Whether a model still has the weights that something was computed from."""

from typing import Any, Callable, Generic, Iterable, List, Optional, Tuple, TypeVar

import numpy as np
from thinc.api import Model

T = TypeVar("T")

# Weights that nothing has trained are read through after this many served rows.
CHECK_EVERY = 4096
# Words of a digest; a prime, so that the rows of a matrix do not fall on one another.
_WIDTH = 4093
_FACTORS = np.arange(1, 2 * _WIDTH, 2, dtype="uint64") * np.uint64(0x9E3779B97F4A7C15)


class WeightWatch:
    """The weights, layers and attributes of some models at one time, to be compared with what they are later.

    A weight that was replaced (`set_param`, loading, `use_params`, resizing, another device) is another array, which is
    seen at once. Optimizers write into the arrays instead. They do so only where a weight has a gradient, and Thinc
    keeps the gradient's array from the first training step on: such weights are read through every time, by a digest
    that takes about 0.02 ms per MB. Weights without a gradient are read through once every `CHECK_EVERY` rows served.

    So all that can go unseen is code that writes into the array of `get_param` itself, for that many rows; and writes
    that only swap values at a distance that is a multiple of the digest's width. `PerWeights.clear` is for such code.

    nodes (Iterable[Model]): The layers. Those inside them are not watched unless they are listed too.
    """

    def __init__(self, nodes: Iterable[Model[Any, Any]]) -> None:
        nodes = list(nodes)
        self._params = [
            (node, name, node.get_param(name)) for node in nodes for name in node.param_names if node.has_param(name)
        ]
        self._layers = [(node, list(node.layers)) for node in nodes if node.layers]
        self._attrs = [(node, _settings(node)) for node in nodes if node.attrs]
        self._digests = self._read()
        self._n_rows = 0

    def is_current(self, n_rows: int) -> bool:
        """Whether nothing has changed.

        n_rows (int): How many rows are about to be served from the same weights.
        """
        trained = False
        for node, name, array in self._params:
            if node.get_param(name) is not array:
                return False
            trained = trained or node.has_grad(name)
        for node, layers in self._layers:
            if node.layers != layers:
                return False
        for node, settings in self._attrs:
            if not _same(_settings(node), settings):
                return False
        self._n_rows += n_rows
        if trained or self._n_rows >= CHECK_EVERY:
            self._n_rows = 0
            return self._read() == self._digests
        return True

    def _read(self) -> List[Tuple[int, ...]]:
        return [digest(array) for _, _, array in self._params]


class PerWeights(Generic[T]):
    """Something computed from a model's weights, kept for as long as they stay what they are. Lives in the model's
    `attrs`, but belongs to this one model in this one process: copies, pickles and saved models come without it."""

    def __init__(self) -> None:
        self._kept: Optional[Tuple[WeightWatch, T]] = None

    def get(self, nodes: Callable[[], Iterable[Model[Any, Any]]], compute: Callable[[], T], n_rows: int) -> T:
        """What was kept, or it computed anew.

        nodes (Callable): Gives the layers it depends on.
        compute (Callable): Computes it.
        n_rows (int): How many rows it is about to serve.
        """
        kept = self._kept
        if kept is None or not kept[0].is_current(n_rows):
            kept = self._kept = (WeightWatch(nodes()), compute())
        return kept[1]

    @property
    def value(self) -> Optional[T]:
        """RETURNS: What is kept, whether or not it is still current; None if nothing is."""
        kept = self._kept
        return None if kept is None else kept[1]

    def clear(self) -> None:
        """Forget it."""
        self._kept = None

    def __deepcopy__(self, memo: Any) -> "PerWeights[T]":
        return type(self)()

    def __reduce__(self) -> Tuple[Any, ...]:
        return (type(self), ())


def digest(array: Any) -> Tuple[int, ...]:
    """A few numbers that depend on every bit of an array. Changing one of its 64-bit words always changes them."""
    data = np.ascontiguousarray(array).reshape(-1).view("uint8")
    words = data[: data.shape[0] // 8 * 8].view("uint64")
    rest = data[words.nbytes :]
    whole = words[: words.shape[0] // _WIDTH * _WIDTH]
    sums = np.add.reduce(whole.reshape((-1, _WIDTH)), axis=0)
    sums[: words.shape[0] - whole.shape[0]] += words[whole.shape[0] :]
    return (data.shape[0], int((sums * _FACTORS).sum()), *rest.tolist())


def _settings(node: Model[Any, Any]) -> List[Any]:
    return list(node.attrs.values())


def _same(values: List[Any], others: List[Any]) -> bool:
    return len(values) == len(others) and all(a is b for a, b in zip(values, others))
