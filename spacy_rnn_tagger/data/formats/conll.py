"""CoNLL columns: a line for each token, an empty line between sentences, -DOCSTART- between documents."""

import re
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from spacy.tokens import Doc

from ..annotations import entity_tags, has_scores, score_of, score_text, sentences_of, token_scores, words_to_write
from ..columns import CONFIDENCE, ColumnLayout, recognize_columns
from ..encodings import read_lines
from ..reading import Reading, Writing
from ..records import Record
from ..report import count
from .conll2012 import is_conll2012, read_conll2012

DOCUMENT_MARKS = re.compile(r"-DOCSTART-|#\s*newdoc\b|#begin document\b")
COMMENT = re.compile(r"#\s*([\w.]+\s*=|newdoc\b|newpar\b|begin document|end document|end$)|#(\s|$)")


def read_conll(reading: Reading) -> Iterator[Record]:
    """The sentences of a file with columns, by tabs if there are any, else by spaces.

    reading (Reading): The file.
    YIELDS (Record): A sentence.
    """
    if reading.settings.columns is None and is_conll2012(reading):
        yield from read_conll2012(reading)
        return
    layout = recognize_columns(reading)
    reading.columns = layout.names
    word = layout.names.index("word")
    scored = [i for i, name in enumerate(layout.names) if name.endswith(CONFIDENCE)]
    rows: List[Tuple[int, List[str]]] = []
    text: Optional[str] = None
    new_doc = False
    for number, line in read_lines(reading):
        if number == layout.header_line:
            continue
        if not line.strip():
            if rows:
                yield _sentence(rows, layout, reading, text, new_doc)
                rows, text, new_doc = [], None, False
            continue
        if DOCUMENT_MARKS.match(line):
            if rows:
                yield _sentence(rows, layout, reading, text, new_doc)
            rows, text, new_doc = [], None, True
            continue
        parts = layout.split(line)
        if is_comment(line, layout):
            found = re.match(r"#\s*text\s*=\s?(.*)", line)
            text = found[1] if found else text
            continue
        if len(parts) != len(layout.names):
            reading.bad(
                number,
                f"the line has {count(len(parts), 'column')} by {layout.separator_name}, but {len(layout.names)} in "
                f"line {layout.first_line} "
                f"({' '.join(layout.names)}): {line[:60]!r}.",
            )
            continue
        wrong = next((parts[i] for i in scored if not _is_score(parts[i])), None)
        if wrong is not None:
            reading.bad(number, f"{wrong!r} is no probability; it must be a number from 0 to 1, or _ for none.")
            continue
        if not parts[word].strip():
            reading.bad(number, f"the word is empty or white space: {line[:60]!r}.")
            continue
        rows.append((number, parts))
    if rows:
        yield _sentence(rows, layout, reading, text, new_doc)


def is_comment(line: str, layout: ColumnLayout) -> bool:
    """RETURNS (bool): Whether a line is a comment, not a token that begins with #. line (str): The line. layout
    (ColumnLayout): The file's columns."""
    if not line.startswith("#"):
        return False
    if layout.separator == "\t" or len(layout.split(line)) != len(layout.names):
        return len(layout.split(line)) != len(layout.names) and COMMENT.match(line) is not None
    return re.match(r"#\s*[\w.]+\s*=\s", line) is not None


def write_conll(docs: Iterable[Doc], writing: Writing) -> None:
    """Write words, tags and entity tags (iob2) by tabs, and on request the probabilities of tags and entities. The
    first line names the columns.

    docs (Iterable[Doc]): The docs.
    writing (Writing): The file.
    """
    with writing.path.open("w", encoding="utf8", newline="\n") as file:
        file.write(
            "# global.columns = FORM XPOS NER" + " XPOS:CONFIDENCE NER:CONFIDENCE" * writing.confidences + "\n\n"
        )
        for doc in docs:
            file.write("-DOCSTART-\t-X-\tO" + "\t_\t_" * writing.confidences + "\n\n")
            scores = scores_to_write(doc, writing)
            for sent in sentences_of(doc):
                tokens = words_to_write(sent, writing)
                tags = entity_tags(tokens, writing)
                rows = [[_cell(t.text), _cell(t.tag_) or "_", _cell(tag)] for t, tag in zip(tokens, tags)]
                for row, token in zip(rows, tokens if writing.confidences else ()):
                    row += [score_text(scores[layer][token.i]) if layer in scores else "_" for layer in ("tag", "ents")]
                file.write("".join("\t".join(row) + "\n" for row in rows) + "\n" * bool(rows))


def scores_to_write(doc: Doc, writing: Writing) -> Dict[str, List[Optional[float]]]:
    """RETURNS (Dict[str, List[Optional[float]]]): The probabilities of `token_scores` if they are asked for; else none,
    and it is said if there are some. doc (Doc): The doc. writing (Writing): The file."""
    if writing.confidences:
        return token_scores(doc, writing)
    if has_scores(doc):
        writing.note("Probabilities are left out; pass --confidences to write them.")
    return {}


def _cell(value: str) -> str:
    return re.sub(r"[\t\r\n]", " ", value)


def _sentence(
    rows: List[Tuple[int, List[str]]], layout: ColumnLayout, reading: Reading, text: Optional[str], new_doc: bool
) -> Record:
    values = dict(zip(layout.names, zip(*(parts for _, parts in rows))))
    words = list(values["word"])
    record = Record(rows[0][0], words=words, lines=[number for number, _ in rows], is_sentence=True, new_doc=new_doc)
    record.tags = list(values["ents"]) if "ents" in values else None
    for name in ("tag", "pos", "morph", "lemma"):
        if name in values:
            given = [
                "" if v == "_" and not (name == "lemma" and words[i] == "_") else v for i, v in enumerate(values[name])
            ]
            if any(given):
                record.columns[name] = given
    for name in ("tag", "ents"):
        if name + CONFIDENCE in values:
            record.scores[name] = [score_of(value) for value in values[name + CONFIDENCE]]
    if text is not None:
        record.spaces = spaces_in(words, text)
        if record.spaces is None:
            reading.count(
                "Sentences with a comment # text = that does not hold their words, so that a space is put between "
                "these: {n}."
            )
    return record


def _is_score(text: str) -> bool:
    try:
        score_of(text)
    except ValueError:
        return False
    return True


def spaces_in(words: List[str], text: str) -> Optional[List[bool]]:
    """RETURNS (Optional[List[bool]]): Whether a space follows each word in a text; None if the words are not the text.
    words (List[str]): The words. text (str): The text."""
    spaces, at = [], 0
    for word in words:
        if not text.startswith(word, at):
            return None
        at += len(word)
        spaces.append(text[at : at + 1].isspace())
        while text[at : at + 1].isspace():
            at += 1
    return spaces if at == len(text) else None
