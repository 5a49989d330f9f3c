"""The contract of a trainable spaCy component, method by method."""

import copy
import pickle
import warnings

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Linear

from spacy_rnn_tagger.models.layers.output_layer import make_output

from ..conftest import MORPHS, make_examples, small_model, train

TARGETS = ["tag", "pos", "morph", "ents", "sents", "spans:layer", "_.kind"]


def add(nlp, target, **config):
    return nlp.add_pipe("rnn_tagger", config={"target": target, "model": small_model(), **config})


@pytest.mark.parametrize("target", TARGETS)
def test_learns_toy_data(nlp, target):
    pipe = add(nlp, target)
    examples = make_examples(nlp)
    losses = train(nlp, examples)
    assert losses["rnn_tagger"] < 2
    scores = nlp.evaluate(examples)
    assert scores[pipe.score_keys[0]] == 1.0
    doc = nlp("Anna Berg works in New York.")
    if target == "tag":
        assert [t.tag_ for t in doc] == "NNP NNP VBZ IN NNP NNP .".split()
    elif target == "ents":
        assert [(e.text, e.label_) for e in doc.ents] == [("Anna Berg", "PERSON"), ("New York", "GPE")]
        assert doc.has_annotation("ENT_IOB", require_complete=True)
    elif target == "spans:layer":
        assert [(s.text, s.label_) for s in doc.spans["layer"]] == [("Anna Berg", "PERSON"), ("New York", "GPE")]
    elif target == "sents":
        assert [t.is_sent_start for t in doc] == [True] + [False] * 6
    elif target == "_.kind":
        assert [t._.kind for t in doc] == "propn propn verb adp propn propn punct".split()
    else:
        assert [t.pos_ for t in doc] == "PROPN PROPN VERB ADP PROPN PROPN PUNCT".split()
    if target == "morph":
        assert [str(t.morph) for t in doc] == [MORPHS.get(t.pos_, "") for t in doc]


@pytest.mark.parametrize("target", TARGETS)
def test_round_trips_keep_the_scores(nlp, target, tmp_path):
    add(nlp, target)
    train(nlp, make_examples(nlp), steps=2)
    docs = [nlp.make_doc("Anna likes red ham in York."), nlp.make_doc("")]
    before = nlp.get_pipe("rnn_tagger").model.predict(docs)
    nlp.to_disk(tmp_path / "model")
    others = [
        spacy.load(tmp_path / "model"),
        pickle.loads(pickle.dumps(nlp)),
        copy.deepcopy(nlp),
    ]
    fresh = spacy.blank("en")
    add(fresh, target)
    others.append(fresh.from_bytes(nlp.to_bytes()))
    for other in others:
        pipe = other.get_pipe("rnn_tagger")
        assert pipe.tags == nlp.get_pipe("rnn_tagger").tags
        for a, b in zip(before, pipe.model.predict(docs)):
            assert (a == b).all()
    assert nlp.to_bytes() == others[0].to_bytes()


def test_labels_label_data_and_tags(nlp):
    pipe = add(nlp, "ents")
    nlp.initialize(lambda: make_examples(nlp))
    assert pipe.labels == ("GPE", "PERSON") and pipe.label_data == ["GPE", "PERSON"]
    assert pipe.tags == (
        "O", "B-GPE", "I-GPE", "L-GPE", "U-GPE", "B-PERSON", "I-PERSON", "L-PERSON", "U-PERSON",
    )  # fmt: skip
    assert nlp.pipe_labels["rnn_tagger"] == ["GPE", "PERSON"]


def test_labels_do_not_depend_on_the_order_of_examples(nlp):
    found = []
    for step in (1, -1):
        other = spacy.blank("en")
        pipe = add(other, "tag")
        other.initialize(lambda other=other, step=step: make_examples(other)[::step])
        found.append(pipe.labels)
    assert found[0] == found[1] == tuple(sorted(found[0]))


def test_given_labels_give_the_same_model_as_found_ones(nlp):
    pipe = add(nlp, "morph")
    nlp.initialize(lambda: make_examples(nlp))
    other = spacy.blank("en")
    pipe2 = add(other, "morph")
    from thinc.api import fix_random_seed

    fix_random_seed(0)
    pipe2.initialize(lambda: make_examples(other), labels=pipe.label_data)
    assert pipe2.labels == pipe.labels


def test_add_label_before_initialize_without_examples(nlp):
    pipe = add(nlp, "tag")
    assert pipe.add_label("A") == 1 and pipe.add_label("A") == 0
    with pytest.raises(ValueError):
        pipe.add_label(9)
    nlp.initialize()
    assert nlp("x")[0].tag_ == "A"


