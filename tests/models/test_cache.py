"""The lexeme cache and the prepared weights: what they serve is what the weights of the moment compute, whoever changed them."""

import pickle
import threading

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.tokens import Doc
from thinc.api import Adam

from spacy_rnn_tagger.models.architectures.char_rnn import build_char_rnn
from spacy_rnn_tagger.models.architectures.lexeme_embed import build_lexeme_embed
from spacy_rnn_tagger.models.architectures.one_hot import build_one_hot
from spacy_rnn_tagger.models.architectures.rnn_encoder import build_rnn_encoder
from spacy_rnn_tagger.models.architectures.rnn_tok2vec import build_rnn_tok2vec
from spacy_rnn_tagger.models.architectures.symbol_embed import build_symbol_embed
from spacy_rnn_tagger.models.serving import lexeme_gates as lexeme_gates_module
from spacy_rnn_tagger.models.serving import weight_watch
from spacy_rnn_tagger.models.serving.lexeme_gates import cache_info, clear_cache
from spacy_rnn_tagger.models.serving.row_cache import RowCache
from spacy_rnn_tagger.models.serving.weight_watch import WeightWatch, digest

from ..conftest import make_examples, randomize, small_model, train

WORDS = ["Red", "Fort", "is", "in", "Delhi", ".", "a", "1998", "!", "über"]


def make_model(docs, embed=None, **encode):
    embed = embed or build_lexeme_embed(8, ["NORM", "SHAPE"], 50, word_dropout=0.0)
    model = build_rnn_tok2vec(embed, build_rnn_encoder(embed.get_dim("nO"), hidden_width=5, **encode))
    model.initialize(X=docs)
    randomize(model)
    return model


def by_layers(model, docs):
    """What the model's layers compute one after another, with nothing kept."""
    fresh = model.copy()
    embed, encode = fresh.layers
    return encode.predict(embed.predict(docs))


def check(model, docs):
    for served, computed in zip(model.predict(docs), by_layers(model, docs), strict=True):
        assert served.shape == computed.shape
        assert_allclose(served, computed, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh", "rnn_relu"])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("depth,boundaries", [(1, False), (1, True), (2, True)])
def test_serves_what_the_layers_compute(make_docs, cell, bidirectional, depth, boundaries):
    docs = make_docs([3, 0, 1, 30, 0, 7])
    model = make_model(docs, cell=cell, bidirectional=bidirectional, depth=depth, boundaries=boundaries)
    for batch in (docs, docs[::-1], docs[1:2], docs[3:4], []):
        check(model, batch)
    info = cache_info(model)
    assert info.entries == 10 and info.hits and info.misses == 10
    for trained, served in zip(model(docs, is_train=True)[0], model.predict(docs)):
        assert_allclose(trained, served, atol=1e-5)


def test_other_embeddings(make_docs, nlp):
    docs = make_docs([5, 9])
    chars = build_lexeme_embed(8, ["NORM"], 50, chars=build_char_rnn(width=4, char_width=3, rows=20))
    symbols = build_symbol_embed(8, 20, min_freq=1)
    for embed in (chars, symbols):
        model = make_model(docs, embed)
        check(model, docs)
        assert cache_info(model).entries == len({token.orth for doc in docs for token in doc})
    model = make_model(docs, build_one_hot(20, min_freq=1))
    check(model, docs)
    assert cache_info(model) is None


def test_a_known_lexeme_costs_no_embedding(make_docs):
    docs = make_docs([5, 9, 40])
    model = make_model(docs)
    model.predict(docs)
    layer = model.layers[0].layers[0]
    layer._func = None  # calling it would fail
    model.predict(docs[::-1])
    assert cache_info(model).misses == 10


@pytest.mark.parametrize("limit", [1, 4, 16])
def test_long_batches_are_looked_up_block_by_block(make_docs, monkeypatch, limit):
    docs = make_docs([300, 2, 0, 41])
    model = make_model(docs, boundaries=True)
    expected = by_layers(model, docs)
    monkeypatch.setattr(lexeme_gates_module, "MAX_TOKENS", limit)
    for served, computed in zip(model.predict(docs), expected):
        assert_allclose(served, computed, atol=1e-5)


def test_a_table_too_small_for_the_batch(make_docs, monkeypatch):
    monkeypatch.setattr(lexeme_gates_module, "CACHE_BYTES", 6 * 4 * 4 * 2 * 5)
    docs = make_docs([300, 2, 0, 41])
    model = make_model(docs)
    for _ in range(3):
        check(model, docs)
        check(model, docs[1:2])
    assert cache_info(model).entries <= 6 == cache_info(model).max_entries


# ---- weights that change ----


def change_by_set_param(model):
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name):
                node.set_param(name, node.get_param(name) * 1.5)


