"""Class weights: what they weigh, how they are counted, and what they change."""

import numpy
import pytest
import spacy
from spacy.training import Example

from spacy_rnn_tagger.pipeline.gold import read_gold
from spacy_rnn_tagger.pipeline.settings import balanced_weights

from ..conftest import make_examples, small_model, train


def add(nlp, factory="rnn_tagger", **config):
    return nlp.add_pipe(factory, config={"model": small_model(), **config})


@pytest.mark.parametrize("target", ["tag", "ents"])
def test_softmax_and_crf_weigh_alike(target):
    """Without transition scores and constraints, both are cross-entropy times the weight of the gold tag."""
    losses, gradients = [], []
    for decoder in ("softmax", "crf"):
        nlp = spacy.blank("en")
        weights = {"GPE": 5.0, "O": 0.5} if target == "ents" else {"NNP": 5.0, ".": 0.5}
        tagger = add(nlp, decoder=decoder, target=target, class_weights=weights)
        examples = make_examples(nlp)
        train(nlp, examples, steps=0)
        tagger.target.make_constraints = lambda labels: None
        rng = numpy.random.default_rng(0)
        scores = [rng.normal(size=(len(eg.x), len(tagger.tags))).astype("float32") for eg in examples]
        loss, gradient = tagger.get_loss(examples, scores)
        losses.append(loss)
        gradients.append(numpy.concatenate(gradient))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    numpy.testing.assert_allclose(gradients[0], gradients[1], atol=1e-5)
    gold = [
        weights.get(tag[2:] or tag if target == "ents" else tag, 1.0)
        for eg in examples
        for tag in tagger.target.gold(eg)
    ]
    logs = numpy.concatenate(scores)
    probabilities = numpy.exp(logs) / numpy.exp(logs).sum(axis=1, keepdims=True)
    columns, _ = read_gold(examples, tagger.target, tagger.tags)
    expected = -(numpy.log(probabilities[numpy.arange(len(columns)), columns]) * gold).sum()
    assert losses[0] == pytest.approx(expected, rel=1e-5)


def test_balanced_weights_make_classes_equal_and_tokens_one_on_average(nlp):
    examples = make_examples(nlp)
    ner = add(nlp, "rnn_ner", class_weights="auto")
    train(nlp, examples, steps=1)
    weights = ner.cfg["class_weights"]
    gold = [tag for eg in examples for tag in ner.target.gold(eg)]
    classes = [tag[2:] or "O" for tag in gold]
    totals = {name: weights[name] * classes.count(name) for name in set(classes)}
    assert set(totals) == {"O", "GPE", "PERSON"} and sum(totals.values()) == pytest.approx(len(gold), rel=1e-5)
    assert totals["O"] == pytest.approx(totals["GPE"], rel=1e-5) == pytest.approx(totals["PERSON"], rel=1e-5)
    # A label that does not occur, and gold that is missing, count for nothing.
    bare = Example(nlp.make_doc("a b"), nlp.make_doc("a b"))
    assert balanced_weights(ner.target, [*examples, bare], [*ner.tags, "B-NEW"]) == weights


def test_automatic_weights_are_saved(nlp, decoder, tmp_path):
    add(nlp, "rnn_ner", decoder=decoder, class_weights="auto")
    examples = make_examples(nlp)
    train(nlp, examples, steps=2)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe("rnn_ner").cfg["class_weights"] == nlp.get_pipe("rnn_ner").cfg["class_weights"]
    losses = [
        pipeline.get_pipe("rnn_ner").get_loss(
            examples, pipeline.get_pipe("rnn_ner").model.predict([eg.x for eg in examples])
        )[0]
        for pipeline in (nlp, loaded)
    ]
    assert losses[0] == pytest.approx(losses[1])
    never = spacy.load(tmp_path).get_pipe("rnn_ner")
    del never.cfg["class_weights"]
    with pytest.raises(ValueError, match="counted by initialize, which has not run"):
        never.update(examples)


@pytest.mark.parametrize("weights", [{"GPE": 20.0}, {"O": 0.05}])
def test_weights_change_what_is_learned(decoder, weights):
    """Where the data contradict themselves, the weighted class wins."""
    found = []
    for class_weights in (None, weights):
        nlp = spacy.blank("en")
        add(nlp, "rnn_ner", decoder=decoder, class_weights=class_weights)
        golds = [["U-GPE", "O"]] + 3 * [["O", "O"]]
        examples = [Example.from_dict(nlp.make_doc("Reading rocks"), {"entities": gold}) for gold in golds]
        train(nlp, examples, steps=60)
        found.append(len(nlp("Reading rocks").ents))
    assert found == [0, 1]
