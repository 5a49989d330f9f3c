"""Sigmoid and tanh of many numbers at once, in place, by the function of NumPy that takes least time.

Which one that is depends on the processor: of float32, NumPy's tanh takes half the time of its exp where reading from
scattered addresses is fast, and twice as much where it is slow, as on many servers. So it is tried out once in a
process, the two in turns, which decides alike whenever a machine is asked. Both ways agree to 2e-7.
"""

import time
from functools import cache
from typing import Any, Tuple

import numpy as np

# How many times as long as exp tanh has to take.
CLEARLY = 1.1
N_NUMBERS, N_TRIES = 4096, 40


class ByTanh:
    """sigmoid(2 x) = (tanh(x) + 1) / 2.

    factor: What `squash` wants the arguments of all gates multiplied by, which weights can do beforehand.
    """

    factor = 1.0

    def __init__(self, dtype: Any) -> None:
        self._half = np.asarray(0.5, dtype=dtype)

    def squash(self, z: Any, sigmoids: Any, others: Any) -> None:
        """Overwrite the arguments of gates.

        z (array): The arguments times `factor`: of all sigmoids half of what they are of.
        sigmoids (array): The part of `z` that becomes sigmoid(2 z / factor).
        others (Optional[array]): The rest of `z`, if there is one, which becomes tanh(z / factor).
        """
        np.tanh(z, z)
        np.multiply(sigmoids, self._half, sigmoids)
        np.add(sigmoids, self._half, sigmoids)

    def tanh(self, x: Any, out: Any) -> Any:
        """RETURNS (array): `out`, filled with tanh(x)."""
        return np.tanh(x, out)


class ByExp:
    """sigmoid(2 x) = 1 / (1 + exp(-2 x)), and tanh(x) = 2 sigmoid(2 x) - 1. Where exp overflows, the sigmoid is 0, as
    it should be: callers silence the warning."""

    factor = -2.0

    def __init__(self, dtype: Any) -> None:
        self._factor, self._one, self._two = (np.asarray(number, dtype=dtype) for number in (self.factor, 1.0, 2.0))

    def squash(self, z: Any, sigmoids: Any, others: Any) -> None:
        """See `ByTanh.squash`."""
        self._sigmoid(z)
        if others is not None:
            np.multiply(others, self._two, others)
            np.subtract(others, self._one, others)

    def tanh(self, x: Any, out: Any) -> Any:
        """See `ByTanh.tanh`."""
        np.multiply(x, self._factor, out)
        self._sigmoid(out)
        np.multiply(out, self._two, out)
        return np.subtract(out, self._one, out)

    def _sigmoid(self, out: Any) -> None:
        np.exp(out, out)
        np.add(out, self._one, out)
        np.reciprocal(out, out)


def squashing(dtype: Any) -> Any:
    """RETURNS (Union[ByTanh, ByExp]): What squashes arrays of a type. dtype (dtype): The type of the arrays."""
    return _squashing(np.dtype(dtype))


def scales_for(cell: str, scales: Tuple[float, ...], dtype: Any) -> Tuple[float, ...]:
    """What to multiply the arguments of each gate by, so that `squash` can take them.

    cell (str): Name of the cell. The candidate of a GRU is no part of what its gates are squashed with.
    scales (Tuple[float, ...]): 1/2 for a sigmoid, 1 for a tanh.
    dtype (dtype): The type of the arguments.
    RETURNS (Tuple[float, ...]): The factors.
    """
    factor = squashing(dtype).factor
    return tuple(scale * factor if cell == "lstm" or scale == 0.5 else scale for scale in scales)


@cache
def _squashing(dtype: Any) -> Any:
    return (ByExp if dtype == np.float32 and exp_is_faster() else ByTanh)(dtype)


@cache
def exp_is_faster() -> bool:
    """RETURNS (bool): Whether NumPy's tanh takes longer than its exp here, of float32."""
    x = np.linspace(-4.0, 4.0, N_NUMBERS, dtype="float32")
    out = np.empty_like(x)
    least = {"tanh": np.inf, "exp": np.inf}
    for _ in range(N_TRIES):
        for name, function in (("tanh", np.tanh), ("exp", np.exp)):
            began = time.perf_counter()
            function(x, out)
            least[name] = min(least[name], time.perf_counter() - began)
    return least["tanh"] > CLEARLY * least["exp"]
