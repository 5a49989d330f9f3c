"""The learning rate and the gradients of training, which spaCy does not show to a logger."""

from typing import Any, List, NamedTuple, Optional

import numpy as np
from thinc.api import Optimizer, get_array_module


class OptimizerState(NamedTuple):
    """What optimizers did in some steps.

    learn_rate (Optional[float]): The learning rate of the last step; None if there was none.
    gradient_norm (Optional[float]): The Euclidean norm of all gradients of a step together, before they are clipped;
        its mean over the steps.
    gradient_norm_max (Optional[float]): Its greatest value.
    """

    learn_rate: Optional[float]
    gradient_norm: Optional[float]
    gradient_norm_max: Optional[float]


class OptimizerWatch:
    """Looks on at every `thinc.api.Optimizer` of this process between `start` and `stop`. spaCy's training loop gives
    its optimizer to nobody but the components, so there is no other place to look from."""

    def __init__(self) -> None:
        self._originals: Optional[tuple] = None
        self._learn_rate: Optional[float] = None
        self._squares: List[Any] = []
        self._norms: List[float] = []

    def start(self) -> None:
        """Begin to look."""
        update, step = Optimizer.__call__, Optimizer.step_schedules
        self._originals = (update, step)

        def watched_update(optimizer: Any, key: Any, weights: Any, gradient: Any, **kwargs: Any) -> Any:
            self._learn_rate = float(optimizer.learn_rate)
            xp = get_array_module(gradient)
            self._squares.append(xp.vdot(gradient, gradient))
            return update(optimizer, key, weights, gradient, **kwargs)

        def watched_step(optimizer: Any) -> None:
            if self._squares:
                self._norms.append(float(np.sqrt(sum(float(square) for square in self._squares))))
                self._squares = []
            step(optimizer)

        Optimizer.__call__ = watched_update  # type: ignore[method-assign,assignment]
        Optimizer.step_schedules = watched_step  # type: ignore[method-assign]

    def take(self) -> OptimizerState:
        """RETURNS (OptimizerState): What was seen since the last call."""
        norms, self._norms = self._norms, []
        mean, greatest = (float(np.mean(norms)), float(np.max(norms))) if norms else (None, None)
        return OptimizerState(self._learn_rate, mean, greatest)

    def stop(self) -> None:
        """Look no more."""
        if self._originals is not None:
            Optimizer.__call__, Optimizer.step_schedules = self._originals  # type: ignore[method-assign]
            self._originals = None
