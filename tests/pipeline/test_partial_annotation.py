"""Gold that knows less than everything: missing, undecided and wrong; in the component."""

import itertools
import warnings

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span, Token
from spacy.training import Example
from thinc.api import Model

from spacy_rnn_tagger.pipeline.targets import make_target

from ..conftest import make_examples, randomize, small_model, train

DECODERS = ["softmax", "crf"]


def add(nlp, target, **config):
    pipe = nlp.add_pipe("rnn_tagger", name="mine", config={"target": target, "model": small_model(), **config})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    randomize(pipe.model, scale=0.5)
    return pipe


def loss_of(pipe, examples, scores=None):
    if scores is None:
        scores = pipe.model.predict([eg.predicted for eg in examples])
    return pipe.get_loss(examples, scores)


def gradient_is_right(pipe, examples):
    """By finite differences, of the scores and of a CRF's transitions."""
    rng = numpy.random.default_rng(0)
    docs = [eg.predicted for eg in examples]
    scores = [numpy.asarray(s, dtype="float64") for s in pipe.model.predict(docs)]
    directions = [rng.normal(size=s.shape) for s in scores]
    layer = pipe.model.get_ref("transitions")
    params = {name: layer.get_param(name) for name in layer.param_names} if pipe.decoder == "crf" else {}
    pushes = {name: rng.normal(size=p.shape).astype("float32") for name, p in params.items()}
    for name, p in params.items():
        layer.set_grad(name, numpy.zeros_like(p))
    _, gradient = loss_of(pipe, examples, scores)
    slope = sum(float((g * d).sum()) for g, d in zip(gradient, directions))
    slope += sum(float((layer.get_grad(name) * pushes[name]).sum()) for name in params)

    def at(step):
        for name, p in params.items():
            layer.set_param(name, (p + step * pushes[name]).astype("float32"))
        return loss_of(pipe, examples, [s + step * d for s, d in zip(scores, directions)])[0]

    estimate = (at(1e-2) - at(-1e-2)) / 2e-2
    assert slope == pytest.approx(estimate, rel=2e-2, abs=2e-3) and abs(slope) > 1e-3


def all_paths(pipe, scores):
    """Every legal path of one doc and its probability, by definition."""
    rules = pipe.target.make_constraints(pipe.labels)
    weights = pipe._transition_weights()
    n, n_tags = scores.shape
    paths, totals = [], []
    for path in itertools.product(range(n_tags), repeat=n):
        pairs = list(zip(path, path[1:]))
        if rules is not None and not (
            rules.start[path[0]] and rules.end[path[-1]] and all(rules.follows[pair] for pair in pairs)
        ):
            continue
        total = sum(scores[i, tag] for i, tag in enumerate(path))
        if weights:
            total += weights["start"][path[0]] + weights["end"][path[-1]]
            total += sum(weights["transitions"][pair] for pair in pairs)
        paths.append([pipe.tags[tag] for tag in path])
        totals.append(total)
    totals = numpy.asarray(totals)
    return paths, numpy.exp(totals - numpy.logaddexp.reduce(totals))


# Undecided


def undecided(nlp, text, tags, **alternatives):
    """A doc with tags, and alternatives by token, as `_1="A B"`."""
    doc = Doc(nlp.vocab, words=text.split(), tags=tags.split("/"))
    spans = [Span(doc, int(i[1:]), int(i[1:]) + 1, tag) for i, names in alternatives.items() for tag in names.split()]
    doc.spans["maybe"] = spans
    return doc


@pytest.mark.parametrize("decoder", DECODERS)
def test_any_of_the_alternatives_is_right(nlp, decoder):
    pipe = add(nlp, "tag", decoder=decoder, alternatives_key="maybe")
    y = undecided(nlp, "They eat ham", "PRP//NN", _1="VBP VBZ", _2="NNP")
    eg = Example(nlp.make_doc(y.text), y)
    scores = pipe.model.predict([eg.predicted])[0]
    paths, p = all_paths(pipe, scores)
    allowed = [{"PRP"}, {"VBP", "VBZ"}, {"NN", "NNP"}]  # a token's own tag is one more
    right = [all(tag in tags for tag, tags in zip(path, allowed)) for path in paths]
    loss, _ = loss_of(pipe, [eg])
    assert loss == pytest.approx(-numpy.log(p[right].sum()), rel=1e-4)
    gradient_is_right(pipe, [eg, *make_examples(nlp)])


