"""A recurrent layer's packed inputs as its input gates, computed or looked up block by block."""

from abc import ABC, abstractmethod
from typing import Any, List

import numpy as np
from numpy.typing import NDArray

from .serving_weights import Floats, Weights
from .steady_rows import multiply_rows


class Inputs(ABC):
    """A layer's packed inputs, as its input gates, which are fetched block by block."""

    @abstractmethod
    def fetch(self, tokens: List[Any], out: Floats) -> None:
        """Fill in the gates of one block.

        tokens (List[Union[slice, array]]): For each direction, what to index packed arrays by.
        out (array): (G, D, n_rows, n_hidden) to be filled.
        """


class Rows(Inputs):
    """A layer's inputs as rows of a table of input gates: those of lexemes, or the columns of one-hot inputs.

    table (array): (G, D, n_rows, n_hidden) what `input_gates` gives.
    rows (array): (n_tokens,) packed rows of the table.
    """

    def __init__(self, table: Floats, rows: NDArray[np.integer]) -> None:
        self.table = table
        self.rows = rows

    def fetch(self, tokens: List[Any], out: Floats) -> None:
        for direction, index in enumerate(tokens):
            take_rows(self.table, self.rows[index], direction, out)


class Vectors(Inputs):
    """A layer's inputs as (n_tokens, n_in) packed vectors."""

    def __init__(self, weights: Weights, x: Floats) -> None:
        self.weights = weights
        self.x = x

    def fetch(self, tokens: List[Any], out: Floats) -> None:
        for direction, index in enumerate(tokens):
            x = self.x[index]
            for gate in range(out.shape[0]):
                multiply_rows(x, self.weights.inputs[gate, direction], out[gate, direction])
        out += self.weights.bias


def take_rows(table: Floats, rows: NDArray[np.integer], direction: int, out: Floats) -> None:
    """Copy one direction's part of some rows of a (G, D, n_rows, n_hidden) table into `out`, which is shaped alike."""
    for gate in range(out.shape[0]):
        np.take(table[gate, direction], rows, axis=0, out=out[gate, direction], mode="clip")


def as_inputs(weights: Weights, x: Any) -> Inputs:
    """Packed inputs of any kind that `run` takes, as `Inputs`."""
    if isinstance(x, Inputs):
        return x
    return Vectors(weights, x) if x.ndim == 2 else Rows(weights.inputs + weights.bias, x)
