"""Weights that change: what is served is what the weights of the moment compute, whoever changed them."""

import numpy
import pytest
from thinc.api import Adam

from spacy_rnn_tagger.models.architectures.symbol_embed import build_symbol_embed
from spacy_rnn_tagger.models.serving import weight_watch
from spacy_rnn_tagger.models.serving.lexeme_gates import clear_cache
from spacy_rnn_tagger.models.serving.weight_watch import WeightWatch, digest

from ..conftest import randomize
from ..fixtures.cached_models import change_by_set_param, check, make_model


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
