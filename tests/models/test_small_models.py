"""Pipelines saved with small weights: what is saved, what comes back, and who decides."""

import copy
import pickle
import re

import numpy
import pytest
import spacy
import srsly
from spacy.util import registry
from thinc.api import Model

from spacy_rnn_tagger.models.serving.lexeme_gates import cache_info
from spacy_rnn_tagger.models.storage.checksums import add_checksums
from spacy_rnn_tagger.models.storage.forms import decode, encode
from spacy_rnn_tagger.models.storage.stored_model import set_storage
from spacy_rnn_tagger.pipeline.compression import compress

from ..conftest import make_examples, randomize, small_model
from ..fixtures.small_pipelines import OURS, TEXTS, files, make_pipeline, outputs, tok2vec_config


@pytest.fixture(scope="module")
def trained():
    return make_pipeline()


@pytest.fixture
def nlp(trained):
    """Each test may change it."""
    return copy.deepcopy(trained)


def params(model):
    return [
        (node.name, name, node.get_param(name))
        for node in model.walk()
        for name in node.param_names
        if node.has_param(name)
    ]


def plain_bytes(model):
    """What Thinc itself saves, with checksums."""
    message = Model.to_dict(model)
    add_checksums(message)
    return srsly.msgpack_dumps(message)


def with_checksums(message):
    """As a version would save it that thinks that nothing is wrong."""
    add_checksums(message)
    return srsly.msgpack_dumps(message)


def saved_forms(model):
    """The form of each of a model's matrices as saved, by layer and name."""
    message = srsly.msgpack_loads(model.to_bytes())
    return {
        (info["name"], name): "int8" if isinstance(stored, dict) else stored.dtype.name
        for info, stored_params in zip(message["nodes"], message["params"])
        for name, stored in stored_params.items()
        if stored is not None and (isinstance(stored, dict) or stored.ndim > 1)
    }


