"""Documents of files that cannot be cut by lines: CSV, Parquet and .spacy files."""

import csv
import io
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ..data.building import META
from ..data.encodings import SAMPLE, recognize_encoding
from ..data.formats.tables import MOST_CHARACTERS
from ..errors import nearest
from .inputs import InputFile
from .records import Record, Rejected, Text
from .settings import WHERE, AnnotateSettings

ROWS = 1000
"""Rows of a Parquet file that are in memory at once."""
Rows = Iterator[Tuple[Record, int]]
"""Documents, and how much of the file is read after each, in bytes on disk; 0 where that is not known."""


def check_columns(file: InputFile, settings: AnnotateSettings) -> None:
    """Refuse a table without a column of texts, before any work is done.

    file (InputFile): The file.
    settings (AnnotateSettings): Names the columns.
    RAISES (ValueError): If there is none.
    """
    if file.kind not in ("csv", "parquet"):
        return
    try:
        names = _names_of(file)
    except Exception as e:
        if not is_damage(e):
            raise
        return  # what is damaged is rejected when it is read
    if settings.text_field not in names:
        raise ValueError(
            f"{WHERE}: {file.name!r} has no column {settings.text_field!r}; its columns are "
            f"{', '.join(map(repr, names)) or 'none'}.{nearest(settings.text_field, names)} Name it by --text-field."
        )


def is_damage(error: Exception) -> bool:
    """RETURNS (bool): Whether an error comes from damaged content, and not from the disk or the memory. error
    (Exception): The error."""
    return not isinstance(error, MemoryError) and getattr(error, "errno", None) is None


def cut_off(error: BaseException) -> str:
    """RETURNS (str): The reason why the rest of a file is rejected. error (BaseException): The error."""
    detail = " ".join(str(error).split())[:120]
    return f"the rest of the file is damaged or cut off ({type(error).__name__}: {detail})."


def checked(line: int, text: Any, name: Any) -> Record:
    """A document, or why it is none.

    line (int): Its line.
    text (Any): What should be its text.
    name (Any): Its id, if there is one.
    RETURNS (Record): The document.
    """
    if not isinstance(text, str):
        return Rejected(line, f"the text must be a string, not {text!r:.60}.")
    try:
        text.encode("utf8")
    except UnicodeEncodeError:
        return Rejected(line, "the text holds bytes or surrogates that are no characters of UTF-8.")
    return Text(line, _id(name), text)


def _names_of(file: InputFile) -> List[str]:
    if file.kind == "parquet":
        from pyarrow import parquet

        return list(parquet.ParquetFile(file.path).schema_arrow.names)
    lines = _text_lines(file)
    try:
        return _header(file, next(lines, ""))[0]
    finally:
        lines.close()


def _text_lines(file: InputFile) -> Any:
    """The lines of a file with their ends, in a generator."""
    stream, _ = file.open()
    with stream:
        encoding = recognize_encoding(stream.read(SAMPLE))
    reader: Any = file.open()[0]
    with io.TextIOWrapper(reader, encoding=encoding, errors="surrogateescape", newline="") as text:
        yield from text


def _header(file: InputFile, line: str) -> Tuple[List[str], str]:
    """The names of the columns, and what parts them."""
    delimiter = "\t" if ".tsv" in file.name.lower() else ";" if "," not in line and ";" in line else ","
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])], delimiter


def _csv(file: InputFile, settings: AnnotateSettings) -> Rows:
    csv.field_size_limit(MOST_CHARACTERS)
    lines = _text_lines(file)
    names, delimiter = _header(file, next(lines, ""))
    at, at_id = _places(names, settings)
    read, rows = 1, csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        first = read + rows.line_num + 1
        try:
            cells = next(rows, None)
        except csv.Error as e:
            # The reader is in the middle of a cell now, so another one goes on with the next line.
            yield Rejected(first, f"this is no row of a table: {e}."), 0
            read, rows = read + rows.line_num, csv.reader(lines, delimiter=delimiter, strict=True)
            continue
        if cells is None:
            return
        if not any(cells):
            continue
        if len(cells) != len(names):
            yield Rejected(first, f"the row has {len(cells)} cells, but the table {len(names)} columns."), 0
        else:
            yield checked(first, cells[at], None if at_id is None else cells[at_id]), 0


def _parquet(file: InputFile, settings: AnnotateSettings) -> Rows:
    from pyarrow import parquet

    table = parquet.ParquetFile(file.path)
    names = table.schema_arrow.names
    at, at_id = _places(names, settings)
    columns = [names[at], *([] if at_id is None else [names[at_id]])]
    number, n_rows = 0, max(1, table.metadata.num_rows)
    for batch in table.iter_batches(batch_size=ROWS, columns=columns):
        cells = batch.to_pydict()
        for text, name in zip(cells[columns[0]], cells[columns[1]] if at_id is not None else [None] * len(batch)):
            number += 1
            yield checked(number, text, name), file.size * number // n_rows


def _docbin(file: InputFile, settings: AnnotateSettings) -> Rows:
    docs = DocBin().from_disk(file.path)
    n_docs = max(1, len(docs))
    for number, doc in enumerate(docs.get_docs(Vocab()), 1):
        words = [token.text for token in doc]
        spaces = [bool(token.whitespace_) for token in doc]
        meta = doc.user_data.get(META)
        name = meta.get(settings.id_field) if isinstance(meta, dict) else None
        yield Text(number, _id(name), "", words, spaces), file.size * number // n_docs


TABLES: Dict[str, Callable[[InputFile, AnnotateSettings], Rows]] = {
    "csv": _csv,
    "parquet": _parquet,
    "spacy": _docbin,
}


def _places(names: List[str], settings: AnnotateSettings) -> Tuple[int, Optional[int]]:
    return names.index(settings.text_field), (names.index(settings.id_field) if settings.id_field in names else None)


def _id(given: Any) -> Optional[str]:
    return None if given is None or given == "" else str(given).encode("utf8", "replace").decode("utf8")