@pytest.mark.parametrize("target,label", [("tag", "NEW"), ("ents", "NEW"), ("pos", "X"), ("morph", "Foo=Bar|POS=X")])
def test_add_label_after_training_keeps_the_old_scores(nlp, target, label):
    pipe = add(nlp, target)
    examples = make_examples(nlp)
    train(nlp, examples)
    doc = nlp.make_doc("Anna eats ham in London.")
    before = pipe.model.predict([doc])[0].copy()
    path = pipe.predict([doc])[0]
    assert pipe.add_label(label) == 1
    after = pipe.model.predict([doc])[0]
    assert after.shape[1] == len(pipe.tags) > before.shape[1]
    numpy.testing.assert_allclose(after[:, : before.shape[1]], before, atol=1e-6)
    assert (pipe.predict([doc])[0] == path).all()
    nlp.update(examples, sgd=nlp.resume_training())
    again = spacy.blank("en")
    add(again, target)
    assert again.from_bytes(nlp.to_bytes()).get_pipe("rnn_tagger").labels == pipe.labels


@pytest.mark.parametrize("n_rows", [0, 1, 50])
def test_output_layer_is_a_linear_layer(n_rows):
    random = numpy.random.default_rng(0)
    X, dY = (random.standard_normal((n_rows, n)).astype("float32") for n in (64, 7))
    layers = [make_output(None, None).initialize(X=X[:1], Y=dY[:1]) if n_rows else make_output(7, 64), Linear(7, 64)]
    for layer in layers:
        layer.initialize()
        layer.set_param("W", numpy.linspace(-1, 1, 7 * 64, dtype="float32").reshape(7, 64))
        layer.set_param("b", numpy.arange(7, dtype="float32"))
    (Y, backprop), (wanted, backprop_wanted) = (layer(X, is_train=True) for layer in layers)
    numpy.testing.assert_allclose(Y, wanted, atol=1e-4)
    numpy.testing.assert_allclose(backprop(dY), backprop_wanted(dY), atol=1e-4)
    for name in ("W", "b"):
        numpy.testing.assert_allclose(layers[0].get_grad(name), layers[1].get_grad(name), atol=1e-4)
    assert layers[0].copy().to_bytes() == layers[1].to_bytes()


def test_a_label_added_later_can_be_learned(nlp):
    pipe = add(nlp, "tag")
    examples = make_examples(nlp)
    train(nlp, examples)
    pipe.add_label("NEW")
    eg = Example.from_dict(nlp.make_doc("Zorp zorp."), {"tags": ["NEW", "NEW", "."]})
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    for _ in range(60):
        nlp.update([*examples, eg], sgd=optimizer)
    assert [t.tag_ for t in nlp("Zorp zorp.")] == ["NEW", "NEW", "."]
    assert nlp.evaluate(examples)["tag_acc"] == 1.0


@pytest.mark.parametrize("target", TARGETS)
def test_empty_docs(nlp, target):
    add(nlp, target)
    train(nlp, make_examples(nlp), steps=2)
    assert len(nlp("")) == 0
    texts = ["", "London", "", "  ", "I like London.", ""]
    assert [doc.text for doc in nlp.pipe(texts)] == texts
    empty = Example.from_dict(nlp.make_doc(""), {})
    losses = nlp.update([empty, empty], sgd=nlp.create_optimizer())
    assert losses["rnn_tagger"] == 0.0
    nlp.update([empty, *make_examples(nlp), empty], sgd=nlp.create_optimizer())


@pytest.mark.parametrize("target", TARGETS)
def test_missing_gold_gives_no_loss_but_a_gradient_of_zeros(nlp, target):
    pipe = add(nlp, target)
    examples = make_examples(nlp)
    train(nlp, examples, steps=1)
    bare = [Example(nlp.make_doc("Some words here."), nlp.make_doc("Some words here."))]
    scores, _ = pipe.model.begin_update([eg.predicted for eg in bare])
    loss, gradient = pipe.get_loss(bare, scores)
    assert loss == 0.0 and not numpy.concatenate(gradient).any()


def test_partly_missing_tags(nlp):
    pipe = add(nlp, "tag")
    train(nlp, make_examples(nlp), steps=1)
    eg = Example.from_dict(nlp.make_doc("I eat ham ."), {"tags": ["PRP", "", "NN", "."]})
    scores, _ = pipe.model.begin_update([eg.predicted])
    loss, (gradient,) = pipe.get_loss([eg], scores)
    assert loss > 0 and not gradient[1].any() and all(gradient[i].any() for i in (0, 2, 3))


