"""A saved model as Thinc's message: what `Model.to_dict` gives and `Model.from_dict` takes."""

from typing import Any, Dict, Optional

import numpy as np

from .checksums import CHECKSUMS, verify_checksums
from .forms import decode
from .unpacking import unpack
from .weights_error import WeightsError

Message = Dict[str, Any]
PARTS = ("nodes", "attrs", "params", "shims")


def read_message(where: str, saved: Any) -> Message:
    """Read saved weights, without asking which model they are for.

    where (str): What to report: the component and its file, or the architecture.
    saved (bytes): The saved weights.
    RETURNS (Dict[str, Any]): The message. Weights have the form that they were saved in.
    RAISES (WeightsError): If the bytes are truncated, damaged, or no saved model at all.
    """
    try:
        message = unpack(saved)
    except ValueError as e:
        raise WeightsError(
            where, f"the saved weights cannot be read ({len(saved)} bytes); the file is truncated or damaged: {e}."
        ) from e
    check_structure(where, message)
    verify_checksums(where, message)
    return message


def check_structure(where: str, message: Any) -> None:
    """Refuse a message that lacks a part, or has something else in its place.

    where (str): What to report.
    message (Any): What was read.
    RAISES (WeightsError): If it is not what a model is saved as.
    """
    if not isinstance(message, dict) or not {*PARTS} <= {*message} <= {*PARTS, CHECKSUMS}:
        has = ", ".join(sorted(map(str, message))[:10]) if isinstance(message, dict) else type(message).__name__
        raise WeightsError(where, f"the file has no saved model, but {has}; it is damaged, or is another file.")
    lists = [message[part] for part in PARTS]
    if not all(isinstance(part, list) for part in lists) or len({len(part) for part in lists}) != 1 or not lists[0]:
        raise WeightsError(where, "the saved weights are damaged: their parts are not one for each layer.")
    for i, layer in enumerate(zip(*lists)):
        if not _is_layer(layer, len(lists[0])):
            raise WeightsError(where, f"the saved weights are damaged: layer {i} of {len(lists[0])} cannot be read.")


def decode_params(where: str, message: Message) -> None:
    """Turn the weights of a message into float32 arrays, whatever form they were saved in.

    where (str): What to report.
    message (Dict[str, Any]): The message; its params are replaced.
    RAISES (WeightsError): If the weights are of no form that this version knows.
    """
    decoded = []
    for info, params in zip(message["nodes"], message["params"]):
        try:
            decoded.append({name: None if stored is None else _as_float32(stored) for name, stored in params.items()})
        except ValueError as e:
            raise WeightsError(where, f"the saved weights of layer {info['name']!r} cannot be read: {e}.") from e
    message["params"] = decoded


def find_saved(message: Message, ref: str) -> Optional[int]:
    """The place of a layer in a message.

    message (Dict[str, Any]): The message.
    ref (str): The name by which the whole model refers to the layer.
    RETURNS (Optional[int]): Its index; None if the model does not refer to such a layer.
    """
    index: Optional[int] = message["nodes"][0]["refs"].get(ref)
    return index


def _as_float32(stored: Any) -> Any:
    array = decode(stored)
    if array.dtype.kind != "f" or array.dtype.itemsize != 4:
        raise ValueError(f"they are {array.dtype.name}, not float32")
    # A big-endian machine reads other bytes than it computes with.
    return array.astype("float32", copy=False)


def _is_layer(layer: Any, n_layers: int) -> bool:
    info, attrs, params, shims = layer
    return (
        isinstance(info, dict)
        and {"name", "dims", "refs"} <= {*info}
        and isinstance(info["name"], str)
        and _has(info["dims"], lambda size: size is None or (type(size) is int and size >= 0))
        and _has(info["refs"], lambda index: index is None or (type(index) is int and 0 <= index < n_layers))
        and _has(attrs, lambda value: isinstance(value, bytes))
        and _has(params, lambda stored: stored is None or isinstance(stored, (np.ndarray, dict)))
        and isinstance(shims, list)
    )


def _has(named: Any, is_allowed: Any) -> bool:
    """Whether something is a dict of strings to allowed values."""
    return isinstance(named, dict) and all(isinstance(key, str) and is_allowed(named[key]) for key in named)
