"""Tables (CSV and TSV) of texts with offsets: a row for each span, or for each text with its spans as JSON. Tables
with a row for each token are read, too."""

import csv
import json
from itertools import chain
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from spacy.tokens import Doc

from ..annotations import has_entities, meta_of, spans_of
from ..columns import find_field
from ..encodings import read_lines
from ..reading import Reading, Writing
from ..records import Record
from ..report import count
from ..span_items import END, LABEL, SCORE, START, TEXT, spans_of_items, text_of
from .token_tables import read_token_rows, token_roles

SPANS = ["spans", "entities", "annotations", "label", "labels", "ents"]
IDS = ["id", "doc_id", "document_id", "text_id"]
COLUMNS = ["id", "text", "start", "end", "label", "score"]
MOST_CHARACTERS = 1 << 27
"""The longest cell, in characters."""


def table_reader(delimiter: str) -> Callable[[Reading], Iterator[Record]]:
    """RETURNS (Callable): The reader of tables whose cells are parted by a character. delimiter (str): The
    character."""

    def read_table(reading: Reading) -> Iterator[Record]:
        csv.field_size_limit(MOST_CHARACTERS)
        lines = (line for _, line in read_lines(reading, keep_ends=True))
        header = next(lines, "")
        parted = delimiter
        if delimiter == "," and "," not in header and ";" in header:
            parted = ";"
            reading.note("Cells are parted by semicolons.")
        rows = csv.reader(chain([header], lines), delimiter=parted, strict=True)
        yield from read_rows(reading, _numbered(reading, rows))

    return read_table


def table_writer(delimiter: str) -> Callable[[Iterable[Doc], Writing], None]:
    """RETURNS (Callable): The writer of tables whose cells are parted by a character. delimiter (str): The
    character."""

    def write_table(docs: Iterable[Doc], writing: Writing) -> None:
        with writing.path.open("w", encoding="utf8", newline="") as file:
            table = csv.writer(file, delimiter=delimiter, lineterminator="\n")
            table.writerow(COLUMNS)
            for n, doc in enumerate(docs):
                start = [meta_of(doc).get("id", n), doc.text]
                spans = spans_of(doc, writing)
                for span in spans:
                    table.writerow([*start, span.start, span.end, span.label, "" if span.score is None else span.score])
                if not spans:
                    table.writerow([*start, "", "", "", ""])
                if not has_entities(doc, writing):
                    writing.note("A table cannot tell texts without annotation from those without entities.")

    return write_table


def read_rows(reading: Reading, rows: Iterator[Tuple[int, List[Any]]]) -> Iterator[Record]:
    """The texts of a table. Rows that follow each other and have the same id, or without ids the same text, are spans
    of one text.

    reading (Reading): The file.
    rows (Iterator[Tuple[int, List[Any]]]): Line and cells of each row; the first names the columns.
    YIELDS (Record): A text.
    """
    header = next(rows, None)
    if header is None:
        raise reading.refuse(
            0, "the table is empty; its first row must name the columns, such as text, start, end, label."
        )
    names = [str(name).strip() for name in header[1]]
    given = reading.field_names()
    tokens = token_roles(names, given)
    if tokens is not None and "text" not in given:
        yield from read_token_rows(reading, names, tokens, rows)
        return
    roles = {
        role: given.get(role) or find_field(names, wanted)
        for role, wanted in (
            ("text", TEXT),
            ("start", START),
            ("end", END),
            ("label", LABEL),
            ("score", SCORE),
            ("id", IDS),
        )
    }
    for role, field in roles.items():
        if field is not None and field not in names:
            raise reading.refuse(
                header[0], f"there is no column {field!r} for {role}; the columns are {', '.join(names)}."
            )
    if roles["text"] is None:
        raise reading.refuse(
            header[0],
            f"no column is called text; the columns are {', '.join(map(repr, names))}. The first row must name the "
            "columns; name "
            "others by --columns text=COLUMN,start=COLUMN,end=COLUMN,label=COLUMN.",
        )
    reading.columns = [
        f"{role}={field}" if role != field else role for role, field in roles.items() if field is not None
    ]
    by_text = roles["start"] is None or roles["end"] is None
    last: Optional[Record] = None
    key: Any = None
    for line, cells in rows:
        if not any(cells):
            continue
        if len(cells) != len(names):
            reading.bad(
                line,
                f"the row has {count(len(cells), 'cell')}, but the table {count(len(names), 'column')}; quote cells "
                "that hold the separator.",
            )
            continue
        item = dict(zip(names, cells))
        record = _by_text(reading, line, item) if by_text else _by_span(reading, line, item, roles)
        if record is None:
            continue
        its_key = item[roles["id"]] if roles["id"] else record.text
        if roles["id"] and its_key not in ("", None):
            record.meta = {"id": its_key}
        if last is not None and not by_text and its_key == key and record.text == last.text:
            last.spans = [*(last.spans or []), *(record.spans or [])]
            continue
        if last is not None:
            yield last
        last, key = record, its_key
    if last is not None:
        yield last


def _numbered(reading: Reading, rows: Any) -> Iterator[Tuple[int, List[str]]]:
    line = 1
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as e:
            reading.bad(line, f"this is no row of a table: {e}.")
            return
        yield line, cells
        line = rows.line_num + 1


def _by_span(reading: Reading, line: int, item: Dict[str, Any], roles: Dict[str, Optional[str]]) -> Optional[Record]:
    text = text_of(reading, line, {**item, "text": item[roles["text"] or ""]})
    start, end, label, score = (item.get(roles[name] or "") for name in ("start", "end", "label", "score"))
    if text is None or (start in ("", None) and end in ("", None)):
        return None if text is None else Record(line, text=text, spans=[])
    try:
        place = [int(str(start)), int(str(end)), label]
        likely = None if score in ("", None) else float(str(score))
    except ValueError:
        reading.bad(
            line, f"start and end must be whole numbers, and a score a number, but are {start!r}, {end!r}, {score!r}."
        )
        return None
    spans = spans_of_items(reading, line, [place])
    return None if spans is None else Record(line, text=text, spans=[spans[0]._replace(score=likely)])


def _by_text(reading: Reading, line: int, item: Dict[str, Any]) -> Optional[Record]:
    text = text_of(reading, line, item)
    field = reading.field_names().get("spans") or find_field(list(item), SPANS)
    value = item.get(field) if field is not None else None
    if text is None or field is None:
        return None if text is None else Record(line, text=text)
    if value is None:
        return Record(line, text=text)
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else []
        except ValueError:
            reading.bad(
                line, f'the column {field!r} must hold spans as JSON, such as [[0, 4, "PERSON"]], not {value[:40]!r}.'
            )
            return None
    spans = spans_of_items(reading, line, value)
    return None if spans is None else Record(line, text=text, spans=spans)
