"""The target "ents"."""

from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import ENT_IOB
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..writing import write_entities
from .alignment import share_labels
from .base import to_array
from .biluo_target import BiluoTarget, settle
from .path import Path

# By number, which spares spaCy looking up the name.
IOB = [ENT_IOB]


class EntsTarget(BiluoTarget):
    """Named entities, `Doc.ents`."""

    name, attr = "ents", "ENT_IOB"
    score_keys = ("ents_f", "ents_p", "ents_r", "ents_per_type")

    def is_annotated(self, doc: Doc) -> bool:
        return doc.has_annotation(self.attr) or super().is_annotated(doc)

    def describe_empty(self) -> str:
        return (
            "offsets that match no token become missing when spaCy makes an Example of them (warning W030), and IOB "
            "tags, given as the BILUO tags that it takes, become O: convert them by spacy.training.iob_to_biluo."
        )

    def spans_in(self, doc: Doc) -> Sequence[Span]:
        return doc.ents

    def align(self, example: Example) -> Tuple[List[Span], List[Optional[str]]]:
        share_labels(example, example.reference.ents)
        spans, tags = example.get_aligned_ents_and_ner()
        return spans, [None if tag == "-" else tag for tag in tags]

    def settled(self, doc: Doc, labels: Sequence[str], overwrite: bool) -> Dict[int, int]:
        """Blocked tokens stay outside; unless they may be overwritten, entities stay too."""
        tags = {token.i: 0 for token in doc if token.ent_iob == 3 and token.ent_type == 0}
        return tags if overwrite else {**tags, **settle(doc.ents, labels)}

    def with_settled(self, docs: Sequence[Doc]) -> Iterable[int]:
        if not docs:
            return ()
        marks: Any = np.concatenate([doc.to_array(IOB) for doc in docs]) & np.uint64(1)  # I is 1, B is 3
        if not marks.any():
            return ()
        ends = np.cumsum([len(doc) for doc in docs])
        return np.unique(np.searchsorted(ends, np.flatnonzero(marks), side="right")).tolist()

    def state(self, tokens: Union[Doc, Span]) -> NDArray[np.uint64]:
        return to_array(tokens, "ENT_IOB", "ENT_TYPE")

    def kept(self, doc: Doc, overwrite: bool) -> NDArray[np.bool_]:
        present = self.state(doc)
        in_preset = np.isin(present[:, 0], (1, 3))
        return in_preset & (present[:, 1] == 0) if overwrite else in_preset

    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        if write_entities(doc, path, labels):
            return
        present = doc.to_array(["ENT_IOB", "ENT_TYPE"])
        in_preset = np.isin(present[:, 0], (1, 3))
        blocked = in_preset & (present[:, 1] == 0)
        found = [span for span in self.decoded(doc, path, labels) if overwrite or not in_preset[span.start]]
        if overwrite or not in_preset.any():
            doc.set_ents(found, blocked=_runs(doc, blocked), default="outside")
        else:
            covered = present[:, 0] != 0
            for span in found:
                covered[span.start : span.end] = True
            doc.set_ents(found, outside=_runs(doc, ~covered), default="unmodified")


def _runs(doc: Doc, mask: NDArray[np.bool_]) -> List[Span]:
    """The stretches of tokens where a mask holds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(int)))
    return [Span(doc, start, end) for start, end in edges.reshape((-1, 2)).tolist()]
