"""The lexeme level: one computation per distinct lexeme, attributes, static vectors, spelling."""

import numpy
import pytest
import spacy
from spacy.ml.staticvectors import StaticVectors
from spacy.tokens import Doc
from spacy.vectors import Vectors
from thinc.api import set_dropout_rate

from spacy_rnn_tagger.models.architectures.char_rnn import build_char_rnn
from spacy_rnn_tagger.models.architectures.lexeme_embed import build_lexeme_embed
from spacy_rnn_tagger.models.layers.vocabulary import learn_vocabulary

from ..conftest import make_examples, randomize, small_model, train

WORDS = ["Red", "Fort", "red", "Fort", "is", "Fort", "."]


@pytest.fixture
def vectors_nlp():
    nlp = spacy.blank("en")
    rng = numpy.random.default_rng(0)
    for word in ("Fort", "is"):
        nlp.vocab.set_vector(word, rng.normal(size=5).astype("float32"))
    return nlp


@pytest.mark.parametrize("attr", ["ORTH", "LOWER", "NORM", "SHAPE"])
def test_vectors_are_looked_up_by_the_attribute_that_they_are_of(nlp, attr):
    """As in `spacy.StaticVectors.v2`, in training, in serving and behind the cache of lexemes."""
    words = ["Fort", "FORT", "fort", "n't", "N'T", "is"]
    docs = [Doc(nlp.vocab, words=words), nlp("don't DON'T Fort")]
    assert docs[1][1].norm_ == "not" and docs[1][1].lower_ == "n't"
    keys = sorted({nlp.vocab.strings[key] for doc in docs for key in doc.to_array(attr).tolist()})
    data = numpy.random.default_rng(0).normal(size=(len(keys), 5)).astype("float32")
    nlp.vocab.vectors = Vectors(data=data, keys=keys, attr=attr, strings=nlp.vocab.strings)
    theirs = StaticVectors(nO=8, nM=5)
    theirs.initialize(X=docs)
    model = build_lexeme_embed(8, ["SHAPE"], 50, include_static_vectors=True)
    model.initialize(X=docs)
    (layer,) = [node for node in model.walk() if node.name == "lexeme_vectors"]
    layer.set_param("W", theirs.get_param("W"))
    seen = []
    forward = layer._func
    layer._func = lambda m, X, is_train: (seen.append((X, forward(m, X, is_train)[0])), forward(m, X, is_train))[1]
    for doc in docs:
        expected = theirs.predict([doc]).data
        for is_train in (False, True):
            model([doc], is_train=is_train)
            lexemes, rows = seen[-1]
            found = {(o, k): row for o, k, row in zip(lexemes.orths, lexemes.vector_keys, rows)}
            ours = [found[token.orth, key] for token, key in zip(doc, doc.to_array(attr))]
            numpy.testing.assert_allclose(ours, expected, atol=1e-6)


def make(nlp, **settings):
    model = build_lexeme_embed(8, ["NORM", "SHAPE"], 50, **{"word_dropout": 0.0, **settings})
    model.initialize(X=[Doc(nlp.vocab, words=WORDS)])
    randomize(model)
    return model


def test_the_layer_runs_once_per_distinct_lexeme(nlp):
    model = make(nlp)
    seen = []
    layer = model.layers[0]
    forward = layer._func
    layer._func = lambda m, X, is_train: (seen.append(len(X.orths)), forward(m, X, is_train))[1]
    Y = model.predict([Doc(nlp.vocab, words=WORDS), Doc(nlp.vocab, words=[]), Doc(nlp.vocab, words=["is", "Fort"])])
    assert seen == [5]
    assert [len(y) for y in Y] == [7, 0, 2]
    assert (Y[0][1] == Y[0][3]).all() and (Y[2][1] == Y[0][1]).all() and not (Y[0][0] == Y[0][2]).all()


