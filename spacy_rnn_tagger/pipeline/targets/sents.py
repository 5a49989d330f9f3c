"""The target "sents"."""

from typing import List, Optional, Sequence, Set, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.training import Example

from ...errors import unknown_name
from ..writing import write_tokens
from .alignment import same_tokens
from .base import Columns, Target, agreeing
from .path import Path
from .schemes import StartScheme

INSIDE, START = "I", "S"
# How `Doc.to_array` shows `Token.is_sent_start`; 0 is None, that is, unknown.
IS_START, IS_NONE = np.uint64(1), np.uint64(0)
NOT_START = np.int64(-1).astype("uint64")


class SentsTarget(StartScheme, Target):
    """Sentence starts, `Token.is_sent_start`, with the labels of spaCy's `senter`: "S" for a first token, "I" for
    others. The first token of a doc always starts a sentence.

    In gold, None is missing if the doc says of any token that it starts no sentence. A doc that says so of none, and
    yet has starts, was annotated the way in which 0 means no; it is read as spaCy's `Doc.sents` and `senter` read it.
    """

    name, attr, score_keys = "sents", "SENT_START", ("sents_f", "sents_p", "sents_r")
    fixed_labels = (INSIDE, START)
    first_tag = START

    def normalize_label(self, label: str) -> str:
        if label not in self.fixed_labels:
            raise unknown_name("target 'sents'", "label", label, self.fixed_labels)
        return super().normalize_label(label)

    def describe_missing(self) -> str:
        return "set token.is_sent_start in the gold docs, or sent_starts of Doc."

    def labels_in(self, example: Example) -> Set[str]:
        return set(self.fixed_labels) if self.is_annotated(example.reference) else set()

    def gold(self, example: Example) -> List[Optional[str]]:
        values = self._values(example.reference)
        if not values:
            return [None] * len(example.x)
        if same_tokens(example):
            return values
        x2y, y2x = example.alignment.x2y, example.alignment.y2x
        tags: List[Optional[str]] = []
        for i in range(len(example.x)):
            under = x2y[i].tolist()
            if not under or START in (values[j] for j in under[1:]):
                tags.append(None)  # not aligned, or a sentence starts within the token
            elif y2x[under[0]][0] < i:
                tags.append(INSIDE)  # the gold token began before it, and no sentence starts within one
            else:
                tags.append(values[under[0]])
        return tags

    def count_gold(self, example: Example) -> int:
        return self._values(example.reference).count(START)

    def count_aligned(self, example: Example) -> int:
        return self.gold(example).count(START)

    def kept(self, doc: Doc, overwrite: bool) -> NDArray[np.bool_]:
        kept = super().kept(doc, overwrite)
        kept[:1] = False  # what spaCy says of a first token is what is predicted
        return kept

    def allowed(self, docs: Sequence[Doc], labels: Sequence[str], overwrite: bool) -> Optional[NDArray[np.bool_]]:
        allowed = None if overwrite else agreeing([self.state(doc) for doc in docs], self.columns(labels))
        if allowed is not None:  # whatever a doc's first token says, it starts a sentence
            lengths = np.asarray([len(doc) for doc in docs])
            allowed[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
        return allowed

    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        (values,) = self.columns(labels)
        write_tokens(doc, self.attr, values, path, overwrite)

    def _columns(self, labels: Tuple[str, ...]) -> Columns:
        return (np.asarray([IS_START if label == START else NOT_START for label in labels], dtype="uint64"),)

    def _values(self, doc: Doc) -> List[Optional[str]]:
        """(n_tokens,) what gold says of each token of a reference, None where it is missing; nothing if it says
        nothing."""
        if not self.is_annotated(doc):
            return []
        present = doc.to_array(self.attr)
        names = {int(IS_START): START, int(NOT_START): INSIDE}
        zero = None if (present == NOT_START).any() else INSIDE
        return [names.get(value, zero) for value in present.tolist()]
