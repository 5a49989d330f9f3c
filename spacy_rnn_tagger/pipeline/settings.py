"""Settings of a component that are checked whenever they are set: what tips its decisions one way or the other
(temperature, threshold, label biases, class weights), and what its scores are kept under.

Numbers by label are a section of a config file, whose keys are the labels. A character that cannot be part of a key
there is percent-encoded (RFC 3986): `LOC%3Acity = 1.0` is about the label `LOC:city`.
"""

import re
from collections import Counter
from typing import Any, Dict, Iterable, List, Optional, Sequence, Union
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray
from spacy.pipeline.trainable_pipe import TrainablePipe
from spacy.training import Example

from ..errors import check_labels, check_numbers, check_probability, is_number, unknown_name
from .stored_scores import register_extensions
from .targets import Target
from .targets.spans import PREFIX as SPANS

AUTO = "auto"
HOTTEST = 1000.0
LARGEST_BIAS = 10_000.0
"""In nats. More decides nothing that this does not, and would leave no digits for the scores that it is added to."""


PER_LABEL = ("label_bias", "class_weights")
"""The settings that give numbers by label."""
UNSAFE = re.compile(r"[^\w|/+.~-]")
"""Characters that a key of a config file cannot have everywhere, or not in all versions of confection."""


class CheckedSettings(TrainablePipe):
    """The settings, checked whenever they are set, and what they mean for each tag."""

    target: Target
    _scores_key: Optional[str] = None

    @property
    def name(self) -> str:
        """RETURNS (str): The component's name in its pipeline, which `Language.rename_pipe` and sourcing may change."""
        found: str = TrainablePipe.name.__get__(self)
        return found

    @name.setter
    def name(self, name: str) -> None:
        TrainablePipe.name.__set__(self, name)
        register_extensions(self.scores_key)

    @property
    def scores_key(self) -> str:
        """RETURNS (str): What probabilities are kept under on docs: the setting of this name, or else the component's
        name."""
        if self._scores_key is not None:
            return self._scores_key
        # The name may well be that of the predicted spans' group.
        return f"{self.name}_scores" if self.target.name == SPANS + self.name else self.name

    @scores_key.setter
    def scores_key(self, key: Optional[str]) -> None:
        if key is not None and self.target.name == SPANS + key:
            raise ValueError(
                f"component {self.name!r}: scores_key = {key!r} is the group of the predicted spans, "
                f"doc.spans[{key!r}]; their scores need a group of their own, so choose another name."
            )
        self._scores_key = key
        register_extensions(self.scores_key)

    @property
    def temperature(self) -> float:
        """RETURNS (float): What scores are divided by for probabilities. It is saved with the weights and changes no
        prediction; `spacy rnn calibrate` fits it."""
        return float(self.cfg.get("temperature", 1.0))

    @temperature.setter
    def temperature(self, temperature: float) -> None:
        if not is_number(temperature) or not 1 / HOTTEST <= temperature <= HOTTEST:
            raise ValueError(
                f"component {self.name!r}: temperature = {temperature!r} is not allowed; it must be a number from "
                f"{1 / HOTTEST} to {HOTTEST:,.0f}."
            )
        self.cfg["temperature"] = float(temperature)

    @property
    def threshold(self) -> float:
        """RETURNS (float): Probability below which a prediction is not written."""
        return self._threshold

    @threshold.setter
    def threshold(self, threshold: float) -> None:
        check_probability(f"component {self.name!r}", threshold=threshold)
        if threshold and not self.target.can_abstain:
            raise ValueError(
                f"component {self.name!r}: threshold = {threshold} is not allowed with target {self.target.name!r}, "
                "which has to be written for every token; leave it at 0."
            )
        self._threshold = float(threshold)

    @property
    def label_bias(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): What is added to labels' scores before decoding, in nats. An entity type's is
        added once per entity, whatever its length, at the tag that begins it."""
        return self._label_bias

    @label_bias.setter
    def label_bias(self, label_bias: Optional[Dict[str, float]]) -> None:
        if label_bias is not None:
            check_numbers(f"component {self.name!r}", "label_bias", label_bias, largest=LARGEST_BIAS)
            self._check_known("label_bias", label_bias, self.labels)
        self._label_bias = dict(label_bias or {})

    @property
    def class_weights(self) -> Optional[Union[str, Dict[str, float]]]:
        """RETURNS (Optional[Union[str, Dict[str, float]]]): Weights of labels in the loss, or "auto"."""
        return self._class_weights

    @class_weights.setter
    def class_weights(self, class_weights: Optional[Union[str, Dict[str, float]]]) -> None:
        if isinstance(class_weights, str):
            if class_weights != AUTO:
                raise unknown_name(f"component {self.name!r}", "class_weights", class_weights, [AUTO])
        elif class_weights is not None:
            check_numbers(f"component {self.name!r}", "class_weights", class_weights, positive=True)
            self._check_known("class_weights", class_weights, self.classes)
        self._class_weights = class_weights

    @property
    def classes(self) -> List[str]:
        """RETURNS (List[str]): What `class_weights` can weigh: the labels, and "O" of a target that is spans."""
        return list(dict.fromkeys(class_of(self.target, tag) for tag in self.target.make_tags(self.labels)))

    def check_settings(self) -> None:
        """Refuse settings that name labels which there are not, once the labels are known.

        RAISES (ValueError): On the first of them.
        """
        self._check_known("label_bias", self.label_bias, self.labels)
        if isinstance(self.class_weights, dict):
            self._check_known("class_weights", self.class_weights, self.classes)

    def _check_known(self, setting: str, numbers: Dict[str, float], known: Sequence[str]) -> None:
        if self.labels:  # else they come with the data
            check_labels(f"component {self.name!r}", setting, numbers, known)

    def tag_biases(self, labels: Sequence[str], tags: Sequence[str]) -> Optional[NDArray[np.float32]]:
        """What is added to each tag's score.

        labels (Sequence[str]): The labels.
        tags (Sequence[str]): Their tags.
        RETURNS (Optional[array]): (n_tags,); None if it is nothing.
        RAISES (ValueError): If there is no such label.
        """
        if not any(self.label_bias.values()):
            return None
        check_labels(f"component {self.name!r}", "label_bias", self.label_bias, labels)
        return bias_of_tags(self.target, tags, self.label_bias)

    def tag_weights(self, tags: Sequence[str]) -> Optional[NDArray[np.float32]]:
        """What a token with each gold tag counts in the loss.

        tags (Sequence[str]): The tags.
        RETURNS (Optional[array]): (n_tags,); None if all count 1.
        RAISES (ValueError): If there is no such label, or the weights were never counted.
        """
        weights: Any = self.class_weights
        if weights == AUTO:
            weights = self.cfg.get("class_weights")
            if weights is None:
                raise ValueError(
                    f"component {self.name!r}: class_weights = {AUTO!r} are counted by initialize, which has not run "
                    "with this setting; initialize it, or give the weights."
                )
        if not weights:
            return None
        classes = [class_of(self.target, tag) for tag in tags]
        check_labels(f"component {self.name!r}", "class_weights", weights, list(dict.fromkeys(classes)))
        return np.asarray([weights.get(name, 1.0) for name in classes], dtype="float32")


def to_config_key(label: str) -> str:
    """RETURNS (str): A label as a key of a config file."""
    return UNSAFE.sub(lambda found: quote(found.group(), safe="", errors="surrogatepass"), label)


def from_config_key(key: str) -> str:
    """RETURNS (str): The label that a key of a config file stands for."""
    return unquote(key, errors="surrogatepass")


def labels_to_config(numbers: Any) -> Any:
    """RETURNS (Any): Numbers by label as a section of a config; what is no dict as it is."""
    return {to_config_key(label): n for label, n in numbers.items()} if isinstance(numbers, dict) else numbers


def labels_from_config(where: str, setting: str, numbers: Any) -> Any:
    """Numbers by label from a section of a config.

    where (str): The component to report.
    setting (str): The setting's name.
    numbers (Any): The section; what is no dict is left as it is.
    RETURNS (Any): The numbers, by label.
    RAISES (ValueError): If a label is not encoded, so that the pipeline could be saved and not be loaded.
    """
    if not isinstance(numbers, dict):
        return numbers
    for key in numbers:
        encoded = to_config_key(from_config_key(key))
        if key != encoded:
            raise ValueError(
                f"{where}: the label {key!r} of {setting} cannot be a key of a config file; write {encoded!r} in "
                f"configs, and in the config of add_pipe. (The component's attribute {setting} takes labels as they "
                "are.)"
            )
    return {from_config_key(key): n for key, n in numbers.items()}


def bias_of_tags(target: Target, tags: Sequence[str], label_bias: Dict[str, float]) -> NDArray[np.float32]:
    """RETURNS (array): (n_tags,) what biases of labels add to each tag: once per entity, at the tag that begins it."""
    biases = [label_bias.get(target.label_of(tag), 0.0) if target.begins(tag) else 0.0 for tag in tags]
    return np.asarray(biases, dtype="float32")


def class_of(target: Target, tag: str) -> str:
    """RETURNS (str): The class of a tag. An entity type is one class with all its tags."""
    return target.label_of(tag) or tag


def balanced_weights(target: Target, examples: Iterable[Example], tags: Sequence[str]) -> Dict[str, float]:
    """Weights by which all classes count the same in total, and tokens 1 on average: a class with n of the N tokens
    that have a gold tag gets N / (K n), K being the number of classes that occur (King & Zeng 2001,
    https://doi.org/10.1093/oxfordjournals.pan.a004868, with equal population shares).

    target (Target): The target.
    examples (Iterable[Example]): The training data.
    tags (Sequence[str]): The tags; others do not count.
    RETURNS (Dict[str, float]): Weights by class; none for classes that do not occur.
    """
    classes: Dict[Optional[str], str] = {tag: class_of(target, tag) for tag in tags}
    counts = Counter(classes[tag] for example in examples for tag in target.gold(example) if tag in classes)
    # Few digits, so that they are the same after any way of saving them.
    return {name: round(counts.total() / (len(counts) * n), 6) for name, n in sorted(counts.items())}