def test_a_tag_is_learned_from_alternatives_alone(nlp):
    """Every token may be either of two tags; together they decide."""
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model(), "alternatives_key": "maybe"})
    docs = [undecided(nlp, "a b", "/", _0="X Y", _1="Y Z"), undecided(nlp, "b a", "/", _0="Y Z", _1="X Z")]
    docs += [undecided(nlp, "b", "Y"), undecided(nlp, "c", "Z")]
    loaded = DocBin().from_bytes(DocBin(docs=docs).to_bytes()).get_docs(nlp.vocab)
    examples = [Example(Doc(nlp.vocab, words=[t.text for t in y]), y) for y in loaded]
    train(nlp, examples, steps=80)
    assert pipe.labels == ("X", "Y", "Z")
    doc = pipe(Doc(nlp.vocab, words=["a", "b", "c"]))
    assert [t.tag_ for t in doc] == ["X", "Y", "Z"]
    # Undecided tokens are not scored.
    assert pipe.score([Example(doc, undecided(nlp, "a b c", "//Z", _0="Y"))])["tag_acc"] == 1.0


@pytest.mark.parametrize(
    "target,labels,found",
    [
        ("pos", ["NOUN", "VERB"], {"NOUN", "VERB"}),
        ("morph", ["POS=NOUN|Number=Sing", "POS=VERB"], {"Number=Sing|POS=NOUN", "POS=VERB"}),
        ("_.kind", ["a|b", "c"], {"a|b", "c"}),
    ],
)
def test_alternatives_of_the_other_targets(nlp, target, labels, found):
    pipe = nlp.add_pipe("rnn_tagger", config={"target": target, "model": small_model(), "alternatives_key": "maybe"})
    y = nlp.make_doc("They watch flies")
    y.spans["maybe"] = [Span(y, 0, 2, label=label) for label in labels]  # of both tokens
    eg = Example(nlp.make_doc(y.text), y)
    Token.set_extension("kind", default=None, force=True)
    assert pipe.target.alternatives(eg) == [found, found, None] and pipe.target.is_annotated(y)
    nlp.initialize(lambda: [eg])
    assert set(pipe.labels) == found
    scores = pipe.model.predict([eg.predicted])
    p = numpy.exp(scores[0]) / numpy.exp(scores[0]).sum(axis=1, keepdims=True)
    columns = [pipe.tags.index(label) for label in found]
    loss, (gradient,) = pipe.get_loss([eg], scores)
    assert loss == pytest.approx(-numpy.log(p[:2, columns].sum(axis=1)).sum(), abs=1e-5) and not gradient[2].any()


@pytest.mark.parametrize(
    "predicted,expected",
    [
        (["a", "b", "c", "d"], [{"X", "Y"}, {"X", "Y"}, {"Z"}, None]),
        (["ab", "c", "d"], [{"X", "Y"}, {"Z"}, None]),
        (["a", "bc", "d"], [{"X", "Y"}, None, None]),
        (["a", "b", "c", "d", " "], [{"X", "Y"}, {"X", "Y"}, {"Z"}, None, None]),
    ],
)
def test_misaligned_alternatives(nlp, predicted, expected):
    y = Doc(nlp.vocab, words=list("abcd"), spaces=[False] * 4)
    y.spans["maybe"] = [Span(y, 0, 2, "X"), Span(y, 0, 2, "Y"), Span(y, 2, 3, "Z")]
    x = Doc(nlp.vocab, words=predicted, spaces=[False] * len(predicted))
    assert make_target("tag", nlp.vocab, alternatives_key="maybe").alternatives(Example(x, y)) == expected


def test_an_unknown_alternative_frees_the_token(nlp):
    pipe = add(nlp, "tag", alternatives_key="maybe")
    y = undecided(nlp, "They eat ham", "PRP//NN", _1="VBP VBPP")
    eg = Example(nlp.make_doc(y.text), y)
    with pytest.warns(UserWarning, match="'VBPP' Did you mean 'VBP'"):
        _, (gradient,) = loss_of(pipe, [eg])
    assert not gradient[1].any() and gradient[0].any() and gradient[2].any()


# Wrong


def wrong(nlp, text, *spans, ents=None, key="wrong"):
    y = nlp.make_doc(text)
    if ents is not None:
        y.set_ents([Span(y, *ent) for ent in ents], default="missing")
    y.spans[key] = [Span(y, start, end, label) for start, end, label in spans]
    return Example(nlp.make_doc(text), y)


