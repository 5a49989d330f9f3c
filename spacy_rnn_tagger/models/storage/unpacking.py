"""Saved bytes become objects only if there are not more of them than such bytes can mean: a damaged file may announce
sizes, or hold small objects by the million, that take far more memory than the file."""

from typing import Any

from srsly import msgpack

MOST_OBJECTS = 200_000
"""A model of a hundred layers has some ten thousand objects, arrays being one each."""
DEEPEST = 16


def unpack(saved: Any, most_objects: int = MOST_OBJECTS) -> Any:
    """The objects that were packed as msgpack.

    saved (bytes): What was packed; a memoryview will do.
    most_objects (int): How many objects there may be in all.
    RETURNS (Any): The objects.
    RAISES (ValueError): If the bytes are not msgpack, end too soon, or hold too many objects.
    """
    _check_size(memoryview(saved), most_objects)
    try:
        return msgpack.loads(saved, raw=False, use_list=True)
    except Exception as e:
        # The libraries below raise errors of a dozen types, for instance of unknown NumPy types.
        raise ValueError(f"{type(e).__name__}: {e}") from e


# The length that follows a first byte, in bytes, and how many objects or bytes each unit of it stands for.
_BYTES = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4}
_EXTENSIONS = (0xC7, 0xC8, 0xC9)
_OBJECTS = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
_FIXED = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_FIXED.update({0xC0: 0, 0xC2: 0, 0xC3: 0, 0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17})


def _check_size(data: memoryview, most_objects: int) -> None:
    """Step over all objects by their headers (https://github.com/msgpack/msgpack/blob/master/spec.md).

    RAISES (ValueError): If they do not end where the bytes end, are too many, or lie too deep in one another.
    """
    at, n_objects = 0, 0
    open_containers = [1]  # how many objects are still to come in each
    while open_containers:
        if not open_containers[-1]:
            open_containers.pop()
            continue
        open_containers[-1] -= 1
        if at >= len(data):
            raise ValueError(f"the data end after {len(data)} bytes, in the middle")
        n_bytes, n_inside = _announced(data, at)
        at += n_bytes
        n_objects += n_inside
        if at + n_inside > len(data):
            raise ValueError(f"an object at byte {at - n_bytes} is longer than the rest of the {len(data)} bytes")
        if n_objects > most_objects or len(open_containers) > DEEPEST:
            raise ValueError(f"at byte {at}, the objects are more than {most_objects} or deeper than {DEEPEST}")
        if n_inside:
            open_containers.append(n_inside)
    if at < len(data):
        raise ValueError(f"{len(data) - at} bytes follow after the end")


def _announced(data: memoryview, at: int) -> Any:
    """RETURNS (Tuple[int, int]): The bytes of the object at a place, without the objects in it, and the number of
    those."""
    first = data[at]
    if first < 0x80 or first >= 0xE0:
        return 1, 0
    if first < 0xA0:
        return 1, (first & 0x0F) * (2 if first < 0x90 else 1)
    if first < 0xC0:
        return 1 + (first & 0x1F), 0
    if first in _FIXED:
        return 1 + _FIXED[first], 0
    if first in _BYTES:
        size = _BYTES[first]
        return 1 + size + (first in _EXTENSIONS) + int.from_bytes(data[at + 1 : at + 1 + size], "big"), 0
    if first in _OBJECTS:
        size, each = _OBJECTS[first]
        return 1 + size, each * int.from_bytes(data[at + 1 : at + 1 + size], "big")
    raise ValueError(f"byte {at} begins no object")
