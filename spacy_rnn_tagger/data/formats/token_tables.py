"""Tables with a row for each token, such as Kaggle's "Sentence #", "Word", "POS", "Tag"; read, not written."""

from itertools import chain, islice
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..columns import find_field
from ..reading import Reading
from ..records import Record
from ..schemes import PREFIXED
from ..span_items import END, START

SAMPLE_ROWS = 1000
"""Rows that are looked at to tell what a column holds."""

ROLES: Dict[str, List[str]] = {
    "word": ["word", "token", "form"],
    "sentence": ["sentence #", "sentence", "sentence_id", "sent_id", "sentence_idx", "sentence_number", "sent"],
    "document": ["document", "document_id", "doc_id", "doc", "file"],
    "ents": ["ner", "ner_tag", "ner_tags", "iob", "bio", "entity", "entities", "ne", "label", "labels", "tag"],
    "tag": ["xpos", "pos_tag", "postag", "pos", "tag"],
    "pos": ["upos"],
    "lemma": ["lemma"],
}
"""What a table's columns can hold, and how they are called; the first name that there is counts."""


def token_roles(names: List[str], given: Optional[Dict[str, str]] = None) -> Optional[Dict[str, str]]:
    """Which columns of a table with a row for each token hold what.

    names (List[str]): The table's columns.
    given (Optional[Dict[str, str]]): Columns that the settings name, by role.
    RETURNS (Optional[Dict[str, str]]): The column by role; None if there is none of words, or none of what words have,
        or if it is a table of texts.
    """
    roles: Dict[str, str] = {}
    for role, wanted in ROLES.items():
        free = [name for name in names if name not in roles.values()]
        field = (given or {}).get(role) or find_field(free, wanted)
        if field is not None:
            roles[role] = field
    of_texts = find_field(names, ["text"]) or (find_field(names, START) and find_field(names, END))
    return roles if "word" in roles and {"ents", "tag", "pos"} & set(roles) and not of_texts else None


def read_token_rows(
    reading: Reading, names: List[str], roles: Dict[str, str], rows: Iterator[Tuple[int, List[Any]]]
) -> Iterator[Record]:
    """The sentences of a table with a row for each token.

    reading (Reading): The file.
    names (List[str]): The table's columns.
    roles (Dict[str, str]): What they hold, as `token_roles` returns it.
    rows (Iterator[Tuple[int, List[Any]]]): Line and cells of each row.
    YIELDS (Record): A sentence. A new one begins where the cell of the sentence changes, an empty one aside, or after
        an empty row.
    """
    rows = iter(rows)
    first = list(islice(rows, SAMPLE_ROWS))
    roles = _checked(reading, names, roles, first)
    reading.columns = [f"{role}={field}" if role != field else role for role, field in roles.items()]
    at = {role: names.index(field) for role, field in roles.items()}
    sentence: List[Tuple[int, List[str]]] = []
    current, document, new_doc = "", "", False
    for line, given in chain(first, rows):
        cells = ["" if cell is None else str(cell).strip() for cell in given]
        empty = not any(cells)
        if not empty and len(cells) != len(names):
            reading.bad(
                line,
                f"the row has {len(cells)} cells, but the table {len(names)} columns; quote cells that hold the "
                "separator.",
            )
            continue
        name = cells[at["sentence"]] if "sentence" in at and not empty else ""
        file = cells[at["document"]] if "document" in at and not empty else ""
        ends = empty or (name and name != current) or (file and file != document)
        if ends and sentence:
            yield _sentence(sentence, at, document, new_doc)
            sentence, new_doc = [], False
        if empty:
            continue
        new_doc |= bool(file) and file != document
        current, document = name or current, file or document
        if not cells[at["word"]]:
            reading.bad(line, f"the word in the column {roles['word']!r} is empty or white space.")
            continue
        sentence.append((line, cells))
    if sentence:
        yield _sentence(sentence, at, document, new_doc)


def _checked(
    reading: Reading, names: List[str], roles: Dict[str, str], rows: List[Tuple[int, List[Any]]]
) -> Dict[str, str]:
    """The roles of columns that there are; a column "tag" is one of entities only if it looks so."""
    for role, field in roles.items():
        if field not in names:
            raise reading.refuse(1, f"there is no column {field!r} for {role}; the columns are {', '.join(names)}.")
    if roles.get("ents", "").lower() == "tag" and "ents" not in reading.field_names():
        cells = {str(cells[names.index(roles["ents"])]) for _, cells in rows if len(cells) == len(names)}
        if not any(cell == "O" or PREFIXED.fullmatch(cell) for cell in cells):
            field = roles.pop("ents")
            roles.setdefault("tag", field)
    if "sentence" not in roles:
        reading.note(
            "No column parts sentences, so that an empty row does; to name one, pass --columns sentence=COLUMN."
        )
    return roles


def _sentence(rows: List[Tuple[int, List[str]]], at: Dict[str, int], document: str, new_doc: bool) -> Record:
    words = [cells[at["word"]] for _, cells in rows]
    record = Record(rows[0][0], words=words, lines=[line for line, _ in rows], is_sentence=True, new_doc=new_doc)
    record.meta = {"id": document} if document else {}
    for name in ("tag", "pos", "lemma"):
        if name in at:
            record.columns[name] = [cells[at[name]] for _, cells in rows]
    if "ents" in at:
        record.tags = [cells[at["ents"]] for _, cells in rows]
    return record