@pytest.mark.parametrize("decoder", DECODERS)
@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from(["GPE", "PERSON", ""])), max_size=3),
    st.integers(0, 2**16),
)
def test_a_wrong_span_costs_its_probability(decoder, spans, seed):
    nlp = spacy.blank("en")
    pipe = add(nlp, "ents", decoder=decoder, incorrect_spans_key="wrong")
    spans = {(start, min(start + size, 4), label) for start, size, label in spans}
    eg = wrong(nlp, "Anna met Jordan there", *spans)
    scores = numpy.random.default_rng(seed).normal(0, 2, (4, len(pipe.tags)))
    paths, p = all_paths(pipe, scores)
    expected = 0.0
    for start, end, label in spans:
        has = [any(_has(path, start, end, name) for name in ([label] if label else pipe.labels)) for path in paths]
        expected -= numpy.log1p(-p[has].sum())
    assert loss_of(pipe, [eg], [scores])[0] == pytest.approx(expected, rel=1e-5, abs=1e-7)


def _has(path, start, end, label):
    if end - start == 1:
        return path[start] == f"U-{label}"
    return path[start:end] == [f"B-{label}", *[f"I-{label}"] * (end - start - 2), f"L-{label}"]


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_gradient_of_wrong_spans(nlp, decoder):
    pipe = add(nlp, "ents", decoder=decoder, incorrect_spans_key="wrong")
    text = "Anna Berg works in New York."
    examples = [wrong(nlp, text, (0, 2, "GPE"), (4, 6, ""), ents=[(0, 2, "PERSON")]), *make_examples(nlp)]
    gradient_is_right(pipe, examples)
    gradient_is_right(pipe, [wrong(nlp, text, (4, 6, "GPE"), (4, 5, ""))])


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("label", ["GPE", ""])
def test_an_entity_is_unlearned(nlp, decoder, label):
    nlp.add_pipe("rnn_ner", config={"decoder": decoder, "incorrect_spans_key": "wrong", "model": small_model()})
    examples = make_examples(nlp)
    train(nlp, examples)
    pipe, text = nlp.get_pipe("rnn_ner"), "I like London."
    doc = nlp(text)
    assert [(e.text, e.label_) for e in doc.ents] == [("London", "GPE")]
    eg = wrong(nlp, text, (2, 3, label), ents=[])
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    for _ in range(20):
        nlp.update([eg, *examples[1:]], sgd=optimizer)
    ents = [(e.text, e.label_) for e in nlp(text).ents]
    assert ("London", "GPE") not in ents and (label or not any(e[0] == "London" for e in ents))
    assert nlp.evaluate(examples[1:])["ents_f"] == 1.0
    p = pipe.predict_proba([nlp.make_doc(text)])[0][2]
    assert p[pipe.tags.index("U-GPE")] < 0.2


def test_wrong_spans_of_a_layer(nlp):
    pipe = add(nlp, "spans:layer", incorrect_spans_key="wrong")
    eg = wrong(nlp, "I like London.", (2, 3, "GPE"))
    assert pipe.target.is_annotated(eg.reference)
    gradient_is_right(pipe, [eg])


@pytest.mark.parametrize("target", ["ents", "spans:layer"])
@pytest.mark.parametrize("label", ["GPE", ""])
def test_right_and_wrong_at_once_is_refused(nlp, target, label):
    pipe = add(nlp, target, incorrect_spans_key="wrong")
    eg = wrong(nlp, "I like London.", (2, 3, label), ents=[(2, 3, "GPE")])
    eg.reference.spans["layer"] = list(eg.reference.ents)
    what = r"'London' \(tokens 2 to 2, label 'GPE'\) is a gold span and also one of the incorrect spans"
    with pytest.raises(ValueError, match=rf"in doc 0 .*{what}, doc.spans\['wrong'\]"):
        nlp.initialize(lambda: [eg])
    with pytest.raises(ValueError, match=rf"in doc 'I like London.', {what}"):
        loss_of(pipe, [eg])


def test_misaligned_wrong_spans_are_left_out(nlp):
    target = make_target("ents", nlp.vocab, incorrect_spans_key="wrong")
    y = Doc(nlp.vocab, words=["a", "b", "c", "d"], spaces=[False] * 4)
    y.spans["wrong"] = [
        Span(y, 0, 2, "X"),
        Span(y, 0, 1, "X"),
        Span(y, 2, 3, "X"),
        Span(y, 1, 4, ""),
        Span(y, 2, 3, "X"),
    ]
    x = Doc(nlp.vocab, words=["ab", "c", "d"], spaces=[False] * 3)
    assert target.incorrect(Example(x, y)) == [(0, 1, "X"), (1, 2, "X")]


