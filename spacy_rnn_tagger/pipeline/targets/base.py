"""What every target can do."""

from abc import ABC, abstractmethod
from typing import Any, Collection, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IDS
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from .alignment import Sets, same_tokens
from .path import Path
from .schemes import TagScheme

Columns = Tuple[NDArray[np.uint64], ...]


class IncorrectSpan(NamedTuple):
    """A span that gold says is not what its label says.

    start: First token of the predicted doc.
    end: The token after its last.
    label: The label that is wrong there; empty if any would be.
    """

    start: int
    end: int
    label: str


class Target(TagScheme, ABC):
    """An annotation that can be predicted token by token.

    name: Its name in the config.
    attr: Attribute that holds it, as `Doc.has_annotation` and `Doc.to_array` know it; empty if it is no attribute.
    score_keys: Keys of its scores, the deciding one first.
    fixed_labels: The labels of a target that always has the same ones; else empty.
    can_abstain: Whether `annotate` knows `ABSTAIN`, or leaves out what is not in a path.
    why_lost: What is the matter with gold that `count_aligned` leaves out, for messages.
    """

    name: str
    attr: str = ""
    score_keys: Tuple[str, ...]
    fixed_labels: Tuple[str, ...] = ()
    can_abstain = False
    why_lost = "do not match the pipeline's tokens"

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab
        self._cached: Tuple[Tuple[str, ...], Columns] = ((), ())

    def normalize_label(self, label: str) -> str:
        """The canonical form of a label. RAISES (ValueError): If the target cannot take it."""
        self.vocab.strings.add(label)
        return label

    def adopt(self, vocab: Vocab, labels: Sequence[str]) -> None:
        """Make a doc's vocabulary know the labels before they are written to the doc, if it is not that of the
        pipeline.

        vocab (Vocab): The doc's vocabulary.
        labels (Sequence[str]): The labels.
        """
        for label in labels:
            vocab.strings.add(label)

    def state(self, tokens: Union[Doc, Span]) -> NDArray[np.uint64]:
        """(n_tokens, n_attributes) what the tokens' annotation is now, 0 where there is none."""
        return to_array(tokens, self.attr)

    def kept(self, doc: Doc, overwrite: bool) -> NDArray[np.bool_]:
        """(n_tokens,) whose annotation `annotate` will leave, at least in part."""
        present = self.state(doc) != 0
        return np.zeros((len(doc),), dtype=bool) if overwrite else np.asarray(present.any(axis=1))

    def is_annotated(self, doc: Doc) -> bool:
        """Whether any token of a doc has this annotation."""
        return doc.has_annotation(self.attr)

    def describe_missing(self) -> str:
        """What to check if no doc of the training data is annotated."""
        return "check the target and the conversion of the data, or add labels with add_label."

    def describe_empty(self) -> str:
        """What to check if docs of the training data are annotated, and none has a label."""
        return "check the conversion of the data, or add labels with add_label."

    def warnings_about(self, labels: Collection[str]) -> List[str]:
        """What is odd about the labels that were found in the training data.

        labels (Collection[str]): The labels.
        RETURNS (List[str]): One sentence each.
        """
        return []

    @property
    def gold_groups(self) -> Dict[str, str]:
        """RETURNS (Dict[str, str]): The settings that name span groups of gold docs, and the names."""
        return {}

    def check(self, example: Example, where: str) -> None:  # noqa: B027
        """Refuse gold that the target cannot read.

        example (Example): The example.
        where (str): What to call its doc.
        RAISES (ValueError): If its gold contradicts itself, or is more than one tag per token can say.
        """

    @abstractmethod
    def labels_in(self, example: Example) -> Set[str]:
        """The labels of a gold doc, whatever its tokenisation."""

    @abstractmethod
    def gold(self, example: Example) -> List[Optional[str]]:
        """The gold tag of each token of the predicted doc; None where it is missing or misaligned."""

    def alternatives(self, example: Example) -> Optional[Sets]:
        """The gold tags of each token of the predicted doc, of which one is right; None where only `gold` counts, and
        None altogether if that is so for the whole doc."""
        return None

    def incorrect(self, example: Example) -> List[IncorrectSpan]:
        """What gold says must not be predicted, on the tokens of the predicted doc."""
        return []

    @abstractmethod
    def count_gold(self, example: Example) -> int:
        """How many gold labels the reference has, to report those that alignment loses."""

    @abstractmethod
    def count_aligned(self, example: Example) -> int:
        """How many of them reach the predicted doc, and could be predicted there."""

    def may_lose(self, example: Example) -> bool:
        """Whether gold may be left out on the way to the predicted doc; quicker to find out than how much of it."""
        return not same_tokens(example)

    def permitted(self, docs: Sequence[Doc], labels: Sequence[str]) -> Optional[NDArray[np.bool_]]:
        """What the docs' words alone permit, in training as in decoding.

        docs (Sequence[Doc]): The docs.
        labels (Sequence[str]): The labels.
        RETURNS (Optional[array]): (n_tokens, n_tags) bool, as `allowed`.
        """
        return None

    def columns(self, labels: Sequence[str]) -> Columns:
        """The attribute values that each tag stands for, by column."""
        key = tuple(labels)
        if self._cached[0] != key:
            self._cached = (key, self._columns(key))
        return self._cached[1]

    def _columns(self, labels: Tuple[str, ...]) -> Columns:
        return ()

    def allowed(self, docs: Sequence[Doc], labels: Sequence[str], overwrite: bool) -> Optional[NDArray[np.bool_]]:
        """What the docs themselves leave possible: their words, and the annotation that they have.

        docs (Sequence[Doc]): The docs.
        labels (Sequence[str]): The labels.
        overwrite (bool): Whether annotation that is already there binds nothing, except for blocked tokens.
        RETURNS (Optional[array]): (n_tokens, n_tags) bool, the tags that each token of the concatenated docs may have;
            None if all may have all.
        """
        return None

    @abstractmethod
    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        """Write a decoded path to a doc."""


def to_array(tokens: Union[Doc, Span], *attrs: str) -> NDArray[np.uint64]:
    """(n_tokens, n_attrs) values of attributes."""
    array: Any = tokens.to_array([IDS[attr] for attr in attrs])  # type: ignore[union-attr]
    values: NDArray[np.uint64] = array.reshape((len(tokens), len(attrs)))
    return values


def agreeing(states: Sequence[NDArray[np.uint64]], columns: Columns) -> Optional[NDArray[np.bool_]]:
    """(n_tokens, n_tags) bool, the tags that agree with the annotation present in each token of some docs, all where
    none does; None if nothing is present."""
    present = np.concatenate(states)
    rows = np.flatnonzero(present.any(axis=1))
    if not rows.size:
        return None
    agree = np.ones((rows.size, columns[0].size), dtype=bool)
    for values, column in zip(present[rows].T, columns):
        agree &= (values == 0)[:, None] | (values[:, None] == column[None, :])
    allowed = np.ones((present.shape[0], columns[0].size), dtype=bool)
    allowed[rows] = agree | ~agree.any(axis=1, keepdims=True)
    return allowed
