"""brat's standoff format: for each text a .txt file and beside it an .ann file of the same name."""

import re
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional

from spacy.tokens import Doc

from ..annotations import has_entities, meta_of, score_text, spans_of
from ..encodings import read_lines
from ..reading import Reading, Writing
from ..records import CharSpan, Record

SPAN = re.compile(r"(T\S*)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t(.*))?")
SCORE = re.compile(r"#\S*\tAnnotatorNotes (T\S*)\tscore=(0|1|[\d.]+(?:e-\d+)?)")
"""The note with a probability that is written after a span."""
OTHERS = (
    "Lines of relations, events, attributes and notes, left out because only text-bound annotations (T...) "
    "are read: {n}."
)
PIECES = "Spans of several pieces, left out because a span of a doc is of one piece: {n}."


def read_brat(reading: Reading) -> Iterator[Record]:
    """The texts of a folder, or one text.

    reading (Reading): A folder, or a .txt or .ann file.
    YIELDS (Record): A text, with its spans if there is an .ann file.
    """
    folder = reading.path
    paths = sorted(folder.rglob("*.txt")) if folder.is_dir() else [folder.with_suffix(".txt")]
    if folder.is_dir() and not paths:
        raise reading.refuse(0, "there is no .txt file in this folder; brat has a .txt and an .ann file for each text.")
    for path in paths:
        if not path.exists():
            raise reading.refuse(0, f"the text {path.name!r} that must lie beside the .ann file is missing.")
        text = "".join(line for _, line in read_lines(_at(reading, path), keep_ends=True))
        ann = path.with_suffix(".ann")
        spans = _spans(_at(reading, ann), text) if ann.exists() else None
        name = path.relative_to(folder).with_suffix("").as_posix() if folder.is_dir() else path.stem
        yield Record(1, text=text, spans=spans, meta={"id": name})


def write_brat(docs: Iterable[Doc], writing: Writing) -> None:
    """Write a .txt and an .ann file for each doc, named by its id or its number; probabilities as notes of the
    annotator.

    docs (Iterable[Doc]): The docs.
    writing (Writing): The folder.
    """
    writing.path.mkdir(parents=True, exist_ok=True)
    taken: Dict[str, int] = {}
    for n, doc in enumerate(docs, 1):
        name = re.sub(r"[^\w.-]", "_", str(meta_of(doc).get("id", f"doc-{n:06d}"))).lstrip(".") or f"doc-{n:06d}"
        taken[name] = taken.get(name, 0) + 1
        name = name if taken[name] == 1 else f"{name}-{n}"
        (writing.path / f"{name}.txt").write_text(doc.text, encoding="utf8", newline="\n")
        if has_entities(doc, writing):
            lines = _lines(spans_of(doc, writing))
            (writing.path / f"{name}.ann").write_text("".join(lines), encoding="utf8", newline="\n")


def _lines(spans: List[CharSpan]) -> Iterator[str]:
    for n, span in enumerate(spans, 1):
        label = re.sub(r"\s", "_", span.label)
        text = re.sub(r"[\r\n]", " ", span.text or "")
        yield f"T{n}\t{label} {span.start} {span.end}\t{text}\n"
        if span.score is not None:
            yield f"#{n}\tAnnotatorNotes T{n}\tscore={score_text(span.score)}\n"


def _spans(reading: Reading, text: str) -> List[CharSpan]:
    spans: Dict[str, CharSpan] = {}
    for number, line in read_lines(reading):
        if not line.strip():
            continue
        note = SCORE.fullmatch(line)
        if note is not None and note[1] in spans:
            spans[note[1]] = spans[note[1]]._replace(score=float(note[2]))
            continue
        if not line.startswith("T"):
            reading.count(OTHERS)
            continue
        found = SPAN.fullmatch(line)
        if found is None:
            reading.bad(
                number, f"this is no text-bound annotation such as 'T1<TAB>Person 0 4<TAB>Anna': {line[:60]!r}."
            )
            continue
        if ";" in found[3]:
            reading.count(PIECES)
            continue
        start, end = map(int, found[3].split())
        piece: Optional[str] = found[4]
        if start >= end:
            reading.bad(number, f"the span from {start} to {end} is empty; its end must be above its start.")
            continue
        if piece is not None and " ".join(text[start:end].split()) != " ".join(piece.split()):
            reading.count("Spans with a text that is not what stands at their offsets: {n}.")
        # Ids should be unique; a span whose id is not is no other's.
        name = found[1] if found[1] not in spans else f"{found[1]} {number}"
        spans[name] = CharSpan(start, end, found[2], text=piece)
    return list(spans.values())


def _at(reading: Reading, path: Path) -> Reading:
    """The same reading for another file: what it finds is told in the same report."""
    return Reading(
        path, reading.settings, reading.vocab, skipped=reading.skipped, notes=reading.notes, counts=reading.counts
    )
