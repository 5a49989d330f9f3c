"""Lists of names as features: what an entity ruler before the encoder has found, read by the embedding layer."""

import json
import random

import numpy
import pytest
import spacy
from spacy.cli.train import train
from spacy.tokens import Doc, DocBin, Span

from spacy_rnn_tagger.models.architectures.lexeme_embed import build_lexeme_embed
from spacy_rnn_tagger.models.serving.lexeme_gates import cache_info
from spacy_rnn_tagger.training.name_lists import read_name_lists

from ..fixtures.commands import run, words_of

ATTRS = ["SHAPE", "ENT_TYPE", "ENT_IOB"]


def names(rng, n):
    return ["".join(rng.choice("abcdefgh") for _ in range(5)).title() for _ in range(n)]


def test_what_was_said_of_a_word_makes_another_lexeme(nlp):
    words = ["In", "New", "York", "New", "."]
    plain, listed = Doc(nlp.vocab, words=words), Doc(nlp.vocab, words=words)
    plain.set_ents([])
    listed.set_ents([Span(listed, 1, 3, "GPE")])
    model = build_lexeme_embed(8, ATTRS, 50, word_dropout=0.0, min_freq=2)
    with pytest.warns(UserWarning, match="min_freq = 2 has no effect on SHAPE"):
        model.initialize(X=[plain, listed])
    assert [node.attrs["symbol_attr"] for node in model.walk() if "symbol_attr" in node.attrs] == ["SHAPE"]
    for is_train in (False, True):
        (said, unsaid), _ = model([listed, plain], is_train=is_train)
        assert [bool((a != b).any()) for a, b in zip(said, unsaid)] == [False, True, True, False, False]
        assert (said[1] != said[2]).any()


def test_unknown_attributes_are_named():
    with pytest.raises(ValueError, match="attrs = 'ENT_TYP' is unknown; .* Did you mean 'ENT_TYPE'"):
        build_lexeme_embed(8, ["ENT_TYP"], 50)


def test_a_pipeline_learns_what_a_list_is_worth(tmp_path, monkeypatch):
    """Names and other words look alike, and no word occurs twice, so that only the list tells them apart."""
    monkeypatch.chdir(tmp_path)
    rng, nlp = random.Random(0), spacy.blank("en")
    patterns = []

    def write(path, n):
        docs = DocBin()
        for _ in range(n):
            first, last, other, *rest = names(rng, 6)
            patterns.append({"label": "LISTED", "pattern": f"{first} {last}"})
            words = [other, first, last, *rest]
            docs.add(Doc(nlp.vocab, words=words, ents=["O", "B-PER", "I-PER", "O", "O", "O"]))
        docs.to_disk(path)

    write("train.spacy", 200)
    write("dev.spacy", 50)
    (tmp_path / "names.json").write_text(json.dumps(patterns))
    arguments = ["init-config", "train.spacy", "--dev", "dev.spacy", "-O", "efficiency", "-o"]
    assert run(*arguments, "plain.cfg")[0] == 0 == run(*arguments, "lists.cfg", "--names", "names.json")[0]
    assert "# It marks the 250 names of the lists" in (tmp_path / "lists.cfg").read_text()
    scores = {}
    for name in ("plain", "lists"):
        train(f"{name}.cfg", name, overrides={"training.max_steps": 60, "training.eval_frequency": 30})
        trained = spacy.load(f"{name}/model-best")
        scores[name] = trained.meta["performance"]["ents_f"]
    assert scores["lists"] > 0.95 > 0.6 > scores["plain"]
    docs = [Doc(trained.vocab, words=["Zzz", *patterns[-1]["pattern"].split(), "Zzz"]) for _ in range(3)]
    ruler = trained.get_pipe("entity_ruler")
    assert len(ruler.patterns) == 250 and {label for label in ruler.labels} == {"LISTED"}
    assert [str(doc.ents) for doc in trained.pipe(docs)] == [f"({patterns[-1]['pattern']},)"] * 3
    assert cache_info(trained.get_pipe("tok2vec").model).hits > 0
    numpy.testing.assert_allclose(docs[0].tensor, docs[2].tensor, atol=1e-6)


def test_lists_of_all_forms(tmp_path):
    (tmp_path / "CITY.txt").write_text("New York\n\n  Malmö \nNew York\n", encoding="utf8")
    (tmp_path / "more.json").write_text('[{"label": "ORG", "pattern": [{"LOWER": "acme"}]}]')
    (tmp_path / "rest.jsonl").write_text(
        '{"label": "CITY", "pattern": "Malm\\u00f6"}\n{"label": "PER", "pattern": "Bo"}\n'
    )
    (tmp_path / "notes.md").write_text("not a list")
    cities = [{"label": "CITY", "pattern": "New York"}, {"label": "CITY", "pattern": "Malmö"}]
    acme = {"label": "ORG", "pattern": [{"LOWER": "acme"}]}
    assert read_name_lists(tmp_path / "CITY.txt") == cities
    assert read_name_lists(tmp_path) == [*cities, acme, {"label": "PER", "pattern": "Bo"}]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("none.txt", None, "there is no"),
        ("CITY.txt", b"\n \n", "there are no names in"),
        ("CITY.txt", b"\xff\xfe", "cannot be read as .txt in UTF-8"),
        ("names.csv", b"a,b", "is of no known form; allowed are .json, .jsonl, .txt files"),
        ("names.json", b"[{", "cannot be read as .json"),
        ("names.json", b'{"label": "A"}', "has no list of patterns"),
        ("names.json", b'["Bo"]', 'entry 0 of .*names.json\' is "Bo"; a pattern has a "label"'),
        ("names.jsonl", b'{"label": "A", "pattern": "Bo"}\n{"label": "A"}\n', "entry 1 of"),
        ("names.json", b'[{"label": "", "pattern": "Bo"}]', "entry 0 of"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_name_lists(tmp_path / name)


def test_names_need_entities_to_learn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, words=["Bo", "ran", str(i)], tags=["NNP", "VBD", "CD"]) for i in range(6)]
    DocBin(docs=docs[:3]).to_disk("train.spacy")
    DocBin(docs=docs[3:]).to_disk("dev.spacy")
    (tmp_path / "PER.txt").write_text("Bo")
    code, printed = run("init-config", "train.spacy", "--dev", "dev.spacy", "-o", "c.cfg", "--names", "PER.txt")
    assert code == 2 and "no component is to learn entities" in words_of(printed) and not (tmp_path / "c.cfg").exists()
