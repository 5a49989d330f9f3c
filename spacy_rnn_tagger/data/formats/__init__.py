"""The formats by name: how each is read and written, and what it can hold."""

from dataclasses import dataclass
from typing import Callable, Dict, Iterable, Iterator, Tuple

from spacy.tokens import Doc

from ..reading import Reading, Writing
from ..records import Record
from .brat import read_brat, write_brat
from .conll import read_conll, write_conll
from .conllu import read_conllu, write_conllu
from .docbin import read_docbin, write_docbin
from .doccano import read_doccano, write_doccano
from .hugging_face import read_hugging_face, write_hugging_face
from .label_studio import read_label_studio, write_label_studio
from .parquet import read_parquet, write_parquet
from .prodigy import read_prodigy, write_prodigy
from .spacy_json import read_spacy_json, write_spacy_json
from .tables import table_reader, table_writer


@dataclass(frozen=True)
class Format:
    """One format.

    title: What it is, for people.
    suffixes: The endings of its files; the first is that of files that are written.
    read: Yields the records of a file.
    write: Writes docs to a file.
    """

    title: str
    suffixes: Tuple[str, ...]
    read: Callable[[Reading], Iterator[Record]]
    write: Callable[[Iterable[Doc], Writing], None]


FORMATS: Dict[str, Format] = {
    "spacy": Format("spaCy's DocBin", (".spacy",), read_docbin, write_docbin),
    "conll": Format(
        "CoNLL columns", (".conll", ".iob", ".bio", ".tsv", ".txt", ".v4_gold_conll"), read_conll, write_conll
    ),
    "conllu": Format("CoNLL-U", (".conllu",), read_conllu, write_conllu),
    "prodigy": Format("Prodigy's JSONL", (".jsonl", ".json"), read_prodigy, write_prodigy),
    "doccano": Format("Doccano's JSONL", (".jsonl", ".json"), read_doccano, write_doccano),
    "label-studio": Format("Label Studio's JSON", (".json", ".jsonl"), read_label_studio, write_label_studio),
    "spacy-json": Format("JSONL of Doc.to_json", (".jsonl", ".json"), read_spacy_json, write_spacy_json),
    "hf": Format("JSON of token classification", (".jsonl", ".json"), read_hugging_face, write_hugging_face),
    "csv": Format("table with commas", (".csv",), table_reader(","), table_writer(",")),
    "tsv": Format("table with tabs", (".tsv",), table_reader("\t"), table_writer("\t")),
    "parquet": Format("Parquet table", (".parquet",), read_parquet, write_parquet),
    "brat": Format("brat's standoff", (".ann", ".txt"), read_brat, write_brat),
}
