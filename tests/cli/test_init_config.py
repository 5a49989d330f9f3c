"""`python -m spacy rnn init-config`, on to a trained pipeline."""

import json
import random

import numpy
import pytest
import spacy
from spacy.cli.train import train
from spacy.tokens import Doc, DocBin, Span
from spacy.vectors import Vectors

from spacy_rnn_tagger.models.storage.compact_vectors import REGISTERED, CompactVectors

from ..conftest import make_examples
from ..fixtures.commands import run, words_of

NAMES = "Ann Bo Cy Dora Emil Fay Gus Hana Ida Jo Kim Lea Max Nia Otto Pia Quin Rosa Sam Tia".split()
PLACES = "Agra Basra Delhi Hanoi Izmir Kyoto Lagos Malmo Osaka Patna".split()


def write(path, n):
    """Lines of our own making, with tags and entities."""
    nlp, rng, docs = spacy.blank("en"), random.Random(n), DocBin()
    for i in range(n):
        name, place, verb = rng.choice(NAMES), rng.choice(PLACES), rng.choice(["saw", "left", "likes"])
        doc = Doc(nlp.vocab, words=[name, verb, place, str(i), "."], tags=["NNP", "VB", "NNP", "CD", "."])
        doc.set_ents([Span(doc, 0, 1, "PER"), Span(doc, 2, 3, "GPE")])
        docs.add(doc)
    docs.to_disk(path)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "corpus.spacy", 200)
    write(tmp_path / "dev.spacy", 40)
    return tmp_path


def test_a_corpus_becomes_a_pipeline(folder):
    """The config alone is enough, but for the steps, which make the test short."""
    code, printed = run(
        "init-config", "corpus.spacy", "--split-dev", 0.1, "-o", "out/config.cfg", "--json", "made.json"
    )
    assert code == 0 and "Next:\n  python -m spacy train out/config.cfg --output model\n" in printed, printed
    made = json.loads((folder / "made.json").read_text())
    assert made["command"] == "rnn init-config" and made["recipe"]["max_steps"] == 400
    assert [layer["component"] for layer in made["layers"]] == ["rnn_tagger", "rnn_ner"]
    assert (made["train"]["n_docs"], made["dev"]["n_docs"]) == (180, 20)
    config = spacy.util.load_config(folder / "out" / "config.cfg")
    assert config["paths"]["train"] == "out/config-train.spacy"
    assert (folder / "out" / "config.cfg").read_text().count("\n# ") > 10
    train("out/config.cfg", "model", overrides={"training.max_steps": 20, "training.eval_frequency": 10})
    nlp = spacy.load("model/model-best")
    doc = nlp("Ann saw Agra 7 .")
    assert [token.tag_ for token in doc] == ["NNP", "VB", "NNP", "CD", "."]
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Ann", "PER"), ("Agra", "GPE")]


def test_nothing_is_lost(folder):
    arguments = ["init-config", "corpus.spacy", "--dev", "dev.spacy", "-o"]
    assert run(*arguments, "config.cfg", "-p", "ents", "-O", "efficiency")[0] == 0
    first = (folder / "config.cfg").read_text()
    assert 'pipeline = ["tok2vec", "rnn_ner"]' in first and 'train = "corpus.spacy"' in first
    code, printed = run(*arguments, "config.cfg")
    assert code == 2 and "exists; name another file, or pass --force" in words_of(printed)
    assert (folder / "config.cfg").read_text() == first
    assert run(*arguments, "config.cfg", "--force")[0] == 0 and (folder / "config.cfg").read_text() != first
    (folder / "notes.cfg").write_text("[notes]\nmine = true\n")
    for output, message in (("notes.cfg", "is no config of a pipeline"), ("dev.spacy", "holds what is read")):
        before = (folder / output).read_bytes()
        code, printed = run(*arguments, output, "--force")
        assert code == 2 and message in words_of(printed) and (folder / output).read_bytes() == before
    (folder / "new-train.spacy").write_text("mine")
    code, printed = run("init-config", "corpus.spacy", "--split-dev", 0.5, "-o", "new.cfg", "--force")
    assert code == 2 and "is no .spacy file" in words_of(printed) and not (folder / "new.cfg").exists()


@pytest.mark.parametrize(
    "options,message",
    [
        ([], "name them by --dev, or pass --split-dev 0.1"),
        (["--dev", "dev.spacy", "--split-dev", "0.1"], "are both given"),
        (["--dev", "corpus.spacy"], "on which no score tells anything"),
        (["--split-dev", "1.5"], "share = 1.5 is not allowed"),
        (["--dev", "dev.spacy", "--lang", "enn"], "Did you mean 'nn'?"),
        (["--dev", "dev.spacy", "-O", "acuracy"], "Did you mean 'accuracy'?"),
        (["--dev", "dev.spacy", "-p", "tag,end"], "--components names 'end'"),
        (["--dev", "dev.spacy", "-V", "no_such_vectors"], "vectors = 'no_such_vectors' cannot be loaded"),
    ],
)
def test_bad_arguments(folder, options, message):
    before = sorted(folder.iterdir())
    code, printed = run("init-config", "corpus.spacy", "-o", "config.cfg", *options)
    assert code == 2 and message in words_of(printed) and "Traceback" not in printed
    assert sorted(folder.iterdir()) == before


def test_custom_attributes_need_code(nlp, folder):
    docs = [example.reference for example in make_examples(nlp)]
    for name in ("a", "b"):
        DocBin(docs=docs, store_user_data=True).to_disk(folder / f"{name}.spacy")
    arguments = ["init-config", "a.spacy", "-d", "b.spacy", "-o"]
    code, printed = run(*arguments, "one.cfg")
    assert code == 0 and "_.kind is left out" in words_of(printed) and "--code" not in printed.split("Next:")[1]
    code, printed = run(*arguments, "two.cfg", "-p", "tag,_.kind")
    assert code == 0 and "--code" in printed.split("Next:")[1]


@pytest.mark.parametrize(
    "lang,message", [("th", "pip install pythainlp"), ("ja", "pip install sudachipy"), ("vi", "pip install pyvi")]
)
def test_tokenizers_that_are_missing(folder, lang, message):
    try:
        spacy.blank(lang)
        pytest.skip("the tokenizer is installed")
    except ImportError:
        pass
    code, printed = run("init-config", "corpus.spacy", "-d", "dev.spacy", "-o", "config.cfg", "-l", lang)
    assert code == 2 and message in words_of(printed)


def test_compact_vectors_are_those_of_the_trained_pipeline(folder):
    words = [word.lower() for word in (*NAMES, *PLACES)]
    data = numpy.random.default_rng(0).normal(size=(len(words), 10)).astype("float32")
    nlp = spacy.blank("en", config={"nlp": {"vectors": {"@vectors": REGISTERED, "storage": "float16"}}})
    nlp.vocab.vectors = CompactVectors.of(Vectors(data=data, keys=words, attr="LOWER"), "float16")
    nlp.to_disk("vectors")
    code, printed = run(
        "init-config", "corpus.spacy", "--dev", "dev.spacy", "-p", "ents", "--vectors", "vectors", "-o", "config.cfg"
    )
    assert code == 0, printed
    assert "% of the training tokens" in (folder / "config.cfg").read_text()
    train("config.cfg", "model", overrides={"training.max_steps": 10, "training.eval_frequency": 5})
    trained = spacy.load("model/model-best")
    assert trained.vocab.vectors == nlp.vocab.vectors and trained("ANN")[0].has_vector
