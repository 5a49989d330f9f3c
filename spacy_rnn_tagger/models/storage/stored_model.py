"""Models that are saved in fewer bytes than they have in memory."""

from dataclasses import dataclass
from typing import Any, Dict, Optional, TypeVar

from thinc.api import Model

from ...errors import unknown_name
from .forms import FORMS, decode, encode

InT = TypeVar("InT")
OutT = TypeVar("OutT")
SelfT = TypeVar("SelfT", bound="StoredModel[Any, Any]")

# References to layers that give or add to the scores. Their errors would reach the scores as they are, and come to more than
# those of all other layers together, so int8 leaves them float16.
EXACT = ("output_layer", "transitions")


@dataclass(frozen=True)
class Storage:
    """What a model and all in it is saved as, kept in its `attrs`. It is a setting of the config's, and Thinc does not save
    attributes that are no message, so that loading weights never changes it.

    form: A name of `FORMS`.
    """

    form: str


class StoredModel(Model[InT, OutT]):
    """A model that saves all its weights in the form that was asked for, and loads them in whatever form they were saved. In
    memory they are plain float32.

    It has to be the outermost one, since Thinc saves a whole tree from there: the model of a component.
    """

    __slots__ = ()

    def to_dict(self) -> Dict[str, Any]:
        message = super().to_dict()
        forms = _forms(self)
        for node, params in zip(self.walk(), message["params"]):
            if forms[node.id] != "float32":
                params.update(_encode(node, params, forms[node.id]))
        return message

    def from_dict(self, msg: Dict[str, Any]) -> Model[InT, OutT]:
        return super().from_dict(_decode(msg))

    def can_from_dict(self, msg: Dict[str, Any], *, strict: bool = True) -> bool:
        return super().can_from_dict(_decode(msg), strict=strict)

    def _copy(self: SelfT, seen: Optional[Dict[int, Any]] = None) -> SelfT:
        """Thinc's own copies are plain models, without references."""
        seen = {} if seen is None else seen
        copied = super()._copy(seen)
        copied.__class__ = type(self)
        for name in self.ref_names:
            ref = self.maybe_get_ref(name)
            copied.set_ref(name, None if ref is None else seen[id(ref)])
        return copied


def stored_model(where: str, model: Model[InT, OutT], storage: Optional[str]) -> StoredModel[InT, OutT]:
    """Let a model save its weights in fewer bytes.

    where (str): The registered name to report.
    model (Model): The model, which becomes a `StoredModel` in place.
    storage (Optional[str]): "float32", "float16" or "int8". If None, what a model around this one is stored as, else float32.
    RETURNS (StoredModel): The same model.
    RAISES (ValueError): If there is no such form.
    """
    if storage is not None:
        check_form(where, "storage", storage)
    stored: Any = model
    stored.__class__ = StoredModel
    if storage is not None:
        stored.attrs["storage"] = Storage(storage)
    return stored


def check_form(where: str, setting: str, form: Any) -> None:
    """Refuse what is not a name of `FORMS`. RAISES (ValueError): If so."""
    if form not in FORMS:
        raise unknown_name(where, setting, form, FORMS)


def set_storage(model: Model[Any, Any], form: str) -> None:
    """Choose the form that a model and all in it will be saved in, whatever was asked for before.

    model (Model): A `StoredModel`.
    form (str): A name of `FORMS`.
    """
    for node in model.walk():
        node.attrs.pop("storage", None)
    model.attrs["storage"] = Storage(form)


def _forms(model: Model[Any, Any]) -> Dict[int, str]:
    """The form of each node's weights, by its id: that of the nearest model around it that has one, but see `EXACT`."""
    forms: Dict[int, str] = {}
    refs = [node.maybe_get_ref(name) for node in model.walk() for name in EXACT]
    exact = {ref.id for ref in refs if ref is not None}

    def visit(node: Model[Any, Any], form: str) -> None:
        if node.id in forms:
            return
        if "storage" in node.attrs:
            form = node.attrs["storage"].form
        forms[node.id] = "float16" if form == "int8" and node.id in exact else form
        for layer in node.layers:
            visit(layer, form)

    visit(model, "float32")
    return forms


def _encode(node: Model[Any, Any], params: Dict[str, Any], form: str) -> Dict[str, Any]:
    encoded: Dict[str, Any] = {}
    for name, array in params.items():
        try:
            encoded[name] = None if array is None else encode(node.ops.to_numpy(array), form)
        except ValueError as e:
            raise ValueError(f"storage = {form!r}: the weights {name!r} of layer {node.name!r}: {e}.") from e
    return encoded


def _decode(message: Dict[str, Any]) -> Dict[str, Any]:
    decoded = []
    for info, params in zip(message.get("nodes", ()), message.get("params", ())):
        try:
            decoded.append({name: None if stored is None else decode(stored) for name, stored in params.items()})
        except ValueError as e:
            raise ValueError(f"The saved weights of layer {info['name']!r} cannot be read: {e}") from e
    return {**message, "params": decoded}
