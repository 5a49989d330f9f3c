"""JSON of token classification as Hugging Face's datasets have it: {"tokens": [...], "ner_tags": [...]}."""

import json
from typing import Any, Dict, Iterable, Iterator, List, Optional

from spacy.tokens import Doc

from ...errors import is_number
from ..annotations import entity_tags, has_entities, meta_of, token_scores
from ..columns import find_field
from ..json_items import read_items
from ..reading import Reading, Writing
from ..records import Record
from ..report import count

TOKENS = ["tokens", "words"]
TAGS = ["ner_tags", "tags", "labels", "ner", "ner_labels", "fine_ner_tags"]


def read_hugging_face(reading: Reading) -> Iterator[Record]:
    """The items of a token classification file.

    reading (Reading): The file.
    YIELDS (Record): The tokens and tags of an item.
    """
    for line, item in read_items(reading):
        if not isinstance(item, dict):
            reading.bad(line, f'each item must be an object with "tokens" and "ner_tags", not {item!r:.60}.')
            continue
        record = record_of_tokens(reading, line, item, reading.settings.labels)
        if record is not None:
            reading.columns = reading.columns or [name for name in item if name in (*TOKENS, *TAGS)]
            yield record


def write_hugging_face(docs: Iterable[Doc], writing: Writing) -> None:
    """Write tokens and their tags (iob2), one doc a line; the probability of the entity that a token is in as
    "ner_scores", null where none is known.

    docs (Iterable[Doc]): The docs.
    writing (Writing): The file.
    """
    with writing.path.open("w", encoding="utf8", newline="\n") as file:
        for n, doc in enumerate(docs):
            item: Dict[str, Any] = {"id": str(meta_of(doc).get("id", n)), "tokens": [token.text for token in doc]}
            if has_entities(doc, writing):
                item["ner_tags"] = entity_tags(list(doc), writing)
            scores = token_scores(doc, writing)
            if "ents" in scores:
                item["ner_scores"] = scores["ents"]
            file.write(json.dumps(item, ensure_ascii=False) + "\n")


def record_of_tokens(
    reading: Reading, line: int, item: Dict[str, Any], labels: Optional[List[str]]
) -> Optional[Record]:
    """The tokens and tags of an item.

    reading (Reading): The file.
    line (int): The item's line.
    item (Dict[str, Any]): The item.
    labels (Optional[List[str]]): The names of tags that are numbers.
    RETURNS (Optional[Record]): The record; None if the item is damaged and left out.
    """
    given = reading.field_names()
    tokens = item.get(given.get("word") or find_field(list(item), TOKENS) or "")
    tags = item.get(given.get("ents") or find_field(list(item), TAGS) or "")
    if not isinstance(tokens, list) or not all(isinstance(token, str) and token for token in tokens):
        reading.bad(line, f'"tokens" must be a list of words, none of them empty, not {tokens!r:.60}.')
        return None
    if tags is not None and (not isinstance(tags, list) or len(tags) != len(tokens)):
        n = len(tags) if isinstance(tags, list) else 0
        reading.bad(
            line,
            f"there must be a tag for each token, but there are {count(n, 'tag')} and {count(len(tokens), 'token')}.",
        )
        return None
    names: List[str] = []
    for tag in tags or []:
        name = _name(tag, labels)
        if name is None:
            known = "no names are given" if labels is None else f"the names are {', '.join(labels[:12])}"
            reading.bad(
                line, f"the tag {tag!r} has no name, since {known}; give the names in order by --labels O,B-X,I-X,..."
            )
            return None
        names.append(name)
    record = Record(line, words=tokens, lines=[line] * len(tokens), tags=None if tags is None else names)
    record.meta = {"id": item["id"]} if "id" in item else {}
    scores = item.get("ner_scores")
    if isinstance(scores, list) and len(scores) == len(tokens):
        record.scores["ents"] = [float(score) if is_number(score) else None for score in scores]
    return record


def _name(tag: Any, labels: Optional[List[str]]) -> Optional[str]:
    if isinstance(tag, str):
        return tag
    if isinstance(tag, bool) or not isinstance(tag, int) or labels is None:
        return None
    # -100 is what PyTorch's losses ignore.
    return "-" if tag == -100 else labels[tag] if 0 <= tag < len(labels) else None
