"""The target "spans:<key>": one layer of spans."""

from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example
from spacy.vocab import Vocab

from ...pipeline import biluo
from .alignment import align_spans, describe, outside_of
from .biluo_target import BiluoTarget, settle, show
from .path import Path

PREFIX = "spans:"


class SpansTarget(BiluoTarget):
    """The spans of one group, `Doc.spans[key]`. A reference that has the group, be it empty, is annotated completely;
    one without it not at all."""

    def __init__(self, vocab: Vocab, key: str, incorrect_spans_key: Optional[str] = None) -> None:
        super().__init__(vocab, incorrect_spans_key)
        self.name = PREFIX + key
        self.key = key
        self.score_keys = tuple(f"spans_{key}_{score}" for score in ("f", "p", "r", "per_type"))

    def is_annotated(self, doc: Doc) -> bool:
        return self.key in doc.spans or super().is_annotated(doc)

    def describe_missing(self) -> str:
        return f"no doc has the span group doc.spans[{self.key!r}]; check the key, or add labels with add_label."

    def spans_in(self, doc: Doc) -> Sequence[Span]:
        """One of each, in order; the same span twice is no contradiction."""
        unique = {(span.start, span.end, span.label): span for span in doc.spans.get(self.key, ())}
        return [unique[key] for key in sorted(unique)]

    def check(self, example: Example, where: str) -> None:
        """RAISES (ValueError): Also if spans overlap, which the tags of one layer cannot say."""
        spans = self.spans_in(example.reference)
        for span, after in zip(spans, spans[1:]):
            if after.start < span.end:
                raise ValueError(
                    f"target {self.name!r}: in {where}, the gold spans {show(span)} and {show(after)} of "
                    f"doc.spans[{self.key!r}] overlap, but one component predicts one layer of spans that do not; "
                    "give each layer a key of its own, and train a component for each."
                )
        super().check(example, where)

    def align(self, example: Example) -> Tuple[List[Span], List[Optional[str]]]:
        if self.key not in example.reference.spans:
            return [], [None] * len(example.predicted)
        self.check(example, describe(example.reference))
        gold = self.spans_in(example.reference)
        spans = align_spans(example, gold, allow_overlap=False)
        tags: List[Optional[str]] = ["O" if out else None for out in outside_of(example, gold)]
        for span in spans:
            names = biluo.make_tags([span.label_])
            for i, tag in biluo.tags_of(span.start, span.end, 0).items():
                tags[i] = names[tag]
        return spans, tags

    def settled(self, doc: Doc, labels: Sequence[str], overwrite: bool) -> Dict[int, int]:
        return {} if overwrite else settle(doc.spans.get(self.key, ()), labels)

    def state(self, tokens: Union[Doc, Span]) -> NDArray[np.uint64]:
        first, last = (0, len(tokens)) if isinstance(tokens, Doc) else (tokens.start, tokens.end)
        marks: NDArray[np.uint64] = np.zeros((last - first, 1), dtype=np.uint64)
        for span in self.spans_in(tokens.doc):
            if span.start < last and span.end > first:
                mark = hash((span.start, span.end, span.label)) % 2**64
                marks[max(0, span.start - first) : span.end - first] ^= np.uint64(mark or 1)
        return marks

    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        found = self.decoded(doc, path, labels)
        present = doc.spans.get(self.key)
        if overwrite or present is None:
            doc.spans[self.key] = SpanGroup(doc, name=self.key, spans=found)
            return
        taken = {i for span in present for i in range(span.start, span.end)}
        spans = [*present, *(span for span in found if span.start not in taken)]
        spans.sort(key=lambda span: (span.start, span.end))
        doc.spans[self.key] = SpanGroup(doc, name=self.key, attrs=present.attrs, spans=spans)
