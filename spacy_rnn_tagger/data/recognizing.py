"""Which format a file has, by what stands in it; its ending decides only where that leaves a choice."""

import re
import zlib
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from spacy.vocab import Vocab

from .columns import ColumnLayout, find_field
from .encodings import SAMPLE, read_lines, recognize_encoding
from .formats import FORMATS
from .formats.hugging_face import TAGS, TOKENS, columns_of
from .formats.token_tables import token_roles
from .json_items import read_items
from .reading import BadLine, Reading
from .schemes import PREFIXED
from .settings import ReadSettings
from .span_items import END, START, TEXT

BINARY = {
    b"PK\x03\x04": "a ZIP archive or Office file",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"<?xml": "XML",
}
COLUMN_ENDINGS = (".conll", ".iob", ".bio")
PYTHON = re.compile(r"(\w+\s*=\s*)?\[\s*(\(\s*[\"']|[\[{]\s*')|\w+\s*=\s*\[\s*[\[{]|\{\s*'")
"""How lists of examples in Python's notation begin, as spaCy 2 had them in its tutorials."""
SPAN_COLUMNS = ["spans", "entities", "annotations", "label", "labels", "ents"]


def expand_inputs(inputs: List[Path]) -> Iterator[Path]:
    """The files of some inputs. A folder stands for its files, or for itself if it is one of brat.

    inputs (List[Path]): Files and folders.
    YIELDS (Path): A file, or a folder of brat.
    RAISES (ValueError): If there is no such file, or a folder has none of a known ending.
    """
    endings = {suffix for each in FORMATS.values() for suffix in each.suffixes}
    for path in inputs:
        if not path.exists():
            raise ValueError(f"rnn convert: there is no file or folder {str(path)!r}.")
        if path.is_file() or any(path.rglob("*.ann")):
            yield path
            continue
        files = sorted(each for each in path.rglob("*") if each.is_file() and each.suffix.lower() in endings)
        if not files:
            raise ValueError(
                f"rnn convert: the folder {str(path)!r} has no file that ends with {', '.join(sorted(endings))}."
            )
        yield from files


def recognize_format(reading: Reading) -> str:
    """The format of a file.

    reading (Reading): The file; is told where there is a choice.
    RETURNS (str): The format's name.
    RAISES (BadLine): If it has none that is known.
    """
    path = reading.path
    if path.is_dir():
        return "brat"
    with path.open("rb") as file:
        raw = file.read(SAMPLE)
    if not raw.strip():
        raise reading.refuse(0, "the file is empty.")
    if raw.startswith(b"PAR1"):
        return "parquet"
    if path.suffix == ".spacy" or _is_docbin(raw):
        return "spacy"
    for mark, name in BINARY.items():
        if raw.startswith(mark):
            raise reading.refuse(0, f"this is {name}; allowed: {', '.join(FORMATS)}.")
    if path.suffix == ".ann" or (path.suffix == ".txt" and path.with_suffix(".ann").exists()):
        return "brat"
    start = raw.decode(recognize_encoding(raw), errors="replace").lstrip("\ufeff \t\r\n")
    if start.startswith(("{", "[")) or PYTHON.match(start):
        return _json_format(reading, start)
    # Damage is told of by the reader of the format, not here.
    quiet = Reading(path, ReadSettings(skip_bad=True), reading.vocab)
    lines = [line for _, line in islice(read_lines(quiet), 500) if line.strip()]
    return _line_format(reading, lines)


def has_format(path: Path, name: str) -> bool:
    """RETURNS (bool): Whether a file is of a format, so that it may be replaced by another one of it. path (Path): The
    file. name (str): The format's name."""
    if name == "spacy":
        with path.open("rb") as file:
            return _is_docbin(file.read(SAMPLE))
    try:
        return recognize_format(Reading(path, ReadSettings(), Vocab())) == name
    except (BadLine, OSError):
        return False


def _is_docbin(raw: bytes) -> bool:
    """Whether bytes are the beginning of a DocBin: a dict as msgpack, compressed by zlib, with the names of
    attributes."""
    try:
        return b"attrs" in zlib.decompressobj().decompress(raw, 100)
    except zlib.error:
        return False


