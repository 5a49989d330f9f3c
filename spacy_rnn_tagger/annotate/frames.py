"""Annotation of tables that a program has already: functions for Ray and Spark, and what both do with a table."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Union

import numpy as np

from ..errors import nearest
from ..training.local_pool import one_thread_each
from ..training.ray_connection import import_ray
from .arrow import to_table
from .chunks import cut
from .columns import arrow_schema
from .layers import layers_of
from .models import load_model
from .pieces import estimate_tokens
from .records import Rejected, Text
from .rows import concatenate, make_rows
from .settings import WHERE, AnnotateSettings, import_pyarrow
from .spark_cluster import import_spark
from .tables import checked
from .worker import BATCH_TOKENS, Annotator

REJECTED = "rejected"
"""The column that says why a row has no annotation."""
ROWS = 1000
"""Rows that are annotated at a time."""


class TableAnnotator:
    """A pipeline that adds columns to Arrow tables.

    model (str): The pipeline: a directory, or the name of an installed package.
    settings (AnnotateSettings): What is added; `text_field` is the column of texts.
    gpu (int): The number of the GPU to use; -1 for the CPU.
    """

    def __init__(self, model: str, settings: AnnotateSettings, gpu: int = -1) -> None:
        self._annotator = Annotator(load_model(model, gpu=gpu), settings)
        self._settings = settings
        self._schema = arrow_schema(self._annotator.layers, replace(settings, with_text=False), plain=True)

    def __call__(self, table: Any) -> Any:
        """Annotate the rows of a table.

        table (pyarrow.Table): The table.
        RETURNS (pyarrow.Table): The same rows and columns, and behind them those of the annotation. Where a row cannot
            be annotated, these are null but for "rejected", which says why.
        """
        import pyarrow as pa

        given = table.column(self._settings.text_field).to_pylist()
        records = [checked(number, text, "") for number, text in enumerate(given)]
        texts = [record for record in records if isinstance(record, Text)]
        reasons: List[Optional[str]] = [r.reason if isinstance(r, Rejected) else None for r in records]
        places = np.full(len(records), -1)
        parts, n_docs = [], 0
        nlp = self._annotator.nlp
        self._annotator.forget()
        with nlp.memory_zone():
            for group in cut(texts, lambda text: estimate_tokens(text.text.encode("utf8")), BATCH_TOKENS):
                docs: List[Any] = []
                for text, found in zip(group, self._annotator.annotate(group)):
                    if isinstance(found, Rejected):
                        reasons[text.line] = found.reason
                    else:
                        places[text.line] = n_docs + len(docs)
                        docs.append(found)
                if docs:
                    parts.append(make_rows(docs, [""] * len(docs), self._annotator.layers))
                    n_docs += len(docs)
            if parts:
                found = to_table(concatenate(parts), self._schema, nlp.vocab.strings)
            else:
                found = self._schema.empty_table()
        rows = found.take(pa.array(places, mask=places < 0))
        for name in added_columns(self._schema):
            table = table.append_column(self._schema.field(name), rows.column(name))
        return table.append_column(REJECTED, pa.array(reasons, pa.string()))


def added_columns(schema: Any) -> List[str]:
    """RETURNS (List[str]): What is added to a table. schema (pyarrow.Schema): The columns of a run."""
    return [name for name in schema.names if name != "id"]


def ray(
    dataset: Any,
    model: Union[str, Path],
    *,
    text: str = "text",
    scores: bool = False,
    concurrency: Any = None,
    num_gpus: float = 0,
    batch_size: int = ROWS,
) -> Any:
    """Annotate a dataset of Ray: each actor loads the pipeline once.

    dataset (ray.data.Dataset): The dataset, with a column of texts.
    model (Union[str, Path]): Any spaCy pipeline: a directory that all nodes see, or the name of a package that they
        have.
    text (str): The column of texts.
    scores (bool): Whether to add the probabilities of predictions.
    concurrency (Optional[Union[int, Tuple[int, int]]]): How many actors, or the fewest and the most; as many as the
        cluster has cores if None.
    num_gpus (float): GPUs of an actor.
    batch_size (int): Rows that an actor annotates at a time.
    RETURNS (ray.data.Dataset): The rows with further columns, those of `spacy rnn annotate`, and "rejected", which says
        why a row has no annotation. It is computed when it is used.
    RAISES (ValueError): If Ray or pyarrow is not installed, or there is no such column.
    """
    library = import_ray(WHERE)
    import_pyarrow("Ray")
    _check_column(text, dataset.columns())
    kind = "GPU" if num_gpus else "CPU"
    n_actors = concurrency or max(1, int(library.cluster_resources().get(kind, 1)))
    return dataset.map_batches(
        TableAnnotator,
        fn_constructor_args=(str(model), AnnotateSettings(text_field=text, scores=scores), 0 if num_gpus else -1),
        batch_format="pyarrow",
        batch_size=batch_size,
        concurrency=n_actors,
        num_cpus=1,
        num_gpus=num_gpus,
        runtime_env={"env_vars": one_thread_each()},
    )


def spark(frame: Any, model: Union[str, Path], *, text: str = "text", scores: bool = False) -> Any:
    """Annotate a DataFrame of Spark: each Python worker loads the pipeline once.

    frame (pyspark.sql.DataFrame): The frame, with a column of texts.
    model (Union[str, Path]): Any spaCy pipeline: a directory that all nodes see, or the name of a package that they
        have.
    text (str): The column of texts.
    scores (bool): Whether to add the probabilities of predictions.
    RETURNS (pyspark.sql.DataFrame): The rows with further columns, those of `spacy rnn annotate`, and "rejected", which
        says why a row has no annotation. It is computed when it is used.
    RAISES (ValueError): If PySpark or pyarrow is not installed, or there is no such column.
    """
    import_spark()
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StringType, StructField, StructType

    _check_column(text, frame.columns)
    settings = AnnotateSettings(text_field=text, scores=scores)
    schema = arrow_schema(layers_of(load_model(str(model)), scores=scores), settings, plain=True)
    added = from_arrow_schema(schema)
    fields = [*frame.schema.fields, *(added[name] for name in added_columns(schema))]
    return frame.mapInArrow(
        partial(_annotate_batches, str(model), settings), StructType([*fields, StructField(REJECTED, StringType())])
    )


def _annotate_batches(model: str, settings: AnnotateSettings, batches: Iterable[Any]) -> Iterator[Any]:
    import pyarrow as pa

    key = (model, settings)
    if key not in _LOADED:
        _LOADED.clear()
        _LOADED[key] = TableAnnotator(model, settings)
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            table = pa.Table.from_batches([batch.slice(start, ROWS)])
            yield from _LOADED[key](table).combine_chunks().to_batches()


_LOADED: Dict[Any, TableAnnotator] = {}
"""The pipeline of this process, which lives longer than one partition."""


def _check_column(text: str, columns: Optional[Iterable[str]]) -> None:
    names = list(columns or ())
    if text not in names:
        raise ValueError(
            f"{WHERE}: there is no column {text!r}; the columns are {', '.join(map(repr, names)) or 'none'}."
            f"{nearest(text, names)}"
        )
