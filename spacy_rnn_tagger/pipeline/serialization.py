"""How components are saved and loaded: two files, `cfg` and `model`, that belong together."""

import json
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Optional, Tuple, TypeVar, Union

import srsly
from spacy import util
from spacy.util import SimpleFrozenList

from ..errors import check_numbers
from ..models.storage.checksums import CHECKSUMS
from ..models.storage.finite import check_weights
from ..models.storage.loading import load_message
from ..models.storage.message import Message, find_saved, read_message
from ..models.storage.stored_model import StoredModel
from ..models.storage.unpacking import unpack
from ..models.storage.weights_error import WeightsError
from .checked_steps import CheckedSteps
from .targets import Target

CHECKSUM = "checksum"
"""In a saved `cfg`: the checksum of the rest of it and of the weights saved with it; None without weights. Version
0.1.0 saved no checksums."""
SelfT = TypeVar("SelfT", bound="SavedPipe")


class SavedPipe(CheckedSteps):
    """A component that is saved only if its weights are finite, and that loads only what was saved together and fits
    its config. If loading fails, the component stays as it was."""

    cfg: Dict[str, Any]

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """Save the component as bytes.

        exclude (Iterable[str]): Names of fields to leave out.
        RETURNS (bytes): What `from_bytes` takes.
        RAISES (WeightsError): If weights are not finite.
        """
        cfg, weights = self._pack(exclude)
        fields: Dict[str, Callable[[], Any]] = {
            "cfg": lambda: srsly.json_dumps(cfg),
            "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
            "model": lambda: weights,
        }
        return util.to_bytes(fields, exclude)

    def to_disk(self, path: Any, *, exclude: Iterable[str] = SimpleFrozenList()) -> None:
        """Save the component in a directory. Files that are there already are kept if it cannot be saved.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Names of fields to leave out.
        RAISES (WeightsError): If weights are not finite.
        """
        cfg, weights = self._pack(exclude)
        fields: Dict[str, Callable[[Path], Any]] = {
            "cfg": lambda file: srsly.write_json(file, cfg),
            "vocab": lambda file: self.vocab.to_disk(file, exclude=exclude),
            "model": lambda file: file.write_bytes(weights),
        }
        util.to_disk(path, fields, exclude)

    def from_bytes(self: SelfT, bytes_data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()) -> SelfT:
        """Load the component from bytes.

        bytes_data (bytes): What `to_bytes` gave.
        exclude (Iterable[str]): Names of fields to leave out.
        RETURNS (SavedPipe): The component itself.
        RAISES (WeightsError): If the data are damaged, or were saved with another target or other sizes.
        """
        try:
            saved = unpack(bytes_data)
        except ValueError as e:
            raise WeightsError(self._where(), f"the saved component is truncated or damaged: {e}.") from e
        if not isinstance(saved, dict):
            raise WeightsError(self._where(), f"the data are no saved component, but a {type(saved).__name__}.")
        saved = {key: saved[key] for key in saved if key not in exclude}
        self._unpack(saved)
        if "vocab" in saved:
            self.vocab.from_bytes(saved["vocab"], exclude=exclude)
        return self

    def from_disk(self: SelfT, path: Any, *, exclude: Iterable[str] = SimpleFrozenList()) -> SelfT:
        """Load the component from a directory.

        path (Union[str, Path]): The directory.
        exclude (Iterable[str]): Names of fields to leave out.
        RETURNS (SavedPipe): The component itself.
        RAISES (WeightsError): If a file is damaged, or was saved with another target or other sizes.
        """
        folder = util.ensure_path(path)
        self._unpack({name: self._read(folder / name) for name in ("cfg", "model") if name not in exclude}, folder)
        if "vocab" not in exclude:
            self.vocab.from_disk(folder / "vocab", exclude=exclude)
        return self

    def check_cfg(self) -> None:
        """Refuse values of `cfg` that the component was not saved with. RAISES (ValueError): If so."""

    def check_widths(self, where: str, message: Message) -> None:
        """Refuse weights of other widths than `cfg` asks for.

        where (str): What to report.
        message (Dict[str, Any]): The saved weights.
        RAISES (ValueError): If they are of other widths.
        """

    def _where(self, file: Optional[Path] = None) -> str:
        return f"component {self.name!r}" + (f", {file}" if file else "")

    def _read(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except OSError as e:
            raise WeightsError(
                self._where(file), f"the file cannot be read, so the component is not loaded: {e.strerror}."
            ) from e

    def _pack(self, exclude: Iterable[str]) -> Tuple[Dict[str, Any], bytes]:
        """The component's own fields, as they are saved; what is excluded is empty."""
        self._validate_serialization_attrs()
        weights = b""
        if "model" not in exclude:
            try:
                if not isinstance(self.model, StoredModel):  # which checks by itself
                    check_weights(self._where(), self.model)
                weights = self.model.to_bytes()
            except WeightsError as e:
                raise e.at(self._where()) from e
        cfg: Dict[str, Any] = srsly.json_loads(srsly.json_dumps(self.cfg))
        return {**cfg, CHECKSUM: checksum(cfg, weights) if weights else None}, weights

    def _unpack(self, saved: Dict[str, Any], folder: Optional[Path] = None) -> None:
        """Take the component's own fields, if they are given, but only if all of them are right. The packed weights are
        let go as soon as they are unpacked, so that they do not take memory beside the arrays."""
        where = self._where(folder and folder / "model")
        weights = saved.pop("model", None)
        message = None if weights is None else read_message(where, weights)
        before = self.cfg
        try:
            if "cfg" in saved:
                self._take_cfg(self._where(folder and folder / "cfg"), saved["cfg"], weights, message)
            del weights
            if message is not None:
                self.check_widths(where, message)
                load_message(where, self.model, message)
        except BaseException:
            self.cfg = before
            raise

    def _take_cfg(
        self, where: str, packed: Union[str, bytes], weights: Optional[bytes], message: Optional[Message]
    ) -> None:
        """Take settings, and compare them with the weights that come with them."""
        try:
            cfg = srsly.json_loads(packed)
        except ValueError as e:
            raise WeightsError(where, f"the saved settings are damaged, they are no JSON: {e}.") from e
        if not isinstance(cfg, dict):
            raise WeightsError(where, f"the saved settings are damaged: they are a {type(cfg).__name__}.")
        has_checksum = CHECKSUM in cfg
        expected = cfg.pop(CHECKSUM, None)
        self.cfg = {**self.cfg, **cfg}
        try:
            self.check_cfg()
        except ValueError as e:
            raise WeightsError(where, str(e).removeprefix(f"{self._where()}: ")) from e
        if weights is None or message is None or (has_checksum and expected is None):
            return
        if expected != checksum(cfg, weights) if has_checksum else CHECKSUMS in message:
            raise WeightsError(
                where,
                "the labels and settings in cfg and the weights in model were not saved together, or one of the files "
                "is damaged; take both from the same training.",
            )


class SavedTagger(SavedPipe):
    """A saved component whose weights score labels."""

    target: Target
    decoder: str
    labels: Any
    tags: Any
    temperature: Any

    def check_cfg(self) -> None:
        """Refuse labels and settings that cannot be. RAISES (ValueError): If so."""
        for setting, given in (("target", self.target.name), ("decoder", self.decoder)):
            if self.cfg.get(setting) != given:
                raise ValueError(
                    f"its config says {setting} = {given!r}, but it was trained and saved with {setting} = "
                    f"{self.cfg.get(setting)!r}; set it back, or train it anew."
                )
        labels = self.cfg.get("labels")
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise ValueError(f"labels = {labels!r} is not allowed; they must be a list of strings.")
        for label, n in Counter(labels).items():
            if n > 1:
                raise ValueError(f"the label {label!r} is there {n} times, but each label has its own weights.")
            self.target.normalize_label(label)
        self.temperature = self.cfg.get("temperature")
        if self.cfg.get("class_weights") is not None:
            check_numbers(self._where(), "class_weights", self.cfg["class_weights"], positive=True)

    def check_widths(self, where: str, message: Message) -> None:
        output = find_saved(message, "output_layer")
        if output is None or message["params"][output].get("W") is None:
            return
        n_tags = len(self.tags)
        layers = {"output_layer": output}
        if self.decoder == "crf":
            transitions = find_saved(message, "transitions")
            if transitions is None or message["params"][transitions].get("transitions") is None:
                raise WeightsError(where, "the saved weights have no transitions, which decoder = 'crf' needs.")
            layers["transitions"] = transitions
        for name, index in layers.items():
            width = message["nodes"][index]["dims"].get("nO")
            if width != n_tags:
                raise WeightsError(
                    where,
                    f"the saved weights score {width} tags in layer {name!r}, but the {len(self.labels)} labels in "
                    f"cfg make {n_tags}; take both files from the same training.",
                )


def checksum(cfg: Dict[str, Any], weights: bytes) -> str:
    """What tells whether settings and weights were saved together.

    cfg (Dict[str, Any]): The settings, as they are read from JSON.
    weights (bytes): The saved weights.
    RETURNS (str): 32 hexadecimal digits.
    """
    total = blake2b(json.dumps(cfg, sort_keys=True).encode("ascii"), digest_size=16)
    total.update(weights)
    return total.hexdigest()