def _json_format(reading: Reading, start: str) -> str:
    if PYTHON.match(start):
        raise reading.refuse(
            0,
            "this is Python's notation, not JSON; write it by json.dump(DATA, open('data.json', 'w', encoding='utf8')) "
            "and convert that.",
        )
    quiet = Reading(reading.path, ReadSettings(skip_bad=True), reading.vocab)
    try:
        items = [item for _, item in islice(read_items(quiet), 20)]
    except BadLine:
        items = []
    names = [_kind_of_item(item) for item in items]
    known = [name for name in names if name]
    if known:
        return known[0]
    if any(isinstance(item, dict) and find_field(list(item), TEXT) for item in items):
        reading.note("Texts without annotation are the same in each format of JSON; taken: prodigy.")
        return "prodigy"
    if any(isinstance(item, dict) for item in items):
        fields = ", ".join(map(repr, list(next(item for item in items if isinstance(item, dict)))[:8]))
        raise reading.refuse(
            0,
            f"no format has objects with the fields {fields}; name the format by --from, and fields by --columns "
            "text=FIELD.",
        )
    # The reader says which line is damaged.
    return "prodigy"


def _kind_of_item(item: Any) -> str:
    """The format whose objects look like this one; "" if that cannot be told."""
    if isinstance(item, list):
        return "spacy-json" if len(item) == 2 and isinstance(item[0], str) else ""
    if isinstance(item, dict) and "classes" in item and isinstance(item.get("annotations"), list):
        return "spacy-json"
    if not isinstance(item, dict):
        return ""
    if isinstance(item.get("data"), dict) or any(_is_min(value) for value in item.values()):
        return "label-studio"
    if columns_of(item) is not None:
        return "hf"
    tokens = find_field(list(item), TOKENS)
    if tokens and "text" not in item and (find_field(list(item), TAGS) or _is_words(item[tokens])):
        return "hf"
    if "ents" in item or (isinstance(item.get("tokens"), list) and "token_start" not in str(item.get("spans", ""))):
        words: List[Any] = item.get("tokens") or []
        if "ents" in item or (words and isinstance(words[0], dict) and "text" not in words[0]):
            return "spacy-json"
    if {"spans", "_input_hash", "answer", "tokens"} & set(item):
        return "prodigy"
    return "doccano" if {"label", "labels", "entities"} & set(item) else ""


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_min(value: Any) -> bool:
    """Whether a value is a list of spans as in Label Studio's JSON-MIN."""
    first: Dict[str, Any] = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else {}
    return {"start", "end", "labels"} <= set(first)


def _line_format(reading: Reading, lines: List[str]) -> str:
    rows = [line for line in lines if not line.startswith("#")]
    if not rows and not lines:
        raise reading.refuse(0, "the file has no lines that can be read.")
    ten = [line.split("\t") for line in rows]
    if rows and sum(len(parts) == 10 and parts[0][:1].isdigit() for parts in ten) * 2 > len(ten):
        return "conllu"
    if any(line.startswith("#begin document") for line in lines):
        return "conll"
    # A table can have commas although its ending says otherwise.
    for name, separator in (("csv", ","), ("csv", ";"), ("tsv", "\t")):
        header = lines[0].split(separator)
        names = [cell.strip().strip('"') for cell in header]
        fields = [find_field(names, wanted) for wanted in (TEXT, START, END)]
        if len(header) > 1 and (all(fields) or (fields[0] and find_field(names, SPAN_COLUMNS) and _has_spans(lines))):
            return name
        tokens = token_roles(names)
        if tokens is not None and (separator != "\t" or "sentence" in tokens):
            return name
    if reading.path.suffix == ".csv":
        return "csv"
    if reading.path.suffix == ".conllu":
        return "conllu"
    widths = [len(ColumnLayout([], "\t" if "\t" in line else None).split(line)) for line in rows or lines]
    usual, share = _usual(widths)
    named = reading.path.suffix in COLUMN_ENDINGS
    if share < (0.5 if named else 0.8) or not (named or _ends_with_tags(rows or lines)):
        raise reading.refuse(
            0,
            f"no format is recognised: the lines have from {min(widths)} to {max(widths)} columns. Allowed by --from: "
            f"{', '.join(FORMATS)}.",
        )
    return "conll"


def _ends_with_tags(lines: List[str]) -> bool:
    """Whether the last of several columns holds tags, not the last words of prose: entity tags, or few values for many
    lines."""
    last = [parts[-1] for parts in map(ColumnLayout([], None).split, lines) if len(parts) > 1]
    tags = any(value == "O" or PREFIXED.fullmatch(value) for value in last)
    return tags or (len(last) > 1 and len(set(last)) * 2 <= len(last))


def _usual(widths: List[int]) -> Tuple[int, float]:
    usual = max(set(widths), key=widths.count)
    return usual, widths.count(usual) / len(widths)


def _has_spans(lines: List[str]) -> bool:
    """Whether some line holds a list as JSON."""
    return any("[" in line and "]" in line for line in lines[1:])
