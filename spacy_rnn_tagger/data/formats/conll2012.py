"""CoNLL-2012 (OntoNotes, https://cemantix.org/conll/2012/data.html): columns by spaces, entities in brackets; read, not
written."""

import re
from itertools import islice
from typing import Iterator, List, Optional, Tuple

from ..encodings import read_lines
from ..reading import Reading
from ..records import Record
from ..report import count
from ..settings import ReadSettings

BEGIN = re.compile(r"#begin document\s*(.*)")
WORD, TAG, LEMMA, ENTS = 3, 4, 6, 10
LEAST = 11
"""The least number of columns: those up to that of entities."""
SAMPLE_LINES = 500
BRACKET = re.compile(r"(\([^()*]+)?(\*)?(\))?")
LEFT_OUT = (
    "Trees, predicates, senses, speakers and coreference of CoNLL-2012 are left out: a doc has no place for them."
)


def is_conll2012(reading: Reading) -> bool:
    """RETURNS (bool): Whether a file with columns is one of CoNLL-2012: documents begin by a line that says so, and
    most lines have as many columns. reading (Reading): The file."""
    quiet = Reading(reading.path, ReadSettings(skip_bad=True), reading.vocab)
    lines = [line for _, line in islice(read_lines(quiet), SAMPLE_LINES) if line.strip()]
    widths = [len(line.split()) for line in lines if not line.startswith("#")]
    wide = sum(width >= LEAST for width in widths)
    return any(BEGIN.match(line) for line in lines) and wide * 2 > len(widths)


def read_conll2012(reading: Reading) -> Iterator[Record]:
    """The sentences of a CoNLL-2012 file. Their numbers of columns differ by their numbers of predicates.

    reading (Reading): The file.
    YIELDS (Record): A sentence; each part of a document begins one.
    """
    reading.columns = ["word", "tag", "lemma", "ents"]
    reading.note(LEFT_OUT)
    rows: List[Tuple[int, List[str]]] = []
    document: Optional[str] = None
    for number, line in read_lines(reading):
        begins = BEGIN.match(line)
        if (begins or not line.strip() or line.startswith("#end document")) and rows:
            yield from _sentence(rows, document, reading)
            rows, document = [], None
        if begins:
            document = begins[1].strip()
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split()
        if len(parts) < LEAST:
            reading.bad(number, f"the line has {count(len(parts), 'column')}, but CoNLL-2012 has at least {LEAST}.")
            continue
        rows.append((number, parts))
    if rows:
        yield from _sentence(rows, document, reading)


def _sentence(rows: List[Tuple[int, List[str]]], document: Optional[str], reading: Reading) -> Iterator[Record]:
    words = [parts[WORD] for _, parts in rows]
    record = Record(rows[0][0], words=words, lines=[number for number, _ in rows], is_sentence=True)
    record.new_doc = document is not None
    record.meta = {"id": document} if document else {}
    record.columns["tag"] = [parts[TAG] if parts[TAG] != "-" or parts[WORD] == "-" else "" for _, parts in rows]
    record.columns["lemma"] = ["" if parts[LEMMA] == "-" else parts[LEMMA] for _, parts in rows]
    record.tags = _tags(rows, reading)
    if record.tags is not None:
        yield record


def _tags(rows: List[Tuple[int, List[str]]], reading: Reading) -> Optional[List[str]]:
    """The tags in iob2 of entities in brackets: "(GPE*" begins one, "*)" ends it, "(GPE)" is one of one word."""
    tags, label, number = [], "", 0
    for number, parts in rows:
        found = BRACKET.fullmatch(parts[ENTS])
        if parts[ENTS] == "-":
            tags.append("-")
            continue
        if not found or (found[1] and label) or (found[3] and not (found[1] or label)):
            reading.bad(
                number,
                f"{parts[ENTS]!r} in column {ENTS + 1} is no entity in brackets, such as (GPE), (GPE*, *, *), or opens "
                "one inside another, or closes one that is not open.",
            )
            return None
        opened = found[1][1:] if found[1] else ""
        tags.append(f"B-{opened}" if opened else f"I-{label}" if label else "O")
        label = "" if found[3] else opened or label
    if label:
        reading.bad(number, f"the entity {label!r} is not closed at the end of its sentence.")
        return None
    return tags
