"""Rows as Arrow tables."""

from typing import Any, Dict, List, Optional

import numpy as np
from numpy.typing import NDArray
from spacy.strings import StringStore

from .rows import Hashes, Rows, Scores, Spans, names_of


def to_table(rows: Rows, schema: Any, strings: StringStore) -> Any:
    """Rows as a table.

    rows (Rows): The rows.
    schema (pyarrow.Schema): Their columns, of `arrow_schema`.
    strings (StringStore): The strings of the pipeline's vocabulary.
    RETURNS (pyarrow.Table): The table.
    """
    import pyarrow as pa

    tokens = _bounds(rows.sizes)
    found: Dict[str, Any] = {"id": pa.array(rows.ids, pa.string()), "text": rows.texts}
    found["token_start"] = pa.ListArray.from_arrays(tokens, rows.starts)
    found["token_end"] = pa.ListArray.from_arrays(tokens, rows.ends)
    if rows.heads is not None:
        found["head"] = pa.ListArray.from_arrays(tokens, rows.heads)
    for name, hashes in rows.labels.items():
        label = schema.field(name).type.value_type
        found[name] = pa.ListArray.from_arrays(tokens, _labels(hashes, label, strings))
    for name, values in rows.strings.items():
        label = schema.field(f"_.{name}").type.value_type
        found[f"_.{name}"] = pa.ListArray.from_arrays(tokens, _encoded(pa.array(values, pa.string()), label))
    for name, scores in rows.scores.items():
        found[f"{name}_score"] = pa.ListArray.from_arrays(tokens, _known(scores))
    for name, spans in rows.spans.items():
        found[name] = _spans(spans, schema.field(name).type.value_type, strings)
    if rows.cats is not None:
        cats = [[{"label": label, "score": score} for label, score in each.items()] for each in rows.cats]
        found["cats"] = pa.array(cats, schema.field("cats").type)
    return pa.Table.from_arrays([pa.array(found[f.name], f.type) for f in schema], schema=schema)


def _spans(spans: Spans, struct: Any, strings: StringStore) -> Any:
    import pyarrow as pa

    parts: List[Any] = [pa.array(spans.starts), pa.array(spans.ends)]
    if spans.labels is not None:
        parts.append(_labels(spans.labels, struct.field("label").type, strings))
    if spans.scores is not None:
        parts.append(_known(spans.scores))
    return pa.ListArray.from_arrays(_bounds(spans.sizes), pa.StructArray.from_arrays(parts, fields=list(struct)))


def _labels(hashes: Hashes, label: Any, strings: StringStore) -> Any:
    """Labels by number, each string once."""
    import pyarrow as pa

    encoded = pa.array(hashes, mask=hashes == 0).dictionary_encode()
    names: List[Optional[str]] = names_of(encoded.dictionary.to_numpy(), strings)
    found = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(names, pa.string()))
    return found if pa.types.is_dictionary(label) else found.cast(label)


def _encoded(values: Any, label: Any) -> Any:
    import pyarrow as pa

    return values.dictionary_encode() if pa.types.is_dictionary(label) else values


def _known(scores: Scores) -> Any:
    import pyarrow as pa

    return pa.array(scores, mask=np.isnan(scores))


def _bounds(sizes: NDArray[np.int32]) -> NDArray[np.int32]:
    bounds: NDArray[np.int32] = np.concatenate(([0], np.cumsum(sizes))).astype("int32")
    return bounds
