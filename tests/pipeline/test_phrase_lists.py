"""Lists of names as features: what an entity ruler before the encoder has found, read by the embedding layer."""

import json
import random

import numpy
import pytest
import spacy
from spacy.cli.train import train
from spacy.tokens import Doc, DocBin, Span
from thinc.api import Config

from spacy_rnn_tagger.models.architectures.lexeme_embed import build_lexeme_embed
from spacy_rnn_tagger.models.serving.lexeme_gates import cache_info

from ..fixtures.commands import run

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
    assert run("init-config", "train.spacy", "--dev", "dev.spacy", "-O", "efficiency", "-o", "plain.cfg")[0] == 0
    config = Config().from_disk("plain.cfg", interpolate=False)
    config["nlp"]["pipeline"] = ["entity_ruler", *config["nlp"]["pipeline"]]
    config["components"]["entity_ruler"] = {"factory": "entity_ruler"}
    reader = {"@readers": "srsly.read_json.v1", "path": "names.json"}
    config["initialize"]["components"]["entity_ruler"] = {"patterns": reader}
    config["training"]["annotating_components"] = ["entity_ruler"]
    config["components"]["rnn_ner"]["overwrite"] = True
    embed = config["components"]["tok2vec"]["model"]["embed"]
    embed.update({"attrs": [*embed["attrs"], "ENT_TYPE", "ENT_IOB"], "rows": [*embed["rows"], 20, 20]})
    config.to_disk("lists.cfg")
    scores = {}
    for name in ("plain", "lists"):
        train(f"{name}.cfg", name, overrides={"training.max_steps": 60, "training.eval_frequency": 30})
        trained = spacy.load(f"{name}/model-best")
        scores[name] = trained.meta["performance"]["ents_f"]
    assert scores["lists"] > 0.95 > 0.6 > scores["plain"]
    docs = [Doc(trained.vocab, words=["Zzz", *patterns[-1]["pattern"].split(), "Zzz"]) for _ in range(3)]
    assert [str(doc.ents) for doc in trained.pipe(docs)] == [f"({patterns[-1]['pattern']},)"] * 3
    assert cache_info(trained.get_pipe("tok2vec").model).hits > 0
    numpy.testing.assert_allclose(docs[0].tensor, docs[2].tensor, atol=1e-6)
