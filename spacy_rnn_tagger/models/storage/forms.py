"""Weights in few bytes: float32 arrays as half precision, or as whole numbers of one byte with a scale for each row.

Encoding what was decoded gives the same bytes, so a model can be loaded and saved any number of times.
"""

from typing import Any

import numpy as np

FORMS = ("float32", "float16", "int8")
"""From the most exact to the smallest."""

LARGEST = {"float16": 65504.0, "int8": 1e38}
"""The greatest absolute values that there may be. Close to the end of float32, the product of code and scale
overflows."""

CODES, SCALES = "int8", "scales"
# Codes are from -STEPS to STEPS.
STEPS = 127
SHORTEST_ROW = 8
# Scales have 16 significant bits, so that their products with codes are exact: the lower bits of a float32 are cut off.
_CUT = np.uint32(2**8 - 1)
# The scale of a row of zeros too, so that no row is a special case.
_LEAST_SCALE = np.finfo("float32").tiny


def encode(array: Any, form: str) -> Any:
    """Give weights a form to be saved in.

    A value in float16 is off by at most 2**-11 of itself, or by 2**-25 if that is more. In int8, it is off by at most
    half the scale of its row, which is 1/127 of the row's greatest absolute value, or up to 2**-15 of that more. A row
    runs along the last axis. Where there are no rows, or too short ones for a scale to pay (biases), int8 leaves
    float32.

    array (array): (...) finite float32 weights.
    form (str): A name of `FORMS`.
    RETURNS (Any): The array itself if the form is float32, a float16 array, or a dict of (..., n) int8 codes and (...)
        float32 scales.
    RAISES (ValueError): If the form is not float32 and a value is not finite, or too large for it.
    """
    if form == "float32":
        return array
    greatest = np.abs(array).max(initial=0.0)
    if not np.isfinite(greatest):
        raise ValueError(f"NaN or infinite values cannot be stored as {form}")
    if greatest > LARGEST[form]:
        raise ValueError(
            f"a value of {greatest:g} cannot be stored as {form}, which ends at {LARGEST[form]:g}; choose float32"
        )
    if form == "float16":
        return array.astype("float16")
    return _to_codes(array) if array.ndim > 1 and array.shape[-1] >= SHORTEST_ROW else array


def decode(stored: Any) -> Any:
    """The weights again, whatever form they were given.

    stored (Any): What `encode` gave.
    RETURNS (array): (...) float32 weights.
    RAISES (ValueError): If it is of no form that this version knows.
    """
    if not isinstance(stored, dict):
        return stored.astype("float32") if stored.dtype == np.float16 else stored
    if set(stored) != {CODES, SCALES}:
        raise ValueError(
            f"weights are stored in a form that is unknown here, with {', '.join(sorted(map(str, stored)))}; known are "
            f"{', '.join(FORMS)}: were they saved by a newer version of spacy-rnn-tagger?"
        )
    codes, scales = stored[CODES], stored[SCALES]
    if codes.dtype != np.int8 or scales.shape != codes.shape[:-1]:
        raise ValueError(
            f"weights are damaged: {codes.dtype} codes of shape {codes.shape} with scales of shape {scales.shape}"
        )
    return codes.astype("float32") * scales[..., None]


def _to_codes(array: Any) -> Any:
    greatest = np.abs(array).max(axis=-1)
    bits = (greatest / np.float32(STEPS)).astype("float32").view("uint32")
    # The next greater positive float has the next bits. Scales are rounded up, since codes must not exceed their range.
    scales = np.maximum(((bits + _CUT) & ~_CUT).view("float32"), _LEAST_SCALE)
    quotients = np.divide(array, scales[..., None], dtype="float64")
    return {CODES: np.rint(quotients).astype("int8"), SCALES: scales}