def test_a_wrong_label_that_is_unknown_is_named(nlp):
    pipe = add(nlp, "ents", incorrect_spans_key="wrong")
    with pytest.warns(UserWarning, match="'GPF' Did you mean 'GPE'"):
        loss, _ = loss_of(pipe, [wrong(nlp, "I like London.", (2, 3, "GPF"))])
    assert loss == 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss_of(pipe, [wrong(nlp, "I like London.", (2, 3, "GPF"))])


# Missing


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("target", ["tag", "pos", "morph", "ents", "sents", "spans:layer", "_.kind"])
def test_a_batch_without_gold_updates_nothing_but_passes_its_gradient_on(nlp, decoder, target, monkeypatch):
    pipe = add(nlp, target, decoder=decoder)
    bare = [Example(nlp.make_doc(text), nlp.make_doc(text)) for text in ("Some words here.", "", "More words")]
    seen = []
    begin = Model.begin_update

    def watch(model, docs):
        scores, backprop = begin(model, docs)
        return scores, lambda gradient: (seen.extend(gradient), backprop(gradient))[1]

    monkeypatch.setattr(Model, "begin_update", watch)
    optimizer = nlp.create_optimizer()
    optimizer.L2 = 0.0
    before = pipe.model.to_bytes()
    assert pipe.update(bare, sgd=optimizer)["mine"] == 0.0
    assert [g.shape for g in seen] == [(4, len(pipe.tags)), (0, len(pipe.tags)), (2, len(pipe.tags))]
    assert not numpy.concatenate(seen).any() and pipe.model.to_bytes() == before


def missing_entities(nlp):
    """Entities of which some tokens are unknown, three ways of saying so."""
    by_set = nlp.make_doc("Anna met Bo in York")
    by_set.set_ents([Span(by_set, 4, 5, "GPE")], outside=[by_set[1:2]], default="missing")
    by_tags = Example.from_dict(nlp.make_doc("Anna met Bo in York"), {"entities": ["-", "O", "-", "-", "U-GPE"]}).y
    by_iob = Doc(nlp.vocab, words="Anna met Bo in York".split(), ents=["", "O", "", "", "B-GPE"])
    return [by_set, by_tags, by_iob]


@pytest.mark.parametrize("decoder", DECODERS)
def test_missing_entities_are_masked_or_summed_over(nlp, decoder):
    pipe = add(nlp, "ents", decoder=decoder)
    references = [*missing_entities(nlp)]
    references += DocBin().from_bytes(DocBin(docs=references).to_bytes()).get_docs(nlp.vocab)
    for y in references:
        eg = Example(nlp.make_doc("Anna met Bo in York"), y)
        assert pipe.target.gold(eg) == [None, "O", None, None, "U-GPE"]
        scores = pipe.model.predict([eg.predicted])[0]
        loss, (gradient,) = loss_of(pipe, [eg])
        if decoder == "crf":
            paths, p = all_paths(pipe, scores)
            agree = [path[1] == "O" and path[4] == "U-GPE" for path in paths]
            assert loss == pytest.approx(-numpy.log(p[agree].sum()), rel=1e-4)
            # The neighbours say that "Anna" is no beginning, so what is known there is used too.
            assert gradient[0, pipe.tags.index("B-GPE")] > 1e-4
        else:
            p = numpy.exp(scores) / numpy.exp(scores).sum(axis=1, keepdims=True)
            assert loss == pytest.approx(-numpy.log(p[1, 0] * p[4, pipe.tags.index("U-GPE")]), rel=1e-4)
            assert not gradient[[0, 2, 3]].any()
    gradient_is_right(pipe, [Example(nlp.make_doc(y.text), y) for y in missing_entities(nlp)])


@pytest.mark.parametrize(
    "target,config,message",
    [
        (
            "ents",
            {"alternatives_key": "k"},
            "target 'ents': alternatives_key = 'k' is of no use to it; it is for .*'tag'",
        ),
        ("sents", {"alternatives_key": "k"}, "is of no use to it"),
        (
            "tag",
            {"incorrect_spans_key": "k"},
            "target 'tag': incorrect_spans_key = 'k' is of no use .*'ents' and 'spans:<key>'",
        ),
    ],
)
def test_keys_that_a_target_has_no_use_for(nlp, target, config, message):
    with pytest.raises(ValueError, match=message):
        nlp.add_pipe("rnn_tagger", config={"target": target, "model": small_model(), **config})
