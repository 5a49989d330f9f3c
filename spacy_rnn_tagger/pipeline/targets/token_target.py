"""Targets that give each token one string."""

from abc import abstractmethod
from operator import attrgetter
from typing import Dict, FrozenSet, List, Optional, Sequence, Set

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from .alignment import Sets, align_values, aligned_strings, count_reached
from .base import Target, agreeing


class TokenTarget(Target):
    """One string per token, or, for gold that cannot decide, several of which one is right.

    Such alternatives are spans of the reference, `doc.spans[alternatives_key]`: the tokens of a span may have its
    label.
    """

    can_abstain = True

    def __init__(self, vocab: Vocab, alternatives_key: Optional[str] = None) -> None:
        super().__init__(vocab)
        self.alternatives_key = alternatives_key

    @property
    def gold_groups(self) -> Dict[str, str]:
        return {} if self.alternatives_key is None else {"alternatives_key": self.alternatives_key}

    @abstractmethod
    def values_in(self, doc: Doc) -> Set[str]:
        """The strings that tokens of a doc have."""

    def is_annotated(self, doc: Doc) -> bool:
        return bool(self._alternative_spans(doc)) or super().is_annotated(doc)

    def labels_in(self, example: Example) -> Set[str]:
        doc = example.reference
        spans = self._alternative_spans(doc)
        # An empty label is found to be reported, and normalized it might be another.
        given = {span.label_ for span in spans}
        return self.values_in(doc) | {self.normalize_label(label) if label else "" for label in given}

    def alternatives(self, example: Example) -> Optional[Sets]:
        spans = self._alternative_spans(example.reference)
        if not spans:
            return None
        sets: List[Set[str]] = [set() for _ in example.reference]
        for span in filter(attrgetter("label_"), spans):
            label = self.normalize_label(span.label_)
            for i in range(span.start, span.end):
                sets[i].add(label)
        aligned: List[Optional[FrozenSet[str]]] = align_values(example, [frozenset(s) if s else None for s in sets])
        # A token's own value is one more way to be right.
        return [s if s is None or tag is None else s | {tag} for s, tag in zip(aligned, self.gold(example))]

    def allowed(self, docs: Sequence[Doc], labels: Sequence[str], overwrite: bool) -> Optional[NDArray[np.bool_]]:
        return None if overwrite else agreeing([self.state(doc) for doc in docs], self.columns(labels))

    def count_aligned(self, example: Example) -> int:
        return count_reached(example, self.gold(example))

    def _alternative_spans(self, doc: Doc) -> Sequence[Span]:
        return () if self.alternatives_key is None else doc.spans.get(self.alternatives_key, ())


class AttrTarget(TokenTarget):
    """One attribute of spaCy's tokens."""

    def values_in(self, doc: Doc) -> Set[str]:
        return {doc.vocab.strings[value] for value in np.unique(doc.to_array(self.attr)).tolist() if value}

    def gold(self, example: Example) -> List[Optional[str]]:
        return [value or None for value in aligned_strings(example, self.attr)]

    def count_gold(self, example: Example) -> int:
        return int(np.count_nonzero(example.reference.to_array(self.attr)))
