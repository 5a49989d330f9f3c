"""Static vectors in few bytes: the same vectors as spaCy's own table has, saved with what they are looked up by."""

import pickle

import numpy
import pytest
import spacy
import srsly
from hypothesis import given
from hypothesis import strategies as st
from spacy.ml.staticvectors import StaticVectors
from spacy.strings import get_string_id
from spacy.vectors import Vectors
from thinc.api import NumpyOps

from spacy_rnn_tagger.models.storage.compact_vectors import FILE, REGISTERED, CompactVectors, make_compact_vectors
from spacy_rnn_tagger.models.storage.forms import FORMS
from spacy_rnn_tagger.models.storage.unpacking import unpack
from spacy_rnn_tagger.models.storage.weights_error import WeightsError

WORDS = ["red", "fort", "is", "new", "york", "."]
WIDTH = 12


def table(words=WORDS, attr="LOWER", shared=(("reds", 0),), seed=0, name="few"):
    """spaCy's own: a row for each word, and further words that share a row."""
    data = numpy.random.default_rng(seed).normal(size=(len(words), WIDTH)).astype("float32")
    vectors = Vectors(data=data, keys=[get_string_id(word) for word in words], attr=attr, name=name)
    for word, row in shared:
        vectors.add(word, row=row)
    return vectors


def with_table(vectors, **settings):
    nlp = spacy.blank("en", config={"nlp": {"vectors": {"@vectors": REGISTERED, **settings}}})
    nlp.vocab.vectors = vectors
    return nlp


@pytest.mark.parametrize("form", FORMS)
def test_words_have_the_vectors_of_spacys_table(form):
    theirs, ours = table(), CompactVectors.of(table(), form)
    keys = [get_string_id(word) for word in (*WORDS, "reds")]
    bound = {"float32": 0, "float16": 0.002, "int8": numpy.abs(theirs.data).max() / 127}[form]
    assert numpy.abs(ours.get_batch(keys) - theirs.get_batch(keys)).max() <= bound
    assert (ours["reds"] == ours["red"]).all() and "reds" in ours and get_string_id("reds") in ours
    assert set(ours) == set(theirs.keys()) == set(ours.keys())
    assert {key: ours.key2row[key] for key in ours} == theirs.key2row
    assert (ours.shape, len(ours), ours.size, ours.n_keys) == (theirs.shape, len(theirs), theirs.size, theirs.n_keys)
    assert ours.vectors_length == WIDTH and ours.attr == theirs.attr and ours.name == "few" and ours.is_full
    assert ours.as_vectors().key2row == theirs.key2row
    numpy.testing.assert_array_equal(ours.as_vectors().get_batch(keys), ours.get_batch(keys))


def test_a_word_without_a_vector():
    ours = CompactVectors.of(table())
    found = ours.get_batch(["fort", "no such word", "fort"])
    assert (found[1] == 0).all() and (found[0] == ours["fort"]).all() and (found[2] == found[0]).all()
    assert "no such word" not in ours and ours.find(keys=["red", "no such word"]).tolist() == [0, -1]
    with pytest.raises(KeyError, match="'no such word' has no vector"):
        ours["no such word"]
    empty = CompactVectors()
    assert empty.get_batch(["red"]).shape == (1, 0) and empty.find(keys=["red"]).tolist() == [-1] and not len(empty)


def test_the_nearest_words_are_those_of_spacys_table():
    theirs, ours = table(shared=()), CompactVectors.of(table(shared=()), "float32")
    queries = theirs.data[:2] + 0.01
    for found, expected in zip(ours.most_similar(queries.copy(), n=2), theirs.most_similar(queries.copy(), n=2)):
        numpy.testing.assert_array_equal(found, expected)


@given(st.lists(st.text(max_size=4), max_size=30, unique=True), st.sampled_from(FORMS), st.booleans())
def test_saving_and_loading_gives_the_same_table(words, form, on_disk):
    ours = CompactVectors.of(table(words, shared=()), form) if words else CompactVectors(storage=form)
    again = CompactVectors().from_bytes(ours.to_bytes(exclude=["strings"]))
    assert again == ours and again.to_bytes() == ours.to_bytes() and again.attr == ours.attr
    keys = numpy.asarray([get_string_id(word) for word in words], dtype="uint64")
    numpy.testing.assert_array_equal(again.get_batch(keys), ours.get_batch(keys))


def test_a_pipeline_keeps_them_and_what_they_are_looked_up_by(tmp_path):
    """spaCy's own table forgets the attribute when it is saved."""
    with_table(CompactVectors.of(table()), storage="int8").to_disk(tmp_path / "ours")
    nlp = spacy.load(tmp_path / "ours")
    assert isinstance(nlp.vocab.vectors, CompactVectors) and not (tmp_path / "ours/vocab/vectors").exists()
    doc = nlp("Red RED fort xyz")
    assert [token.has_vector for token in doc] == [True, True, True, False]
    assert (doc[3].vector == 0).all() and doc[3:].as_doc().vector.shape == (WIDTH,)
    assert (doc[0].vector == doc[1].vector).all() and doc[0].similarity(doc[1]) == pytest.approx(1)
    assert numpy.abs(doc[2].vector - table().data[1]).max() < 0.02 and nlp.meta["vectors"]["keys"] == len(WORDS) + 1
    again = pickle.loads(pickle.dumps(nlp))
    assert again.vocab.vectors == nlp.vocab.vectors and again("Red")[0].has_vector
    copied = spacy.blank("en", config={"nlp": {"vectors": {"@vectors": REGISTERED}}}).from_bytes(nlp.to_bytes())
    assert copied.vocab.vectors == nlp.vocab.vectors
    other = spacy.blank("en")
    other.vocab.vectors = table()
    other.to_disk(tmp_path / "theirs")
    assert not spacy.load(tmp_path / "theirs")("Red")[0].has_vector


