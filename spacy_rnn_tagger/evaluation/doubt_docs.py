"""Doubtful gold as docs: one for each doubt, to be decided by people, and the corpus without its doubtful labels."""

from dataclasses import asdict
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Sequence, Set

from spacy.tokens import Doc, Span, SpanGroup

from ..data.building import META
from ..errors import unknown_name
from .doubts import Doubt, sentence_around

GROUP = "doubts"
"""The span group of a doubt's doc: what gold has, if anything, and what the model has, if anything."""
SHOWN = ("target", "kind", "given", "other", "confident")
REMOVABLE = ("tag", "pos", "morph", "ents")
"""Targets of which one label can be missing where the others of the doc are there."""


def doubt_docs(
    docs: Sequence[Doc],
    doubts: Iterable[Doubt],
    sources: Mapping[int, Mapping[str, Any]] = {},  # noqa: B006
) -> Iterator[Doc]:
    """The sentence of each doubt as a doc. Its span group "doubts" has what gold has there and what the model has, with
    their probabilities; the meta data say what is doubtful, where.

    docs (Sequence[Doc]): The gold docs.
    doubts (Iterable[Doubt]): The doubts.
    sources (Mapping[int, Mapping[str, Any]]): What else to say of each doc, such as its file.
    YIELDS (Doc): A doc, whose tokens have no annotation but the span group.
    """
    for rank, doubt in enumerate(doubts, start=1):
        around = sentence_around(docs[doubt.doc], min(doubt.start, doubt.other_start), max(doubt.end, doubt.other_end))
        doc = Doc(
            docs[doubt.doc].vocab,
            words=[token.text for token in around],
            spaces=[bool(token.whitespace_) for token in around],
        )
        at = around.start
        spans, scores = [], []
        for start, end, label, score in (
            (doubt.start, doubt.end, doubt.given, doubt.given_probability),
            (doubt.other_start, doubt.other_end, doubt.other, doubt.other_probability),
        ):
            if label:
                spans.append(Span(doc, start - at, end - at, label=label))
                scores.append(score)
        doc.spans[GROUP] = SpanGroup(doc, name=GROUP, spans=spans, attrs={"scores": scores})
        facts = asdict(doubt)
        doc.user_data[META] = {
            "id": f"{doubt.target}-{rank}",
            **{name: facts[name] for name in SHOWN},
            "given_probability": round(doubt.given_probability, 6),
            "other_probability": round(doubt.other_probability, 6),
            **{"doc": doubt.doc, **sources.get(doubt.doc, {})},
            "tokens": [doubt.start, doubt.end],
        }
        yield doc


def without_doubts(docs: Iterable[Doc], doubts: Iterable[Doubt]) -> Iterator[Doc]:
    """Docs whose doubtful labels are missing, so that training leaves just those out, and an annotator or a model can
    give them again. Of entities, the tokens of what gold has and of what the model has become missing.

    docs (Iterable[Doc]): The gold docs.
    doubts (Iterable[Doubt]): The doubts.
    YIELDS (Doc): A copy of each doc, with all else that it says.
    RAISES (ValueError): If labels of a target cannot be missing one by one.
    """
    by_doc: Dict[int, List[Doubt]] = {}
    for doubt in doubts:
        if doubt.target not in REMOVABLE:
            raise unknown_name(
                "doubts: labels of a doc cannot be missing one by one", "target", doubt.target, REMOVABLE
            )
        by_doc.setdefault(doubt.doc, []).append(doubt)
    for i, doc in enumerate(docs):
        copy = doc.copy()
        found = by_doc.get(i, [])
        for doubt in found:
            for token in copy[doubt.start : doubt.end]:
                if doubt.target == "tag":
                    token.tag_ = ""
                if doubt.target in ("pos", "morph"):
                    token.pos_ = ""
                if doubt.target == "morph":
                    token.set_morph(None)  # type: ignore[attr-defined]
        _remove_entities(copy, [doubt for doubt in found if doubt.target == "ents"])
        yield copy


def _remove_entities(doc: Doc, doubts: Sequence[Doubt]) -> None:
    if not doubts:
        return
    missing: Set[int] = {token.i for token in doc if token.ent_iob == 0}
    for doubt in doubts:
        missing.update(range(doubt.start, doubt.end), range(doubt.other_start, doubt.other_end))
    kept = [ent for ent in doc.ents if missing.isdisjoint(range(ent.start, ent.end))]
    for ent in doc.ents:
        if ent not in kept:
            missing.update(range(ent.start, ent.end))
    doc.set_ents(kept, missing=[doc[i : i + 1] for i in sorted(missing)], default="outside")
