"""The objects of JSON files, one after the other: a line each (JSONL), in one array, or over several lines each."""

import json
from typing import Any, Iterator, Tuple

from .encodings import SAMPLE, read_lines, recognize_encoding
from .reading import Reading

CHUNK = 1 << 20
"""Characters that are read at once; the most in memory beside one object."""
LONGEST_LITERAL = 12
"""Characters of the longest escape or literal of JSON, which the end of a chunk can cut: two of \\ud83d."""
DECODER = json.JSONDecoder()
SEPARATORS = " \t\r\n,"
CUT_OFF = "so the file seems to be cut off"


def read_items(reading: Reading) -> Iterator[Tuple[int, Any]]:
    """The objects of a JSON file. Even of an array on one line, only a part is in memory at a time.

    reading (Reading): The file.
    YIELDS (Tuple[int, Any]): The line on which an object begins, from 1, and the object.
    """
    with reading.path.open("rb") as file:
        raw = file.read(SAMPLE)
    start = raw.decode(recognize_encoding(raw), errors="replace").lstrip("\ufeff \t\r\n")
    first = start.split("\n", 1)[0].strip()
    if start.startswith("[") and not start[1:].lstrip().startswith('"'):
        yield from _values(reading, "]")
    elif first == "{" or (first.startswith("{") and first[-1] in ",:[{"):
        for number, value in _values(reading, ""):
            nested = value.get("data") if isinstance(value, dict) and set(value) <= {"data", "version"} else None
            yield from ((number, each) for each in nested) if isinstance(nested, list) else [(number, value)]
    else:
        yield from _lines(reading)


def _lines(reading: Reading) -> Iterator[Tuple[int, Any]]:
    for number, line in read_lines(reading):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as e:
            cut = f", {CUT_OFF}" if getattr(e, "pos", 0) >= len(line.rstrip()) or "Unterminated" in str(e) else ""
            reading.bad(number, f"this is no JSON: {_reason(e)}{cut}.")
            continue
        yield number, value


def _chunks(reading: Reading) -> Iterator[str]:
    with reading.path.open("rb") as file:
        reading.encoding = recognize_encoding(file.read(SAMPLE))
    with open(reading.path, encoding=reading.encoding, newline="") as text:
        try:
            while chunk := text.read(CHUNK):
                yield chunk
        except UnicodeError as e:
            raise reading.refuse(0, f"the file holds bytes that are no {reading.encoding.upper()} ({e}).") from e


def _values(reading: Reading, closing: str) -> Iterator[Tuple[int, Any]]:
    """Values with commas or white space between them, up to a closing bracket or the end of the file."""
    chunks = _chunks(reading)
    text, at, number = next(chunks, "").lstrip("\ufeff"), 0, 1
    if closing:
        number += text[: text.index("[")].count("\n")
        at = text.index("[") + 1
    while True:
        bare = at
        while bare < len(text) and text[bare] in SEPARATORS:
            bare += 1
        number += text.count("\n", at, bare)
        at = bare
        if closing and text.startswith(closing, at):
            return
        error: Any = None
        if at < len(text):
            try:
                value, end = DECODER.raw_decode(text, at)
                yield number, value
                number += text.count("\n", at, end)
                at = end
                continue
            except ValueError as e:
                error = e
        cut_off = error is None or error.pos > len(text) - LONGEST_LITERAL or "Unterminated string" in error.msg
        if not cut_off:
            line = number + text.count("\n", at, error.pos)
            reading.bad(line, f"this is no JSON, and nothing after it can be read: {_reason(error)}.")
            return
        # An object that is larger than what was read is tried again with twice as much.
        size, more = 0, []
        while size <= len(text) - at and (chunk := next(chunks, "")):
            more.append(chunk)
            size += len(chunk)
        if not more:
            if error is not None or closing:
                why = f"this is no JSON: {_reason(error)}" if error is not None else "the array has no closing bracket"
                reading.bad(number, f"{why}, {CUT_OFF}.")
            return
        text, at = "".join([text[at:], *more]), 0


def _reason(error: ValueError) -> str:
    return f"{getattr(error, 'msg', error)} (column {getattr(error, 'colno', 0)})"
