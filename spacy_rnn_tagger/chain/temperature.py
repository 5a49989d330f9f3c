"""The temperature under which probabilities mean what they say (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""

import math
from typing import Callable

from .lattice import Lattice

COLDEST, HOTTEST = 0.05, 20.0
GOLDEN = (math.sqrt(5) - 1) / 2


def temper(lattice: Lattice, temperature: float) -> Lattice:
    """The lattice with every score divided by a temperature: the same paths in the same order, their probabilities
    further apart or closer together.

    lattice (Lattice): The lattice.
    temperature (float): Above 0; 1 changes nothing.
    RETURNS (Lattice): The tempered lattice; the very same if the temperature is 1.
    """
    if temperature == 1.0:
        return lattice
    divisor = float(temperature)  # a NumPy number would change the type of the scores
    transitions = None if lattice.transitions is None else lattice.transitions.divided(divisor)
    return Lattice(lattice.packing, lattice.unary / divisor, transitions)


def fit_temperature(loss: Callable[[float], float], tolerance: float = 1e-3) -> float:
    """Find the temperature with the least loss by golden-section search over its logarithm. The negative log-likelihood
    of complete gold is convex in the inverse temperature, so it has only one minimum.

    loss (Callable[[float], float]): The loss at a temperature.
    tolerance (float): Relative precision.
    RETURNS (float): The temperature, from `COLDEST` to `HOTTEST`; 1 if none is better.
    """
    low, high = math.log(COLDEST), math.log(HOTTEST)
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = loss(math.exp(left)), loss(math.exp(right))
    while high - low > tolerance:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = loss(math.exp(left))
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = loss(math.exp(right))
    # Few digits, so that it is the same after any way of saving it.
    best = round(math.exp((low + high) / 2), 6)
    return best if loss(best) < loss(1.0) else 1.0
