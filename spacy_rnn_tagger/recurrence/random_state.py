"""The state of PyTorch's random numbers, for a training that is stopped and goes on."""

import sys
from typing import Optional

import numpy as np
from numpy.typing import NDArray


def torch_random_state() -> Optional[NDArray[np.uint8]]:
    """RETURNS (Optional[array]): (n_bytes,) uint8, the state of PyTorch's generator on the CPU; None if PyTorch is not
    loaded, so that nothing can have drawn from it."""
    if "torch" not in sys.modules:
        return None
    import torch

    return torch.get_rng_state().numpy()


def set_torch_random_state(state: Optional[NDArray[np.uint8]]) -> None:
    """Let PyTorch's generator on the CPU go on from a state.

    state (Optional[array]): What `torch_random_state` returned.
    """
    if state is not None:
        import torch

        torch.set_rng_state(torch.from_numpy(np.array(state, dtype="uint8")))
