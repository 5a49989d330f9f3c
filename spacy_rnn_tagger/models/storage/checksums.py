"""Checksums of what a model saves: one for each array, one for the rest of each layer."""

from hashlib import blake2b
from typing import Any, Dict, List

import numpy as np
import srsly

from .weights_error import WeightsError

CHECKSUMS = "checksums"


def add_checksums(message: Dict[str, Any]) -> None:
    """Give a message the checksums of all its layers.

    message (Dict[str, Any]): What `Model.to_dict` gives, with arrays on the CPU in any form of `FORMS`.
    """
    message[CHECKSUMS] = _checksums(message)


def verify_checksums(where: str, message: Dict[str, Any]) -> None:
    """Compare a message with its checksums, if it has any: version 0.1.0 saved none.

    where (str): What to report.
    message (Dict[str, Any]): What was loaded.
    RAISES (WeightsError): On the first layer that is not what was saved.
    """
    if CHECKSUMS not in message:
        return
    saved = message[CHECKSUMS]
    if not isinstance(saved, list) or len(saved) != len(message["nodes"]):
        raise WeightsError(where, "the saved weights are damaged: their checksums are not one for each layer.")
    for info, found, expected in zip(message["nodes"], _checksums(message), saved):
        if found == expected:
            continue
        expected = expected if isinstance(expected, dict) else {}
        arrays = [name for name, value in found["params"].items() if expected.get("params", {}).get(name) != value]
        what = f"the weights {', '.join(map(repr, arrays))}" if arrays else "the settings"
        raise WeightsError(
            where,
            f"the saved weights are damaged or were put together from several files: {what} of layer {info['name']!r} "
            "do not have the checksum that they were saved with.",
        )


def _checksums(message: Dict[str, Any]) -> List[Dict[str, Any]]:
    parts = zip(message["nodes"], message["attrs"], message["shims"], message["params"])
    return [
        {
            "layer": _hash([srsly.msgpack_dumps([info, attrs, shims])]),
            "params": {name: _checksum(stored) for name, stored in params.items()},
        }
        for info, attrs, shims, params in parts
    ]


def _checksum(stored: Any) -> str:
    """RETURNS (str): The checksum of weights in any form."""
    if isinstance(stored, np.ndarray):
        return _hash([f"{stored.dtype.str} {stored.shape}".encode(), _raw(stored)])
    if isinstance(stored, dict):
        return _hash([f"{key} {_checksum(stored[key])}".encode() for key in sorted(stored, key=str)])
    return _hash([repr(stored).encode()])


def _raw(array: Any) -> Any:
    """RETURNS (array): (n_bytes,) the bytes of an array, without a copy if it can be."""
    return np.ascontiguousarray(array).reshape(-1).view("uint8")


def _hash(parts: List[Any]) -> str:
    total = blake2b(digest_size=8)
    for part in parts:
        total.update(memoryview(part).cast("B"))
    return total.hexdigest()
