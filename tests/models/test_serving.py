"""Serving in bounded memory: batches by tokens, blocks of a long doc, columns written to docs, threads."""

import gc
import threading
import tracemalloc

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from spacy.tokens import Doc, Span

from spacy_rnn_tagger.chain.decoding import viterbi
from spacy_rnn_tagger.models.serving import lexeme_gates
from spacy_rnn_tagger.models.serving.token_batches import batch_by_tokens
from spacy_rnn_tagger.pipeline import biluo
from spacy_rnn_tagger.pipeline.writing import ABSTAIN, write_entities, write_tokens
from spacy_rnn_tagger.recurrence import array_engine
from spacy_rnn_tagger.recurrence.cells import CELLS
from spacy_rnn_tagger.recurrence.packing import make_packing
from spacy_rnn_tagger.recurrence.serving_weights import prepare

from ..conftest import make_examples, randomize, small_model, train

VOCAB = spacy.blank("en").vocab
LABELS = ("GPE", "PERSON")


def make_doc(n):
    return Doc(VOCAB, words=["a"] * n)


# ---- batches ----


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 12), st.none() | st.integers(1, 5))
def test_batches_are_as_large_as_may_be_and_no_larger(lengths, max_tokens, max_docs):
    docs = [make_doc(n) for n in lengths]
    batches = list(batch_by_tokens(iter(docs), max_tokens, max_docs))
    assert [id(doc) for batch in batches for doc in batch] == [id(doc) for doc in docs]
    for batch in batches:
        assert batch and (max_docs is None or len(batch) <= max_docs)
        assert sum(map(len, batch)) <= max_tokens or len(batch) == 1 or sum(map(len, batch[:-1])) == 0
    for batch, following in zip(batches, batches[1:]):
        full = sum(map(len, batch)) + len(following[0]) > max_tokens or len(batch) == max_docs
        assert full or sum(map(len, batch)) == max_tokens


def test_batches_do_not_run_ahead_of_their_stream():
    taken = []

    def stream():
        for i in range(10):
            taken.append(i)
            yield make_doc(2)

    batches = batch_by_tokens(stream(), max_tokens=100, max_docs=3)
    next(batches)
    assert len(taken) == 3
    batches = batch_by_tokens(stream(), max_tokens=4)
    taken.clear()
    next(batches)
    assert len(taken) == 2


@pytest.fixture(params=["rnn_tagger", "rnn_ner"])
def pipe(request, nlp):
    nlp.add_pipe(request.param, config={"model": small_model()})
    train(nlp, make_examples(nlp), steps=5)
    component = nlp.get_pipe(request.param)
    randomize(component.model)
    return component


def annotations(docs):
    return [[(t.text, t.tag_, t.ent_iob_, t.ent_type_) for t in doc] for doc in docs]


def watch(model, monkeypatch, look):
    """Let a function see the docs that a model is given."""
    forward = model._func
    monkeypatch.setattr(model, "_func", lambda m, docs, is_train: (look(docs), forward(m, docs, is_train))[1])


@pytest.mark.parametrize("max_tokens", [1, 7, 40])
def test_no_more_tokens_at_once_than_allowed(pipe, make_docs, monkeypatch, max_tokens):
    lengths = [3, 0, 30, 1, 1, 1, 12, 5, 0, 2]
    expected = annotations(pipe.pipe(make_docs(lengths)))
    batches = []
    watch(pipe.model, monkeypatch, lambda docs: batches.append([len(doc) for doc in docs]))
    pipe.max_tokens = max_tokens
    assert annotations(pipe.pipe(iter(make_docs(lengths)))) == expected
    assert all(sum(batch) <= max_tokens or len(batch) == 1 for batch in batches) and len(batches) > 1
    batches.clear()
    assert [len(path) for path in pipe.predict(make_docs(lengths))] == lengths
    assert all(sum(batch) <= max_tokens or len(batch) == 1 for batch in batches) and len(batches) > 1


def test_of_a_failing_batch_the_docs_that_fail_go_to_the_error_handler(pipe, make_docs, monkeypatch):
    failed = []
    pipe.max_tokens = 5
    pipe.set_error_handler(lambda name, component, docs, error: failed.append((name, len(docs), str(error))))

    def fail_on_three(docs):
        if any(len(doc) == 3 for doc in docs):
            raise ValueError("three")

    watch(pipe.model, monkeypatch, fail_on_three)
    docs = make_docs([2, 2, 3, 1, 5, 4])
    assert [len(doc) for doc in pipe.pipe(docs)] == [2, 2, 1, 5, 4]
    assert failed == [(pipe.name, 1, "three")]


