"""The lexeme cache: what it keeps, what it forgets, and what copies, files, threads and static vectors make of it."""

import pickle
import threading

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.tokens import Doc

from spacy_rnn_tagger.models.architectures.char_rnn import build_char_rnn
from spacy_rnn_tagger.models.architectures.lexeme_embed import build_lexeme_embed
from spacy_rnn_tagger.models.architectures.one_hot import build_one_hot
from spacy_rnn_tagger.models.architectures.symbol_embed import build_symbol_embed
from spacy_rnn_tagger.models.serving import lexeme_gates as lexeme_gates_module
from spacy_rnn_tagger.models.serving import row_cache
from spacy_rnn_tagger.models.serving.lexeme_gates import cache_info
from spacy_rnn_tagger.models.serving.row_cache import RowCache

from ..fixtures.cached_models import by_layers, change_by_set_param, check, make_model


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


def test_a_table_too_small_for_the_batch(make_docs):
    docs = make_docs([300, 2, 0, 41])
    model = make_model(docs)
    model.attrs["lexeme_gates"].max_bytes = 6 * 4 * 4 * 2 * 5
    for _ in range(3):
        check(model, docs)
        check(model, docs[1:2])
    assert cache_info(model).entries <= 6 == cache_info(model).max_entries


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


def test_threads_get_what_one_thread_gets(nlp):
    """Many threads read, add and push each other's lexemes out of a small table."""
    rng = numpy.random.default_rng(0)
    docs = [Doc(nlp.vocab, words=[f"w{i}" for i in rng.integers(0, 100, rng.integers(1, 30))]) for _ in range(60)]
    model = make_model(docs)
    model.attrs["lexeme_gates"].max_bytes = 60 * 4 * 4 * 2 * 5
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


@pytest.mark.parametrize("reads", [[(1, 2, 3), (9,)], [(1, 2, 3, 9)]], ids=["before", "with the new"])
def test_what_was_read_last_stays(reads):
    cache = RowCache(numpy.zeros((1, 1, 0, 1), "float32"), 8 * 4)
    computed = []

    def look_up(*keys):
        def compute(first):
            computed.extend(keys[i] for i in first)
            return numpy.asarray([[[[keys[i]] for i in first]]], dtype="float32")

        cache.find(numpy.asarray(keys, dtype="uint64"), compute)

    look_up(1, 2, 3, 4, 5, 6, 7, 8)
    for keys in reads:  # the last makes room
        look_up(*keys)
    computed.clear()
    look_up(1, 2, 3, 9)
    assert not computed


@pytest.mark.parametrize("again", [True, False], ids=["words that come again", "words that never come again"])
def test_a_table_grows_where_that_pays(monkeypatch, again):
    monkeypatch.setattr(row_cache, "FIRST_ENTRIES", 16)
    cache = RowCache(numpy.zeros((1, 1, 1, 1), "float32"), (100 + 1) * 4)

    def look_up(keys):
        table, rows = cache.find(
            numpy.asarray(keys, "uint64"), lambda first: numpy.asarray([[[[keys[i]] for i in first]]], "float32")
        )
        assert table[0, 0, rows, 0].tolist() == list(keys)

    rng = numpy.random.default_rng(0)
    for turn in range(300):
        look_up(rng.integers(60, size=5).tolist() if again else range(5 * turn, 5 * turn + 5))
        info = cache.info()
        assert info.max_entries == 100 and info.n_bytes <= 101 * 4
    assert info.entries == 60 if again else info.n_bytes == 17 * 4


def test_room_that_is_made_at_once(monkeypatch):
    monkeypatch.setattr(row_cache, "FIRST_ENTRIES", 16)
    cache = RowCache(numpy.ones((1, 1, 1, 1), "float32"), (100 + 1) * 4)
    computed = []

    def compute(first):
        computed.extend(first)
        return first.astype("float32")[None, None, :, None]

    keys = numpy.arange(10, dtype="uint64")
    cache.find(keys, compute)
    for n, n_rows in ((8, 17), (60, 61), (20, 61), (1000, 101)):
        cache.reserve(n)
        assert cache.info().n_bytes == n_rows * 4 and cache.info().entries == 10
    table, rows = cache.find(keys, compute)
    assert table[0, 0, rows, 0].tolist() == list(range(10)) and len(computed) == 10 and table[0, 0, 0, 0] == 1


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
