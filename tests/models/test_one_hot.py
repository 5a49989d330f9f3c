"""One-hot and embedded symbols: the vocabulary, what it maps, and that it travels with the model."""

import pickle
import warnings

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry
from thinc.api import Config

from spacy_rnn_tagger.models.architectures.one_hot import build_one_hot
from spacy_rnn_tagger.models.architectures.rnn_encoder import build_rnn_encoder
from spacy_rnn_tagger.models.architectures.rnn_tagger import build_rnn_tagger
from spacy_rnn_tagger.models.architectures.rnn_tok2vec import build_rnn_tok2vec
from spacy_rnn_tagger.models.architectures.symbol_embed import build_symbol_embed
from spacy_rnn_tagger.models.layers.vocabulary import EOS, PAD, SOS, SPECIAL, UNK, learn_vocabulary, vocabulary_layers
from spacy_rnn_tagger.training.vocabulary import learn_vocabularies

from ..conftest import make_examples, randomize, train

TEXTS = ["to be or not to be", "to be"]


def docs_of(nlp, texts):
    return [Doc(nlp.vocab, words=text.split()) for text in texts]


def symbols(model):
    (layer,) = vocabulary_layers(model)
    return layer.attrs["symbols"]


@pytest.fixture
def words(nlp):
    model = build_one_hot(max_size=7, min_freq=1)
    learn_vocabulary(model, docs_of(nlp, TEXTS))
    return model.initialize()


def test_vocabulary_is_the_most_frequent_symbols_after_the_special_ones(words):
    assert SPECIAL == ("<pad>", "<sos>", "<eos>", "<unk>") and (PAD, SOS, EOS, UNK) == (0, 1, 2, 3)
    assert symbols(words) == [*SPECIAL, "be", "to", "not"]  # be and to thrice; not before or: the alphabet decides


def test_output_is_one_hot(nlp, words):
    Ys = words.predict(docs_of(nlp, ["to be unseen", "", "not"]))
    assert [Y.shape for Y in Ys] == [(3, 7), (0, 7), (1, 7)] and Ys[0].dtype == "float32"
    assert numpy.concatenate(Ys).argmax(axis=1).tolist() == [5, 4, UNK, 6]
    assert (numpy.concatenate(Ys).sum(axis=1) == 1).all()


def test_rare_symbols_are_unknown_so_that_unknown_is_trained(nlp):
    model = build_one_hot(max_size=100, min_freq=2)
    learn_vocabulary(model, docs_of(nlp, TEXTS))
    assert symbols(model) == [*SPECIAL, "be", "to"]


@pytest.mark.parametrize(
    "attr,expected", [("LOWER", ["the", "cat"]), ("SHAPE", ["Xxx", "xxx"]), ("PREFIX", ["T", "c", "t"])]
)
def test_symbols_can_be_any_lexeme_attribute(nlp, attr, expected):
    model = build_one_hot(max_size=10, attr=attr, min_freq=1)
    learn_vocabulary(model, docs_of(nlp, ["The the cat"]))
    assert sorted(symbols(model)[len(SPECIAL) :]) == sorted(expected)


def test_characters_run_from_start_to_end_symbol(nlp):
    model = build_one_hot(max_size=10, attr="CHAR", min_freq=1)
    docs = [
        Doc(nlp.vocab, words=["ab"], spaces=[False]),
        Doc(nlp.vocab, words=[]),
        Doc(nlp.vocab, words=["b😀"], spaces=[False]),
    ]
    learn_vocabulary(model, docs[:1])
    Ys = model.initialize().predict(docs)
    assert symbols(model) == [*SPECIAL, "a", "b"]
    assert [Y.argmax(axis=1).tolist() for Y in Ys] == [[SOS, 4, 5, EOS], [], [SOS, 5, UNK, EOS]]


