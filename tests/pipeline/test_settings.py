"""Precision and recall: thresholds and label biases."""

import re

import numpy
import pytest
import spacy
from spacy.tokens import DocBin, Span

from spacy_rnn_tagger.pipeline.targets import ABSTAIN

from ..conftest import make_examples, randomize, run_cli, small_model, train


def add(nlp, factory="rnn_tagger", **config):
    return nlp.add_pipe(factory, config={"model": small_model(), **config})


# Thresholds


def test_unlikely_entities_are_left_out(nlp, decoder, make_docs):
    ner = add(nlp, "rnn_ner", decoder=decoder, store_scores=True)
    train(nlp, make_examples(nlp), steps=1)
    randomize(ner.model, scale=0.6)
    everything = list(ner.pipe(make_docs([9, 0, 5, 12])))
    scores = sorted(score for doc in everything for score in doc.spans["rnn_ner"].attrs["scores"].tolist())
    assert len(scores) > 4
    # A prediction just as likely as the threshold is written.
    ner.threshold = scores[len(scores) // 2]
    for doc, full in zip(ner.pipe(make_docs([9, 0, 5, 12])), everything):
        wanted = [(e.start, e.end, e.label_) for e in full.ents if e._.rnn_ner_score >= ner.threshold]
        assert [(e.start, e.end, e.label_) for e in doc.ents] == wanted
        assert (doc.spans["rnn_ner"].attrs["scores"] >= ner.threshold).all()
        assert not len(doc) or doc.has_annotation("ENT_IOB", require_complete=True)


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("factory", ["rnn_tagger", "rnn_morphologizer"])
def test_unlikely_tags_are_not_written(nlp, decoder, factory, overwrite):
    pipe = add(nlp, factory, decoder=decoder, overwrite=overwrite, store_scores=True)
    train(nlp, make_examples(nlp), steps=8)
    text = "Anna Berg works in New York."
    likely = [token._.get(f"{factory}_score") for token in nlp(text)]
    pipe.threshold = sorted(likely)[3]
    doc = nlp.make_doc(text)
    doc[0].tag_, doc[0].pos_ = "XX", "X"
    doc = nlp(doc)
    attr = "tag_" if factory == "rnn_tagger" else "pos_"
    written = [bool(getattr(token, attr)) for token in doc]
    assert written[1:] == [score >= pipe.threshold for score in likely][1:] and not all(written)
    assert [token._.get(f"{factory}_score") is not None for token in doc][1:] == written[1:]
    # What is not written leaves what was there.
    pipe.threshold = 1.0
    again = nlp(doc)
    assert [bool(getattr(token, attr)) for token in again] == written
    assert (pipe.predict([nlp.make_doc(text)])[0] == ABSTAIN).all()


@pytest.mark.parametrize("probs", [False, True])
@pytest.mark.parametrize("factory", ["rnn_tagger", "rnn_ner"])
def test_a_threshold_keeps_no_scores(nlp, decoder, factory, probs):
    pipe = add(nlp, factory, decoder=decoder, store_scores=True)
    train(nlp, make_examples(nlp), steps=30)
    text = "Anna Berg works in New York."
    scored = nlp(text)
    found = scored.ents if factory == "rnn_ner" else list(scored)
    scores = [part._.get(f"{factory}_score") for part in found]
    pipe.threshold, pipe.store_scores, pipe.store_probs = max(scores), False, probs
    doc = nlp(text)
    # It has found out how likely each is, and writes the likeliest.
    written = doc.ents if factory == "rnn_ner" else [token for token in doc if token.tag_]
    assert 0 < len(written) < len(found)
    assert [part._.get(f"{factory}_score") for part in written] == [None] * len(written) and factory not in doc.spans
    assert [token._.get(f"{factory}_probs") is not None for token in doc] == [probs] * len(doc)
    assert bool(doc.user_data) == probs and not any("scores" in record for record in doc.user_data.values())


def test_abstaining_in_extend_mode(nlp):
    pipe = add(nlp, "rnn_morphologizer", extend=True, threshold=1.0)
    train(nlp, make_examples(nlp), steps=3)
    doc = nlp.make_doc("I like London.")
    doc[0].set_morph("Foreign=Yes")
    assert str(pipe(doc)[0].morph) == "Foreign=Yes" and not doc[1].morph and not doc[0].pos_


def test_thresholds_do_not_touch_preset_entities(nlp, decoder):
    add(nlp, "rnn_ner", decoder=decoder, threshold=1.0)
    train(nlp, make_examples(nlp), steps=8)
    doc = nlp.make_doc("Anna Berg works in New York.")
    doc.ents = [Span(doc, 4, 6, label="PERSON")]
    assert [(e.start, e.label_) for e in nlp(doc).ents] == [(4, "PERSON")]


@pytest.mark.parametrize("factory, key", [("rnn_ner", "ents_f"), ("rnn_tagger", "tag_acc")])
def test_find_threshold(nlp, tmp_path, factory, key):
    add(nlp, factory)
    examples = make_examples(nlp)
    train(nlp, examples, steps=15)
    nlp.to_disk(tmp_path / "model")
    DocBin(docs=[eg.reference for eg in examples]).to_disk(tmp_path / "dev.spacy")
    command = ("find-threshold", tmp_path / "model", tmp_path / "dev.spacy", factory, "threshold", key, "-n", 3)
    done = run_cli("-m", "spacy", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    scores = dict(re.findall(r"^(0\.0|0\.5|1\.0)\s+([\d.]+)", done.stdout, flags=re.M))
    expected = {}
    for threshold in ("0.0", "0.5", "1.0"):
        loaded = spacy.load(tmp_path / "model", config={f"components.{factory}.threshold": float(threshold)})
        expected[threshold] = loaded.evaluate(make_examples(loaded))[key]
    assert {k: float(v) for k, v in scores.items()} == pytest.approx(expected, abs=6e-4)
    assert expected["0.0"] > expected["1.0"]


# Label biases


def test_a_bias_moves_the_odds_of_a_label_by_its_size(nlp, decoder, make_docs):
    tagger = add(nlp, decoder=decoder)
    train(nlp, make_examples(nlp), steps=1)
    randomize(tagger.model, scale=0.5)
    (doc,) = make_docs([1])
    before = tagger.predict_proba([doc])[0][0]
    tagger.label_bias = {tagger.labels[2]: 1.5}
    after = tagger.predict_proba([doc])[0][0]
    odds = numpy.log(after / before)
    assert odds[2] - odds[0] == pytest.approx(1.5, abs=1e-4) and odds[1] == pytest.approx(odds[0], abs=1e-4)
    tagger.temperature = 3.0
    hot = numpy.log(tagger.predict_proba([doc])[0][0])
    tagger.label_bias = {}
    odds = hot - numpy.log(tagger.predict_proba([doc])[0][0])
    assert odds[2] - odds[0] == pytest.approx(1.5 / 3.0, abs=1e-4)


def test_the_bias_of_an_entity_type_counts_once_per_entity(nlp, decoder, make_docs):
    ner = add(nlp, "rnn_ner", decoder=decoder)
    train(nlp, make_examples(nlp), steps=1)
    randomize(ner.model, scale=0.6)
    (doc,) = make_docs([4])
    before = {tuple(tags): log for tags, log in ner.kbest([doc], 1000)[0]}
    ner.label_bias = {"GPE": 0.7, "PERSON": -2.0}
    after = {tuple(tags): log for tags, log in ner.kbest([doc], 1000)[0]}
    assert len(after) == len(before) > 100
    shift = after["O", "O", "O", "O"] - before["O", "O", "O", "O"]
    for tags, log in after.items():
        begun = [tag[2:] for tag in tags if tag[0] in "BU"]
        bias = 0.7 * begun.count("GPE") - 2.0 * begun.count("PERSON")
        assert log - before[tags] - shift == pytest.approx(bias, abs=1e-3)


def test_biases_trade_precision_for_recall_and_come_from_the_config(nlp, decoder, tmp_path):
    add(nlp, "rnn_ner", decoder=decoder)
    train(nlp, make_examples(nlp), steps=10)
    nlp.to_disk(tmp_path)
    counts = []
    for bias in (-20.0, 0.0, 20.0):
        loaded = spacy.load(tmp_path, config={"components": {"rnn_ner": {"label_bias": {"GPE": bias}}}})
        assert loaded.get_pipe("rnn_ner").label_bias == {"GPE": bias}
        doc = loaded("Anna Berg works in New York.")
        counts.append(sum(ent.label_ == "GPE" for ent in doc.ents))
    assert counts[0] == 0 and counts[0] <= counts[1] < counts[2]


@pytest.mark.parametrize(
    "setting, message",
    [
        (
            {"label_bias": {"GPX": 1.0}},
            "label_bias names the label 'GPX', but the labels are 'GPE', 'PERSON'. Did you mean 'GPE'",
        ),
        ({"label_bias": {"O": 1.0}}, "label_bias names the label 'O'"),
        ({"threshold": 1.5}, "threshold = 1.5 is not allowed; it must be a probability"),
        ({"class_weights": "autto"}, "class_weights = 'autto' is unknown; allowed: 'auto'"),
        (
            {"class_weights": {"GPE": 0.0}},
            "class_weights of 'GPE' = 0.0 is not allowed; it must be a finite positive number",
        ),
        ({"class_weights": {"O": 1.0, "PERSONS": 2.0}}, "class_weights names the label 'PERSONS', .* mean 'PERSON'"),
    ],
    ids=str,
)
def test_bad_settings(nlp, setting, message):
    with pytest.raises(ValueError, match=re.escape(message).replace(r"\.\*", ".*")):
        add(nlp, "rnn_ner", **setting)
        train(nlp, make_examples(nlp), steps=1)
        nlp("Anna Berg")


def test_of_the_attributes_the_temperature_is_saved(nlp, tmp_path):
    ner = add(nlp, "rnn_ner", threshold=0.25)
    train(nlp, make_examples(nlp), steps=1)
    ner.threshold, ner.label_bias, ner.temperature = 0.5, {"GPE": 1.0}, 2.0
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path).get_pipe("rnn_ner")
    assert (loaded.threshold, loaded.label_bias, loaded.temperature) == (0.25, {}, 2.0)


def test_bad_attributes(nlp):
    ner = add(nlp, "rnn_ner")
    for name, value in {
        "threshold": -1,
        "temperature": float("inf"),
        "label_bias": ["GPE"],
        "class_weights": 3,
    }.items():
        with pytest.raises(ValueError, match=rf"component 'rnn_ner': {name} = .* is not allowed"):
            setattr(ner, name, value)
    with pytest.raises(ValueError, match="label_bias of 'GPE' = nan is not allowed; it must be a finite number"):
        ner.label_bias = {"GPE": float("nan")}
    with pytest.raises(ValueError, match="label_bias of 'GPE' = 1e[+]39 is not allowed; .* at most 10,000 in size"):
        ner.label_bias = {"GPE": 1e39}
