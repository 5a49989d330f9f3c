"""JSONL as Prodigy has it: {"text": ..., "spans": [{"start", "end", "label"}], "tokens": [...], "answer": ...}."""

import json
from typing import Any, Dict, Iterable, Iterator, Optional

from spacy.tokens import Doc

from ..annotations import has_entities, meta_of, spans_of, token_spans
from ..json_items import read_items
from ..reading import Reading, Writing
from ..records import Record, split_at_tokens
from ..span_items import spans_of_items, text_of

NOT_ACCEPTED = "Texts that were not accepted (answer reject or ignore), left out: {n}."


def read_prodigy(reading: Reading) -> Iterator[Record]:
    """The accepted texts of a Prodigy file.

    reading (Reading): The file.
    YIELDS (Record): A text, with the file's tokens if it has any.
    """
    for line, item in read_items(reading):
        if not isinstance(item, dict):
            reading.bad(line, f'each line must be an object with a "text", not {item!r:.60}.')
            continue
        if item.get("answer", "accept") != "accept":
            reading.count(NOT_ACCEPTED)
            continue
        text = text_of(reading, line, item)
        spans = None if text is None else spans_of_items(reading, line, item.get("spans"))
        if text is None or spans is None:
            continue
        meta = item.get("meta")
        record = Record(line, text=text, spans=spans if "spans" in item else None)
        record.meta = dict(meta) if isinstance(meta, dict) else {}
        if item.get("tokens") and not _set_tokens(reading, record, item["tokens"]):
            continue
        yield record


def write_prodigy(docs: Iterable[Doc], writing: Writing) -> None:
    """Write texts with tokens and spans, ready to be corrected by Prodigy's ner.manual or spans.manual.

    docs (Iterable[Doc]): The docs.
    writing (Writing): The file.
    """
    with writing.path.open("w", encoding="utf8", newline="\n") as file:
        for doc in docs:
            file.write(json.dumps(_item(doc, writing), ensure_ascii=False) + "\n")


def _item(doc: Doc, writing: Writing) -> Dict[str, Any]:
    tokens = [
        {"text": t.text, "start": t.idx, "end": t.idx + len(t), "id": t.i, "ws": bool(t.whitespace_)} for t in doc
    ]
    item: Dict[str, Any] = {"text": doc.text, "tokens": tokens}
    if has_entities(doc, writing):
        item["spans"] = []
        for span, place in zip(spans_of(doc, writing), token_spans(doc, writing)):
            score = {} if span.score is None else {"score": span.score}
            item["spans"].append({**place, "label": span.label, **score})
    meta = meta_of(doc)
    return {**item, "meta": meta} if meta else item


def _set_tokens(reading: Reading, record: Record, tokens: Any) -> bool:
    places: Optional[list] = None
    if isinstance(tokens, list) and all(isinstance(token, dict) for token in tokens):
        places = [(token.get("start"), token.get("end")) for token in tokens]
    if places is None or not all(isinstance(each, int) for place in places for each in place):
        reading.bad(record.line, '"tokens" must be a list of objects with whole numbers "start" and "end".')
        return False
    try:
        record.words, record.spaces = split_at_tokens(record.text, places)
    except ValueError as e:
        reading.bad(record.line, f'"tokens" are not those of the text: {e}.')
        return False
    return True
