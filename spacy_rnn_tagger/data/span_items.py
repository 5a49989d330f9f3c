"""Spans as JSON has them: objects or lists with a beginning, an end and a label."""

from typing import Any, Dict, List, Optional

from ..errors import is_number, nearest
from .columns import find_field
from .reading import Reading
from .records import CharSpan

START = ["start", "start_offset", "begin", "start_char", "startoffset"]
END = ["end", "end_offset", "stop", "end_char", "endoffset"]
LABEL = ["label", "entity", "type", "tag", "labels", "entity_group", "category"]
SCORE = ["score", "confidence", "probability"]
TEXT = ["text", "sentence", "content", "data"]


def text_of(reading: Reading, line: int, item: Dict[str, Any]) -> Optional[str]:
    """RETURNS (Optional[str]): The text of an object; None if it has none and is left out. reading (Reading): The file.
    line (int): Its line. item (Dict[str, Any]): The object."""
    names = reading.field_names()
    field = names.get("text") or find_field(list(item), TEXT)
    if field is None or not isinstance(item.get(field), str):
        keys = list(map(str, item))
        reading.bad(
            line,
            f"the field {field or 'text'!r} must hold the text, but the fields are "
            f"{', '.join(map(repr, keys)) or 'none'}."
            + nearest(field or "text", keys)
            + " Name it by --columns text=FIELD.",
        )
        return None
    text: str = item[field]
    if any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        reading.bad(line, "the text holds half of a UTF-16 surrogate pair, which is no character.")
        return None
    return text


def spans_of_items(reading: Reading, line: int, items: Any) -> Optional[List[CharSpan]]:
    """The spans of a text.

    reading (Reading): The file.
    line (int): Its line.
    items (Any): What should be a list of objects, or of lists [start, end, label].
    RETURNS (Optional[List[CharSpan]]): The spans in the file's unit; None if one is damaged and the text is left out.
    """
    if items is None:
        return []
    if not isinstance(items, list):
        reading.bad(line, f"spans must be a list, not {items!r:.60}.")
        return None
    spans = []
    for item in items:
        span = _span(reading, item)
        if span is None:
            reading.bad(
                line,
                f"{item!r:.80} is no span; it must have whole numbers start and end, from 0 on and start below end, "
                "and a label, as "
                "an object or as a list [start, end, label].",
            )
            return None
        spans.append(span)
    return spans


def _span(reading: Reading, item: Any) -> Optional[CharSpan]:
    given = reading.field_names()
    if isinstance(item, (list, tuple)) and len(item) == 3:
        item, given = dict(zip(("start", "end", "label"), item)), {}
    if not isinstance(item, dict):
        return None
    roles = (("start", START), ("end", END), ("label", LABEL), ("score", SCORE))
    start, end, label, score = (
        item.get(given.get(role) or find_field(list(map(str, item)), names) or "") for role, names in roles
    )
    if isinstance(label, list) and len(label) == 1:
        label = label[0]
    if not _is_whole(start) or not _is_whole(end) or not isinstance(label, str) or not label:
        return None
    begin, stop = int(start or 0), int(end or 0)
    text = item.get("text")
    piece = text if isinstance(text, str) else None
    return CharSpan(begin, stop, label, score if is_number(score) else None, piece) if 0 <= begin < stop else None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
