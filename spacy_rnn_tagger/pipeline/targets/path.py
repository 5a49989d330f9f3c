"""The type of what is decoded for a doc."""

import numpy as np
from numpy.typing import NDArray

Path = NDArray[np.int64]
"""(n_tokens,) tag indices."""
