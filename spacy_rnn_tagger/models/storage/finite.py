"""Weights and gradients that are not finite are found before they are saved, and before an optimizer spreads them."""

from typing import Any

import numpy as np
from thinc.api import Model

from .weights_error import WeightsError


def is_finite(array: Any) -> bool:
    """Whether all values of an array are finite. One sum tells, unless it is too large for the type of the values.

    array (array): (...) floats, on any device.
    """
    with np.errstate(all="ignore"):
        total = float(array.sum())
    return total - total == 0 or bool((abs(array) < np.inf).all())


def check_weights(where: str, model: Model[Any, Any]) -> None:
    """Refuse to save weights that are not finite.

    where (str): The architecture or component to report.
    model (Model): The model, with all layers in it.
    RAISES (WeightsError): On the first layer that has such weights.
    """
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name) and not is_finite(node.get_param(name)):
                raise WeightsError(
                    where,
                    f"the weights {name!r} of layer {node.name!r} have NaN or infinite values and are not saved; go "
                    "back to the last saved weights, and train with a smaller learn_rate or grad_clip.",
                )


def check_step(where: str, model: Model[Any, Any]) -> None:
    """Refuse a training step by gradients, or from weights, that are not finite. The gradients are thrown away, so that
    the next batch starts afresh.

    where (str): The architecture or component to report.
    model (Model): The model, with all layers in it.
    RAISES (WeightsError): On the first layer that has such gradients or weights.
    """
    for node in model.walk():
        for name in node.grad_names:
            for what, array in (("gradient", node.get_grad(name)), ("weights", node.get_param(name))):
                if not is_finite(array):
                    _forget_gradients(model)
                    raise WeightsError(
                        where,
                        f"the {what} {name!r} of layer {node.name!r} {'has' if what == 'gradient' else 'have'} NaN or "
                        "infinite values, so the training step is not taken; use a smaller learn_rate or grad_clip in "
                        "[training.optimizer], and look for texts or vectors in the batch that are out of the "
                        "ordinary.",
                    )


def _forget_gradients(model: Model[Any, Any]) -> None:
    for node in model.walk():
        for name in node.grad_names:
            node.get_grad(name).fill(0)
