"""The auxiliary language model: what it guesses, its gradient, and that nothing but training notices it."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_rnn_tagger.models.layers.vocabulary import EOS, SOS

from ..conftest import make_examples, randomize, small_model, train

TEXTS = ["the cat sat on the mat", "the dog sat on the cat", "the"]


def make_pipe(nlp, **settings):
    model = {
        **small_model(),
        "@architectures": "spacy-rnn-tagger.LanguageModel.v1",
        "width": 8,
        "max_size": 12,
        "attr": "LOWER",
        "min_freq": 2,
    }
    pipe = nlp.add_pipe("rnn_language_model", config={"model": model, **settings})
    examples = [Example.from_dict(nlp.make_doc(text), {}) for text in TEXTS]
    return pipe, examples, nlp.initialize(lambda: examples)


def test_gold_is_the_word_on_each_side(nlp):
    pipe, examples, _ = make_pipe(nlp)
    vocabulary = pipe.model.get_ref("words").attrs["symbols"]
    at = {word: vocabulary.index(word) for word in ("the", "cat", "sat", "on")}
    assert "mat" not in vocabulary  # seen once
    assert pipe._neighbours(examples[0].x).tolist() == [
        [at["cat"], SOS],
        [at["sat"], at["the"]],
        [at["on"], at["cat"]],
        [at["the"], at["sat"]],
        [-1, at["on"]],
        [EOS, at["the"]],
    ]


def test_loss_and_gradient(nlp):
    pipe, examples, _ = make_pipe(nlp, weight=0.5)
    randomize(pipe.model)
    rng = numpy.random.default_rng(0)
    guesses = [rng.normal(size=(len(eg.x), 16)).astype("float32") for eg in examples]
    words = pipe.model.get_ref("words")
    loss, gradient = pipe.get_loss(examples, guesses)
    expected = 0.0
    for i, name in enumerate(("next", "previous")):
        golds = [pipe._neighbours(eg.x)[:, i] for eg in examples]
        candidates = sorted({gold for row in golds for gold in row if gold >= 0})
        vectors, bias = words.get_param(name), words.get_param(f"{name}_bias")
        for row, part in zip(golds, guesses):
            for gold, guess in zip(row, part[:, 8 * i : 8 * i + 8].astype("float64")):
                if gold >= 0:
                    scores = {word: guess @ vectors[word] + bias[word] for word in candidates}
                    expected -= 0.5 * (scores[gold] - numpy.log(sum(map(numpy.exp, scores.values()))))
    assert loss == pytest.approx(expected, rel=1e-5)
    arrays = [(guesses[i], gradient[i]) for i in range(3)]
    arrays += [(words.get_param(name), words.get_grad(name).copy()) for name in words.param_names]
    for array, d_array in arrays:
        index = numpy.unravel_index(abs(d_array).argmax(), d_array.shape)
        before = array[index]
        array[index] = before + 1e-2
        up = pipe.get_loss(examples, guesses)[0]
        array[index] = before - 1e-2
        down = pipe.get_loss(examples, guesses)[0]
        array[index] = before
        assert d_array[index] == pytest.approx((up - down) / 2e-2, rel=1e-2, abs=1e-3)


def test_nothing_to_guess(nlp):
    pipe, _, _ = make_pipe(nlp)
    empty = Example.from_dict(nlp.make_doc(""), {})
    loss, (gradient,) = pipe.get_loss([empty], [numpy.zeros((0, 16), dtype="float32")])
    assert loss == 0 and gradient.shape == (0, 16)


def test_neither_half_reads_the_word_it_guesses(nlp):
    """Another word on the right changes no guess of a next word to the left of it, and the other way round."""
    pipe, _, _ = make_pipe(nlp)
    one, other = (Doc(nlp.vocab, words=["the", word, "sat"]) for word in ("cat", "dog"))
    a, b = (pipe.model.predict([doc])[0] for doc in (one, other))
    assert (a[0, :8] == b[0, :8]).all() and (a[1:, :8] != b[1:, :8]).any(axis=1).all()
    assert (a[2, 8:] == b[2, 8:]).all() and (a[:2, 8:] != b[:2, 8:]).any(axis=1).all()


def test_it_learns_the_texts_and_leaves_docs_alone(nlp):
    pipe, examples, optimizer = make_pipe(nlp)
    optimizer.learn_rate = 0.02
    first = nlp.update(examples, sgd=optimizer)["rnn_language_model"]
    for _ in range(60):
        losses = nlp.update(examples, sgd=optimizer)
    assert losses["rnn_language_model"] < first / 3
    doc = nlp.make_doc(TEXTS[0])
    before = doc.to_bytes()
    assert nlp(doc).to_bytes() == before
    assert pipe.predict([doc, doc]) == [None, None]


def test_it_trains_a_shared_encoder_and_can_be_left_behind(nlp, tmp_path):
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "tok2vec"}
    nlp.add_pipe("tok2vec", config={"model": small_model()["tok2vec"]})
    tagger = {"@architectures": "spacy-rnn-tagger.RNNTagger.v1", "tok2vec": listener}
    nlp.add_pipe("rnn_tagger", config={"model": tagger})
    language_model = {"@architectures": "spacy-rnn-tagger.LanguageModel.v1", "max_size": 20, "tok2vec": listener}
    nlp.add_pipe("rnn_language_model", config={"model": language_model})
    examples = make_examples(nlp)
    losses = train(nlp, examples)
    assert losses["rnn_language_model"] > 0
    encoder = nlp.get_pipe("tok2vec").model
    nlp.update(examples, sgd=False, exclude=["rnn_tagger"])
    assert any(
        node.has_grad(name) and node.get_grad(name).any() for node in encoder.walk() for name in node.param_names
    )
    nlp.to_disk(tmp_path / "all")
    slim = spacy.load(tmp_path / "all", exclude=["rnn_language_model"])
    slim.to_disk(tmp_path / "slim")
    loaded = spacy.load(tmp_path / "slim")
    assert loaded.pipe_names == ["tok2vec", "rnn_tagger"]
    text = examples[1].text
    assert [t.tag_ for t in loaded(text)] == [t.tag_ for t in nlp(text)] == [t.tag_ for t in examples[1].reference]


@pytest.mark.parametrize("setting, value", [("width", 0), ("max_size", 4), ("attr", "LOWR")])
def test_settings(setting, value):
    from spacy import registry

    build = registry.architectures.get("spacy-rnn-tagger.LanguageModel.v1")
    with pytest.raises(ValueError, match=f"LanguageModel.v1: {setting} = "):
        build(None, **{setting: value})
