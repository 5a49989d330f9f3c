"""Sigmoids and tanh by either of two functions of NumPy."""

import numpy
import pytest
from numpy.testing import assert_allclose

from spacy_rnn_tagger.recurrence import array_engine, array_training, squashing
from spacy_rnn_tagger.recurrence.cells import CELLS
from spacy_rnn_tagger.recurrence.packing import make_packing

WAYS = {"tanh": False, "exp": True}


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    monkeypatch.setattr(squashing, "exp_is_faster", lambda: WAYS[request.param])
    squashing._squashing.cache_clear()
    yield request.param
    squashing._squashing.cache_clear()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values(way, dtype):
    x = numpy.concatenate((numpy.linspace(-12, 12, 500), [-1e30, -100, 0, 100, 1e30, numpy.nan])).astype(dtype)
    squash = squashing.squashing(dtype)
    z = numpy.stack((x / 2, x)) * numpy.asarray(squash.factor, dtype)
    assert isinstance(squash, squashing.ByExp if way == "exp" and dtype == "float32" else squashing.ByTanh)
    with numpy.errstate(over="ignore"):
        squash.squash(z, z[:1], z[1:])
        found = squash.tanh(x, numpy.empty_like(x))
        expected = 1 / (1 + numpy.exp(-x.astype("float64")))
    assert z.dtype == found.dtype == dtype
    assert_allclose(z[0], expected, atol=3e-7)
    for tanh in (z[1], found):
        assert_allclose(tanh, numpy.tanh(x.astype("float64")), atol=3e-7)


@pytest.mark.parametrize("cell", CELLS)
def test_layers_of_both_ways_agree(monkeypatch, cell):
    rng = numpy.random.default_rng(0)
    params = {
        name + suffix: rng.normal(0, 0.7, shape).astype("float32")
        for suffix in ("", "_reverse")
        for name, shape in CELLS[cell].param_shapes(5, 6).items()
    }
    packing = make_packing([7, 0, 40, 3, 7])
    x = rng.normal(0, 3, size=(packing.n_tokens, 5)).astype("float32")
    d_y = rng.normal(size=(packing.n_tokens, 12)).astype("float32")
    found = {}
    for name, by_exp in WAYS.items():
        monkeypatch.setattr(squashing, "exp_is_faster", lambda by_exp=by_exp: by_exp)
        squashing._squashing.cache_clear()
        y = array_engine.forward(cell, params, packing, x, bidirectional=True)
        trained, backprop = array_training.begin_update(cell, params, packing, x, bidirectional=True, bptt_steps=0)
        assert_allclose(trained, y, rtol=1e-4, atol=1e-5)
        d_x, grads = backprop(d_y.copy())
        found[name] = [y, d_x, *(grads[key] for key in sorted(grads))]
    squashing._squashing.cache_clear()
    for by_tanh, by_exp in zip(found["tanh"], found["exp"]):
        assert_allclose(by_exp, by_tanh, rtol=1e-3, atol=2e-4)


def test_arguments_that_overflow_raise_no_warning(way):
    params = {name: numpy.full(shape, 30, "float32") for name, shape in CELLS["lstm"].param_shapes(2, 3).items()}
    x = numpy.asarray([[1e4, 1e4], [-1e4, -1e4]], dtype="float32")
    with numpy.errstate(all="raise", under="ignore"):
        y = array_engine.forward("lstm", params, make_packing([2]), x, bidirectional=False)
        trained, _ = array_training.begin_update(
            "lstm", params, make_packing([2]), x, bidirectional=False, bptt_steps=0
        )
    assert numpy.isfinite(y).all() and numpy.isfinite(trained).all()


def test_the_choice_stays():
    assert squashing.exp_is_faster() is squashing.exp_is_faster()
    assert squashing.squashing("float32") is squashing.squashing(numpy.float32)
