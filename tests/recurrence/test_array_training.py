"""Training by arrays gives what training by PyTorch gives: values and gradients, on random weights."""

import itertools
import threading

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from thinc.api import fix_random_seed, set_dropout_rate

from spacy_rnn_tagger.models.architectures.char_rnn import build_char_rnn
from spacy_rnn_tagger.models.architectures.rnn_encoder import build_rnn_encoder
from spacy_rnn_tagger.recurrence import array_engine, array_training, training_loops
from spacy_rnn_tagger.recurrence.cells import CELLS
from spacy_rnn_tagger.recurrence.engines import training_engine
from spacy_rnn_tagger.recurrence.packing import make_packing

from ..conftest import randomize

N_IN, N_HIDDEN = 6, 5
BATCHES = {
    "one token": [1],
    "equal": [5, 5, 5],
    "empty among others": [0, 3, 0, 1, 4, 0],
    "very unequal": [1, 200, 2, 0, 37],
    "many": [2, 9, 4, 4, 1, 7, 3, 12, 5, 5],
    "all empty": [0, 0],
}
DIRECTIONS = {"forwards": False, "both": True}
INPUTS = {"vectors": False, "one-hot": True}


def make_params(cell, bidirectional, dtype="float32", n_in=N_IN, seed=0):
    rng = numpy.random.default_rng(seed)
    return {
        name + suffix: rng.normal(0, 0.3, shape).astype(dtype)
        for suffix in ("", "_reverse")[: 1 + bidirectional]
        for name, shape in CELLS[cell].param_shapes(n_in, N_HIDDEN).items()
    }


def make_batch(lengths, bidirectional, one_hot, dtype="float32"):
    rng = numpy.random.default_rng(1)
    n_tokens = sum(lengths)
    columns = rng.integers(0, N_IN - 2, n_tokens).astype("int32")  # so that there are columns that no input reads
    x = columns if one_hot else rng.normal(size=(n_tokens, N_IN)).astype(dtype)
    return x, rng.normal(size=(n_tokens, N_HIDDEN * (1 + bidirectional))).astype(dtype)


def run(begin_update, cell, params, lengths, x, d_y, **kwargs):
    y, backprop = begin_update(cell, params, make_packing(lengths), x, **kwargs)
    d_x, grads = backprop(d_y)
    return {"y": y, "d_x": d_x, **grads}


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].shape == array.shape and found[name].dtype == array.dtype, name
        size = max(1.0, abs(array).max()) if array.size else 1.0
        assert_allclose(found[name], array, atol=1e-5 * size, rtol=0, err_msg=name)


@pytest.mark.parametrize("bptt_steps", [0, 1, 4, 250])
@pytest.mark.parametrize("one_hot", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("bidirectional", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_engines_agree(cell, bidirectional, one_hot, bptt_steps):
    params = make_params(cell, bidirectional)
    for lengths in BATCHES.values():
        x, d_y = make_batch(lengths, bidirectional, one_hot)
        kwargs = {"bidirectional": bidirectional, "bptt_steps": bptt_steps}
        found, again = (run(array_training.begin_update, cell, params, lengths, x, d_y, **kwargs) for _ in range(2))
        for name, array in found.items():
            assert (array == again[name]).all(), name
        assert set(found) == {"y", "d_x", *params}
        if sum(lengths):
            expected = run(training_engine("torch", False), cell, params, lengths, x, d_y, **kwargs)
            assert_same(found, expected)
            read = [name for name in params if max(lengths) > 1 or "weight_hh" not in name]
            assert all(abs(found[name]).max() > 1e-3 for name in ["y", *read])
        else:
            assert found["y"].shape == d_y.shape and not any(array.any() for array in found.values())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 15), min_size=1, max_size=8).filter(any),
    st.sampled_from(list(CELLS)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 6),
)
def test_engines_agree_on_any_batch(lengths, cell, bidirectional, one_hot, bptt_steps):
    params = make_params(cell, bidirectional)
    x, d_y = make_batch(lengths, bidirectional, one_hot)
    kwargs = {"bidirectional": bidirectional, "bptt_steps": bptt_steps}
    found, expected = (
        run(training_engine(name, False), cell, params, lengths, x, d_y, **kwargs) for name in ("array", "torch")
    )
    assert_same(found, expected)