@pytest.mark.parametrize("form", ["float32", "float16", "int8"])
def test_saved_again_and_served_are_the_same(nlp, form, tmp_path):
    compress(nlp, form, keep_language_model=True)
    weights = {name: params(pipe.model) for name, pipe in nlp.pipeline}
    nlp.to_disk(tmp_path / "a")
    loaded = spacy.load(tmp_path / "a")
    loaded.to_disk(tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    for name, pipe in nlp.pipeline:
        # The pipeline in memory takes the same weights by another way.
        pipe.model.from_bytes(pipe.model.to_bytes())
        for (layer, key, old), (_, _, new) in zip(weights[name], params(loaded.get_pipe(name).model), strict=True):
            assert new.dtype == numpy.float32 and new.flags.writeable, (layer, key)
            small = form if name in OURS else "float32"
            if small == "int8" and name in ("rnn_tagger", "rnn_ner"):
                small = "float16"  # they have only layers that give scores
            assert (new == decode(encode(old, small))).all(), (name, layer, key)
    assert outputs(loaded) == outputs(nlp)
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert outputs(again) == outputs(nlp)
    known = [node.attrs["known"] for node in loaded.get_pipe("tok2vec").model.walk() if "known" in node.attrs]
    assert len(known) == 2 and all(list(found) == [5, 77, 2**63] for found in known)


def test_without_a_setting_nothing_is_saved_differently(nlp):
    for name in OURS:
        model = nlp.get_pipe(name).model
        plain = plain_bytes(model)
        assert model.to_bytes() == plain
        set_storage(model, "float32")
        assert model.to_bytes() == plain
        randomize(model, seed=9)
        model.from_bytes(plain)
        assert plain_bytes(model) == plain
        sizes = [len(plain)]
        for form in ("float16", "int8"):
            set_storage(model, form)
            sizes.append(len(model.to_bytes()))
        assert max(sizes[1:]) < sizes[0]


@pytest.mark.parametrize("saved", ["float16", "int8"])
def test_weights_are_recognised_whatever_the_config_says(nlp, saved, tmp_path):
    compress(nlp, saved)
    nlp.to_disk(tmp_path / "small")
    wanted = outputs(spacy.load(tmp_path / "small"))
    for given in (None, "float32", "int8"):
        override = {f"components.{name}.model.storage": given for name in ("tok2vec", "rnn_tagger", "rnn_ner")}
        loaded = spacy.load(tmp_path / "small", config=override)
        assert outputs(loaded) == wanted
        # The setting is the config's, not the file's.
        model = loaded.get_pipe("tok2vec").model
        assert set(saved_forms(model).values()) - {"float32"} == ({given} - {None, "float32"})


def test_the_layers_that_give_the_scores_stay_exact(nlp):
    compress(nlp, "int8", keep_language_model=True)
    assert set(saved_forms(nlp.get_pipe("rnn_ner").model).items()) == {
        (("linear", "W"), "float16"),
        (("tag_transitions", "transitions"), "float16"),
    }
    forms = saved_forms(nlp.get_pipe("tok2vec").model)
    assert forms.pop(("maxout", "b")) == "float32" and set(forms.values()) == {"int8"}
    assert set(saved_forms(nlp.get_pipe("rnn_language_model").model).values()) == {"int8"}
    assert set(saved_forms(nlp.get_pipe("theirs").model).values()) == {"float32"}


@pytest.mark.parametrize(
    "outer,inner,tables,scores",
    [
        (None, None, "float32", "float32"),
        ("int8", None, "int8", "float16"),
        ("int8", "float16", "float16", "float16"),
        ("float16", "float32", "float32", "float16"),
        (None, "int8", "int8", "float32"),
    ],
)
def test_the_nearest_setting_counts(outer, inner, tables, scores):
    nlp = spacy.blank("en")
    model = {**small_model(), "tok2vec": {**small_model()["tok2vec"], "storage": inner}, "storage": outer}
    pipe = nlp.add_pipe("rnn_tagger", config={"model": model})
    nlp.initialize(lambda: make_examples(nlp))
    forms = saved_forms(pipe.model)
    assert forms["hashembed", "E"] == forms["lstm", "weight_hh"] == tables and forms["linear", "W"] == scores
    # As `spacy pretrain` saves it.
    assert saved_forms(pipe.model.get_ref("tok2vec"))["hashembed", "E"] == (inner or "float32")
    compress(nlp, "float16")
    assert set(saved_forms(pipe.model).values()) == {"float16"}
    config = nlp.config["components"]["rnn_tagger"]["model"]
    assert config["storage"] == "float16" and config["tok2vec"]["storage"] is None


def test_a_text_classifier(tmp_path):
    nlp = spacy.blank("en")
    model = {
        "@architectures": "spacy-rnn-tagger.RNNTextClassifier.v1",
        "tok2vec": tok2vec_config(),
        "exclusive_classes": True,
        "storage": "int8",
    }
    pipe = nlp.add_pipe("textcat", config={"model": model})
    for label in "AB":
        pipe.add_label(label)
    examples = make_examples(nlp)
    for i, example in enumerate(examples):
        example.reference.cats = {"A": float(i < 2), "B": float(i >= 2)}
    with pytest.warns(UserWarning, match="min_freq = 2 has no effect"):
        nlp.initialize(lambda: examples)
    randomize(pipe.model)
    forms = saved_forms(pipe.model)
    assert forms["linear", "W"] == "float16" and forms["hashembed", "E"] == "int8"
    nlp.to_disk(tmp_path / "a")
    loaded = spacy.load(tmp_path / "a")
    pipe.model.from_bytes(pipe.model.to_bytes())
    assert [doc.cats for doc in nlp.pipe(TEXTS)] == [doc.cats for doc in loaded.pipe(TEXTS)]


def test_copies_keep_the_setting(nlp):
    compress(nlp, "int8")
    docs = list(nlp.pipe(TEXTS))
    for name in ("tok2vec", "rnn_ner"):
        model = nlp.get_pipe(name).model
        wanted, before = model.to_bytes(), model.predict(docs)
        for twin in (model.copy(), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert twin.to_bytes() == wanted
            for served, expected in zip(twin.predict(docs), before, strict=True):
                assert (served == expected).all()
            set_storage(twin, "float32")
            assert len(twin.to_bytes()) > len(wanted) and model.to_bytes() == wanted


def test_listeners_can_be_replaced(nlp, tmp_path):
    """By copies, which are stored as the encoder was."""
    compress(nlp, "int8")
    before = nlp.get_pipe("rnn_ner").predict_proba(list(nlp.pipe(TEXTS)))
    set_storage(nlp.get_pipe("rnn_ner").model, "float16")
    nlp.get_pipe_config("rnn_ner")["model"]["storage"] = "float16"
    nlp.replace_listeners("tok2vec", "rnn_ner", ["model.tok2vec"])
    nlp.replace_listeners("tok2vec", "theirs", ["model.tok2vec"])
    pipe = nlp.get_pipe("rnn_ner")
    for array, expected in zip(pipe.predict_proba(list(nlp.pipe(TEXTS))), before, strict=True):
        numpy.testing.assert_allclose(array, expected, atol=1e-5)
    forms = saved_forms(pipe.model)
    assert forms["hashembed", "E"] == "int8" and forms["linear", "W"] == "float16"
    # A model of spaCy's around ours is saved as spaCy saves it.
    assert set(saved_forms(nlp.get_pipe("theirs").model).values()) == {"float32"}
    nlp.to_disk(tmp_path / "a")
    loaded = spacy.load(tmp_path / "a")
    loaded.to_disk(tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_the_lexeme_cache_sees_loaded_weights(nlp):
    other = make_pipeline(weights=50)
    for pipeline in (nlp, other):
        compress(pipeline, "int8")
    model = nlp.get_pipe("tok2vec").model
    docs = [nlp.make_doc(text) for text in TEXTS]
    old = model.predict(docs)
    assert cache_info(model).entries
    model.from_bytes(other.get_pipe("tok2vec").model.to_bytes())
    served = model.predict(docs)
    fresh = model.copy()
    embed, encode = fresh.layers
    for array, computed, before in zip(served, encode.predict(embed.predict(docs)), old, strict=True):
        numpy.testing.assert_allclose(array, computed, atol=1e-5)
        assert numpy.abs(array - before).max() > 0.01


def test_training_goes_on_with_all_digits(nlp):
    """Saving does not touch the weights in memory, and a small model learns like any other."""
    compress(nlp, "int8", keep_language_model=True)
    before = {name: [array.copy() for *_, array in params(pipe.model)] for name, pipe in nlp.pipeline}
    nlp.to_bytes()
    for name, pipe in nlp.pipeline:
        assert all((a == b).all() for a, (*_, b) in zip(before[name], params(pipe.model), strict=True))
    small = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    examples = make_examples(small)
    optimizer = small.resume_training()
    optimizer.learn_rate = 0.02
    losses = [small.update(examples, sgd=optimizer)["rnn_ner"] for _ in range(15)]
    assert losses[-1] < 0.5 * losses[0]
    model = small.get_pipe("tok2vec").model
    raw = model.to_bytes()
    zeros = {(node.id, name): 0 * node.get_param(name) for node in model.walk() for name in node.grad_names}
    with model.use_params(zeros):
        assert all(not array.any() for *_, array in params(model.copy().from_bytes(model.to_bytes())))
    assert model.to_bytes() == raw


@pytest.mark.parametrize(
    "name,settings",
    [
        ("RNNTok2Vec", {"embed": "embed", "encode": "encode"}),
        ("RNNTagger", {"tok2vec": "tok2vec"}),
        ("LanguageModel", {"tok2vec": "tok2vec"}),
        ("RNNTextClassifier", {"tok2vec": "tok2vec", "exclusive_classes": True}),
    ],
)
def test_unknown_forms_are_refused(name, settings):
    config = tok2vec_config()
    parts = {**{key: config[key] for key in ("embed", "encode")}, "tok2vec": config}
    block = {key: parts.get(value, value) if isinstance(value, str) else value for key, value in settings.items()}
    block = {"@architectures": f"spacy-rnn-tagger.{name}.v1", **block}
    message = f"{name}.v1: storage = 'int-8' is unknown; allowed: 'float32', 'float16', 'int8'. Did you mean 'int8'?"
    with pytest.raises(ValueError, match=re.escape(message)):
        registry.resolve({"model": {**block, "storage": "int-8"}})
    assert registry.resolve({"model": {**block, "storage": "int8"}})["model"].attrs["storage"].form == "int8"


def test_what_cannot_be_stored_or_read_is_refused(nlp, tmp_path):
    compress(nlp, "int8")
    nlp.to_disk(tmp_path / "good")
    model = nlp.get_pipe("tok2vec").model
    message = srsly.msgpack_loads(model.to_bytes())
    at = next(i for i, info in enumerate(message["nodes"]) if info["name"] == "hashembed")
    scales = message["params"][at]["E"]["scales"]
    message["params"][at]["E"]["scales"] = scales[:-1]
    with pytest.raises(ValueError, match="saved weights of layer 'hashembed' cannot be read: weights are damaged"):
        model.from_bytes(with_checksums(message))
    message["params"][at]["E"] = {"int2": scales}
    with pytest.raises(ValueError, match="layer 'hashembed' .* stored in a form that is unknown here, with int2"):
        model.from_bytes(with_checksums(message))
    assert not model.can_from_bytes(srsly.msgpack_dumps({"models": []}))
    assert model.can_from_bytes(model.to_bytes())
    (layer,) = [node for node in model.walk() if node.name == "maxout"]
    layer.get_param("W")[0, 0, 0] = numpy.nan
    with pytest.raises(
        ValueError, match="RNNTok2Vec.v1: the weights 'W' of layer 'maxout' have NaN or infinite values"
    ):
        nlp.to_disk(tmp_path / "bad")
    layer.get_param("W")[0, 0, 0] = 3e38
    with pytest.raises(ValueError, match="v1: storage = 'int8': the weights 'W' of layer 'maxout': a value of 3e.38"):
        nlp.to_disk(tmp_path / "bad")
    files_of_another = (tmp_path / "good" / "rnn_ner" / "model").read_bytes()
    (tmp_path / "good" / "rnn_ner" / "model").write_bytes(files_of_another[:-100])
    with pytest.raises(ValueError, match="component 'rnn_ner'.* the file is truncated or damaged"):
        spacy.load(tmp_path / "good")
