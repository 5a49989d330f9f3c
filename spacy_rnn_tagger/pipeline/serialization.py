"""Why saved weights do not fit a model, in words."""

from typing import Any

import srsly
from thinc.api import Model


def explain_load_error(name: str, model: Model[Any, Any], saved: bytes, error: Exception, file: str = "") -> Exception:
    """The error to raise instead of one met while loading weights.

    name (str): The component.
    model (Model): The model that the config describes.
    saved (bytes): The saved weights.
    error (Exception): What was raised.
    file (str): Where the weights lie, if in a file.
    RETURNS (Exception): A ValueError that says what differs, or the error itself if the weights are not the reason.
    """
    where = f"component {name!r}" + (f", {file}" if file else "")
    try:
        message = srsly.msgpack_loads(saved)
        nodes = message["nodes"]
    except Exception:
        return ValueError(
            f"{where}: the saved weights cannot be read ({len(saved)} bytes); the file is truncated or damaged: {error}"
        )
    ours = list(model.walk())
    if len(ours) != len(nodes):
        return ValueError(
            f"{where}: the config describes a model of {len(ours)} layers, but the saved weights are of {len(nodes)}; load "
            "them with the config that they were trained with."
        )
    for node, info in zip(ours, nodes):
        if node.name != info["name"]:
            return ValueError(
                f"{where}: the config has a layer {node.name!r} where the saved weights have {info['name']!r}; load them "
                "with the config that they were trained with."
            )
        for dim, size in info["dims"].items():
            mine = node.maybe_get_dim(dim)
            if size is not None and mine is not None and mine != size:
                return ValueError(
                    f"{where}: the config gives layer {node.name!r} the size {dim} = {mine}, but the saved weights have "
                    f"{dim} = {size}; load them with the width that they were trained with."
                )
    return error
