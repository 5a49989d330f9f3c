"""What tips a component's decisions one way or the other: temperature, threshold, label biases, class weights."""

from collections import Counter
from typing import Any, Dict, Iterable, Optional, Sequence, Union

import numpy as np
from numpy.typing import NDArray
from spacy.training import Example

from ..errors import check_labels, check_numbers, check_probability, is_number, unknown_name
from .targets import Target

AUTO = "auto"
HOTTEST = 1000.0
LARGEST_BIAS = 10_000.0
"""In nats. More decides nothing that this does not, and would leave no digits for the scores that it is added to."""


class Control:
    """The settings, checked whenever they are set, and what they mean for each tag."""

    name: str
    cfg: Dict[str, Any]
    target: Target

    @property
    def temperature(self) -> float:
        """RETURNS (float): What scores are divided by for probabilities. It is saved with the weights and changes no
        prediction; `spacy rnn calibrate` fits it."""
        return float(self.cfg.get("temperature", 1.0))

    @temperature.setter
    def temperature(self, temperature: float) -> None:
        if not is_number(temperature) or not 1 / HOTTEST <= temperature <= HOTTEST:
            raise ValueError(
                f"component {self.name!r}: temperature = {temperature!r} is not allowed; it must be a number from {1 / HOTTEST} "
                f"to {HOTTEST:,.0f}."
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
                f"component {self.name!r}: threshold = {threshold} is not allowed with target {self.target.name!r}, which has to be "
                "written for every token; leave it at 0."
            )
        self._threshold = float(threshold)

    @property
    def label_bias(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): What is added to labels' scores before decoding, in nats. An entity type's is added
        once per entity, whatever its length, at the tag that begins it."""
        return self._label_bias

    @label_bias.setter
    def label_bias(self, label_bias: Dict[str, float]) -> None:
        check_numbers(f"component {self.name!r}", "label_bias", label_bias, largest=LARGEST_BIAS)
        self._label_bias = dict(label_bias)

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
        self._class_weights = class_weights

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
                    f"component {self.name!r}: class_weights = {AUTO!r} are counted by initialize, which has not run with "
                    "this setting; initialize it, or give the weights."
                )
        if not weights:
            return None
        classes = [class_of(self.target, tag) for tag in tags]
        check_labels(f"component {self.name!r}", "class_weights", weights, dict.fromkeys(classes))
        return np.asarray([weights.get(name, 1.0) for name in classes], dtype="float32")


def bias_of_tags(target: Target, tags: Sequence[str], label_bias: Dict[str, float]) -> NDArray[np.float32]:
    """RETURNS (array): (n_tags,) what biases of labels add to each tag: once per entity, at the tag that begins it."""
    biases = [label_bias.get(target.label_of(tag), 0.0) if target.begins(tag) else 0.0 for tag in tags]
    return np.asarray(biases, dtype="float32")


def class_of(target: Target, tag: str) -> str:
    """RETURNS (str): The class of a tag. An entity type is one class with all its tags."""
    return target.label_of(tag) or tag


def balanced_weights(target: Target, examples: Iterable[Example], tags: Sequence[str]) -> Dict[str, float]:
    """Weights by which all classes count the same in total, and tokens 1 on average: a class with n of the N tokens that have
    a gold tag gets N / (K n), K being the number of classes that occur (King & Zeng 2001,
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
