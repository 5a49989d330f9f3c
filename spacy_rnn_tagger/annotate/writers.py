"""Shards of each format. A shard's bytes depend on the documents alone: no time, no name of a machine is in it."""

import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

import numpy as np
from spacy.language import Language
from spacy.strings import StringStore
from spacy.tokens import Doc

from ..data.building import META
from ..data.formats.conllu import write_conllu
from ..data.formats.docbin import write_docbin
from ..data.reading import Writing
from ..pipeline.stored_scores import register_extensions
from .arrow import to_table
from .columns import arrow_schema
from .layers import Layers
from .rows import Rows, concatenate, make_rows, names_of
from .settings import AnnotateSettings

GROUP_TOKENS = 250_000
"""Tokens after which rows are written out, and a row group of Parquet ends."""
Batch = Tuple[List[Doc], List[str]]
"""Docs and their ids."""


def write_shard(
    batches: Iterable[Batch], path: Path, nlp: Language, layers: Layers, settings: AnnotateSettings
) -> None:
    """Write the docs of a shard.

    batches (Iterable[Batch]): Docs with their ids, some at a time.
    path (Path): The file.
    nlp (Language): The pipeline.
    layers (Layers): What it writes.
    settings (AnnotateSettings): The format, and what is asked for.
    """
    WRITERS[settings.format](batches, path, nlp, layers, settings)


def _write_parquet(
    batches: Iterable[Batch], path: Path, nlp: Language, layers: Layers, settings: AnnotateSettings
) -> None:
    from pyarrow import parquet

    schema = arrow_schema(layers, settings)
    with path.open("wb") as file, parquet.ParquetWriter(file, schema, compression="zstd", compression_level=1) as out:
        for rows in _groups(batches, layers, settings):
            table = to_table(rows, schema, nlp.vocab.strings)
            out.write_table(table, row_group_size=max(1, len(table)))


def _write_jsonl(
    batches: Iterable[Batch], path: Path, nlp: Language, layers: Layers, settings: AnnotateSettings
) -> None:
    with path.open("w", encoding="utf8", newline="\n") as file:
        for docs, ids in batches:
            rows = make_rows(docs, ids, layers, with_text=settings.with_text)
            for item in json_rows(rows, layers, nlp.vocab.strings):
                file.write(json.dumps(item, ensure_ascii=False) + "\n")


def _write_conllu(
    batches: Iterable[Batch], path: Path, nlp: Language, layers: Layers, settings: AnnotateSettings
) -> None:
    write_conllu(_named(batches), Writing(path, register_scores=register_extensions))


def _write_docbin(
    batches: Iterable[Batch], path: Path, nlp: Language, layers: Layers, settings: AnnotateSettings
) -> None:
    write_docbin(_named(batches), Writing(path))


WRITERS: Dict[str, Callable[[Iterable[Batch], Path, Language, Layers, AnnotateSettings], None]] = {
    "parquet": _write_parquet,
    "jsonl": _write_jsonl,
    "conllu": _write_conllu,
    "spacy": _write_docbin,
}


def json_rows(rows: Rows, layers: Layers, strings: StringStore) -> Iterator[Dict[str, Any]]:
    """Rows as objects, with the columns and in the order of `arrow_schema`.

    rows (Rows): The rows.
    layers (Layers): What they hold.
    strings (StringStore): The strings of the pipeline's vocabulary.
    YIELDS (Dict[str, Any]): A row.
    """
    tokens: Dict[str, List[Any]] = {"token_start": rows.starts.tolist(), "token_end": rows.ends.tolist()}
    for name in [*layers.tokens, *(f"_.{name}" for name in layers.extensions)]:
        tokens[name] = names_of(rows.labels[name], strings) if name in rows.labels else rows.strings[name[2:]]
        if name in rows.scores:
            tokens[f"{name}_score"] = _numbers(rows.scores[name])
    if rows.heads is not None:
        tokens["head"] = rows.heads.tolist()
    spans: Dict[str, Tuple[List[int], List[Dict[str, Any]]]] = {}
    for name, found in rows.spans.items():
        parts: Dict[str, List[Any]] = {"start": found.starts.tolist(), "end": found.ends.tolist()}
        parts.update({} if found.labels is None else {"label": names_of(found.labels, strings)})
        parts.update({} if found.scores is None else {"score": _numbers(found.scores)})
        objects = [dict(zip(parts, values)) for values in zip(*parts.values())]
        spans[name] = (np.concatenate(([0], np.cumsum(found.sizes))).tolist(), objects)
    end = 0
    for i, (name, size) in enumerate(zip(rows.ids, rows.sizes.tolist())):
        start, end = end, end + size
        item: Dict[str, Any] = {"id": name}
        if rows.texts is not None:
            item["text"] = rows.texts[i]
        item.update((column, values[start:end]) for column, values in tokens.items())
        item.update((column, objects[bounds[i] : bounds[i + 1]]) for column, (bounds, objects) in spans.items())
        if rows.cats is not None:
            item["cats"] = [{"label": label, "score": score} for label, score in rows.cats[i].items()]
        yield item


def _groups(batches: Iterable[Batch], layers: Layers, settings: AnnotateSettings) -> Iterator[Rows]:
    parts: List[Rows] = []
    n_tokens = 0
    for docs, ids in batches:
        parts.append(make_rows(docs, ids, layers, with_text=settings.with_text))
        n_tokens += len(parts[-1].starts)
        if n_tokens >= GROUP_TOKENS:
            yield concatenate(parts)
            parts, n_tokens = [], 0
    if parts:
        yield concatenate(parts)


def _named(batches: Iterable[Batch]) -> Iterator[Doc]:
    for docs, ids in batches:
        for doc, name in zip(docs, ids):
            doc.user_data[META] = {"id": name}
            yield doc


def _numbers(scores: Any) -> List[Optional[float]]:
    return [None if score != score else score for score in scores.tolist()]
