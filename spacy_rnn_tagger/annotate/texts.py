"""The documents of a segment, as a worker reads them."""

import json
import zlib
from pathlib import Path
from typing import Any, Iterator

from ..data.encodings import recognize_encoding
from ..errors import nearest
from .records import InputChanged, Record, Rejected, Segment
from .settings import WHERE, AnnotateSettings
from .tables import checked

BOM = b"\xef\xbb\xbf"


def read_segment(segment: Segment, settings: AnnotateSettings) -> Iterator[Record]:
    """The documents of a segment.

    segment (Segment): The segment.
    settings (AnnotateSettings): Names the fields.
    YIELDS (Record): A document, or why there is none.
    RAISES (InputChanged): If the file is not what it was when the run began.
    """
    if segment.records is not None:
        yield from segment.records
        return
    raw = _bytes_of(segment) if segment.content is None else segment.content
    if segment.kind == "file":
        yield _decoded(segment.line, raw.decode(recognize_encoding(raw[:65536]), "surrogateescape"))
        return
    for number, line in enumerate(raw.split(b"\n"), segment.line):
        line = line.removeprefix(BOM) if number == 1 else line
        text = line.decode("utf8", "surrogateescape").rstrip("\r")
        if not text or text.isspace():
            continue
        yield _decoded(number, text) if segment.kind == "lines" else _of_json(number, text, settings)


def _bytes_of(segment: Segment) -> bytes:
    with Path(segment.file).expanduser().open("rb") as file:
        file.seek(segment.start)
        raw = file.read(segment.end - segment.start)
    if zlib.crc32(raw) != segment.checksum:
        raise InputChanged(f"{WHERE}: the input {segment.file!r} was changed while it was read.")
    return raw


def _decoded(line: int, text: str) -> Record:
    return checked(line, text, None)


def _of_json(line: int, text: str, settings: AnnotateSettings) -> Record:
    try:
        item: Any = json.loads(text)
    except (ValueError, RecursionError) as e:
        reason = f"{getattr(e, 'msg', 'nested too deeply')} at column {getattr(e, 'colno', 0)}"
        return Rejected(line, f"this is no JSON: {reason}.")
    if not isinstance(item, dict):
        return Rejected(line, f"the line must be an object with a field {settings.text_field!r}, not {item!r:.60}.")
    if settings.text_field not in item:
        keys = list(map(str, item))
        given = ", ".join(map(repr, keys[:10])) or "none"
        reason = f"there is no field {settings.text_field!r}; the fields are {given}."
        return Rejected(line, reason + nearest(settings.text_field, keys))
    return checked(line, item[settings.text_field], item.get(settings.id_field))
