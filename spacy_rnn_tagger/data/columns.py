"""Which column of a file holds what."""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Dict, List, Optional

from .encodings import read_lines
from .reading import Reading
from .report import count
from .schemes import OUTSIDE, PREFIXED

NO_COLUMN = "_"
CONFIDENCE = "_confidence"
"""Ends the name of a column with probabilities."""
SAMPLE_LINES = 2000
ROLES: Dict[str, List[str]] = {
    "word": ["word", "token", "form", "tokens", "words", "surface"],
    "tag": ["tag", "xpos", "pos_tag", "postag", "xpostag", "ptb"],
    "pos": ["pos", "upos", "upostag"],
    "lemma": ["lemma"],
    "morph": ["morph", "feats"],
    "ents": ["ents", "ner", "entity", "ner_tag", "ner_tags", "iob", "bio", "entities", "label", "labels", "ne"],
    "tag" + CONFIDENCE: ["tag_confidence", "tag:confidence", "xpos:confidence"],
    "ents" + CONFIDENCE: ["ents_confidence", "ner:confidence", "confidence", "score", "probability"],
}
"""Names of columns in headers, by what they hold."""


@dataclass
class ColumnLayout:
    """The columns of a file with a line for each token.

    names: What each column holds; "_" for nothing that is taken.
    separator: A tab, or None for any white space.
    header_line: The number of the line that names the columns; 0 if there is none.
    first_line: The number of the first line with a token.
    """

    names: List[str]
    separator: Optional[str]
    header_line: int = 0
    first_line: int = 1

    @property
    def separator_name(self) -> str:
        return {"\t": "tabs", None: "spaces"}.get(self.separator, repr(self.separator))

    def split(self, line: str) -> List[str]:
        """RETURNS (List[str]): The columns of a line. line (str): The line."""
        return re.split("[ \t]+", line.strip(" \t")) if self.separator is None else line.split(self.separator)


def recognize_columns(reading: Reading) -> ColumnLayout:
    """Find out what a file's columns hold: from the settings, a header, or what stands in them.

    reading (Reading): The file.
    RETURNS (ColumnLayout): The columns.
    RAISES (BadLine): If there is no token, or no column of words.
    """
    sample = Reading(reading.path, reading.settings, reading.vocab)
    sample.bad = lambda line, sentence: None  # type: ignore[method-assign]
    lines = [(n, line) for n, line in islice(read_lines(sample), SAMPLE_LINES) if line.strip()]
    named = next(
        (line.split("=", 1)[1].split() for _, line in lines if re.match(r"#\s*global\.columns\s*=", line)), None
    )
    tokens = [(n, line) for n, line in lines if not line.startswith(("#", "-DOCSTART-"))]
    tokens = tokens or [(n, line) for n, line in lines if "\t" in line and not line.startswith("-DOCSTART-")]
    if not tokens:
        raise reading.refuse(
            0, "there is no line with a token; a CoNLL file has a line for each, with columns by tabs or spaces."
        )
    tabs = sum("\t" in line for _, line in tokens)
    separator = "\t" if tabs * 2 > len(tokens) else None
    if separator is None and tabs:
        reading.note("Tabs and spaces are mixed: columns are split at any white space.")
    layout = ColumnLayout([], separator, first_line=tokens[0][0])
    rows = [layout.split(line) for _, line in tokens]
    n_columns = Counter(map(len, rows)).most_common(1)[0][0]
    given = reading.settings.columns
    header = [_role(name) for name in rows[0]]
    if given is not None:
        layout.names = [_given_role(reading, name) for name in given]
        if len(given) != n_columns:
            raise reading.refuse(
                layout.first_line,
                f"the line has {count(n_columns, 'column')} by {layout.separator_name}, but --columns names "
                f"{len(given)}.",
            )
    elif named is not None and len(named) == n_columns:
        layout.names = [_role(name) or NO_COLUMN for name in named]
    elif len(rows[0]) > 1 and header.count("word") == 1 and header.count(None) < len(header) - 1 and _is_header(rows):
        layout.names = [role or NO_COLUMN for role in header]
        layout.header_line = layout.first_line
        if len(tokens) == 1:
            raise reading.refuse(0, "there is a header, but no line with a token.")
        layout.first_line = tokens[1][0]
    else:
        layout.names = _by_content([row for row in rows if len(row) == n_columns], n_columns)
        left_out = layout.names.count(NO_COLUMN)
        reading.note(
            f"Columns are taken as {' '.join(layout.names)} by what stands in them"
            + (f" ({left_out} marked _ are left out)" if left_out else "")
            + "; to take them otherwise, pass --columns."
        )
    if layout.names.count("word") != 1:
        raise reading.refuse(
            layout.first_line, f"one column must be named word; the columns are {' '.join(layout.names)}."
        )
    return layout


def find_field(names: List[str], wanted: List[str]) -> Optional[str]:
    """RETURNS (Optional[str]): The first of some field names that is one of those wanted, whatever its case. names
    (List[str]): The names. wanted (List[str]): Those wanted, best first."""
    lower = {name.strip().lower(): name for name in names}
    return next((lower[name] for name in wanted if name in lower), None)


def _role(name: str) -> Optional[str]:
    lower = name.lower().lstrip("#")
    return next((role for role, names in ROLES.items() if lower in names), None)


def _given_role(reading: Reading, name: str) -> str:
    role = NO_COLUMN if name == NO_COLUMN else _role(name)
    if role is None:
        allowed = ", ".join([*ROLES, NO_COLUMN])
        raise reading.refuse(
            0, f"--columns names {name!r}, which is unknown; allowed: {allowed} (for nothing that is taken)."
        )
    return role


def _is_header(rows: List[List[str]]) -> bool:
    """Whether no name of the first row occurs in the same column later, as a tag would."""
    return not any(name in {row[i] for row in rows[1:] if i < len(row)} for i, name in enumerate(rows[0]))


def _by_content(rows: List[List[str]], n_columns: int) -> List[str]:
    columns = list(zip(*rows))
    names = [NO_COLUMN] * n_columns
    word = 1 if n_columns > 1 and all(value.isdigit() for value in columns[0]) else 0
    names[word] = "word"
    last = n_columns - 1
    if last > word:
        values = set(columns[last])
        tagged = any(PREFIXED.fullmatch(value) for value in values)
        names[last] = "ents" if tagged or values & {*OUTSIDE} else "tag"
    if last > word + 1 and names[last] == "ents" and not any(PREFIXED.fullmatch(v) for v in set(columns[word + 1])):
        names[word + 1] = "tag"
    return names