def test_a_table_of_spacys_is_read_in_the_form_and_by_the_attribute_of_the_config(tmp_path):
    nlp = spacy.blank("en")
    nlp.vocab.vectors = table(attr="ORTH")
    nlp.to_disk(tmp_path / "theirs")
    vocab = tmp_path / "theirs" / "vocab"
    ours = make_compact_vectors("float16", "LOWER")(nlp.vocab).from_disk(vocab)
    assert ours == CompactVectors.of(table(name=None), "float16") and ours.data.dtype == numpy.float16
    assert make_compact_vectors()(nlp.vocab).from_disk(vocab) == CompactVectors.of(
        table(attr="ORTH", name=None), "int8"
    )
    # A table of ours keeps its form, whatever the config says.
    ours.to_disk(tmp_path / "saved")
    assert make_compact_vectors("int8", "NORM")(nlp.vocab).from_disk(tmp_path / "saved") == ours
    untouched = make_compact_vectors()(nlp.vocab).from_disk(tmp_path / "nowhere")
    assert untouched.shape == (0, 0)


def test_some_words_only():
    whole = table(shared=(("reds", 0), ("York", 4)))
    first = CompactVectors.of(whole, "float32", n_rows=2)
    assert set(first.keys()) == {get_string_id(word) for word in ("red", "fort", "reds")} and first.shape[0] == 2
    some = CompactVectors.of(whole, "float32", words=["York", "REDS", "unknown"])
    assert set(some.keys()) == {get_string_id(word) for word in ("York", "york", "reds")} and some.shape[0] == 2
    for ours in (first, some, CompactVectors.of(first, "float16", words=["red"])):
        for key in ours:
            numpy.testing.assert_allclose(ours[key], whole[key], atol=0.002)
    with pytest.raises(ValueError, match="none of the 8 words with a vector would be left"):
        CompactVectors.of(whole, words=["unknown"])


def test_models_of_spacy_read_them(nlp):
    theirs, ours = table(), CompactVectors.of(table(), "float32")
    layer = StaticVectors(nO=3, nM=WIDTH)
    nlp.vocab.vectors = theirs
    docs = [nlp("Red fort"), nlp("unknown is")]
    layer.initialize(X=docs)
    expected = layer.predict(docs).data
    nlp.vocab.vectors = ours
    numpy.testing.assert_allclose(layer.predict(docs).data, expected, atol=1e-6)


def test_nothing_is_written_into_them():
    ours = CompactVectors.of(table())
    for change in (
        lambda: ours.add("red", vector=numpy.zeros(WIDTH)),
        lambda: ours.__setitem__("red", numpy.zeros(WIDTH)),
        lambda: ours.resize((1, WIDTH)),
    ):
        with pytest.raises(ValueError, match="compact vectors cannot be changed"):
            change()
    before = ours.to_bytes()
    ours.get_batch(["red"])[:] = 1
    ours.as_vectors().data[:] = 1
    assert ours.to_bytes() == before
    ours.to_ops(NumpyOps())


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            {"storage": "int4"},
            "storage = 'int4' is unknown; allowed: 'float32', 'float16', 'int8'. Did you mean 'int8'",
        ),
        (
            {"attr": "LOWERCASE"},
            "attr = 'LOWERCASE' is unknown; allowed: 'ORTH', 'LOWER', 'NORM'. Did you mean 'LOWER'",
        ),
    ],
)
def test_settings_that_are_not_allowed(settings, message):
    with pytest.raises(ValueError, match=message):
        make_compact_vectors(**settings)


def test_tables_that_cannot_be_compact(nlp):
    floret = Vectors(
        data=numpy.ones((8, WIDTH), dtype="float32"),
        mode="floret",
        minn=2,
        maxn=3,
        hash_count=1,
        strings=nlp.vocab.strings,
    )
    with pytest.raises(ValueError, match="of mode 'floret' has no vector for each word"):
        CompactVectors.of(floret)
    broken = table()
    broken.data[1, 1] = numpy.inf
    with pytest.raises(ValueError, match="NaN or infinite"):
        CompactVectors.of(broken)
    broken.data[1, 1] = 1e6
    with pytest.raises(ValueError, match="storage = 'float16': a value of 1e"):
        CompactVectors.of(broken, "float16")


def test_damaged_files(tmp_path):
    ours = CompactVectors.of(table())
    ours.to_disk(tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    message = unpack(whole)
    damaged = [whole[:-20], b"", b"text", srsly.msgpack_dumps({"attr": "LOWER"}), srsly.msgpack_dumps([1, 2])]
    for change in (
        {"attr": "SHAPE"},
        {"rows": message["rows"] + 1},
        {"keys": message["keys"][::-1]},
        {"keys": message["keys"][1:]},
        {"rows": message["rows"].astype("int64")},
        {"table": {"int8": message["table"]["int8"]}},
        {"table": {**message["table"], "scales": message["table"]["scales"][1:]}},
        {"table": numpy.ones(WIDTH, dtype="float32")},
        {"table": None},
    ):
        damaged.append(srsly.msgpack_dumps({**message, **change}))
    for saved in damaged:
        (tmp_path / FILE).write_bytes(saved)
        kept = CompactVectors.of(table(seed=1))
        with pytest.raises(WeightsError, match=FILE):
            kept.from_disk(tmp_path)
        assert kept == CompactVectors.of(table(seed=1))
