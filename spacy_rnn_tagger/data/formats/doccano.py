"""JSONL as Doccano has it: {"text", "label": [[start, end, label]]}, before 1.0 {"text", "labels"}, and with relations
{"text", "entities": [{"start_offset", "end_offset", "label"}]}."""

import json
from typing import Any, Dict, Iterable, Iterator

from spacy.tokens import Doc

from ..annotations import has_entities, meta_of, spans_of
from ..json_items import read_items
from ..reading import Reading, Writing
from ..records import Record
from ..span_items import spans_of_items, text_of

FIELDS = ("label", "labels", "entities", "annotations", "scores")
"""Fields that hold the spans, in the order in which they are looked for; "scores" holds their probabilities."""


def read_doccano(reading: Reading) -> Iterator[Record]:
    """The texts of a Doccano file, of any of its versions.

    reading (Reading): The file.
    YIELDS (Record): A text.
    """
    for line, item in read_items(reading):
        if not isinstance(item, dict):
            reading.bad(line, f'each line must be an object with a "text", not {item!r:.60}.')
            continue
        if item.get("relations"):
            reading.count("Texts with relations, left out because a doc has no place for them: {n}.")
        text = text_of(reading, line, item)
        given = reading.field_names().get("label")
        field = next((name for name in (given, *FIELDS[:-1]) if name is not None and name in item), None)
        spans = None if text is None else spans_of_items(reading, line, item.get(field) if field else None)
        if text is None or spans is None:
            continue
        scores = item.get("scores")
        if isinstance(scores, list) and len(scores) == len(spans):
            spans = [span._replace(score=score) for span, score in zip(spans, scores)]
        meta = item.get("meta") if isinstance(item.get("meta"), dict) else {}
        record = Record(line, text=text, spans=spans if field else None, meta=dict(meta or {}))
        if "id" in item:
            record.meta.setdefault("id", item["id"])
        yield record


def write_doccano(docs: Iterable[Doc], writing: Writing) -> None:
    """Write texts and spans as Doccano imports them (1.0 and later); probabilities stand beside, which Doccano keeps as
    metadata.

    docs (Iterable[Doc]): The docs.
    writing (Writing): The file.
    """
    with writing.path.open("w", encoding="utf8", newline="\n") as file:
        for doc in docs:
            spans = spans_of(doc, writing)
            item: Dict[str, Any] = {"text": doc.text}
            meta = meta_of(doc)
            if "id" in meta:
                item["id"] = meta.pop("id")
            if has_entities(doc, writing):
                item["label"] = [[span.start, span.end, span.label] for span in spans]
            if any(span.score is not None for span in spans):
                item["scores"] = [span.score for span in spans]
            file.write(json.dumps({**item, **({"meta": meta} if meta else {})}, ensure_ascii=False) + "\n")
