"""The configs that the comparison with other taggers trains by."""

from dataclasses import replace

import numpy
import pytest
import spacy
from spacy.util import load_model_from_config

from benchmarks.accuracy.corpora import CORPORA
from benchmarks.accuracy.systems import registry
from benchmarks.accuracy.systems.base import TrainingError
from benchmarks.accuracy.systems.registry import PIPELINES, Options, make_system, system_names
from benchmarks.accuracy.training_configs import read_config, vectors_folder, with_vectors
from spacy_rnn_tagger.models.storage.compact_vectors import REGISTERED, CompactVectors

from ..conftest import CONFIGS


@pytest.mark.parametrize("corpus,config", [("ewt", "ewt.cfg"), ("wnut17", "wnut17.cfg")])
@pytest.mark.parametrize("name", sorted({*PIPELINES} - {"recipe"}))
def test_configs_of_pipelines_are_valid(name, corpus, config):
    system = make_system(name, CORPORA[corpus], Options(config=CONFIGS / config, steps=100))
    assert all(reader["gold_preproc"] for reader in system.config["corpora"].values())
    assert system.config["training"]["max_steps"] == 100
    load_model_from_config(system.config.interpolate(), auto_fill=True)


def test_the_recipe_of_init_config_is_made_of_the_corpus(data):
    system = make_system("recipe", data, Options())
    assert {"rnn_tagger", "rnn_morphologizer"} <= {*system.config["components"]} and system.config["nlp"][
        "lang"
    ] == "en"
    assert system.config["components"]["rnn_tagger"]["target"] == "tag" and system.ours
    assert all(reader["gold_preproc"] for reader in system.config["corpora"].values())
    load_model_from_config(system.config.interpolate(), auto_fill=True)


def test_the_recipe_with_lists_of_names(data, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "NAMES", str(tmp_path / "lists"))
    data = replace(data, fields=("ents",))
    with pytest.raises(ValueError, match="name a file or folder with lists of names"):
        make_system("recipe+names", data, Options())
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "CITY.txt").write_text("London")
    system, plain = make_system("recipe+names", data, Options()), make_system("recipe", data, Options())
    assert system.config["nlp"]["pipeline"][0] == "entity_ruler" and "entity_ruler" not in plain.config["components"]
    before = system.recipe()
    (tmp_path / "lists" / "CITY.txt").write_text("London\nParis")
    assert system.recipe() != before and system.title.endswith("lists of names") and "names" not in plain.title
    assert {"recipe+names", "recipe+glove+names"} <= {*system_names("wnut17")}
    assert not any("names" in name for name in (*system_names("ewt"), *system_names("vtb")))


def test_a_corpus_without_a_config_of_ours(data):
    assert "ours" not in system_names("vtb") and {"recipe", "spacy"} <= {*system_names("vtb")}
    with pytest.raises(TrainingError, match="no config of ours for 'vtb'; name one with --config"):
        make_system("ours", CORPORA["vtb"], Options())
    config = make_system("spacy", CORPORA["vtb"], Options()).config
    assert config["nlp"]["lang"] == "xx" and config["components"]["tagger"]["neg_prefix"] == "not "


def test_the_encoder_is_replaced_at_the_same_width():
    peer, bilstm, ours = (
        make_system(name, CORPORA["ewt"], Options()).config["components"]["tok2vec"]["model"]
        for name in ("spacy", "spacy-bilstm", "spacy-our-encoder")
    )
    assert peer["encode"]["width"] == bilstm["encode"]["width"] == ours["encode"]["width"]
    assert bilstm["encode"]["@architectures"] == "spacy.TorchBiLSTMEncoder.v1"
    assert ours["encode"]["@architectures"] == "spacy-rnn-tagger.RNNEncoder.v1"
    assert peer["embed"] == bilstm["embed"] == ours["embed"]


def test_vectors_reach_every_embedding(data, tmp_path):
    peer = read_config(CONFIGS / "peer_spacy_pos.cfg")
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("word", numpy.ones(4, dtype="float32"))
    nlp.to_disk(tmp_path / "theirs")
    config = with_vectors(peer, str(tmp_path / "theirs"))
    assert config["nlp"] == peer["nlp"]
    assert config["components"]["tok2vec"]["model"]["embed"]["include_static_vectors"] is True
    assert peer["components"]["tok2vec"]["model"]["embed"]["include_static_vectors"] is False
    assert config["initialize"]["vectors"] == "${paths.vectors}"
    with pytest.raises(TrainingError, match="include_static_vectors"):
        with_vectors(read_config(CONFIGS / "source_rnn_pos.cfg"), str(tmp_path / "theirs"))
    with pytest.raises(TrainingError, match="no pipeline with static vectors"):
        vectors_folder(str(tmp_path))
    ours = spacy.blank("en", config={"nlp": {"vectors": {"@vectors": REGISTERED}}})
    ours.vocab.vectors = CompactVectors.of(nlp.vocab.vectors)
    ours.to_disk(tmp_path / "ours")
    assert with_vectors(peer, str(tmp_path / "ours"))["nlp"]["vectors"]["@vectors"] == REGISTERED
    recipe = make_system("recipe+vectors", data, Options(vectors=str(tmp_path / "ours"))).config
    assert recipe["nlp"]["vectors"]["@vectors"] == REGISTERED and recipe["paths"]["vectors"] == str(tmp_path / "ours")
    assert recipe["components"]["tok2vec"]["model"]["embed"]["include_static_vectors"] is True
    with pytest.raises(TrainingError, match="there is no config"):
        read_config(tmp_path / "none.cfg")
