"""Models that are saved in fewer bytes than they have in memory, with checksums, and only if their weights are
finite."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, TypeVar, Union

from thinc.api import Model, Optimizer

from ...errors import unknown_name
from .checksums import add_checksums, verify_checksums
from .finite import check_step, check_weights
from .forms import FORMS, encode
from .loading import load_message
from .message import Message, check_structure, decode_params, read_message
from .weights_error import WeightsError

InT = TypeVar("InT")
OutT = TypeVar("OutT")
SelfT = TypeVar("SelfT", bound="StoredModel[Any, Any]")

# References to layers that give or add to the scores. Their errors would reach the scores as they are, and come to more
# than those of all other layers together, so int8 leaves them float16.
EXACT = ("output_layer", "transitions")


@dataclass(frozen=True)
class Storage:
    """What a model and all in it is saved as, kept in its `attrs`. It is a setting of the config's, and Thinc does not
    save attributes that are no message, so that loading weights never changes it.

    form: A name of `FORMS`.
    """

    form: str


@dataclass(frozen=True)
class Where:
    """Where a model's architecture is registered, kept in its `attrs`; Thinc does not save it.

    name: The registered name.
    """

    name: str


class StoredModel(Model[InT, OutT]):
    """A model that saves all its weights in the form that was asked for, and loads them in whatever form they were
    saved. In memory they are plain float32. All that is saved, loaded or trained is checked here, whatever component
    the model is of.

    It has to be the outermost one, since Thinc saves a whole tree from there: the model of a component.
    """

    __slots__ = ()

    @property
    def where(self) -> str:
        """RETURNS (str): The registered name of the architecture, for messages."""
        return str(getattr(self.attrs.get("where_stored"), "name", self.name))

    def finish_update(self, optimizer: Optimizer) -> None:
        """Take a training step.

        optimizer (Optimizer): The optimizer.
        RAISES (WeightsError): If a gradient or the weights are not finite. No weights are changed then.
        """
        check_step(self.where, self)
        super().finish_update(optimizer)

    def to_dict(self) -> Message:
        """The model as a message.

        RETURNS (Dict[str, Any]): The message, with checksums.
        RAISES (WeightsError): If weights are not finite, or too large for the form that they are stored in.
        """
        check_weights(self.where, self)
        message = super().to_dict()
        forms = _forms(self)
        message["params"] = [
            _encode(self.where, node, params, forms[node.id]) for node, params in zip(self.walk(), message["params"])
        ]
        add_checksums(message)
        return message

    def to_disk(self, path: Union[Path, str]) -> None:
        """Save the model as a file. A file that is there already is kept if the model cannot be saved.

        path (Union[str, Path]): The file.
        RAISES (WeightsError): If weights are not finite, or too large for the form that they are stored in.
        """
        saved = self.to_bytes()
        Path(path).write_bytes(saved)

    def from_bytes(self, bytes_data: bytes) -> Model[InT, OutT]:
        """Load weights.

        bytes_data (bytes): What `to_bytes` gave.
        RETURNS (Model): The model itself.
        RAISES (WeightsError): If the bytes are damaged, or saved from another model. No weights are changed then.
        """
        load_message(self.where, self, read_message(self.where, bytes_data))
        return self

    def from_disk(self, path: Union[Path, str]) -> Model[InT, OutT]:
        """Load weights from a file.

        path (Union[str, Path]): The file.
        RETURNS (Model): The model itself.
        RAISES (WeightsError): If the file is damaged, or saved from another model. No weights are changed then.
        """
        where = f"{self.where}, {path}"
        load_message(where, self, read_message(where, Path(path).read_bytes()))
        return self

    def from_dict(self, msg: Message) -> Model[InT, OutT]:
        """Load weights from a message.

        msg (Dict[str, Any]): What `to_dict` gave; not changed.
        RETURNS (Model): The model itself.
        RAISES (WeightsError): If the message is damaged, or of another model. No weights are changed then.
        """
        check_structure(self.where, msg)
        verify_checksums(self.where, msg)
        load_message(self.where, self, dict(msg))
        return self

    def can_from_bytes(self, bytes_data: bytes, *, strict: bool = True) -> bool:
        """Whether saved bytes fit the model.

        bytes_data (bytes): What `to_bytes` gave.
        strict (bool): Whether attributes have to be the same.
        RETURNS (bool): Whether they can be loaded.
        """
        try:
            return self.can_from_dict(read_message(self.where, bytes_data), strict=strict)
        except WeightsError:
            return False

    def can_from_dict(self, msg: Message, *, strict: bool = True) -> bool:
        """Whether a message fits the model.

        msg (Dict[str, Any]): What `to_dict` gave; not changed.
        strict (bool): Whether attributes have to be the same.
        RETURNS (bool): Whether it can be loaded.
        """
        decoded = dict(msg)
        try:
            check_structure(self.where, decoded)
            decode_params(self.where, decoded)
        except WeightsError:
            return False
        return super().can_from_dict(decoded, strict=strict)

    def _copy(self: SelfT, seen: Optional[Dict[int, Any]] = None) -> SelfT:
        """Thinc's own copies are plain models, without references."""
        seen = {} if seen is None else seen
        copied = super()._copy(seen)
        copied.__class__ = type(self)
        seen[id(self)] = copied
        for node in self.walk():
            for name in node.ref_names:
                ref = node.maybe_get_ref(name)
                seen[id(node)].set_ref(name, None if ref is None else seen[id(ref)])
        return copied


def stored_model(where: str, model: Model[InT, OutT], storage: Optional[str]) -> StoredModel[InT, OutT]:
    """Let a model save its weights in fewer bytes.

    where (str): The registered name to report.
    model (Model): The model, which becomes a `StoredModel` in place.
    storage (Optional[str]): "float32", "float16" or "int8". If None, what a model around this one is stored as, else
        float32.
    RETURNS (StoredModel): The same model.
    RAISES (ValueError): If there is no such form.
    """
    if storage is not None:
        check_form(where, "storage", storage)
    stored: Any = model
    stored.__class__ = StoredModel
    stored.attrs["where_stored"] = Where(where)
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


def _encode(where: str, node: Model[Any, Any], params: Dict[str, Any], form: str) -> Dict[str, Any]:
    encoded: Dict[str, Any] = {}
    for name, array in params.items():
        try:
            on_cpu = None if array is None else node.ops.to_numpy(array, byte_order="<")
            encoded[name] = None if on_cpu is None else encode(on_cpu, form)
        except ValueError as e:
            raise WeightsError(where, f"storage = {form!r}: the weights {name!r} of layer {node.name!r}: {e}.") from e
    return encoded