@pytest.mark.parametrize("value", [0, -1, 2.5])
def test_max_tokens_must_be_positive(nlp, value):
    with pytest.raises(ValueError, match="max_tokens"):
        nlp.add_pipe("rnn_ner", config={"max_tokens": value})


# ---- blocks ----


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("rows", [1, 5, 64])
def test_blocks_do_not_show(monkeypatch, cell, bidirectional, rows):
    rng = numpy.random.default_rng(0)
    suffixes = ("", "_reverse") if bidirectional else ("",)
    shapes = CELLS[cell].param_shapes(4, 3)
    params = {
        name + suffix: rng.normal(0, 0.5, shape).astype("float32")
        for suffix in suffixes
        for name, shape in shapes.items()
    }
    packing = make_packing([7, 0, 200, 3, 7])
    x = rng.normal(size=(packing.n_tokens, 4)).astype("float32")
    W, b = rng.normal(size=(6, 3 * len(suffixes))).astype("float32"), rng.normal(size=6).astype("float32")
    expected = array_engine.forward(cell, params, packing, x, bidirectional=bidirectional)
    weights = prepare(cell, params, bidirectional=bidirectional)
    monkeypatch.setattr(array_engine, "BLOCK_SIZE", rows * weights.n_gates * weights.n_directions * weights.n_hidden)
    assert_allclose(array_engine.run(weights, packing, x), expected, atol=1e-6)
    projected = array_engine.run_projected(weights, packing, x, W, b)
    assert_allclose(projected, (expected @ W.T + b)[packing.from_packed], atol=1e-5)


def test_gates_that_are_shut_for_good_raise_no_warning():
    params = {
        "weight_ih": numpy.full((12, 2), 50, "float32"),
        "weight_hh": numpy.full((12, 3), 50, "float32"),
        "bias": numpy.full((12,), -3000, "float32"),
    }
    x = numpy.asarray([[-1.0, 1.0], [1e4, 1e4], [-1e4, -1e4]], dtype="float32")
    with numpy.errstate(all="raise", under="ignore"):
        y = array_engine.forward("lstm", params, make_packing([3]), x, bidirectional=False)
    assert numpy.isfinite(y).all() and (abs(y) <= 1).all()


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
@pytest.mark.parametrize("factory", ["rnn_tagger", "rnn_ner"])
@pytest.mark.parametrize("encode", [{}, {"depth": 2, "boundaries": True}], ids=["plain", "deep"])
def test_a_long_doc_gets_the_labels_it_would_get_unbounded(nlp, make_docs, monkeypatch, decoder, factory, encode):
    nlp.add_pipe(factory, config={"model": small_model(**encode), "decoder": decoder})
    nlp.initialize(lambda: make_examples(nlp))
    component = nlp.get_pipe(factory)
    randomize(component.model, scale=0.5)
    (doc,) = make_docs([5000])
    encoder = component.model.copy()
    tok2vec, output, _ = encoder.layers
    vectors = tok2vec.layers[1].predict(tok2vec.layers[0].predict([doc]))
    scores = component.path_scores([doc])
    whole = output.predict(vectors)[0]
    assert_allclose(scores.emissions, whole, atol=1e-4)
    expected = viterbi(whole, [5000], **scores.rules)
    for limit in (100, 10**6):
        monkeypatch.setattr(lexeme_gates, "MAX_TOKENS", limit)
        component.max_tokens = limit
        assert (component.predict([doc])[0] == expected).all()


def test_memory_of_a_long_doc(nlp):
    """Per token, the scores and some indices are held, but neither gates (2048 bytes) nor hidden states (512)."""
    nlp.add_pipe("rnn_tagger")
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("rnn_tagger")
    n = 40000
    doc = Doc(nlp.vocab, words=[f"w{i}" for i in numpy.random.default_rng(0).integers(0, 300, n)])
    pipe.predict([doc[:2000].as_doc()])
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    pipe.predict([doc])
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak < n * (4 * len(pipe.tags) + 300) + 2**22


# ---- columns ----


