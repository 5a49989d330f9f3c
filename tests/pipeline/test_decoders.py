"""Softmax and CRF: training, probabilities, k best paths."""

import itertools

import numpy
import pytest
import spacy
from spacy.tokens import Span
from spacy.training import Example

from ..conftest import make_examples, randomize, small_model, train

DECODERS = ["softmax", "crf"]


@pytest.fixture(params=DECODERS)
def decoder(request):
    return request.param


def add(nlp, target, decoder):
    return nlp.add_pipe("rnn_tagger", config={"target": target, "decoder": decoder, "model": small_model()})


@pytest.mark.parametrize("target", ["tag", "pos", "morph", "ents"])
def test_learns_toy_data(nlp, target, decoder, tmp_path):
    pipe = add(nlp, target, decoder)
    examples = make_examples(nlp)
    train(nlp, examples, steps=60)
    assert nlp.evaluate(examples)[pipe.score_keys[0]] == 1.0
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path).get_pipe("rnn_tagger")
    doc = nlp.make_doc("Anna Berg works in New York.")
    for a, b in zip(pipe.predict_proba([doc]), loaded.predict_proba([doc])):
        assert (a == b).all()


@pytest.mark.parametrize("target", ["tag", "ents"])
def test_probabilities_and_best_paths_agree(nlp, target, decoder, make_docs):
    pipe = add(nlp, target, decoder)
    train(nlp, make_examples(nlp), steps=1)
    randomize(pipe.model, scale=0.5)
    docs = make_docs([2, 0, 3])
    probabilities = pipe.predict_proba(docs)
    assert [p.shape for p in probabilities] == [(len(doc), len(pipe.tags)) for doc in docs]
    for doc, marginals, path, best in zip(docs, probabilities, pipe.predict(docs), pipe.kbest(docs, 100_000)):
        numpy.testing.assert_allclose(marginals.sum(axis=1), 1.0, atol=1e-5)
        assert best[0][0] == [pipe.tags[i] for i in path]
        logs = [log_prob for _, log_prob in best]
        assert logs == sorted(logs, reverse=True) and len({tuple(tags) for tags, _ in best}) == len(best)
        # With every legal path listed, the paths' probabilities are all there is, and their sums are the marginals.
        assert numpy.exp(logs).sum() == pytest.approx(1.0, abs=1e-4)
        for i, j in itertools.product(range(len(doc)), range(len(pipe.tags))):
            through = sum(numpy.exp(log_prob) for tags, log_prob in best if tags[i] == pipe.tags[j])
            assert marginals[i, j] == pytest.approx(through, abs=1e-4)
    assert pipe.kbest(docs, 1)[1] == [([], 0.0)]
    with pytest.raises(ValueError, match="k should be at least 1"):
        pipe.kbest(docs, 0)


def test_empty_batches(nlp, decoder):
    pipe = add(nlp, "ents", decoder)
    train(nlp, make_examples(nlp), steps=1)
    empty = nlp.make_doc("")
    assert pipe.predict_proba([]) == [] and pipe.kbest([], 3) == [] and pipe.predict([]) == []
    assert pipe.predict_proba([empty])[0].shape == (0, len(pipe.tags))
    assert pipe.kbest([empty], 3) == [[([], 0.0)]]


def test_present_entities_condition_the_probabilities(nlp, decoder):
    pipe = add(nlp, "ents", decoder)
    train(nlp, make_examples(nlp))
    doc = nlp.make_doc("Anna Berg works in New York.")
    doc.ents = [Span(doc, 3, 5, label="PERSON")]
    marginals = pipe.predict_proba([doc])[0]
    assert marginals[3, pipe.tags.index("B-PERSON")] == pytest.approx(1.0)
    assert marginals[4, pipe.tags.index("L-PERSON")] == pytest.approx(1.0)
    assert doc.ents[0].label_ == "PERSON" and len(doc.ents) == 1


def test_transition_scores_are_learned_averaged_and_saved(nlp):
    pipe = add(nlp, "tag", "crf")
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.averages = {}
    layer = pipe.model.get_ref("transitions")
    assert not layer.get_param("transitions").any()
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
    for name in ("transitions", "start", "end"):
        assert layer.get_param(name).any() and (layer.id, name) in optimizer.averages


def test_softmax_allocates_no_transition_scores(nlp):
    pipe = add(nlp, "tag", "softmax")
    train(nlp, make_examples(nlp), steps=1)
    assert not pipe.model.get_ref("transitions").has_param("transitions")