def test_embedding_is_one_hot_times_its_table(nlp, words):
    embed = build_symbol_embed(width=3, max_size=7, min_freq=1)
    learn_vocabulary(embed, docs_of(nlp, TEXTS))
    embed.initialize()
    table = next(node.get_param("E") for node in embed.walk() if node.has_param("E"))
    docs = docs_of(nlp, ["to be unseen", "be"])
    for dense, one_hot in zip(embed.predict(docs), words.predict(docs)):
        assert numpy.allclose(dense, one_hot @ table)
    Ys, backprop = embed.begin_update(docs)
    backprop([numpy.ones_like(Y) for Y in Ys])
    gradient = next(node.get_grad("E") for node in embed.walk() if node.has_grad("E"))
    assert gradient[:, 0].tolist() == [0, 0, 0, 1, 2, 1, 0]  # only rows of tokens: no padding, `be` twice


@pytest.mark.parametrize("attr", ["ORTH", "CHAR"])
def test_vocabulary_is_saved_and_copied(nlp, attr):
    def build():
        return build_symbol_embed(width=3, max_size=9, attr=attr, min_freq=1)

    model = build()
    docs = docs_of(nlp, TEXTS)
    learn_vocabulary(model, docs)
    expected = model.initialize().predict(docs)
    for other in (build().from_bytes(model.to_bytes()), model.copy(), pickle.loads(pickle.dumps(model))):
        assert symbols(other) == symbols(model)
        for a, b in zip(other.predict(docs), expected):
            assert numpy.array_equal(a, b)
    assert build().from_bytes(model.to_bytes()).to_bytes() == model.to_bytes()


@pytest.mark.parametrize("embed", ["OneHot", "SymbolEmbed", "LexemeEmbed"])
def test_encodings_are_interchangeable_by_config(nlp, embed, tmp_path):
    settings = {"OneHot": {"max_size": 30, "min_freq": 1}, "SymbolEmbed": {"width": 12, "max_size": 30, "min_freq": 1}}
    model = {
        "@architectures": "spacy-rnn-tagger.RNNTagger.v1",
        "tok2vec": {
            "@architectures": "spacy-rnn-tagger.RNNTok2Vec.v1",
            "embed": {"@architectures": f"spacy-rnn-tagger.{embed}.v1", **settings.get(embed, {"width": 12})},
            "encode": {
                "@architectures": "spacy-rnn-tagger.RNNEncoder.v1",
                "width": 30 if embed == "OneHot" else 12,
                "hidden_width": 16,
                "boundaries": True,
            },
        },
    }
    pipe = nlp.add_pipe("rnn_tagger", config={"model": model})
    examples = make_examples(nlp)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the component counts its training data itself
        train(nlp, examples)
    expected = [[token.tag_ for token in nlp(eg.text)] for eg in examples]
    assert expected == [[token.tag_ for token in eg.reference] for eg in examples]
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert [[token.tag_ for token in again(eg.text)] for eg in examples] == expected
    assert again.get_pipe("rnn_tagger").to_bytes() == pipe.to_bytes()


