"""Parquet tables: texts with a list of spans, rows for spans, or tokens with tags as Hugging Face's datasets have
them."""

import json
from itertools import islice
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from spacy.tokens import Doc

from ..annotations import has_entities, meta_of, spans_of
from ..columns import find_field
from ..reading import Reading, Writing
from ..records import Record
from .hugging_face import TAGS, TOKENS, record_of_tokens
from .tables import read_rows

ROWS = 1000
"""Rows that are in memory at once."""


def read_parquet(reading: Reading) -> Iterator[Record]:
    """The rows of a Parquet file, some at a time.

    reading (Reading): The file.
    YIELDS (Record): A text.
    RAISES (BadLine): If the file is damaged.
    """
    pyarrow = _pyarrow()
    try:
        file = pyarrow.parquet.ParquetFile(reading.path)
    except (OSError, pyarrow.ArrowException) as e:
        raise reading.refuse(0, f"this is no Parquet file, or is cut off ({type(e).__name__}).") from e
    names = file.schema_arrow.names
    if find_field(names, TOKENS) and find_field(names, TAGS):
        labels = reading.settings.labels or _labels_of(file.schema_arrow, find_field(names, TAGS) or "")
        reading.columns = [find_field(names, TOKENS) or "", find_field(names, TAGS) or ""]
        for line, cells in _rows(reading, file):
            record = record_of_tokens(reading, line, dict(zip(names, cells)), labels)
            if record is not None:
                yield record
        return

    def rows() -> Iterator[Tuple[int, List[Any]]]:
        yield 0, list(names)
        yield from _rows(reading, file)

    yield from read_rows(reading, rows())


def write_parquet(docs: Iterable[Doc], writing: Writing) -> None:
    """Write a row for each text, with its id and a list of spans.

    docs (Iterable[Doc]): The docs.
    writing (Writing): The file.
    """
    pa = _pyarrow()
    span = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string()), ("score", pa.float64())])
    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("spans", pa.list_(span))])
    docs = iter(docs)
    with pa.parquet.ParquetWriter(writing.path, schema) as file:
        while batch := list(islice(docs, ROWS)):
            file.write_table(pa.Table.from_pylist([_row(doc, writing) for doc in batch], schema=schema))


def _row(doc: Doc, writing: Writing) -> Dict[str, Any]:
    spans = [{"start": s.start, "end": s.end, "label": s.label, "score": s.score} for s in spans_of(doc, writing)]
    name = meta_of(doc).get("id")
    known = has_entities(doc, writing)
    return {"id": None if name is None else str(name), "text": doc.text, "spans": spans if known else None}


def _rows(reading: Reading, file: Any) -> Iterator[Tuple[int, List[Any]]]:
    line = 1
    batches = file.iter_batches(batch_size=ROWS)
    while True:
        try:
            batch = next(batches, None)
            rows = [] if batch is None else batch.to_pylist()
        except (OSError, ValueError, _pyarrow().ArrowException) as e:
            raise reading.refuse(line, f"the rows from here on are damaged ({type(e).__name__}).") from e
        if batch is None:
            return
        for row in rows:
            yield line, list(row.values())
            line += 1


def _labels_of(schema: Any, column: str) -> Optional[List[str]]:
    """The names of tags that Hugging Face's datasets keep beside the table."""
    metadata = (schema.metadata or {}).get(b"huggingface", b"")
    try:
        feature = json.loads(metadata)["info"]["features"][column]
        feature = feature.get("feature", feature)
        return list(feature["names"]) if "names" in feature else None
    except (TypeError, ValueError, KeyError, AttributeError):
        return None


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as e:
        raise ValueError("rnn convert: Parquet needs pyarrow: pip install 'spacy-rnn-tagger[data]'") from e
    return pyarrow
