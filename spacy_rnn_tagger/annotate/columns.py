"""The columns of the rows: their names, their types and what they hold. The table in the documentation is made of
this."""

from typing import Any, List, NamedTuple

from .layers import Layers
from .settings import AnnotateSettings


class Column(NamedTuple):
    """One column.

    name: Its name; `<...>` stands for a name of the pipeline's.
    type: Its Arrow type.
    when: When there is such a column.
    meaning: What it holds.
    """

    name: str
    type: str
    when: str
    meaning: str


LABELS = "list<dictionary<int32, string>>"
SPANS = "list<struct<start: int32, end: int32, label: dictionary<int32, string>{}>>"
COLUMNS = [
    Column("id", "string", "always", "the id that the input gives, else `file:line`; `file` for a whole file"),
    Column("text", "string", "`--text`", "the text"),
    Column("token_start", "list<int32>", "always", "where each token begins, in characters"),
    Column("token_end", "list<int32>", "always", "where each token ends, exclusive"),
    Column("tag, pos, morph, lemma, dep", LABELS, "a component assigns it", "the label of each token; null for none"),
    Column("head", "list<int32>", "a parser", "the index of each token's head in its document; its own for a root"),
    Column("`_.<name>`", LABELS, "a component assigns it", "the value of a custom attribute, as a string"),
    Column("<column>_score", "list<float>", "`--scores`", "the probability of each token's label; null if not known"),
    Column("sents", "list<struct<start: int32, end: int32>>", "a component assigns it", "sentences, in characters"),
    Column("ents", SPANS.format(""), "a component assigns it", "entities, in characters; `score: float` by `--scores`"),
    Column("spans_<key>", SPANS.format(""), "a component assigns it", "spans of a group; `score: float` by `--scores`"),
    Column("cats", "list<struct<label: string, score: float>>", "a component assigns it", "categories of the text"),
]


def arrow_schema(layers: Layers, settings: AnnotateSettings, *, plain: bool = False) -> Any:
    """The columns of a pipeline.

    layers (Layers): What the pipeline writes.
    settings (AnnotateSettings): What is asked for.
    plain (bool): Whether labels are strings, for engines that have no dictionaries.
    RETURNS (pyarrow.Schema): The schema.
    """
    import pyarrow as pa

    label = pa.string() if plain else pa.dictionary(pa.int32(), pa.string())
    place = [("start", pa.int32()), ("end", pa.int32())]
    fields: List[Any] = [("id", pa.string())]
    fields += [("text", pa.string())] if settings.with_text else []
    fields += [("token_start", pa.list_(pa.int32())), ("token_end", pa.list_(pa.int32()))]
    for name in [*layers.tokens, *(f"_.{name}" for name in layers.extensions)]:
        fields.append((name, pa.list_(label)))
        if name in layers.scored:
            fields.append((f"{name}_score", pa.list_(pa.float32())))
    fields += [("head", pa.list_(pa.int32()))] if layers.heads else []
    fields += [("sents", pa.list_(pa.struct(place)))] if layers.sents else []
    groups = [("ents", "ents")] if layers.ents else []
    for name, scored in [*groups, *((f"spans_{key}", f"spans:{key}") for key in layers.groups)]:
        score = [("score", pa.float32())] if scored in layers.scored else []
        fields.append((name, pa.list_(pa.struct([*place, ("label", label), *score]))))
    if layers.cats:
        fields.append(("cats", pa.list_(pa.struct([("label", pa.string()), ("score", pa.float32())]))))
    return pa.schema(fields)


def columns_table() -> str:
    """RETURNS (str): The columns as a table in Markdown."""
    lines = ["| column | Arrow type | there if | what it holds |", "| --- | --- | --- | --- |"]
    for column in COLUMNS:
        names = ", ".join(name if name.startswith("`") else f"`{name}`" for name in column.name.split(", "))
        lines.append(f"| {names} | `{column.type}` | {column.when} | {column.meaning} |")
    return "\n".join(lines)