def test_partly_missing_entities(nlp):
    pipe = add(nlp, "ents")
    train(nlp, make_examples(nlp), steps=1)
    doc = nlp.make_doc("Anna met Bo in London")
    doc.set_ents([], missing=[doc[0:3]], default="outside")
    eg = Example(nlp.make_doc(doc.text), doc)
    scores, _ = pipe.model.begin_update([eg.predicted])
    _, (gradient,) = pipe.get_loss([eg], scores)
    assert not gradient[:3].any() and gradient[3].any() and gradient[4].any()


def test_loss_is_the_summed_cross_entropy_and_its_gradient(nlp):
    pipe = add(nlp, "tag")
    examples = make_examples(nlp)
    train(nlp, examples, steps=1)
    rng = numpy.random.default_rng(0)
    scores = [rng.normal(size=(len(eg.x), len(pipe.tags))).astype("float32") for eg in examples]
    loss, gradients = pipe.get_loss(examples, scores)
    expected = 0.0
    for eg, s, gradient in zip(examples, scores, gradients):
        p = numpy.exp(s) / numpy.exp(s).sum(axis=1, keepdims=True)
        gold = [pipe.tags.index(t.tag_) for t in eg.y]
        expected -= numpy.log(p[range(len(gold)), gold]).sum()
        numpy.testing.assert_allclose(gradient, p - numpy.eye(len(pipe.tags))[gold], atol=1e-6)
    assert loss == pytest.approx(expected, rel=1e-5)


def test_unknown_gold_label_is_left_out_with_one_warning(nlp):
    pipe = add(nlp, "tag")
    train(nlp, make_examples(nlp), steps=1)
    eg = Example.from_dict(nlp.make_doc("I eat ham ."), {"tags": ["PRP", "VBPP", "NN", "."]})
    with pytest.warns(UserWarning, match="'VBPP' Did you mean 'VBP'"):
        losses = nlp.update([eg], sgd=False)
    assert numpy.isfinite(losses["rnn_tagger"])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores, _ = pipe.model.begin_update([eg.predicted])
        _, (gradient,) = pipe.get_loss([eg], scores)
    assert not gradient[1].any() and gradient[0].any()


MISALIGNED = [
    (["I'm", "here", "."], ["I", "'m", "here", "."], ["PRP", "VBP", "RB", "."], [None, "RB", "."]),
    (["I", "'m", "here", "."], ["I'm", "here", "."], ["PRP", "RB", "."], ["PRP", "PRP", "RB", "."]),
    (["NewYork", "is"], ["New", "York", "is"], ["NNP", "NNP", "VBZ"], ["NNP", "VBZ"]),
    (["ab", "cd"], ["a", "bc", "d"], ["X", "Y", "Z"], [None, None]),
]


@pytest.mark.parametrize("predicted,gold,tags,expected", MISALIGNED)
def test_misaligned_gold(nlp, predicted, gold, tags, expected):
    pipe = add(nlp, "tag")
    x = Doc(nlp.vocab, words=predicted, spaces=[False] * len(predicted))
    y = Doc(nlp.vocab, words=gold, spaces=[False] * len(gold), tags=tags)
    eg = Example(x, y)
    assert pipe.target.gold(eg) == expected
    for label in tags:
        pipe.add_label(label)
    nlp.initialize()
    scores, _ = pipe.model.begin_update([x])
    _, (gradient,) = pipe.get_loss([eg], scores)
    assert [bool(row.any()) for row in gradient] == [tag is not None for tag in expected]


def test_misalignment_is_reported_at_initialize(nlp):
    add(nlp, "tag")
    x = Doc(nlp.vocab, words=["ab", "cd"], spaces=[False, False])
    y = Doc(nlp.vocab, words=["a", "bc", "d"], spaces=[False] * 3, tags=["X", "Y", "Z"])
    with pytest.warns(UserWarning, match=r"3 of 22 gold labels .*\n.*doc 4 \(3 of 3\): 'abcd'"):
        nlp.initialize(lambda: [*make_examples(nlp), Example(x, y)])


@pytest.mark.parametrize("target,attr", [("tag", "tag_"), ("pos", "pos_"), ("morph", "pos_")])
def test_overwrite(nlp, target, attr):
    pipe = add(nlp, target)
    train(nlp, make_examples(nlp))
    for overwrite, expected in ((False, "X"), (True, nlp("I like London.")[0])):
        pipe.overwrite = overwrite
        doc = nlp.make_doc("I like London.")
        setattr(doc[0], attr, "X")
        doc = pipe(doc)
        assert getattr(doc[0], attr) == (expected if isinstance(expected, str) else getattr(expected, attr))
        assert getattr(doc[1], attr) == getattr(nlp("I like London.")[1], attr)


