"""Input files taken apart into single documents, as little as is needed to cut them into chunks: lines of bytes, or
the rows of tables."""

import io
from typing import IO, Any, Callable, Iterable, Iterator, NamedTuple, Optional

from ..data.encodings import SAMPLE, recognize_encoding
from .inputs import InputFile
from .records import Record, Rejected
from .settings import AnnotateSettings
from .tables import TABLES, cut_off, is_damage

BYTES_OF_A_TOKEN = 6
ASK_AFTER = 256
"""Lines of a compressed file after which it is asked how much of it is read."""


class Piece(NamedTuple):
    """One document, or one blank or damaged line.

    file: The file.
    kind: The kind of its segment.
    line: Its line, from 1.
    start: Its first byte; -1 if a worker cannot read it at its place.
    raw: Its bytes.
    record: The document, where it is no line.
    n_tokens: About how many tokens it has.
    done: How much of the file is read after it, in bytes on disk.
    """

    file: str
    kind: str
    line: int
    start: int
    raw: bytes
    record: Optional[Record]
    n_tokens: int
    done: int


def estimate_tokens(raw: bytes) -> int:
    """About how many tokens a text has: words between spaces, or, of a language that does not write spaces, a token for
    every two of its letters.

    raw (bytes): The text in UTF-8.
    RETURNS (int): The number, at least 1.
    """
    return max(raw.count(b" ") + 1, len(raw) // BYTES_OF_A_TOKEN)


def read_pieces(file: InputFile, settings: AnnotateSettings) -> Iterator[Piece]:
    """The documents of one file, in order, a part of it in memory at a time.

    file (InputFile): The file.
    settings (AnnotateSettings): How it is read.
    YIELDS (Piece): A document, a blank line, or a place where the file is damaged.
    """
    line = 0
    try:
        for piece in _read(file, settings):
            line = piece.line
            yield piece
    except Exception as e:
        # Each library has errors of its own for damaged bytes.
        if not is_damage(e):
            raise
        yield _piece_of(file, Rejected(line + 1, cut_off(e)), file.size)


def _read(file: InputFile, settings: AnnotateSettings) -> Iterator[Piece]:
    if file.kind in TABLES:
        return (_piece_of(file, record, done) for record, done in TABLES[file.kind](file, settings))
    return _whole(file) if file.kind == "lines" and settings.whole_files else _lines(file)


def _piece_of(file: InputFile, record: Record, done: int) -> Piece:
    if isinstance(record, Rejected):
        n_tokens = 0
    elif record.words is not None:
        n_tokens = len(record.words)
    else:
        n_tokens = estimate_tokens(record.text.encode("utf8"))
    return Piece(file.name, "records", record.line, -1, b"", record, n_tokens, done)


def _whole(file: InputFile) -> Iterator[Piece]:
    stream, _ = file.open()
    with stream:
        raw = stream.read()
    yield Piece(file.name, "file", 0, -1 if file.compression else 0, raw, None, estimate_tokens(raw), file.size)


def _lines(file: InputFile) -> Iterator[Piece]:
    stream, tell = file.open()
    with stream:
        sample = stream.read(SAMPLE)
        encoding = recognize_encoding(sample)
        plain = encoding.startswith("utf-8") and not (b"\r" in sample and b"\n" not in sample)
        stream.close()
    stream, tell = file.open()
    with stream:
        lines = stream if plain else _recoded(stream, encoding)
        yield from _seekable(file, lines) if plain and not file.compression else _carried(file, lines, tell)


def _seekable(file: InputFile, lines: Iterable[bytes]) -> Iterator[Piece]:
    end = 0
    for number, raw in enumerate(lines, 1):
        start, end = end, end + len(raw)
        yield Piece(file.name, file.kind, number, start, raw, None, estimate_tokens(raw), end)


def _carried(file: InputFile, lines: Iterable[bytes], tell: Callable[[], int]) -> Iterator[Piece]:
    done = 0
    for number, raw in enumerate(lines, 1):
        done = done if number % ASK_AFTER else tell()
        yield Piece(file.name, file.kind, number, -1, raw, None, estimate_tokens(raw), done)


def _recoded(stream: IO[bytes], encoding: str) -> Iterator[bytes]:
    """Lines in UTF-8 of a file in another encoding, or with other line ends."""
    reader: Any = stream
    with io.TextIOWrapper(reader, encoding=encoding, errors="surrogateescape", newline=None) as text:
        for line in text:
            yield line.encode("utf-8", "surrogateescape")
