"""Saved weights are compared with the model that the config describes, all of them before the first is taken."""

from typing import Any, Dict, Iterator, List, Tuple

from thinc.api import Model
from thinc.model import serialize_attr

from .message import Message, decode_params
from .shapes import may_lack_weights, shape_of
from .unpacking import MOST_OBJECTS, unpack
from .weights_error import WeightsError

LEARNED = {"learned", "known", "symbols", "symbol_keys", "symbol_columns"}
"""Attributes of our layers that training decides. All others are settings, which the config has to repeat."""
FREE = {"dropout", "dropout_rate", "one_hot"}
"""Settings that only training reads, so that the config may change them; and `one_hot`, which version 0.1.0 saved of
boundaries."""
_PACKAGE = __name__.partition(".")[0]
AGAIN = "load them with the config that they were trained with."


def load_message(where: str, model: Model[Any, Any], message: Message) -> None:
    """Give a model saved weights. It stays as it was if they do not fit.

    where (str): What to report: the component and its file, or the architecture.
    model (Model): The model.
    message (Dict[str, Any]): What `read_message` gave, which is used up: each array is let go once it is copied, so
        that memory never holds all of them twice.
    RAISES (WeightsError): If the weights are of another model.
    """
    decode_params(where, message)
    _check_layers(where, model, message)
    params: List[Any] = message.pop("params")
    attrs = [
        {name: value for name, value in saved.items() if not (_is_ours(node) and name in FREE)}
        for node, saved in zip(model.walk(), message["attrs"])
    ]
    Model.from_dict(model, {**message, "attrs": attrs, "params": [_Drained(arrays) for arrays in params]})


class _Drained(Dict[str, Any]):
    """Arrays that are let go as they are read."""

    def items(self) -> Iterator[Tuple[str, Any]]:  # type: ignore[override]
        while self:
            yield self.popitem()


def _check_layers(where: str, model: Model[Any, Any], message: Message) -> None:
    nodes = list(model.walk())
    if len(nodes) != len(message["nodes"]):
        raise WeightsError(
            where,
            f"the config describes a model of {len(nodes)} layers, but the saved weights are of "
            f"{len(message['nodes'])}; {AGAIN}",
        )
    index = {node.id: i for i, node in enumerate(nodes)}
    for node, info, saved in zip(nodes, message["nodes"], message["attrs"]):
        _check_attrs(where, node, saved)
        # Layers around others are named by them when they are built, and keep the name when a listener in them is
        # replaced.
        if node.name != info["name"] and not node.layers:
            raise WeightsError(
                where,
                f"the config has a layer {node.name!r} where the saved weights have {info['name']!r}; {AGAIN}",
            )
        _check_dims(where, node, info["dims"])
        refs = {name: node.maybe_get_ref(name) for name in node.ref_names}
        ours = {name: None if ref is None else index.get(ref.id) for name, ref in refs.items()}
        # Earlier versions had fewer references, and fewer settings.
        if {name: ours.get(name, -1) for name in info["refs"]} != info["refs"]:
            raise WeightsError(where, f"the saved weights connect layer {node.name!r} to other layers; {AGAIN}")
    trained = any(array is not None for params in message["params"] for array in params.values())
    for node, info, params, shims in zip(nodes, message["nodes"], message["params"], message["shims"]):
        _check_params(where, node, info["dims"], params, trained and not may_lack_weights(node, nodes))
        if len(shims) != len(node.shims):
            raise WeightsError(where, f"the saved weights of layer {node.name!r} are of another kind of layer; {AGAIN}")


def _check_dims(where: str, node: Model[Any, Any], dims: Dict[str, Any]) -> None:
    for dim, size in dims.items():
        mine = node.maybe_get_dim(dim)
        if dim not in node.dim_names or (size is not None and mine is not None and mine != size):
            raise WeightsError(
                where,
                f"the config gives layer {node.name!r} the size {dim} = {mine}, but the saved weights have {dim} = "
                f"{size}; load them with the width that they were trained with.",
            )


def _check_params(where: str, node: Model[Any, Any], dims: Dict[str, Any], params: Any, needed: bool) -> None:
    missing = [name for name in node.param_names if params.get(name) is None]
    others = sorted({*params} - {*node.param_names})
    if others or (missing and (needed or len(missing) < len(node.param_names))):
        names = ", ".join(map(repr, others or missing))
        raise WeightsError(
            where,
            f"the saved weights of layer {node.name!r} {'have also' if others else 'lack'} {names}; they are damaged, "
            "or of another model.",
        )
    for name, array in params.items():
        shape = shape_of(node, name, dims)
        if array is not None and shape is not None and array.shape != shape:
            raise WeightsError(
                where,
                f"the saved weights {name!r} of layer {node.name!r} have the shape {array.shape}, but its sizes ask "
                f"for {shape}; they are damaged, or of another model.",
            )


def _check_attrs(where: str, node: Model[Any, Any], saved: Dict[str, bytes]) -> None:
    """Compare the settings of a layer of this package, and the kinds of what it has learned. Other packages' are not
    known."""
    if not _is_ours(node):
        return
    built = _built_attrs(node)
    for name in sorted({*saved} - FREE):
        if built.get(name) == saved.get(name):
            continue
        given = _value(where, node, name, built)
        trained = _value(where, node, name, saved)
        if name == "cell_name":
            reason = (
                f"the config gives a recurrent layer cell = {given!r}, but the saved weights are of cell = {trained!r}"
            )
        elif name not in LEARNED or name not in built:
            reason = (
                f"the config gives layer {node.name!r} the setting {name} = {given!r}, but the saved weights were "
                f"trained with {name} = {trained!r}"
            )
        elif type(trained) is not type(given) or getattr(trained, "dtype", 0) != getattr(given, "dtype", 0):
            reason = f"the saved weights are damaged: {name} of layer {node.name!r} is no {type(given).__name__}"
        else:
            continue
        raise WeightsError(where, f"{reason}; {AGAIN}")


def _value(where: str, node: Model[Any, Any], name: str, attrs: Dict[str, bytes]) -> Any:
    if name not in attrs:
        return None
    packed = attrs[name]
    try:
        # A vocabulary may have any number of symbols, each with its length and at least one letter.
        return unpack(packed, max(MOST_OBJECTS, len(packed) // 2))
    except ValueError as e:
        raise WeightsError(where, f"the saved {name!r} of layer {node.name!r} cannot be read: {e}.") from e


def _built_attrs(node: Model[Any, Any]) -> Dict[str, bytes]:
    """The attributes of a layer that Thinc would save, as it would save them."""
    packed = {}
    for name, value in node.attrs.items():
        try:
            packed[name] = serialize_attr(value, value, name, node)
        except TypeError:
            continue
    return packed


def _is_ours(node: Model[Any, Any]) -> bool:
    """Whether a layer is one of this package."""
    function: Any = getattr(node._func, "func", node._func)
    return str(function.__module__).partition(".")[0] == _PACKAGE