def change_by_optimizer(model, docs):
    Y, backprop = model.begin_update(docs)
    model.predict(docs)  # between the gradient and the step
    backprop([numpy.ones_like(y) for y in Y])
    model.predict(docs)
    model.finish_update(Adam(0.1))


def change_by_bytes(model):
    other = model.copy()
    randomize(other, seed=7)
    model.from_bytes(other.to_bytes())


def change_in_place(model):
    """Direct writing into the arrays: the caller has to say so."""
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name):
                node.get_param(name)[...] *= 1.5
    clear_cache(model)


def change_layer(model):
    other = model.copy()
    randomize(other, seed=7)
    table = next(node for node in model.walk() if node.name == "hashembed")
    model.replace_node(table, next(node for node in other.walk() if node.name == "hashembed"))


CHANGES = {
    "set_param": lambda model, docs: change_by_set_param(model),
    "optimizer": change_by_optimizer,
    "from_bytes": lambda model, docs: change_by_bytes(model),
    "in place, told": lambda model, docs: change_in_place(model),
    "replace_node": lambda model, docs: change_layer(model),
    "initialize": lambda model, docs: (model.initialize(X=docs), randomize(model, seed=3)),
}


@pytest.mark.parametrize("change", list(CHANGES.values()), ids=CHANGES)
@pytest.mark.parametrize("encode", [{}, {"depth": 2, "boundaries": True}], ids=["plain", "deep"])
def test_changed_weights_are_served(make_docs, change, encode):
    docs = make_docs([3, 20])
    model = make_model(docs, **encode)
    before = model.predict(docs)
    change(model, docs)
    check(model, docs)
    assert not numpy.allclose(before[1], model.predict(docs)[1], atol=1e-3)
    change(model, docs)
    check(model, docs)


@pytest.mark.parametrize("index", range(40))
def test_each_weight_counts(make_docs, index):
    """After training, even a single changed number is seen, whichever it is."""
    docs = make_docs([3, 20])
    model = make_model(docs, boundaries=True)
    change_by_optimizer(model, docs)
    params = [(n, name) for n in model.walk() for name in n.param_names if n.has_param(name)]
    node, name = params[index % len(params)]
    model.predict(docs)
    array = node.get_param(name).reshape(-1)
    array[numpy.random.default_rng(index).integers(array.size)] += 0.7
    check(model, docs)


def test_use_params(make_docs):
    docs = make_docs([3, 20])
    model = make_model(docs)
    before = model.predict(docs)
    averages = {
        (n.id, name): n.get_param(name) * 1.5 for n in model.walk() for name in n.param_names if n.has_param(name)
    }
    with model.use_params(averages):
        check(model, docs)
        assert not numpy.allclose(before[1], model.predict(docs)[1], atol=1e-3)
    assert (model.predict(docs)[1] == before[1]).all()


def test_untold_writing_is_seen_after_a_while(make_docs, monkeypatch):
    """What the documentation of `WeightWatch` admits to, and no more."""
    monkeypatch.setattr(weight_watch, "CHECK_EVERY", 100)
    docs = make_docs([30])
    model = make_model(docs)
    before = model.predict(docs)[0]
    for node in model.layers[0].walk():
        for name in node.param_names:
            node.get_param(name)[...] *= 1.5
    assert (model.predict(docs)[0] == before).all()
    model.predict(docs * 4)
    check(model, docs)