@pytest.mark.parametrize(
    "overwrite,extend,expected",
    [
        (False, False, "Case=Acc|Foo=Bar"),
        (True, False, "Case=Nom"),
        (False, True, "Case=Acc|Foo=Bar"),
        (True, True, "Case=Nom|Foo=Bar"),
    ],
)
def test_morph_overwrite_and_extend(nlp, overwrite, extend, expected):
    pipe = nlp.add_pipe("rnn_morphologizer", config={"model": small_model()})
    train(nlp, make_examples(nlp))
    pipe.overwrite, pipe.extend = overwrite, extend
    doc = nlp.make_doc("I like London.")
    doc[0].set_morph("Case=Acc|Foo=Bar")
    assert str(pipe(doc)[0].morph) == expected


def test_morph_labels_are_normalized(nlp):
    pipe = add(nlp, "morph")
    assert pipe.add_label("Number=Sing|Case=Nom|POS=NOUN") == 1
    assert pipe.add_label("Case=Nom|Number=Sing|POS=NOUN") == 0
    assert pipe.labels == ("Case=Nom|Number=Sing|POS=NOUN",)


def test_error_handler_is_kept(nlp):
    pipe = add(nlp, "tag")
    train(nlp, make_examples(nlp), steps=1)
    seen = []
    nlp.set_error_handler(lambda name, proc, docs, error: seen.append((name, len(docs), error)))
    pipe.model.get_ref("output_layer").set_param("W", numpy.full((len(pipe.tags), 16), numpy.nan, dtype="float32"))
    assert list(nlp.pipe(["I like London."])) == []
    assert seen[0][:2] == ("rnn_tagger", 1) and "NaN" in str(seen[0][2])
    for use in (pipe.predict, pipe.predict_proba, lambda docs: pipe.kbest(docs, 2)):
        with pytest.raises(ValueError, match="scores contain NaN or infinity: its weights are damaged"):
            use([nlp.make_doc("I like London.")])


def test_update_contract(nlp):
    pipe = add(nlp, "tag")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    before = pipe.model.to_bytes()
    assert set(pipe.update(examples)) == {"rnn_tagger"}  # no optimizer: gradients only
    assert pipe.update(examples, sgd=False, losses={"rnn_tagger": 1.0})["rnn_tagger"] > 1.0
    assert pipe.model.to_bytes() == before
    pipe.finish_update(nlp.create_optimizer())
    assert pipe.model.to_bytes() != before
    with pytest.raises(TypeError):
        pipe.update([nlp.make_doc("x")])


def test_one_score_function_for_every_target(nlp):
    for target in TARGETS:
        name = target.strip("_.")  # a dot would be a section of the config
        nlp.add_pipe("rnn_tagger", name=name, config={"target": target, "model": small_model()})
    examples = make_examples(nlp)
    train(nlp, examples)
    scores = nlp.evaluate(examples)
    for key in ("tag_acc", "pos_acc", "morph_acc", "ents_f", "sents_f", "spans_layer_f", "kind_acc"):
        assert scores[key] == 1.0
    nlp.get_pipe("tag").scorer = None
    assert nlp.get_pipe("tag").score(examples) == {}


def test_config_overrides_count_after_loading(nlp, tmp_path):
    add(nlp, "tag")
    train(nlp, make_examples(nlp), steps=1)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path, config={"components.rnn_tagger.overwrite": True})
    assert loaded.get_pipe("rnn_tagger").overwrite is True
    assert spacy.load(tmp_path).get_pipe("rnn_tagger").overwrite is False


def test_labels_survive_a_memory_zone(nlp):
    add(nlp, "morph")
    train(nlp, make_examples(nlp))
    with nlp.memory_zone():
        inside = [t.pos_ for t in nlp("I like unheardofword London.")]
    outside = nlp("I like unheardofword London.")
    assert [t.pos_ for t in outside] == inside
    assert all(str(t.morph) is not None for t in outside)


def test_repeated_initialize_starts_over(nlp):
    pipe = add(nlp, "tag")
    examples = make_examples(nlp)
    train(nlp, examples)
    trained = pipe.model.to_bytes()
    nlp.initialize(lambda: examples)
    assert pipe.model.to_bytes() != trained
    assert len(pipe.tags) == pipe.model.get_dim("nO")
