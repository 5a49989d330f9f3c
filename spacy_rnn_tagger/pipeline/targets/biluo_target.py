"""Targets that are spans with labels, one BILUO layer of them."""

import re
from abc import abstractmethod
from collections import Counter
from typing import Collection, Dict, Iterable, List, Optional, Sequence, Set, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IS_SPACE
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from ...pipeline import biluo
from .alignment import align_spans, describe
from .base import IncorrectSpan, Target
from .path import Path
from .schemes import BiluoScheme

SCHEME_TAG = re.compile("[BILUOSEM]-.")
"""How an entity type begins that is no type: a tag in IOB, BILUO or BMES."""


class BiluoTarget(BiluoScheme, Target):
    """Labelled spans, none overlapping another, as BILUO tags under hard constraints.

    Gold may also name spans that are wrong: `doc.spans[incorrect_spans_key]` of the reference, as for spaCy's `ner`. A
    span without a label there has none of the labels.
    """

    can_abstain = True
    why_lost = "do not match the pipeline's tokens, or begin or end with whitespace,"

    def __init__(self, vocab: Vocab, incorrect_spans_key: Optional[str] = None) -> None:
        super().__init__(vocab)
        self.incorrect_spans_key = incorrect_spans_key

    @abstractmethod
    def spans_in(self, doc: Doc) -> Sequence[Span]:
        """The gold spans of a reference."""

    @abstractmethod
    def align(self, example: Example) -> Tuple[List[Span], List[Optional[str]]]:
        """The gold spans that are spans of the predicted doc, and its tokens' tags; None where missing or
        misaligned."""

    @abstractmethod
    def settled(self, doc: Doc, labels: Sequence[str], overwrite: bool) -> Dict[int, int]:
        """What a doc's own annotation leaves to no decision: tag index by token."""

    def with_settled(self, docs: Sequence[Doc]) -> Iterable[int]:
        """The indices of the docs for which `settled` may have tags."""
        return range(len(docs))

    def normalize_label(self, label: str) -> str:
        if not label:
            raise ValueError(f"target {self.name!r}: the label of a span cannot be empty.")
        return super().normalize_label(label)

    @property
    def gold_groups(self) -> Dict[str, str]:
        return {} if self.incorrect_spans_key is None else {"incorrect_spans_key": self.incorrect_spans_key}

    def warnings_about(self, labels: Collection[str]) -> List[str]:
        tags = sorted(label for label in labels if SCHEME_TAG.match(label))
        if not tags:
            return []
        return [
            f"the types {', '.join(map(repr, tags[:5]))} look like tags of a scheme with the type behind a hyphen; if "
            "they are, convert the data so that the types alone are labels."
        ]

    def is_annotated(self, doc: Doc) -> bool:
        return bool(self._incorrect_spans(doc))

    def check(self, example: Example, where: str) -> None:
        """RAISES (ValueError): Also if a span is both right and wrong."""
        wrong = {(span.start, span.end, span.label_) for span in self._incorrect_spans(example.reference)}
        for span in self.spans_in(example.reference) if wrong else ():
            if not wrong.isdisjoint({(span.start, span.end, span.label_), (span.start, span.end, "")}):
                raise ValueError(
                    f"target {self.name!r}: in {where}, {show(span)} is a gold span and also one of the incorrect "
                    f"spans, doc.spans[{self.incorrect_spans_key!r}]; take it out of one of them."
                )

    def labels_in(self, example: Example) -> Set[str]:
        return {span.label_ for span in self.spans_in(example.reference)}

    def gold(self, example: Example) -> List[Optional[str]]:
        spans, tags = self.align(example)
        for span in spans:
            # Never decoded, so not learned either: neither where it is, nor that there is none.
            if not span.label_ or is_ragged(example.predicted[span.start : span.end]):
                tags[span.start : span.end] = [None] * len(span)
        return tags

    def incorrect(self, example: Example) -> List[IncorrectSpan]:
        spans = self._incorrect_spans(example.reference)
        if not spans:
            return []
        self.check(example, describe(example.reference))
        aligned = align_spans(example, spans, allow_overlap=True)
        return sorted({IncorrectSpan(span.start, span.end, span.label_) for span in aligned})

    def count_gold(self, example: Example) -> int:
        return sum(bool(span.label_) for span in self.spans_in(example.reference))

    def count_aligned(self, example: Example) -> int:
        return sum(tag is not None and tag[0] in "BU" for tag in self.gold(example))

    def may_lose(self, example: Example) -> bool:
        return super().may_lose(example) or any(is_ragged(span) for span in self.spans_in(example.reference))

    def permitted(self, docs: Sequence[Doc], labels: Sequence[str]) -> Optional[NDArray[np.bool_]]:
        """No span begins or ends with whitespace, or consists of it."""
        spaces = np.concatenate([doc.to_array([IS_SPACE]) for doc in docs]).astype(bool)
        if not spaces.any():
            return None
        actions, _ = biluo.actions_and_labels(1 + 4 * len(labels))
        return ~spaces[:, None] | np.isin(actions, (biluo.OUT, biluo.IN))

    def allowed(self, docs: Sequence[Doc], labels: Sequence[str], overwrite: bool) -> Optional[NDArray[np.bool_]]:
        mask = self.permitted(docs, labels)
        settled: Dict[int, int] = {}
        starts = np.concatenate(([0], np.cumsum([len(doc) for doc in docs])))
        for i in self.with_settled(docs):
            start = int(starts[i])
            settled.update({start + at: tag for at, tag in self.settled(docs[i], labels, overwrite).items()})
        if not settled:
            return mask
        n_tags = 1 + 4 * len(labels)
        mask = np.ones((int(starts[-1]), n_tags), dtype=bool) if mask is None else mask
        mask[list(settled)] = np.asarray(list(settled.values()))[:, None] == np.arange(n_tags)
        return mask

    def decoded(self, doc: Doc, path: Path, labels: Sequence[str]) -> List[Span]:
        """The spans of a decoded path."""
        found = biluo.spans_of(path, 1 + 4 * len(labels))
        return [Span(doc, start, end, label=labels[label]) for start, end, label in found]

    def _incorrect_spans(self, doc: Doc) -> Sequence[Span]:
        return () if self.incorrect_spans_key is None else doc.spans.get(self.incorrect_spans_key, ())


def is_ragged(span: Span) -> bool:
    """Whether a span begins or ends with whitespace."""
    return span[0].is_space or span[-1].is_space


def settle(spans: Sequence[Span], labels: Sequence[str]) -> Dict[int, int]:
    """The tags of present spans by token; O where they overlap each other or their label is not ours, so that nothing
    crosses them."""
    times = Counter(i for span in spans for i in range(span.start, span.end))
    index = {label: i for i, label in enumerate(labels)}
    tags: Dict[int, int] = {}
    for span in spans:
        if span.label_ in index and all(times[i] == 1 for i in range(span.start, span.end)):
            tags.update(biluo.tags_of(span.start, span.end, index[span.label_]))
        else:
            tags.update({i: 0 for i in range(span.start, span.end)})
    return tags


def show(span: Span) -> str:
    """A span, for messages."""
    return f"{span.text!r} (tokens {span.start} to {span.end - 1}, label {span.label_!r})"