def test_gradients_of_repeated_lexemes_add_up(nlp):
    model = make(nlp)
    doc = Doc(nlp.vocab, words=WORDS)
    rng = numpy.random.default_rng(1)
    dY = rng.normal(size=(7, 8)).astype("float32")
    tables = [node for node in model.walk() if node.name == "hashembed"]
    _, backprop = model([doc], is_train=True)
    backprop([dY.copy()])
    together = tables[0].get_grad("E").copy()
    tables[0].set_grad("E", numpy.zeros_like(together))
    for i, word in enumerate(WORDS):
        _, backprop = model([Doc(nlp.vocab, words=[word])], is_train=True)
        backprop([dY[i : i + 1]])
    numpy.testing.assert_allclose(tables[0].get_grad("E"), together, atol=1e-4)


def test_a_norm_set_by_the_tokenizer_makes_another_lexeme(nlp):
    model = make(nlp)
    doc = nlp.make_doc("We can't and they cant")
    words = [token.text for token in doc]
    assert words[1] == "ca" and doc[1].norm_ == "can"
    plain = Doc(nlp.vocab, words=["ca"])
    assert not (model.predict([doc])[0][1] == model.predict([plain])[0][0]).all()


def test_static_vectors(vectors_nlp):
    model = make(vectors_nlp, include_static_vectors=True)
    doc = Doc(vectors_nlp.vocab, words=WORDS)
    before = model.predict([doc])[0]
    table = vectors_nlp.vocab.vectors.data.copy()
    _, backprop = model([doc], is_train=True)
    backprop([numpy.ones((7, 8), dtype="float32")])
    assert (vectors_nlp.vocab.vectors.data == table).all()
    vectors_nlp.vocab.vectors.data += 1.0
    after = model.predict([doc])[0]
    changed = [bool((a != b).any()) for a, b in zip(before, after)]
    assert changed == [word in ("Fort", "is") for word in WORDS]


def test_missing_vectors_are_named(nlp, vectors_nlp):
    with pytest.raises(ValueError, match="include_static_vectors = true, but the vocabulary has no vectors"):
        make(nlp, include_static_vectors=True)
    model = make(vectors_nlp, include_static_vectors=True)
    other = spacy.blank("en")
    other.vocab.set_vector("Fort", numpy.ones(3, dtype="float32"))
    with pytest.raises(
        ValueError, match="trained with 5-dimensional static vectors, but the vocabulary's are 3-dimensional"
    ):
        model.predict([Doc(other.vocab, words=["Fort"])])


def test_a_pipeline_with_vectors_trains_and_loads(vectors_nlp, tmp_path):
    config = small_model()
    config["tok2vec"]["embed"]["include_static_vectors"] = True
    vectors_nlp.add_pipe("rnn_tagger", config={"model": config})
    examples = make_examples(vectors_nlp)
    train(vectors_nlp, examples)
    assert vectors_nlp.evaluate(examples)["tag_acc"] == 1.0
    vectors_nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert [t.tag_ for t in loaded("I like London.")] == [t.tag_ for t in vectors_nlp("I like London.")]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
def test_spelling_tells_words_apart_and_hashes_every_character(nlp, cell):
    chars = build_char_rnn(width=6, char_width=4, rows=50, cell=cell, max_chars=6)
    model = build_lexeme_embed(8, [], [], chars=chars)
    words = ["a", "ab", "ba", "über", "日本", "👩‍👩‍👧‍👦", "\x00", "abcXYdef", "abcZZZZdef", "abcdeg"]
    doc = Doc(nlp.vocab, words=words)
    model.initialize(X=[doc])
    randomize(model)
    Y = model.predict([doc])[0]
    assert numpy.isfinite(Y).all()
    same = {(i, j) for i in range(len(Y)) for j in range(i) if numpy.allclose(Y[i], Y[j], atol=1e-6)}
    assert same == {(8, 7)}  # long words keep head and tail
    numpy.testing.assert_allclose(model([doc], is_train=True)[0][0], Y, atol=1e-5)


