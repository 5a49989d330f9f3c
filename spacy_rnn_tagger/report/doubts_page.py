"""Doubtful gold labels as one HTML file."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

from spacy.tokens import Doc

from ..evaluation.contexts import words_around
from ..evaluation.doubts import BOUNDARY, LABEL, MISSING, SPURIOUS, TYPE, Doubt
from ..training.doubts import CorpusDoubts
from .embedded_data import context_data, short
from .page import render

KINDS = {
    LABEL: "another label",
    TYPE: "the same span, another label",
    BOUNDARY: "a span that overlaps",
    MISSING: "a span where gold has none",
    SPURIOUS: "no span where gold has one",
}
"""What the models find instead of what gold has."""


def render_doubts(done: CorpusDoubts, docs: Sequence[Doc], sources: Mapping[int, Dict[str, Any]]) -> str:
    """The page.

    done (CorpusDoubts): The doubts.
    docs (Sequence[Doc]): The docs that were judged.
    sources (Mapping[int, Dict[str, Any]]): The file of each doc, "source", and its index there, "doc_in_source".
    RETURNS (str): HTML.
    """
    lists = {
        f"doubts-{i}": [_item(each, docs[each.doc], sources.get(each.doc, {})) for each in target.doubts]
        for i, target in enumerate(done.targets)
    }
    return render(
        "doubts.html.j2",
        done=done,
        kinds=KINDS,
        labels=[_labels(items) for items in lists.values()],
        data={"lists": lists},
    )


def _item(doubt: Doubt, doc: Doc, source: Dict[str, Any]) -> Dict[str, Any]:
    context = words_around(doc, doubt.doc, min(doubt.start, doubt.other_start), max(doubt.end, doubt.other_end))

    def place(start: int, end: int, label: str) -> Optional[List[Any]]:
        return [start - context.start, min(end - context.start, len(context.words)), label] if label else None

    rows = [
        ["gold", place(doubt.start, doubt.end, doubt.given), 1, short(doubt.given_probability)],
        ["models", place(doubt.other_start, doubt.other_end, doubt.other), 0, short(doubt.other_probability)],
    ]
    where = f"{source['source']}, doc {source['doc_in_source'] + 1}" if source else f"doc {doubt.doc + 1}"
    return {
        "kind": doubt.kind,
        "labels": sorted({label for label in (doubt.given, doubt.other) if label}),
        "sure": short(doubt.other_probability),
        "expected": short(doubt.given_probability),
        **context_data(context),
        "where": where,
        "rows": rows,
    }


def _labels(items: List[Dict[str, Any]]) -> List[str]:
    return sorted({label for item in items for label in item["labels"]})