@st.composite
def legal_paths(draw):
    path = []
    while len(path) < 8 and draw(st.booleans()):
        label = draw(st.integers(0, 1))
        length = draw(st.integers(0, 4))
        tags = biluo.tags_of(len(path), len(path) + length, label) if length else {len(path): 0}
        path.extend(tags[i] for i in sorted(tags))
    return numpy.asarray(path or [0], dtype="int64")


@settings(deadline=None, max_examples=200)
@given(legal_paths(), st.lists(st.sampled_from([0, 2]), min_size=12, max_size=12), st.booleans())
def test_columns_of_entities_are_what_set_ents_writes(path, before, linked):
    ours, theirs = make_doc(len(path)), make_doc(len(path))
    for doc in (ours, theirs):
        for label in LABELS:
            doc.vocab.strings.add(label)
        doc.from_array(["ENT_IOB"], numpy.asarray(before[: len(path)], dtype="uint64"))
        for token in doc:
            if linked:
                token.ent_kb_id_ = "Q1"
                token.ent_id_ = "id"
    assert write_entities(ours, path, LABELS)
    spans = biluo.spans_of(path, 1 + 4 * len(LABELS))
    theirs.set_ents([Span(theirs, start, end, label=LABELS[label]) for start, end, label in spans])
    attrs = ["ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "ENT_ID"]
    assert (ours.to_array(attrs) == theirs.to_array(attrs)).all()


@pytest.mark.parametrize("blocked", [True, False])
def test_entities_and_blocked_tokens_are_respected(blocked):
    doc = make_doc(3)
    span = Span(doc, 1, 2, label="" if blocked else "GPE")
    doc.set_ents([] if blocked else [span], blocked=[span] if blocked else [])
    before = doc.to_array(["ENT_IOB", "ENT_TYPE"])
    assert not write_entities(doc, numpy.zeros(3, dtype="int64"), LABELS)
    assert (doc.to_array(["ENT_IOB", "ENT_TYPE"]) == before).all()


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("attr", ["TAG", "POS", "MORPH"])
def test_columns_of_attributes(attr, overwrite):
    doc = make_doc(4)
    old, new = (
        doc.vocab.morphology.add(f"Case={value}") if attr == "MORPH" else 90 + i for i, value in enumerate("XY")
    )
    doc.from_array([attr], numpy.asarray([old, 0, old, 0], dtype="uint64"))
    column = numpy.asarray([new], dtype="uint64")
    write_tokens(doc, attr, column, numpy.asarray([0, 0, ABSTAIN, ABSTAIN]), overwrite)
    assert doc.to_array(attr).tolist() == [new if overwrite else old, new, old, 0]
    fresh = make_doc(2)
    write_tokens(fresh, attr, column, numpy.asarray([0, ABSTAIN]), overwrite)
    assert fresh.to_array(attr).tolist() == [new, 0]


# ---- threads and time ----


def test_threads_annotate_as_one_does(nlp, make_docs):
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    nlp.add_pipe("rnn_ner", config={"model": small_model()})
    train(nlp, make_examples(nlp), steps=5)
    texts = [" ".join(t.text for t in doc) for doc in make_docs([3, 30, 7, 1, 12, 90] * 4)]
    expected = annotations(nlp.pipe(texts))
    got = {}

    def work(i):
        got[i] = annotations(nlp.pipe(texts, batch_size=i + 1)) if i % 2 else annotations(map(nlp, texts))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[i] for i in range(4)] == [expected] * 4


def resident_megabytes():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


@pytest.mark.slow
@pytest.mark.parametrize("batched", [True, False])
def test_memory_stays_flat(nlp, batched):
    """2,000 and 20,000 random docs differ by less than 10 MB."""
    nlp.add_pipe("rnn_tagger")
    nlp.add_pipe("rnn_ner")
    nlp.initialize(lambda: make_examples(nlp))
    rng = numpy.random.default_rng(0)

    def serve(n_docs):
        docs = (
            Doc(nlp.vocab, words=[f"w{min(i, 20000)}" for i in rng.zipf(1.3, rng.integers(1, 60))])
            for _ in range(n_docs)
        )
        for doc in nlp.pipe(docs) if batched else map(nlp, docs):
            assert doc[0].tag
        return resident_megabytes()

    first = serve(2000)
    assert serve(18000) - first < 10
