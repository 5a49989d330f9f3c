"""Damaged and odd files. What a user is told of each stands in the table of docs/data.md, which `python -m
tests.data.odd_files` writes, and which a test compares with what is said."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, NamedTuple, Union

from spacy_rnn_tagger.data import ReadSettings, convert, format_report

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
BEGIN, END = "<!-- odd files -->\n", "<!-- end -->"
NOT_ODD = ("Read: ", "Labels: ", "Tags: ", "Wrote ")
USUAL = ("Columns are taken as word ents by", "document marks", "Texts are split into tokens")
"""Notes that most files give rise to."""


class Case(NamedTuple):
    """A file: what is odd about it, its name and content, and the settings that it is read with."""

    what: str
    name: str
    content: Union[str, bytes]
    settings: Dict[str, Any] = {}


def jsonl(*items):
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)


CONLL = "Anna\tB-PER\nsings\tO\n\nParis\tB-LOC\n"
CONLLU = (
    "1\tAnna\tAnna\tPROPN\tNNP\tNumber=Sing\t2\tnsubj\t_\t_\n2\tsings\tsing\tVERB\tVBZ\t_\t0\troot\t_\tSpaceAfter=No\n"
)
ONTONOTES = "#begin document (a); part 000\nbc/x 0 0 Paris NNP (TOP* - - - - (GPE) -\n"
READ = [
    Case("a table with semicolons", "a.csv", "text;start;end;label\nAnna, Eva;0;4;PER\n"),
    Case("one document mark for many sentences", "a.conll", "-DOCSTART- O\n\n" + (CONLL + "\n") * 101),
    Case("UTF-8 with a byte order mark", "a.conll", b"\xef\xbb\xbf" + CONLL.encode()),
    Case("lines that end with CRLF", "a.conll", CONLL.replace("\n", "\r\n")),
    Case("lines that end with CR", "a.conll", CONLL.replace("\n", "\r")),
    Case("UTF-16 with a byte order mark", "a.conll", CONLL.encode("utf-16")),
    Case("UTF-16 without a byte order mark", "a.conll", CONLL.encode("utf-16-le")),
    Case(
        "Latin-1, with --skip-bad",
        "a.conll",
        "Anna\tB-PER\nsang\tO\nJosé\tB-PER\n".encode("latin-1"),
        dict(skip_bad=True),
    ),
    Case(
        "a column too few in one line, with --skip-bad",
        "a.conll",
        CONLL.replace("sings\tO", "sings"),
        dict(skip_bad=True),
    ),
    Case("tabs in some lines, spaces in others", "a.conll", "Anna B-PER\nsings O\nin O\nParis\tB-LOC\n"),
    Case("four columns as in CoNLL-2003", "a.conll", "-DOCSTART- -X- -X- O\n\nAnna NNP B-NP B-PER\nsings VBZ B-VP O\n"),
    Case("iob1 and iob2 mixed", "a.conll", "Anna\tB-PER\nin\tO\nParis\tI-LOC\n"),
    Case("no B-", "a.conll", "Anna\tI-PER\nin\tO\nParis\tI-LOC\n"),
    Case("biluo and bmes mixed", "a.conll", "Anna\tU-PER\nNew\tB-LOC\nYork\tE-LOC\n"),
    Case("tags without prefix beside tags with one", "a.conll", "Anna\tB-PER\nBerg\tI-PER\nin\tO\nParis\tLOC\n"),
    Case("plain labels", "a.conll", "Red\tFAC\nFort\tFAC\nis\tO\n"),
    Case("no entity at all", "a.conll", "Red\tO\nFort\tO\n"),
    Case("an entity that does not begin", "a.conll", "in\tO\nYork\tL-LOC\nAnna\tU-PER\n"),
    Case("a forced scheme that does not fit", "a.conll", "Anna\tU-PER\nsings\tO\n", dict(scheme="iob2")),
    Case(
        "multiword tokens and empty nodes",
        "a.conllu",
        "1-2\tdel\t_\t_\t_\t_\t_\t_\t_\t_\n1\tde\tde\tADP\t_\t_\t0\troot\t_\t_\n"
        "2\tel\tel\tDET\t_\t_\t1\tdet\t_\t_\n2.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n",
    ),
    Case("brackets as in CoNLL-2012", "a.conll", ONTONOTES),
    Case("a table of tokens without sentences", "a.csv", "word,tag\nAnna,B-PER\nsings,O\n"),
    Case(
        "columns of Hugging Face, not rows",
        "a.json",
        jsonl({"features": {"ner_tags": {"names": ["O", "B-PER"]}}, "tokens": [["Anna"]], "ner_tags": [[1]]}),
    ),
    Case(
        "a skipped text of an annotation tool for spaCy 2",
        "a.json",
        jsonl({"classes": ["PER"], "annotations": [["Anna", {"entities": [[0, 4, "PER"]]}], None]}),
    ),
    Case("texts without annotation", "a.jsonl", jsonl({"text": "Anna sings"})),
    Case("a span beyond the text", "a.jsonl", jsonl({"text": "Anna sings", "label": [[5, 99, "PER"]]})),
    Case("a span inside a word", "a.jsonl", jsonl({"text": "Anna sings", "label": [[1, 4, "PER"]]})),
    Case(
        "a span inside a word, with --misaligned expand",
        "a.jsonl",
        jsonl({"text": "Anna sings", "label": [[1, 4, "PER"]]}),
        dict(misaligned="expand"),
    ),
    Case(
        "a span with white space at its end",
        "a.jsonl",
        jsonl({"text": "Anna sings", "label": [[0, 5, "PER"]]}),
        dict(misaligned="contract"),
    ),
    Case(
        "offsets in bytes",
        "a.jsonl",
        jsonl({"text": "Éva sings in Zürich.", "label": [[0, 4, "PER"], [14, 21, "LOC"]]}),
    ),
    Case("offsets in UTF-16 code units", "a.jsonl", jsonl({"text": "😀😀 Anna sings", "label": [[5, 9, "PER"]]})),
    Case(
        "offsets that fit no unit",
        "a.jsonl",
        jsonl({"text": "Éva sings in Zürich.", "label": [[14, 21, "LOC"], [5, 8, "X"]]}),
    ),
    Case(
        "overlapping spans",
        "a.jsonl",
        jsonl({"text": "University of Paris", "label": [[0, 19, "ORG"], [14, 19, "LOC"]]}),
    ),
    Case(
        "overlapping spans, with --spans sc",
        "a.jsonl",
        jsonl({"text": "University of Paris", "label": [[0, 19, "ORG"], [14, 19, "LOC"]]}),
        dict(spans_key="sc"),
    ),
    Case(
        "rejected answers",
        "a.jsonl",
        jsonl({"text": "Anna", "spans": [], "answer": "reject"}, {"text": "Paris", "spans": [], "answer": "accept"}),
    ),
    Case(
        "no labelled spans in Label Studio",
        "a.json",
        json.dumps(
            [
                {
                    "data": {"text": "Anna"},
                    "annotations": [{"result": [{"type": "choices", "value": {"choices": ["a"]}}]}],
                }
            ]
        ),
    ),
]
REFUSED = [
    Case("an empty word", "a.conll", CONLL.replace("sings", "")),
    Case("a bracket of CoNLL-2012 that stays open", "a.conll", ONTONOTES.replace("(GPE)", "(GPE*")),
    Case("a bracket of CoNLL-2012 that was not opened", "a.conll", ONTONOTES.replace("(GPE)", "*)")),
    Case("examples in Python's notation", "a.json", 'TRAIN_DATA = [("Anna", {"entities": [(0, 4, "PER")]})]'),
    Case("columns of Hugging Face of two lengths", "a.json", jsonl({"tokens": [["Anna"], ["x"]], "ner_tags": [["O"]]})),
    Case("a probability above 1", "a.conll", "word\tner\tconfidence\nAnna\tB-PER\t1.5\n"),
    Case("a table of tokens with an empty word", "a.csv", "Sentence #,Word,POS,Tag\n1,,NNP,B-per\n"),
    Case("UTF-16 cut in the middle of a character", "a.conll", CONLL.encode("utf-16")[:-1]),
    Case("Latin-1", "a.conll", "Anna\tB-PER\nsang\tO\nJosé\tB-PER\n".encode("latin-1")),
    Case("a NUL character", "a.conll", CONLL.replace("sings", "si\x00ngs")),
    Case("an empty file", "a.conll", ""),
    Case("white space only", "a.conll", "\n \n"),
    Case("a ZIP archive", "a.conll", b"PK\x03\x04aaaa"),
    Case(
        "no annotation: prose",
        "a.txt",
        "Anna sings in Paris.\nShe is not from there, though she says so.\nWell.\nSo it is with the best of us\n",
    ),
    Case("comments only", "a.conll", "# text = Anna\n"),
    Case("a header only", "a.conll", "token\tner\n"),
    Case("a column too few in one line", "a.conll", CONLL.replace("sings\tO", "sings")),
    Case("spaces where most lines have tabs", "a.conll", "Anna\tB-PER\nsings\tO\nin\tO\nParis B-LOC\n"),
    Case("--columns of another number", "a.conll", CONLL, dict(columns=["word", "tag", "ents"])),
    Case("--columns of an unknown name", "a.conll", CONLL, dict(columns=["word", "entz"])),
    Case("nine columns of CoNLL-U", "a.conllu", CONLLU.replace("\t_\t_\n", "\t_\n", 1)),
    Case("spaces in CoNLL-U", "a.conllu", CONLLU.replace("\t", " ")),
    Case("a head that is no word", "a.conllu", CONLLU.replace("\t2\tnsubj", "\t7\tnsubj")),
    Case("heads in a circle", "a.conllu", CONLLU.replace("\t0\troot", "\t1\troot")),
    Case("features that are no pairs", "a.conllu", CONLLU.replace("Number=Sing", "Singular")),
    Case("an unknown part of speech", "a.conllu", CONLLU.replace("PROPN", "PN")),
    Case("JSON that is cut off", "a.jsonl", jsonl({"text": "Anna", "spans": []}, {"text": "Paris", "spans": []})[:-20]),
    Case(
        "an array that is cut off",
        "a.json",
        json.dumps([{"data": {"text": "Anna"}, "annotations": []}, {"data": {"text": "Paris"}, "annotations": []}])[
            :-1
        ],
    ),
    Case("a comma missing in JSON", "a.jsonl", '{"text": "Anna" "spans": []}\n'),
    Case("objects without a text", "a.jsonl", jsonl({"body": "Anna", "spans": []})),
    Case("objects of no format", "a.jsonl", jsonl({"name": "Anna", "age": 7})),
    Case(
        "offsets as strings",
        "a.jsonl",
        jsonl({"text": "Anna sings", "spans": [{"start": "0", "end": "4", "label": "PER"}]}),
    ),
    Case("an end before the start", "a.jsonl", jsonl({"text": "Anna sings", "label": [[4, 0, "PER"]]})),
    Case(
        "a span inside a word, with --misaligned fail",
        "a.jsonl",
        jsonl({"text": "Anna sings", "label": [[1, 4, "PER"]]}),
        dict(misaligned="fail"),
    ),
    Case(
        "tokens that are not the text's",
        "a.jsonl",
        jsonl({"text": "Anna", "tokens": [{"text": "Anna", "start": 0, "end": 9, "id": 0}], "spans": []}),
    ),
    Case("tags as numbers without names", "a.jsonl", jsonl({"tokens": ["Anna"], "ner_tags": [1]})),
    Case("more tags than tokens", "a.jsonl", jsonl({"tokens": ["Anna"], "ner_tags": ["B-PER", "O"]})),
    Case(
        "two texts in a task", "a.json", json.dumps([{"data": {"title": "Anna", "body": "Paris"}, "annotations": []}])
    ),
    Case("a table with a header only", "a.csv", "text,start,end,label\n"),
    Case("a table without a column of texts", "a.csv", "body,start,end,label\nAnna,0,4,PER\n"),
    Case("a table with a cell too many", "a.csv", "text,start,end,label\nAnna, Eva,0,4,PER\n"),
    Case("a table with words as offsets", "a.csv", "text,start,end,label\nAnna,zero,4,PER\n"),
    Case("a table with an open quotation mark", "a.csv", 'text,start,end,label\n"Anna,0,4,PER\n'),
    Case("a Parquet file that is cut off", "a.parquet", b"PAR1aaaaaaaa"),
    Case("a .spacy file that is cut off", "a.spacy", b"x\x9caaa"),
    Case("brat without its text", "a.ann", "T1\tPerson 0 4\tAnna\n"),
    Case("an unknown format", "a.conll", CONLL, dict(format="conl")),
    Case("an unknown scheme", "a.conll", CONLL, dict(scheme="bilua")),
    Case("an unknown language", "a.jsonl", jsonl({"text": "Anna sings", "spans": []}), dict(lang="english")),
    Case("Vietnamese without its tokenizer", "a.jsonl", jsonl({"text": "Xin chào", "spans": []}), dict(lang="vi")),
]


def outcome(case: Case) -> List[str]:
    """Whether a file is read or refused, and what is said about it beside what is said about all."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / case.name
        path.write_bytes(case.content.encode() if isinstance(case.content, str) else case.content)
        try:
            report = convert(path, Path(folder) / "out.spacy", read=ReadSettings(**case.settings))
        except ValueError as e:
            return ["refused", str(e).replace(f"{folder}/", "")]
        lines = format_report(report).replace(f"{folder}/", "").split("\n")[1:]
    odd = [line.strip() for line in lines if not line.startswith(NOT_ODD)]
    return ["read", *(line for line in odd if not any(usual in line for usual in USUAL))]


def row(case: Case) -> str:
    """One file as a row of the table."""
    state, *said = outcome(case)
    sentences = "<br>".join(f"`{sentence}`" for sentence in (line.replace("|", "\\|") for line in said))
    return f"| {case.what} | {state} | {sentences} |"


def main() -> None:
    before, _, rest = PAGE.read_text(encoding="utf8").partition(BEGIN)
    rows = ["| the file has | it is | the command says |", "| --- | --- | --- |", *map(row, READ + REFUSED)]
    PAGE.write_text(before + BEGIN + "\n".join(rows) + "\n" + END + rest.partition(END)[2], encoding="utf8")


if __name__ == "__main__":
    main()