@pytest.mark.parametrize("size", [0, 1, 2, 7, 4093, 8186, 8187, 3 * 8186 + 5])
def test_digest_tells_every_number(size):
    array = numpy.random.default_rng(0).normal(size=size).astype("float32")
    before = digest(array)
    assert digest(array.copy()) == before
    for i in {0, size // 2, size - 1} if size else ():
        kept, array[i] = array[i], array[i] + numpy.float32(1e-6)
        assert digest(array) != before
        array[i] = kept
    assert digest(array) == before and digest(array[1:]) != before or not size


def test_watch_sees_settings_and_layers(make_docs):
    model = make_model(make_docs([3]), build_symbol_embed(8, 20, min_freq=1))
    watch = WeightWatch(model.walk())
    assert watch.is_current(1)
    symbols = next(node for node in model.walk() if "symbol_keys" in node.attrs)
    symbols.attrs["symbol_keys"] = symbols.attrs["symbol_keys"].copy()
    assert not watch.is_current(1)


# ---- copies, files, processes, threads ----


def test_copies_have_a_cache_of_their_own(make_docs):
    docs = make_docs([3, 40])
    model = make_model(docs)
    model.predict(docs)
    copy = model.copy()
    assert cache_info(copy) is None
    change_by_set_param(copy)
    check(copy, docs)
    check(model, docs)
    assert cache_info(copy).entries == cache_info(model).entries == 10


def test_the_cache_is_neither_saved_nor_pickled(make_docs):
    docs = make_docs([3, 20])
    model = make_model(docs)
    cold = model.to_bytes(), len(pickle.dumps(model))
    model.predict(docs)
    assert model.to_bytes() == cold[0] and len(pickle.dumps(model)) == cold[1]
    restored = pickle.loads(pickle.dumps(model))
    assert cache_info(restored) is None
    assert_allclose(restored.predict(docs)[1], model.predict(docs)[1], atol=1e-6)


def test_threads_get_what_one_thread_gets(nlp, monkeypatch):
    """Many threads read, add and push each other's lexemes out of a small table."""
    monkeypatch.setattr(lexeme_gates_module, "CACHE_BYTES", 60 * 4 * 4 * 2 * 5)
    rng = numpy.random.default_rng(0)
    docs = [Doc(nlp.vocab, words=[f"w{i}" for i in rng.integers(0, 100, rng.integers(1, 30))]) for _ in range(60)]
    model = make_model(docs)
    expected = by_layers(model, docs)
    wrong = []

    def serve(seed):
        order = numpy.random.default_rng(seed)
        for _ in range(100):
            i = int(order.integers(len(docs)))
            if not numpy.allclose(model.predict([docs[i]])[0], expected[i], atol=1e-5):
                wrong.append(i)

    threads = [threading.Thread(target=serve, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and cache_info(model).entries <= 60


def test_a_held_lock_is_not_waited_for(make_docs):
    docs = make_docs([20])
    model = make_model(docs)
    model.predict(make_docs([0, 1]))
    cache = model.attrs["lexeme_gates"].value.cache
    with cache._lock:
        check(model, docs)
        assert cache_info(model).entries == 1
    check(model, docs)
    assert cache_info(model).entries == 10


@pytest.mark.parametrize("capacity", [3, 8, 1000])
def test_row_cache_against_a_dictionary(capacity):
    rng = numpy.random.default_rng(capacity)
    reserved = rng.normal(size=(2, 1, 2, 3)).astype("float32")
    cache = RowCache(reserved, (capacity + 2) * 4 * 2 * 3)
    truth = {key: rng.normal(size=(2, 1, 3)).astype("float32") for key in range(40)}
    for _ in range(200):
        keys = rng.integers(0, 40, rng.integers(1, 12)).astype("uint64")
        table, rows = cache.find(
            keys, lambda first, keys=keys: numpy.stack([truth[int(keys[i])] for i in first], axis=2)
        )
        for key, row in zip(keys.tolist(), rows.tolist()):
            assert (table[:, :, row] == truth[key]).all()
        assert (table[:, :, :2] == reserved).all()
        info = cache.info()
        assert info.entries <= info.max_entries == capacity
    assert 0.0 < info.hit_rate <= 1.0 and info.hits + info.misses > 200


def test_what_was_read_last_stays():
    cache = RowCache(numpy.zeros((1, 1, 0, 1), "float32"), 8 * 4)
    computed = []

    def look_up(*keys):
        def compute(first):
            computed.extend(keys[i] for i in first)
            return numpy.asarray([[[[keys[i]] for i in first]]], dtype="float32")

        cache.find(numpy.asarray(keys, dtype="uint64"), compute)

    look_up(1, 2, 3, 4, 5, 6, 7, 8)
    look_up(1, 2, 3)
    look_up(9)  # makes room
    computed.clear()
    look_up(1, 2, 3, 9)
    assert not computed


# ---- static vectors ----


@pytest.fixture
def vectors_nlp():
    nlp = spacy.blank("en")
    rng = numpy.random.default_rng(0)
    for word in ("Fort", "is"):
        nlp.vocab.set_vector(word, rng.normal(size=5).astype("float32"))
    return nlp


def test_changed_vectors_are_served(vectors_nlp):
    vocab = vectors_nlp.vocab
    docs = [Doc(vocab, words=["Red", "Fort", "is", "Delhi"])]
    model = make_model(docs, build_lexeme_embed(8, ["NORM"], 50, include_static_vectors=True))
    outputs = [model.predict(docs)[0]]

    def see_change():
        check(model, docs)
        outputs.append(model.predict(docs)[0])
        assert not numpy.allclose(outputs[-1], outputs[-2], atol=1e-4)

    vocab.set_vector("Fort", numpy.ones(5, dtype="float32"))
    see_change()
    vocab.vectors.data[vocab.vectors.find(key="is")] *= 2
    see_change()
    vocab.set_vector("Delhi", numpy.ones(5, dtype="float32"))
    see_change()
    vocab.vectors = spacy.vectors.Vectors(
        data=numpy.full((1, 5), 3, dtype="float32"), keys=["Red"], strings=vocab.strings
    )
    see_change()
    hits = cache_info(model).hits
    check(model, docs)
    assert cache_info(model).hits > hits


def test_missing_vectors_are_reported_though_the_lexeme_is_known(vectors_nlp):
    docs = [Doc(vectors_nlp.vocab, words=["Red"])]
    model = make_model(docs, build_lexeme_embed(8, ["NORM"], 50, include_static_vectors=True))
    model.predict(docs)
    vectors_nlp.vocab.vectors = spacy.vectors.Vectors(strings=vectors_nlp.vocab.strings)
    with pytest.raises(ValueError, match="the vocabulary has no vectors"):
        model.predict(docs)


# ---- pipelines ----


def scores_of(nlp, name, texts):
    docs = list(nlp.pipe(texts))
    return nlp.get_pipe(name).predict_proba([nlp.make_doc(d.text) for d in docs]), docs


def shared_pipeline(nlp):
    tok2vec = small_model()["tok2vec"]
    nlp.add_pipe("tok2vec", config={"model": tok2vec})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
    model = {"@architectures": "spacy-rnn-tagger.RNNTagger.v1", "tok2vec": listener}
    nlp.add_pipe("rnn_tagger", config={"model": model, "overwrite": True})
    nlp.add_pipe("rnn_ner", config={"model": model})
    return nlp


TEXTS = ["I like London.", "Anna Berg works in New York.", "", "They eat ham."]


def tokens_of(nlp):
    return [[(t.tag_, t.ent_iob_, t.ent_type_) for t in doc] for doc in nlp.pipe(TEXTS)]


def test_listeners_profit_and_follow_training(nlp):
    nlp = shared_pipeline(nlp)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    model = nlp.get_pipe("tok2vec").model
    optimizer.learn_rate = 0.05
    for _ in range(3):
        nlp.update(examples, sgd=optimizer, annotates=["tok2vec", "rnn_tagger"])
        tokens_of(nlp)
        check(model, [nlp.make_doc(text) for text in TEXTS])
        with nlp.use_params(optimizer.averages):
            check(model, [nlp.make_doc(text) for text in TEXTS])
    tokens_of(nlp)
    assert cache_info(model).hit_rate > 0.3


def test_gradients_collected_over_batches(nlp):
    """As with accumulate_gradient: predictions fall between backprop and the optimizer's step."""
    nlp = shared_pipeline(nlp)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    model = nlp.get_pipe("tok2vec").model
    docs = [nlp.make_doc(text) for text in TEXTS]
    optimizer.learn_rate = 0.05
    for _ in range(3):
        nlp.update(examples[:2], sgd=None)
        check(model, docs)
        nlp.update(examples[2:], sgd=None)
        check(model, docs)
        for _, pipe in nlp.pipeline:
            pipe.finish_update(optimizer)
        check(model, docs)


def test_disabled_frozen_and_reloaded_components(nlp, tmp_path):
    nlp = shared_pipeline(nlp)
    examples = make_examples(nlp)
    train(nlp, examples)
    trained = tokens_of(nlp)
    with nlp.select_pipes(disable="rnn_ner"):
        assert [[t[0] for t in doc] for doc in tokens_of(nlp)] == [[t[0] for t in doc] for doc in trained]
    nlp.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    assert tokens_of(nlp) == trained
    model = nlp.get_pipe("tok2vec").model
    cache = model.attrs["lexeme_gates"].value
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.1
    nlp.update(examples, sgd=optimizer, exclude=["tok2vec"], annotates=["tok2vec"])
    after = tokens_of(nlp)
    assert model.attrs["lexeme_gates"].value is cache  # frozen: nothing to forget
    nlp.to_disk(tmp_path)
    for loaded in (spacy.load(tmp_path), spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())):
        assert tokens_of(loaded) == after
    randomize(model)
    assert tokens_of(nlp) != after
    nlp.from_disk(tmp_path)
    assert tokens_of(nlp) == after


def test_replaced_listeners(nlp):
    nlp = shared_pipeline(nlp)
    train(nlp, make_examples(nlp))
    before = tokens_of(nlp)
    nlp.replace_listeners("tok2vec", "rnn_ner", ["model.tok2vec"])
    assert tokens_of(nlp) == before


def test_labels_added_later(nlp):
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    train(nlp, make_examples(nlp))
    pipe = nlp.get_pipe("rnn_tagger")
    docs = [nlp.make_doc(text) for text in TEXTS]
    before = pipe.model.predict(docs)
    pipe.add_label("NEW")
    for old, new in zip(before, pipe.model.predict(docs)):
        assert_allclose(old, new[:, : old.shape[1]], atol=1e-6)


def test_memory_zones(nlp):
    chars = {"@architectures": "spacy-rnn-tagger.CharRNN.v1", "width": 4, "char_width": 4, "rows": 20}
    config = small_model()
    config["tok2vec"]["embed"]["chars"] = chars
    nlp.add_pipe("rnn_tagger", config={"model": config})
    train(nlp, make_examples(nlp))
    model = nlp.get_pipe("rnn_tagger").model
    texts = ["Zanzibar is blue.", "I like Zanzibar.", "A brontosaurus ate it."]
    expected = [[t.tag_ for t in nlp(text)] for text in texts]
    clear_cache(model)
    for _ in range(3):
        with nlp.memory_zone():
            assert [[t.tag_ for t in doc] for doc in nlp.pipe(texts)] == expected
        assert [[t.tag_ for t in nlp(text)] for text in texts] == expected
    assert cache_info(model).misses <= 12


def test_processes(nlp):
    nlp = shared_pipeline(nlp)
    train(nlp, make_examples(nlp))
    expected = tokens_of(nlp)
    got = [[(t.tag_, t.ent_iob_, t.ent_type_) for t in doc] for doc in nlp.pipe(TEXTS * 3, n_process=2, batch_size=2)]
    assert got == expected * 3