@pytest.mark.parametrize("boundaries", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn_tanh", "gru", "lstm"])
def test_looking_columns_up_is_the_product_with_one_hot_vectors(nlp, cell, bidirectional, boundaries):
    """States and gradients of the two ways to compute the same, in training and in serving."""
    settings = {"width": 7, "hidden_width": 3, "cell": cell, "bidirectional": bidirectional, "depth": 2}
    sparse = build_rnn_tok2vec(build_one_hot(7, min_freq=1), build_rnn_encoder(**settings, boundaries=boundaries))
    docs = docs_of(nlp, ["to be or not", "", "be", "unseen to"])
    learn_vocabulary(sparse, docs_of(nlp, TEXTS))
    sparse.initialize(X=docs)
    randomize(sparse)
    dense = build_rnn_encoder(**settings)
    dense.initialize()
    ours = [node for node in sparse.walk() if "cell" in node.attrs]
    theirs = [node for node in dense.walk() if "cell" in node.attrs]
    for a, b in zip(ours, theirs):
        for name in a.param_names:
            b.set_param(name, a.get_param(name))
    edges = numpy.eye(7, dtype="float32")
    vectors = sparse.get_ref("embed").predict(docs)
    if boundaries:
        vectors = [numpy.concatenate((edges[[SOS]], X, edges[[EOS]])) if len(X) else X for X in vectors]
        assert not any(node.has_param("sos") for node in sparse.walk())
    inside = slice(1, -1) if boundaries else slice(None)
    expected, backprop_dense = dense.begin_update(vectors)
    trained, backprop_sparse = sparse.begin_update(docs)
    for a, b, c in zip(sparse.predict(docs), trained, expected):
        assert numpy.allclose(a, c[inside], atol=1e-6) and numpy.allclose(b, c[inside], atol=1e-6)
    rng = numpy.random.default_rng(3)
    gradients = [rng.normal(size=Y.shape).astype("float32") for Y in expected]
    for gradient in gradients if boundaries else []:
        gradient[:1] = gradient[-1:] = 0
    backprop_dense(gradients)
    backprop_sparse([gradient[inside] for gradient in gradients])
    for a, b in zip(ours, theirs):
        for name in a.param_names:
            assert numpy.allclose(a.get_grad(name), b.get_grad(name), atol=1e-5), name


def test_initializing_again_learns_the_new_vocabulary(nlp):
    nlp.add_pipe("rnn_tagger", config={"model": config_of("SymbolEmbed")})
    first = [Example.from_dict(nlp.make_doc("old words"), {"tags": ["A", "B"]})]
    second = [Example.from_dict(nlp.make_doc("new ones"), {"tags": ["A", "B"]})]
    nlp.initialize(lambda: first)
    nlp.initialize(lambda: second)
    assert symbols(nlp.get_pipe("rnn_tagger").model)[4:] == ["new", "ones"]


def config_of(embed):
    return {
        "@architectures": "spacy-rnn-tagger.RNNTagger.v1",
        "tok2vec": {
            "@architectures": "spacy-rnn-tagger.RNNTok2Vec.v1",
            "embed": {"@architectures": f"spacy-rnn-tagger.{embed}.v1", "width": 8, "max_size": 50, "min_freq": 1},
            "encode": {"@architectures": "spacy-rnn-tagger.RNNEncoder.v1", "width": 8},
        },
    }


def test_other_components_say_that_they_saw_a_sample_only(nlp):
    tok2vec = {"model": config_of("SymbolEmbed")["tok2vec"]}
    pipe = nlp.add_pipe("tok2vec", config=tok2vec)
    with pytest.warns(UserWarning, match="learn_vocabulary.v1"):
        pipe.initialize(lambda: make_examples(nlp))
    assert "London" in symbols(pipe.model)


def test_callback_counts_the_whole_training_corpus(nlp, tmp_path):
    docs = docs_of(nlp, [f"word{i} again" for i in range(30)])
    spacy.tokens.DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    config = Config().from_str(CALLBACK.replace("PATH", str(tmp_path / "train.spacy")))
    pipeline = spacy.util.load_model_from_config(config, auto_fill=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipeline.initialize(lambda: make_examples(pipeline))
    found = symbols(pipeline.get_pipe("tok2vec").model)
    assert found[4] == "again" and len(found) == 4 + 31
    assert registry.callbacks.get("spacy-rnn-tagger.learn_vocabulary.v1")() is learn_vocabularies


CALLBACK = """
[nlp]
lang = "en"
pipeline = ["tok2vec"]

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "spacy-rnn-tagger.RNNTok2Vec.v1"

[components.tok2vec.model.embed]
@architectures = "spacy-rnn-tagger.SymbolEmbed.v1"
width = 8
max_size = 50
min_freq = 1

[components.tok2vec.model.encode]
@architectures = "spacy-rnn-tagger.RNNEncoder.v1"
width = 8

[corpora]

[corpora.train]
@readers = "spacy-rnn-tagger.corpus.v1"
path = "PATH"

[corpora.dev]
@readers = "spacy-rnn-tagger.corpus.v1"
path = "PATH"

[training]
train_corpus = "corpora.train"

[initialize]

[initialize.before_init]
@callbacks = "spacy-rnn-tagger.learn_vocabulary.v1"
"""


@pytest.mark.parametrize(
    "settings,message",
    [
        ({"max_size": 4}, "no room"),
        ({"max_size": 0}, "max_size = 0"),
        ({"max_size": 10, "min_freq": 0}, "min_freq = 0"),
        ({"max_size": 10, "attr": "LOWR"}, "Did you mean 'LOWER'"),
    ],
)
@pytest.mark.parametrize("build", [build_one_hot, lambda **kw: build_symbol_embed(width=4, **kw)])
def test_bad_settings(build, settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)


def test_a_tagger_cannot_run_over_characters():
    tok2vec = build_rnn_tok2vec(build_one_hot(max_size=20, attr="CHAR"), build_rnn_encoder(width=20))
    with pytest.raises(ValueError, match="one for each token"):
        build_rnn_tagger(tok2vec)


class TestBoundaries:
    """Start and end symbols of the encoder, and padding, which there is none of."""

    LENGTHS = [3, 0, 1, 7]

    def make(self, **settings):
        encoder = build_rnn_encoder(width=6, hidden_width=4, boundaries=True, **settings)
        encoder.initialize()
        randomize(encoder)
        return encoder

    def inputs(self):
        rng = numpy.random.default_rng(0)
        return [rng.normal(size=(n, 6)).astype("float32") for n in self.LENGTHS]

    def test_reads_them_and_drops_their_outputs(self):
        encoder, Xs = self.make(), self.inputs()
        plain = build_rnn_encoder(width=6, hidden_width=4)
        plain.initialize()
        for ours, theirs in zip(encoder.layers[0].walk(), plain.walk()):
            for name in theirs.param_names:
                theirs.set_param(name, ours.get_param(name))
        sos, eos = encoder.get_param("sos")[None], encoder.get_param("eos")[None]
        for X, Y in zip(Xs, encoder.predict(Xs)):
            assert Y.shape == (len(X), 8)
            if len(X):
                (expected,) = plain.predict([numpy.concatenate((sos, X, eos))])
                assert numpy.allclose(Y, expected[1:-1], atol=1e-6)

    def test_gradients(self):
        encoder, Xs = self.make(cell="gru"), self.inputs()
        weights = [numpy.random.default_rng(i).normal(size=(len(X), 8)).astype("float32") for i, X in enumerate(Xs)]

        def loss():
            return sum(float((Y * w).sum()) for Y, w in zip(encoder.predict(Xs), weights))

        _, backprop = encoder.begin_update(Xs)
        dXs = backprop(weights)
        assert [dX.shape for dX in dXs] == [X.shape for X in Xs]
        for array, gradient in ((encoder.get_param("sos"), encoder.get_grad("sos")), (Xs[3], dXs[3])):
            flat, grad = array.reshape(-1), gradient.reshape(-1)
            for i in (0, 5):
                kept = flat[i]
                flat[i] = kept + 1e-2
                up = loss()
                flat[i] = kept - 1e-2
                slope = (up - loss()) / 2e-2
                flat[i] = kept
                assert slope == pytest.approx(grad[i], abs=5e-3)

    @pytest.mark.parametrize("bidirectional", [False, True])
    @pytest.mark.parametrize("cell", ["rnn_tanh", "gru", "lstm"])
    def test_no_padding_enters_the_computation(self, cell, bidirectional):
        """Each sequence alone, beside longer and empty ones, in training and in serving: the same states and gradients.
        And a batch costs as many rows as it has symbols, so there is no row that padding could be in."""
        encoder = self.make(cell=cell, bidirectional=bidirectional, depth=2)
        Xs = self.inputs()
        seen = []
        for node in encoder.walk():
            if "cell" in node.attrs:
                run = node._func
                node._func = lambda model, X, is_train, run=run: (
                    seen.append(X.data.shape[0]),
                    run(model, X, is_train),
                )[1]
        together = encoder.predict(Xs)
        assert set(seen) == {sum(n + 2 for n in self.LENGTHS if n)}
        trained, backprop = encoder.begin_update(Xs)
        gradients = backprop([numpy.ones_like(Y) for Y in trained])
        for i, X in enumerate(Xs):
            assert numpy.allclose(encoder.predict([X])[0], together[i], atol=1e-6)
            assert numpy.allclose(trained[i], together[i], atol=1e-5)
            Y, backprop = encoder.begin_update([X])
            assert numpy.allclose(backprop([numpy.ones_like(Y[0])])[0], gradients[i], atol=1e-5)