def test_crf_gradient_is_that_of_finite_differences(nlp):
    pipe = add(nlp, "ents", "crf")
    examples = make_examples(nlp)
    # One token without gold, which a CRF sums over.
    partial = examples[1].reference
    partial.set_ents(list(partial.ents), missing=[partial[2:3]], default="unmodified")
    train(nlp, examples, steps=1)
    layer = pipe.model.get_ref("transitions")
    randomize(layer)
    rng = numpy.random.default_rng(0)
    scores = [rng.normal(size=(len(eg.x), len(pipe.tags))).astype("float32") for eg in examples]
    for name in layer.param_names:
        layer.set_grad(name, numpy.zeros_like(layer.get_param(name)))
    _, gradients = pipe.get_loss(examples, scores)
    saved = {name: layer.get_grad(name).copy() for name in layer.param_names}

    def difference(array, index):
        before = array[index]
        losses = []
        for step in (0.02, -0.02):
            array[index] = before + step
            losses.append(pipe.get_loss(examples, scores)[0])
        array[index] = before
        return (losses[0] - losses[1]) / 0.04

    for index in [(0, 0), (1, 5), (2, 3), (3, 1)]:
        assert gradients[1][index] == pytest.approx(difference(scores[1], index), abs=5e-3)
    for index in [(0, 1), (5, 8), (4, 0)]:
        assert saved["transitions"][index] == pytest.approx(difference(layer.get_param("transitions"), index), abs=5e-3)
    assert saved["start"][0] == pytest.approx(difference(layer.get_param("start"), (0,)), abs=5e-3)
    assert saved["end"][0] == pytest.approx(difference(layer.get_param("end"), (0,)), abs=5e-3)


def test_add_label_keeps_the_transition_scores(nlp):
    pipe = add(nlp, "ents", "crf")
    examples = make_examples(nlp)
    train(nlp, examples)
    doc = nlp.make_doc("Anna Berg works in New York.")
    path = pipe.predict([doc])[0]
    before = pipe.model.get_ref("transitions").get_param("transitions").copy()
    pipe.add_label("NEW")
    after = pipe.model.get_ref("transitions").get_param("transitions")
    assert (after[:9, :9] == before).all() and after.shape == (13, 13)
    assert (pipe.predict([doc])[0] == path).all()
    nlp.update(examples, sgd=nlp.resume_training())


def test_a_model_of_the_other_decoder_is_refused(nlp, tmp_path):
    add(nlp, "tag", "crf")
    train(nlp, make_examples(nlp), steps=1)
    nlp.to_disk(tmp_path)
    with pytest.raises(ValueError, match="decoder = 'softmax', but it was trained and saved with decoder = 'crf'"):
        spacy.load(tmp_path, config={"components.rnn_tagger.decoder": "softmax"})


def test_all_missing_gold_gives_zero_loss_and_gradient(nlp, decoder):
    pipe = add(nlp, "ents", decoder)
    train(nlp, make_examples(nlp), steps=1)
    bare = [Example(nlp.make_doc("Some words here."), nlp.make_doc("Some words here."))]
    scores, _ = pipe.model.begin_update([eg.predicted for eg in bare])
    loss, gradient = pipe.get_loss(bare, scores)
    assert loss == 0.0 and not numpy.concatenate(gradient).any()


@pytest.mark.parametrize("overwrite,extend,binds", [(False, False, True), (True, False, False), (False, True, False)])
def test_present_annotation_binds_the_path_only_if_it_stays_as_it_is(nlp, overwrite, extend, binds):
    """What is overwritten or merged with predictions is not known to be the whole of what the path will say."""
    pipe = nlp.add_pipe("rnn_morphologizer", config={"model": small_model(), "decoder": "crf"})
    train(nlp, make_examples(nlp), steps=15)
    pipe.overwrite, pipe.extend = overwrite, extend
    doc = nlp.make_doc("I like London.")
    (free,), proba = pipe.predict([doc]), pipe.predict_proba([doc])[0]
    other = (free[0] + 1) % len(pipe.tags)
    pos = pipe.tags[other].partition("POS=")[2]
    assert pos and f"POS={pos}" not in pipe.tags[free[0]]
    doc[0].pos_ = pos
    (path,) = pipe.predict([doc])
    assert (f"POS={pos}" in pipe.tags[path[0]]) == binds == (path[0] != free[0])
    assert numpy.allclose(pipe.predict_proba([doc])[0], proba, atol=1e-6) == (not binds)
