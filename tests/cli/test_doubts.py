"""`python -m spacy rnn doubts` and `python -m spacy rnn suggest`."""

import json
import re
from dataclasses import replace

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_rnn_tagger.evaluation.doubt_docs import without_doubts
from spacy_rnn_tagger.evaluation.doubts import Doubt

from ..fixtures.commands import run, saved, words_of  # noqa: F401
from ..training.test_out_of_fold import make_corpus

QUICK = ["--folds", 2, "--max-steps", 60, "--n", 6]


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "train.spacy"
    DocBin(docs=make_corpus(wrong=[4])).to_disk(path)
    return path


def docs_of(path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def test_doubts_are_tasks_that_can_be_read_back(corpus, tmp_path):
    out, part, numbers = (tmp_path / name for name in ("doubts.jsonl", "part.spacy", "numbers.json"))
    code, printed = run("doubts", corpus, "-o", out, "--partial", part, "--json", numbers, *QUICK)
    assert code == 0 and "Next:" in printed, printed
    assert not (tmp_path / "doubts.jsonl.folds").exists()
    tasks = [json.loads(line) for line in out.read_text().splitlines()]
    first = tasks[0]
    assert first["meta"]["given"] == "NN" and first["meta"]["other"] == "VBD" and first["meta"]["doc_in_source"] == 4
    assert [span["label"] for span in first["spans"]] == ["NN", "VBD"] and first["meta"]["source"] == str(corpus)
    written = json.loads(numbers.read_text())
    assert written["command"] == "rnn doubts" and [each["target"] for each in written["targets"]] == ["tag", "ents"]
    gold, left = docs_of(corpus)[4], docs_of(part)[4]
    assert left[5].tag_ == "" and left[0].tag_ == gold[0].tag_ and left[1].ent_iob == 0 and left[2].ent_iob_ == "O"
    code, printed = run("convert", out, tmp_path / "back.spacy", "--spans", "doubts")
    back = docs_of(tmp_path / "back.spacy")
    assert code == 0 and [span.label_ for span in back[0].spans["doubts"]] == ["NN", "VBD"]
    assert run("doubts", corpus, "-o", out, *QUICK)[0] == 2  # it is there already


def test_doubts_as_a_page(corpus, tmp_path):
    page = tmp_path / "doubts.html"
    assert run("doubts", corpus, "-o", page, "--target", "tag", "--work", tmp_path / "kept", *QUICK)[0] == 0
    text = page.read_text()
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    first = json.loads(data)["lists"]["doubts-0"][0]
    assert "http:" not in text and "Fine-grained tags" in text and first["where"] == f"{corpus}, doc 5"
    assert [row[:3] for row in first["rows"]] == [["gold", [5, 6, "NN"], 1], ["models", [5, 6, "VBD"], 0]]
    assert first["words"][5].strip() == "left"
    assert len(list((tmp_path / "kept").rglob("*.msgpack"))) == 2
    assert run("doubts", corpus, "-o", page, "--target", "tag", "--work", tmp_path / "kept", "--force", *QUICK)[0] == 0


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["{corpus}", "-o", "{folder}/a.json"], "unknown ending; allowed: .jsonl, .html"),
        (["{corpus}", "-o", "{folder}/a.jsonl", "--folds", "1"], "folds = 1 is not allowed"),
        (["{corpus}", "-o", "{folder}/a.jsonl", "--folds", "99"], "are too few for 99 folds"),
        (["{corpus}", "-o", "{folder}/a.jsonl", "--target", "sents", "--partial", "{folder}/p.spacy"], "one by one"),
        (["{corpus}", "-o", "{folder}/a.jsonl", "--ranking", "margn"], "Did you mean 'margin'"),
        (["{folder}/none.spacy", "-o", "{folder}/a.jsonl"], "does not exist"),
        (["{corpus}", "-o", "{corpus}"], "unknown ending"),
    ],
)
def test_bad_arguments(corpus, tmp_path, arguments, message):
    before = corpus.read_bytes()
    code, printed = run("doubts", *[each.format(corpus=corpus, folder=tmp_path) for each in arguments])
    assert code == 2 and message in words_of(printed) and "Traceback" not in printed
    assert corpus.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["train.spacy"]


def test_entities_that_a_doubt_touches_become_missing_as_a_whole():
    docs = make_corpus()[:1]
    doubt = Doubt("ents", 0, 0, 1, "", "boundary", "PER", 0.1, "PER", 0, 2, "", 0.9, True, "", "")
    (copy,) = without_doubts(docs, [doubt])
    assert [token.ent_iob for token in copy] == [0, 0, 2, 2, 3, 2, 2] and docs[0][0].ent_iob == 3
    with pytest.raises(ValueError, match="target = 'sents' is unknown"):
        list(without_doubts(docs, [replace(doubt, target="sents")]))


@pytest.mark.parametrize(
    "more,name", [([], "spacy-json"), (["-C", "rnn_ner"], "prodigy"), (["--to", "conllu"], "conllu")]
)
def test_suggestions_are_annotated_texts(saved, tmp_path, more, name):  # noqa: F811
    texts, out = tmp_path / "texts.txt", tmp_path / "next.jsonl"
    texts.write_text("Anna Berg likes New York.\nThey eat ham.\n\nThey eat ham.\nHam is red.\n")
    code, printed = run("suggest", saved[0], texts, "-o", out, "--n", 2, *more)
    assert code == 0 and "2 of 3 texts" in printed and "Next:" in printed, printed
    code, printed = run("convert", out, tmp_path / "back.spacy", "--from", name)
    assert code == 0 and len(docs_of(tmp_path / "back.spacy")) == 2
    code, printed = run("suggest", saved[0], texts, "-o", out, "--force", "--to", "brat")
    assert code == 2 and "--to = 'brat' is unknown" in words_of(printed)
