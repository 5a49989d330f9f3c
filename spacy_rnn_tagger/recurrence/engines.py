"""What trains a recurrent layer: `torch.nn.*`, or arrays."""

from typing import Any, Callable

from . import array_training, torch_engine

ENGINES = ("torch", "array", "auto")
"""Names of the engines; "auto" is arrays on a CPU and PyTorch on a GPU."""


def training_engine(engine: str, on_gpu: bool) -> Callable[..., Any]:
    """What runs a recurrent layer in training.

    engine (str): One of `ENGINES`.
    on_gpu (bool): Whether the layer's weights are on a GPU.
    RETURNS (Callable): `torch_engine.begin_update` or `array_training.begin_update`.
    RAISES (ValueError): If arrays should train on a GPU.
    """
    if on_gpu and engine == "array":
        raise ValueError(
            "A recurrent layer with engine = 'array' trains on a CPU only, but its weights are on a GPU; set engine = "
            "'auto' or 'torch'."
        )
    if engine == "torch" or on_gpu:
        return torch_engine.begin_update
    return array_training.begin_update