@pytest.mark.parametrize("one_hot", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("bidirectional", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_finite_differences(cell, bidirectional, one_hot):
    """In double precision, every number of every gradient."""
    lengths = [3, 0, 1, 6]
    params = make_params(cell, bidirectional, "float64")
    if cell == "rnn_relu":  # keep clear of the kink, where differences mean nothing
        params = {name: abs(p) + 0.1 for name, p in params.items()}
    x, d_y = make_batch(lengths, bidirectional, one_hot, "float64")
    x = abs(x) if cell == "rnn_relu" else x
    packing = make_packing(lengths)
    found = run(array_training.begin_update, cell, params, lengths, x, d_y, bidirectional=bidirectional)

    def loss():
        y, _ = array_training.begin_update(cell, params, packing, x, bidirectional=bidirectional)
        return float((y * d_y).sum())

    step = 1e-5
    for name, array in params.items() if one_hot else {**params, "d_x": x}.items():
        for index in numpy.ndindex(*array.shape):
            kept = array[index]
            array[index] = kept + step
            up = loss()
            array[index] = kept - step
            down = loss()
            array[index] = kept
            assert found[name][index] == pytest.approx((up - down) / (2 * step), abs=1e-7, rel=1e-6), (name, index)


@pytest.mark.parametrize("cell", CELLS)
def test_values_are_those_that_are_served(cell):
    params = make_params(cell, True)
    packing = make_packing([4, 0, 30, 1])
    x, _ = make_batch([4, 0, 30, 1], True, False)
    y, _ = array_training.begin_update(cell, params, packing, x, bidirectional=True)
    assert_allclose(y, array_engine.forward(cell, params, packing, x, bidirectional=True), atol=1e-6)


@pytest.mark.parametrize("bptt_steps", [0, 3])
def test_blocks_of_rows_change_nothing(monkeypatch, bptt_steps):
    lengths = BATCHES["many"]
    for cell in CELLS:
        params = make_params(cell, True)
        x, d_y = make_batch(lengths, True, False)
        kwargs = {"bidirectional": True, "bptt_steps": bptt_steps}
        whole = run(array_training.begin_update, cell, params, lengths, x, d_y, **kwargs)
        with monkeypatch.context() as patch:
            patch.setattr(training_loops, "BLOCK_SIZE", 7 * 4 * N_HIDDEN)
            cut = run(array_training.begin_update, cell, params, lengths, x, d_y, **kwargs)
        assert_same(cut, whole)


@pytest.mark.parametrize("one_hot", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("cell", CELLS)
def test_what_is_given_is_left_alone(cell, one_hot):
    params = make_params(cell, True)
    x, d_y = make_batch([3, 0, 5], True, one_hot)
    before = {name: p.copy() for name, p in params.items()}
    x_before, d_y_before = x.copy(), d_y.copy()
    found = run(array_training.begin_update, cell, params, [3, 0, 5], x, d_y, bidirectional=True)
    assert all((p == before[name]).all() for name, p in params.items())
    assert (x == x_before).all() and (d_y == d_y_before).all()
    for a, b in itertools.combinations([*found.values(), *params.values(), x, d_y], 2):
        assert not numpy.shares_memory(a, b)


def test_calls_do_not_share_what_they_keep():
    """Gradients of a batch that others were run after, in another thread too."""
    params = make_params("lstm", True)
    batches = [([4, 2], 0.5), ([9], 2.0), ([1, 1, 7, 0], 1.0)]
    alone, begun, found = [], [], []
    for lengths, factor in batches:
        x, d_y = make_batch(lengths, True, False)
        x *= factor
        alone.append(run(array_training.begin_update, "lstm", params, lengths, x, d_y, bidirectional=True))
        y, backprop = array_training.begin_update("lstm", params, make_packing(lengths), x, bidirectional=True)
        begun.append((y, backprop, d_y))
    for y, backprop, d_y in reversed(begun):
        thread = threading.Thread(target=lambda y=y, b=backprop, d=d_y: found.append((y, *b(d))))
        thread.start()
        thread.join(60)
    for expected, (y, d_x, grads) in zip(alone, reversed(found), strict=True):
        for name, array in {"y": y, "d_x": d_x, **grads}.items():
            assert (array == expected[name]).all(), name


@pytest.mark.parametrize("bptt_steps", [0, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_what_is_no_number_stays_in_its_sequence(cell, bptt_steps):
    """Hidden states and inputs' gradients of the other sequences are as without it; of gradients, those show it that do
    with PyTorch."""
    params, lengths = make_params(cell, True), [4, 0, 9, 2]
    x, d_y = make_batch(lengths, True, False)
    packing = make_packing(lengths)
    broken = x.copy()
    broken[numpy.flatnonzero(packing.seqs == 2)[3]] = numpy.nan
    others = packing.seqs != 2
    kwargs = {"bidirectional": True, "bptt_steps": bptt_steps}
    clean = run(array_training.begin_update, cell, params, lengths, x, d_y, **kwargs)
    found, expected = (
        run(training_engine(name, False), cell, params, lengths, broken, d_y, **kwargs) for name in ("array", "torch")
    )
    for rows in ("y", "d_x"):
        assert_allclose(found[rows][others], clean[rows][others], atol=1e-5, err_msg=rows)
    assert numpy.isnan(found["y"][~others]).any(axis=1).all()
    for name, array in expected.items():
        assert (numpy.isnan(found[name]) == numpy.isnan(array)).all(), name
    assert any(numpy.isnan(found[name]).any() for name in params)


def encode(engine, X, dY, rate, **kwargs):
    """Two steps of an encoder's training, with dropout from the same seed."""
    fix_random_seed(5)
    model = build_rnn_encoder(N_IN, hidden_width=N_HIDDEN, engine=engine, **kwargs)
    model.initialize()
    randomize(model)
    set_dropout_rate(model, rate)
    found = {}
    for step in range(2):
        Y, backprop = model(X, is_train=True)
        dX = backprop(dY)
        found.update({f"{name}{step}": numpy.concatenate(arrays) for name, arrays in (("y", Y), ("d_x", dX))})
    for i, node in enumerate(model.walk()):
        found.update({f"{i}.{name}": node.get_grad(name) for name in node.grad_names})
    return found


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("bidirectional", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("cell", CELLS)
def test_stacks_agree(cell, bidirectional, depth):
    for lengths, bptt_steps, boundaries, rate in (
        (BATCHES["very unequal"], 0, False, 0.0),
        (BATCHES["very unequal"], 30, True, 0.3),
        (BATCHES["empty among others"], 0, True, 0.3),
    ):
        rng = numpy.random.default_rng(2)
        X = [rng.normal(size=(n, N_IN)).astype("float32") for n in lengths]
        dY = [rng.normal(size=(n, N_HIDDEN * (1 + bidirectional))).astype("float32") for n in lengths]
        kwargs = {"cell": cell, "bidirectional": bidirectional, "depth": depth}
        found, expected = (
            encode(engine, X, dY, rate, bptt_steps=bptt_steps, boundaries=boundaries, **kwargs)
            for engine in ("auto", "torch")
        )
        assert_same(found, expected)


@pytest.mark.parametrize("build", [lambda **kw: build_rnn_encoder(6, **kw), build_char_rnn])
def test_engines_that_there_are_not(build):
    with pytest.raises(ValueError, match="engine = 'arrays' is unknown; allowed: .*'auto'. Did you mean 'array'"):
        build(engine="arrays")


def test_a_gpu_is_pytorchs():
    torch_update = training_engine("torch", False)
    assert training_engine("auto", True) is training_engine("torch", True) is torch_update
    assert training_engine("auto", False) is training_engine("array", False) is not torch_update
    with pytest.raises(ValueError, match="engine = 'array' trains on a CPU only, .* set engine = 'auto' or 'torch'"):
        training_engine("array", True)