def test_spelling_gradient(nlp):
    model = build_lexeme_embed(4, [], [], chars=build_char_rnn(width=4, char_width=3, rows=20))
    doc = Doc(nlp.vocab, words=["ab", "c", "ab"])
    model.initialize(X=[doc])
    randomize(model)
    weights = numpy.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    _, backprop = model([doc], is_train=True)
    backprop([weights.copy()])
    for node in model.walk():
        for name in node.param_names:
            array, grad = node.get_param(name), node.get_grad(name)
            index = numpy.unravel_index(abs(grad).argmax(), grad.shape)
            before = array[index]
            array[index] = before + 1e-2
            up = (model.predict([doc])[0] * weights).sum()
            array[index] = before - 1e-2
            down = (model.predict([doc])[0] * weights).sum()
            array[index] = before
            assert grad[index] == pytest.approx((up - down) / 2e-2, rel=5e-2, abs=5e-3), (node.name, name)


def test_word_dropout_hides_words_in_training_alone(nlp):
    model = make(nlp, word_dropout=0.5)
    doc = Doc(nlp.vocab, words=[f"w{i}x" for i in range(200)])  # one shape, many words
    served = model.predict([doc])[0]
    set_dropout_rate(model, 0.0)
    trained = model([doc], is_train=True)[0][0]
    hidden = (abs(trained - served) > 1e-6).any(axis=1)
    assert 60 < hidden.sum() < 140
    assert len(numpy.unique(trained[hidden].round(4), axis=0)) < len(numpy.unique(served.round(4), axis=0)) / 10
    assert (model.predict([doc])[0] == served).all()


def test_rare_values_share_a_vector(nlp):
    model = build_lexeme_embed(4, ["NORM", "SHAPE"], 50, min_freq=2)
    learn_vocabulary(model, [Doc(nlp.vocab, words="aa aa bb cc cc Dd".split())])
    doc = Doc(nlp.vocab, words=["aa", "bb", "cc", "dd", "Dd", "1"])
    model.initialize(X=[doc])
    often, rare, other, unseen, rarely_shaped, unseen_shape = model.predict([doc])[0]
    assert (rare == unseen).all() and (rarely_shaped == unseen_shape).all()
    assert (often != rare).any() and (often != other).any() and (other != rare).any() and (rare != unseen_shape).any()
    copy = build_lexeme_embed(4, ["NORM", "SHAPE"], 50, min_freq=2).from_bytes(model.to_bytes())
    assert (copy.predict([doc])[0] == model.predict([doc])[0]).all()


def test_every_value_is_hashed_if_none_trains_to_be_unknown(nlp):
    model = build_lexeme_embed(4, ["NORM"], 50, word_dropout=0.0)
    learn_vocabulary(model, [Doc(nlp.vocab, words=["aa"])])
    doc = Doc(nlp.vocab, words=["bb", "dd"])
    model.initialize(X=[doc])
    rare, unseen = model.predict([doc])[0]
    assert (rare != unseen).any()


def test_uncounted_words_are_reported(nlp):
    with pytest.warns(UserWarning, match=r"min_freq = 2 has no effect on NORM.*learn_vocabulary.v1"):
        build_lexeme_embed(4, ["NORM"], 50, min_freq=2).initialize(X=[Doc(nlp.vocab, words=["aa"])])


@pytest.mark.parametrize("min_freq", [0, 1.5, True])
def test_min_freq_is_a_count(min_freq):
    with pytest.raises(ValueError, match="LexemeEmbed.v1: min_freq = .* whole number of at least 1"):
        build_lexeme_embed(4, ["NORM"], 50, min_freq=min_freq)


@pytest.mark.parametrize("setting", ["width", "char_width", "rows", "max_chars"])
def test_spelling_settings(setting):
    with pytest.raises(ValueError, match=f"CharRNN.v1: {setting} = 0 is not allowed"):
        build_char_rnn(**{setting: 0})
    with pytest.raises(ValueError, match="cell = 'lstn' is unknown; .* Did you mean 'lstm'"):
        build_char_rnn(cell="lstn")
    with pytest.raises(ValueError, match="width = 7 cannot be split"):
        build_char_rnn(width=7)
