"""The command that converts annotated files, and a trained pipeline's output on its way to an annotation tool and
back."""

import json

import numpy
import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from spacy_rnn_tagger.data import FORMATS

from ..fixtures.commands import run, trained, words_of

CONLL = "Anna\tB-PER\nsings\tO\n\nParis\tB-LOC\nis\tO\nnice\tO\n"


@pytest.fixture
def conll(tmp_path):
    (tmp_path / "a.conll").write_text(CONLL)
    return tmp_path / "a.conll"


def test_report_and_numbers(conll, tmp_path):
    code, printed = run("convert", conll, tmp_path / "a.spacy", "--json", tmp_path / "a.json")
    assert code == 0 and "a.conll: conll, scheme iob2, columns word ents; 2 docs" in printed
    assert "Labels: LOC 1, PER 1" in printed and f"Wrote all: 2 docs, 5 tokens, {tmp_path / 'a.spacy'}" in printed
    assert "Next:" in printed and "--split 0.1 0.1" in printed
    numbers = json.loads((tmp_path / "a.json").read_text())
    assert numbers["command"] == "rnn convert" and numbers["labels"] == {"PER": 1, "LOC": 1}
    assert numbers["parts"]["all"] == {"docs": 2, "tokens": 5, "files": [str(tmp_path / "a.spacy")]}
    assert len(list(DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab()))) == 2


def test_parts_can_be_trained_on(conll, tmp_path):
    conll.write_text("".join(f"word{i}{'abcdefgh'[i % 8] * 9}\tB-X\nis\tO\n\n" for i in range(20)))
    code, printed = run("convert", conll, tmp_path / "corpus", "--split", 0.1, 0.2, "--seed", 1)
    assert code == 0 and f"rnn check {tmp_path / 'corpus' / 'train.spacy'} " in words_of(printed)
    assert sorted(path.name for path in (tmp_path / "corpus").iterdir()) == ["dev.spacy", "test.spacy", "train.spacy"]
    assert {name for name in ("train", "dev", "test") if f"Wrote {name}: " in printed} == {"train", "dev", "test"}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--from", "conl"], "--from = 'conl' is unknown; allowed: 'spacy', 'conll'"),
        (["--to", "prodigi"], "--to = 'prodigi' is unknown"),
        (["--scheme", "bilua"], "Did you mean 'biluo'?"),
        (["--misaligned", "keep"], "--misaligned = 'keep' is unknown; allowed: 'drop', 'expand', 'contract', 'fail'"),
        (["--offsets", "chars"], "--offsets = 'chars' is unknown; allowed: 'characters', 'utf16', 'bytes'"),
        (["--split", 0.6, 0.6], "--split 0.6 0.6 leaves nothing to train on"),
        (["--columns", "word"], "the line has 2 columns by tabs, but --columns names 1"),
    ],
)
def test_arguments_that_are_not_allowed(arguments, message, conll, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    code, printed = run("convert", conll, tmp_path / "new", *arguments)
    assert code == 2 and message in words_of(printed) and "Traceback" not in printed
    assert sorted(tmp_path.rglob("*")) == before


def test_files_that_are_not_there_or_damaged(conll, tmp_path):
    code, printed = run("convert", tmp_path / "nowhere.conll", tmp_path / "a.spacy")
    assert code == 2 and "there is no file or folder" in words_of(printed)
    conll.write_text(CONLL.replace("is\tO", "is"))
    code, printed = run("convert", conll, tmp_path / "a.spacy")
    assert code == 2 and "line 5: the line has 1 column by tabs, but 2 in line 1" in words_of(printed)
    code, printed = run("convert", conll, tmp_path / "a.spacy", "--skip-bad")
    assert code == 0 and "Damaged lines that were skipped: 1" in printed and "line 5" in printed


@pytest.mark.parametrize("arguments", [[], ["--shard-docs", 1], ["--to", "brat"], ["--to", "conll"]], ids=str)
def test_outputs_are_replaced_only_by_their_kind(arguments, conll, tmp_path):
    out = tmp_path / "out"

    def convert(*more):
        return run("convert", conll, out, *arguments, *more)

    assert convert()[0] == 0
    code, printed = convert()
    assert code == 2 and "pass --force" in words_of(printed)
    assert convert("--force")[0] == 0
    if out.is_dir():
        mine = out / ("mine.md" if "brat" in arguments else "mine.spacy")
        mine.write_text("mine")
    else:
        mine = out
        mine.write_text("mine: this is prose.\nIt has no columns at all.\n")
    code, printed = convert("--force")
    assert code == 2 and "cannot be replaced" in words_of(printed) and "mine" in mine.read_text()
    code, printed = run("convert", conll, conll, *arguments, "--force")
    assert code == 2 and conll.read_text() == CONLL


def test_a_pipelines_output_is_corrected_and_comes_back(tmp_path):
    """Probabilities are written by every format that has a place for them, as the pipeline stored them."""
    nlp = trained()
    settings = [nlp.get_pipe(name) for name in ("rnn_tagger", "rnn_ner")]
    try:
        for component in settings:
            component.store_scores = True
        docs = list(nlp.pipe(["Anna Berg works in New York.", "They eat ham."]))
    finally:
        for component in settings:
            component.store_scores = False
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "output.spacy")
    scores = [round(score, 5) for score in docs[0].spans["rnn_ner"].attrs["scores"].tolist()]
    tag_score = docs[0][2]._.rnn_tagger_score
    assert scores and docs[0].ents and 0 < tag_score <= 1

    def written(name, *more, said=""):
        path = tmp_path / f"out.{name}"
        code, printed = run("convert", tmp_path / "output.spacy", path, "--to", name, *more)
        assert code == 0 and "corrected.spacy" in printed and said in printed, printed
        return path.read_text(encoding="utf8") if path.is_file() and name != "parquet" else ""

    first = json.loads(written("prodigy").splitlines()[0])
    assert [round(span["score"], 5) for span in first["spans"]] == scores
    task = json.loads(written("label-studio"))[0]
    assert [round(result["score"], 5) for result in task["predictions"][0]["result"]] == scores
    assert [round(score, 5) for score in json.loads(written("doccano").splitlines()[0])["scores"]] == scores
    assert "Confidence" not in written("conllu", said="pass --confidences")
    assert f"Confidence[tag]={numpy.float32(tag_score)!s}\n" in written("conllu", "--confidences", "--force")
    assert str(numpy.float32(tag_score)) in written("conll", "--confidences")
    hf = json.loads(written("hf").splitlines()[0])
    assert hf["ner_scores"][2] is None and round(hf["ner_scores"][0], 5) == scores[0]
    assert str(scores[0])[:6] in written("csv")
    others = [name for name in FORMATS if name != "spacy"]
    for name in others:
        if not (tmp_path / f"out.{name}").exists():
            written(name)
        back = tmp_path / f"back-{name}.spacy"
        code, printed = run("convert", tmp_path / f"out.{name}", back, "--lang", "en")
        assert code == 0 and f": {name}" in printed, printed
        read = list(DocBin().from_disk(back).get_docs(nlp.vocab))
        assert [[(e.text, e.label_) for e in doc.ents] for doc in read] == [
            [(e.text, e.label_) for e in doc.ents] for doc in docs
        ]


def test_help():
    printed = words_of(run("convert", "--help")[1])
    assert "Example: python -m spacy rnn convert" in printed and all(name in printed for name in FORMATS)
