"""What every target can do."""

from abc import ABC, abstractmethod
from typing import Any, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ...engines.lattice import Constraints
from .alignment import Sets

Path = NDArray[np.int64]
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


class Target(ABC):
    """An annotation that can be predicted token by token.

    name: Its name in the config.
    attr: Attribute that holds it, as `Doc.has_annotation` and `Doc.to_array` know it; empty if it is no attribute.
    score_keys: Keys of its scores, the deciding one first.
    fixed_labels: The labels of a target that always has the same ones; else empty.
    """

    name: str
    attr: str = ""
    score_keys: Tuple[str, ...]
    fixed_labels: Tuple[str, ...] = ()

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab
        self._cached: Tuple[Tuple[str, ...], Columns] = ((), ())

    def normalize_label(self, label: str) -> str:
        """The canonical form of a label. RAISES (ValueError): If the target cannot take it."""
        self.vocab.strings.add(label)
        return label

    def label_of(self, tag: str) -> str:
        """The label that a tag belongs to."""
        return tag

    def is_annotated(self, doc: Doc) -> bool:
        """Whether any token of a doc has this annotation."""
        return doc.has_annotation(self.attr)

    def describe_missing(self) -> str:
        """What to check if no doc of the training data is annotated."""
        return "check the target and the conversion of the data, or add labels with add_label."

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
        """How many of them reach the predicted doc."""

    def make_tags(self, labels: Sequence[str]) -> List[str]:
        """The tags scored per token, in column order."""
        return list(labels)

    def make_constraints(self, labels: Sequence[str]) -> Optional[Constraints]:
        """The legal tag paths; None if all are."""
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
        """What the docs themselves rule out.

        docs (Sequence[Doc]): The docs.
        labels (Sequence[str]): The labels.
        overwrite (bool): Whether annotation that is already there binds nothing.
        RETURNS (Optional[array]): (n_tokens, n_tags) bool, the tags that each token of the concatenated docs may have; None
            if all may have all.
        """
        return None

    @abstractmethod
    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        """Write a decoded path to a doc."""


def write_attr(doc: Doc, attr: str, values: Any, overwrite: bool) -> None:
    """Write an attribute of all tokens; those that have it keep it unless they may be overwritten.

    values (array): (n_tokens,) uint64 values.
    """
    if not overwrite:
        present = doc.to_array(attr)
        values = np.where(present != 0, present, values)
    doc.from_array([attr], values.reshape((-1, 1)))
