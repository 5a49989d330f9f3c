"""`python -m spacy rnn check`."""

import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from ..fixtures.commands import run, words_of

NAMES = "Agra Basra Delhi Hanoi Izmir".split()


def write(path, verb, **spans):
    """105 docs that differ in a number, and hence not in their letters."""
    nlp = spacy.blank("en")
    docs = []
    for name in NAMES * 21:
        doc = Doc(nlp.vocab, words=["He", verb, name, f"{len(docs)}"], tags=["PRP", "VBD", "NNP", "CD"])
        for key, places in spans.items():
            doc.spans[key] = [Span(doc, *place) for place in places]
        docs.append(doc)
    DocBin(docs=docs).to_disk(path)
    return path


@pytest.fixture
def corpus(tmp_path):
    return write(tmp_path / "train.spacy", "saw", sc=[(2, 3, "GPE")]), write(tmp_path / "dev.spacy", "left", sc=[])


def test_a_corpus_is_shown_and_written(corpus, tmp_path):
    code, printed = run("check", *corpus, "--json", tmp_path / "check.json")
    assert code == 0 and f"rnn init-config {corpus[0]} --dev {corpus[1]} --lang en" in words_of(printed)
    lines = [line.split() for line in printed.splitlines()]
    for row in ("train.spacy dev.spacy", "tag", "PRP 105 105", "GPE 105 0", "docs of 1-10 tokens 105 105", "findings"):
        assert row.split() in lines, row
    written = json.loads((tmp_path / "check.json").read_text())
    assert written["command"] == "rnn check" and written["lang"] == "en"
    train, dev = written["parts"]
    assert train["n_docs"] == 105 and train["targets"]["spans:sc"]["labels"] == {"GPE": 105}
    assert {finding["kind"] for finding in written["findings"]} == {"near-duplicates", "unscored"}
    assert run("check", *corpus, "--json", corpus[0])[0] == 2  # never over what is read


def test_exit_codes(corpus, tmp_path):
    overlapping = write(tmp_path / "overlap.spacy", "saw", sc=[(0, 2, "A"), (1, 3, "B")])
    assert run("check", corpus[0])[0] == 0
    assert run("check", corpus[0], "--strict")[0] == 1
    code, printed = run("check", overlapping)
    assert code == 1 and "error" in printed and "overlap" in printed and "Correct the errors" in printed
    assert run("check", overlapping, "--target", "tag")[0] == 0


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["nowhere.spacy"], "does not exist"),
        (["{train}", "{train}"], "names the same file or directory twice"),
        (["{train}", "--lang", "enn"], "Did you mean 'nn'?"),
        (["{train}", "--vectors", "no_such_vectors"], "vectors = 'no_such_vectors' cannot be loaded"),
        (["{train}", "--target", "tags"], "Did you mean 'tag'?"),
        (["{broken}"], "truncated, or not a .spacy file"),
        (["{folder}"], "no directory with any"),
    ],
)
def test_bad_arguments(corpus, tmp_path, arguments, message):
    (tmp_path / "broken.spacy").write_bytes(b"no docs")
    (tmp_path / "folder").mkdir()
    places = {"train": corpus[0], "broken": tmp_path / "broken.spacy", "folder": tmp_path / "folder"}
    code, printed = run("check", *[argument.format(**places) for argument in arguments])
    assert code == 2 and message in words_of(printed) and "Traceback" not in printed


@pytest.mark.parametrize("name", ["check", "init-config"])
def test_help_shows_an_example_and_the_options_that_all_have(name):
    printed = words_of(run(name, "--help")[1])
    assert f"Example: python -m spacy rnn {name}" in printed and "--json" in printed and "--force" in printed
