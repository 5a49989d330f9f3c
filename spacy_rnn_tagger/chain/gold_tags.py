"""Gold tags as losses take them: an index per token, or a set of tags of which one is right."""

from typing import Optional, Tuple

import numpy as np
from numpy.typing import NDArray

MISSING = -1
"""Tag index of a token whose gold tag is unknown."""

Gold = NDArray[np.generic]


def tags_and_sets(gold: Gold, n_tokens: int, n_tags: int) -> Tuple[NDArray[np.int64], Optional[NDArray[np.bool_]]]:
    """Gold tags of either form as indices, and as sets if they came as sets.

    gold (array): (n_tokens,) tag indices, or `MISSING`; or (n_tokens, n_tags) bool, the tags of which one is right.
    n_tokens (int): Number of tokens.
    n_tags (int): Number of tags.
    RETURNS (Tuple[array, Optional[array]]): (n_tokens,) tag indices, `MISSING` where a token has not exactly one; the
        sets.
    RAISES (ValueError): If the gold tags have another shape, or are no tags.
    """
    if gold.dtype == bool and gold.shape == (n_tokens, n_tags):
        sets = gold.astype(bool, copy=False)
        return np.where(sets.sum(axis=1) == 1, sets.argmax(axis=1), MISSING), sets
    if gold.shape != (n_tokens,) or (n_tokens and not MISSING <= int(gold.min()) <= int(gold.max()) < n_tags):
        raise ValueError(
            f"Gold tags should be {n_tokens} indices from {MISSING} (missing) to {n_tags - 1}, or a mask of the shape "
            f"{(n_tokens, n_tags)}."
        )
    return gold.astype(np.int64), None


def tag_sets(tags: NDArray[np.int64], n_tags: int) -> NDArray[np.bool_]:
    """RETURNS (array): (n_tokens, n_tags) bool, the set of each tag index alone, of all tags where it is `MISSING`."""
    return (tags[:, None] == np.arange(n_tags)) | (tags == MISSING)[:, None]
