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
        rows = columns_of(item)
        labels = reading.settings.labels
        if rows is not None:
            labels = labels or names_in(item.get("features"))
            reading.note("The file holds columns, not rows, so that all of it lies in memory at once.")
        tags = find_field(list(item), TAGS)
        if rows and tags is not None and tags not in rows[0]:
            reading.bad(line, f"the columns {tags!r} and tokens must have as many rows; tokens has {len(rows):,}.")
            continue
        for row in [item] if rows is None else rows:
            record = record_of_tokens(reading, line, row, labels)
            if record is not None:
                reading.columns = reading.columns or [name for name in row if name in (*TOKENS, *TAGS)]
                yield record


def columns_of(item: Dict[str, Any]) -> Optional[List[Dict[str, Any]]]:
    """The rows of an object that holds a whole table: {"tokens": [[...], [...]], "ner_tags": [[...], [...]]}, as
    `Dataset.to_dict()` gives it, columns with a number for each row, as pandas writes them, or {"rows": [{"row": ...}]}
    as the Hub's viewer has it.

    item (Dict[str, Any]): The object.
    RETURNS (Optional[List[Dict[str, Any]]]): Its rows; None if it is a row itself.
    """
    rows = item.get("rows")
    if (
        isinstance(rows, list)
        and rows
        and all(isinstance(row, dict) and isinstance(row.get("row"), dict) for row in rows)
    ):
        return [row["row"] for row in rows]
    field = find_field(list(item), TOKENS)
    given = item.get(field or "")
    columns = {name: list(each.values()) if isinstance(each, dict) else each for name, each in item.items()}
    tokens = columns.get(field or "")
    if field is None or not isinstance(tokens, list) or not all(isinstance(words, list) for words in tokens):
        return None
    if not tokens and not isinstance(given, dict):
        return None
    whole = {name: each for name, each in columns.items() if isinstance(each, list) and len(each) == len(tokens)}
    return [dict(zip(whole, values)) for values in zip(*whole.values())]


def names_in(features: Any) -> Optional[List[str]]:
    """The names of tags in a description of columns, as the Hub and `Dataset.features` write it.

    features (Any): Descriptions by column, or a list of them.
    RETURNS (Optional[List[str]]): The names; None if there are none.
    """
    if isinstance(features, list):
        features = {each.get("name"): each.get("type") for each in features if isinstance(each, dict)}
    if not isinstance(features, dict):
        return None
    found: Any = features.get(find_field([str(name) for name in features], TAGS) or "")
    while isinstance(found, dict) and "names" not in found:
        found = found.get("feature")
    if isinstance(found, list) and found:
        found = found[0]
    names = found.get("names") if isinstance(found, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else None


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
