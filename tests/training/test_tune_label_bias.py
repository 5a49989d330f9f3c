"""The callback that fits label biases to the development corpus."""

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Corpus
from thinc.api import Config

from spacy_rnn_tagger.training.tune_label_bias import make_tune_label_bias

from ..conftest import make_examples, small_model, train, train_cli


@pytest.fixture
def path(nlp, tmp_path):
    data = tmp_path / "dev.spacy"
    DocBin(docs=[eg.reference for eg in make_examples(nlp)]).to_disk(data)
    return data


@pytest.fixture
def trained(nlp, path):
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    nlp.add_pipe("rnn_ner", config={"model": small_model()})
    reader = {"@readers": "spacy.Corpus.v1", "path": str(path), "gold_preproc": False}
    nlp.config["corpora"] = {"dev": reader, "train": reader}
    train(nlp, make_examples(nlp), steps=9)  # not enough: it is too careful to find anything
    return nlp


def f_score(nlp, path):
    return nlp.evaluate(list(Corpus(path)(nlp)))["ents_f"] or 0.0


def test_the_bias_raises_f_and_is_saved(trained, path, tmp_path):
    before = f_score(trained, path)
    assert make_tune_label_bias(high=6.0, steps=13)(trained) is trained
    bias = trained.get_pipe("rnn_ner").label_bias
    assert set(bias) == {"GPE", "PERSON"} and len(set(bias.values())) == 1
    assert f_score(trained, path) > before
    assert trained.get_pipe("rnn_tagger").label_bias == {}  # every token has a tag anyway
    trained.to_disk(tmp_path / "saved")
    loaded = spacy.load(tmp_path / "saved")
    assert loaded.get_pipe("rnn_ner").label_bias == bias
    assert f_score(loaded, path) == f_score(trained, path)


def test_the_best_of_the_biases_wins_and_the_least_of_equals(trained, path):
    scores = {}
    for bias in (0.0, 2.0, 4.0):
        trained.get_pipe("rnn_ner").label_bias = {"GPE": bias, "PERSON": bias}
        scores[bias] = f_score(trained, path)
    make_tune_label_bias(high=4.0, steps=3)(trained)  # from whatever bias there is
    chosen = trained.get_pipe("rnn_ner").label_bias["GPE"]
    assert chosen == max(scores, key=scores.get)
    train(trained, make_examples(trained), steps=60)
    trained.get_pipe("rnn_ner").label_bias = {}
    assert f_score(trained, path) == 1.0
    make_tune_label_bias(high=0.5, steps=3)(trained)
    assert set(trained.get_pipe("rnn_ner").label_bias.values()) == {0.0}


@pytest.mark.parametrize("settings, message", [({"high": -1.0}, "high = -1.0"), ({"steps": 0}, "steps = 0")])
def test_settings(settings, message):
    with pytest.raises(ValueError, match=f"tune_label_bias.v1: {message} is not allowed"):
        make_tune_label_bias(**settings)


def test_in_a_training_config(nlp, path, tmp_path):
    nlp.add_pipe("rnn_ner", config={"model": small_model()})
    config = nlp.config.merge(
        {
            "paths": {"train": str(path), "dev": str(path)},
            "training": {
                "max_steps": 4,
                "eval_frequency": 2,
                "before_to_disk": {"@callbacks": "spacy-rnn-tagger.tune_label_bias.v1", "high": 6.0, "steps": 7},
                "score_weights": {"ents_f": 1.0},
            },
            "corpora": {
                part: {"@readers": "spacy.Corpus.v1", "path": f"${{paths.{part}}}"} for part in ("train", "dev")
            },
        }
    )
    Config(config).to_disk(tmp_path / "partial.cfg")
    from spacy.cli.init_config import fill_config

    fill_config(tmp_path / "filled.cfg", tmp_path / "partial.cfg", silent=True)
    printed = train_cli(tmp_path / "filled.cfg", tmp_path / "out", {})
    assert "Saved pipeline" in printed
    saved = spacy.load(tmp_path / "out" / "model-last")
    assert saved.config["components"]["rnn_ner"]["label_bias"].keys() == {"GPE", "PERSON"}
