import itertools
import multiprocessing
import threading

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thinc.api import chain
from threadpoolctl import ThreadpoolController

from spacy_rnn_tagger.models.architectures.rnn_encoder import build_rnn_encoder
from spacy_rnn_tagger.recurrence import training_loops
from spacy_rnn_tagger.recurrence.cells import CELLS
from spacy_rnn_tagger.recurrence.packing import make_packing, take
from spacy_rnn_tagger.recurrence.serving_inputs import Vectors
from spacy_rnn_tagger.recurrence.threads import one_thread

from ..conftest import randomize

BATCHES = {
    "one token": [1],
    "equal": [5, 5, 5],
    "empty among others": [0, 3, 0, 1, 4, 0],
    "very unequal": [1, 200, 2, 0, 37],
}
GRID = list(itertools.product(CELLS, [True, False], [1, 2, 3]))


def make_encoder(cell="lstm", bidirectional=True, depth=1, width=6, hidden_width=5, **settings):
    settings.update(hidden_width=hidden_width, depth=depth, cell=cell, bidirectional=bidirectional)
    model = build_rnn_encoder(width, **settings)
    model.initialize()
    randomize(model)
    return model


def make_input(lengths, width=6, seed=2):
    rng = numpy.random.default_rng(seed)
    return [rng.normal(size=(n, width)).astype("float32") for n in lengths]


@pytest.mark.parametrize("cell,bidirectional,depth", GRID)
@pytest.mark.parametrize("lengths", list(BATCHES.values()), ids=BATCHES)
def test_engines_agree(cell, bidirectional, depth, lengths):
    model = make_encoder(cell, bidirectional, depth)
    X = make_input(lengths)
    trained, _ = model(X, is_train=True)
    served = model.predict(X)
    assert [y.shape for y in served] == [(n, 10 if bidirectional else 5) for n in lengths]
    for a, b in zip(trained, served):
        numpy.testing.assert_allclose(a, b, atol=1e-5)
    assert max(abs(y).max() for y in served if y.size) > 0.05


@pytest.mark.parametrize("cell,bidirectional,depth", GRID)
def test_a_sequence_does_not_know_its_neighbours(cell, bidirectional, depth):
    """To the bit."""
    model = make_encoder(cell, bidirectional, depth)
    X = make_input([4, 1, 60, 0, 9, 2])
    together = model.predict(X)
    for x, y in zip(X, together):
        numpy.testing.assert_array_equal(model.predict([x])[0], y)
    order = [5, 2, 0, 4, 3, 1]
    for i, y in zip(order, model.predict([X[i] for i in order])):
        numpy.testing.assert_array_equal(together[i], y)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=6), st.sampled_from(list(CELLS)), st.booleans())
def test_engines_agree_on_any_batch(lengths, cell, bidirectional):
    model = make_encoder(cell, bidirectional, depth=2)
    X = make_input(lengths)
    for a, b in zip(model(X, is_train=True)[0], model.predict(X)):
        numpy.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("engine", ["torch", "array"])
@pytest.mark.parametrize("cell,bidirectional", list(itertools.product(CELLS, [True, False])))
def test_gradients_are_those_of_finite_differences(cell, bidirectional, engine):
    model = make_encoder(cell, bidirectional, depth=2, width=3, hidden_width=2, engine=engine)
    if cell == "rnn_relu":  # keep clear of the kink, where differences mean nothing
        for node in model.walk():
            for name in node.param_names:
                node.get_param(name)[:] = 2.0 if "bias" in name else 0.2
    X = make_input([3, 0, 1, 2], width=3)
    weights = make_input([3, 0, 1, 2], width=4 if bidirectional else 2, seed=5)

    def loss():
        return sum(float((y.astype("float64") * w).sum()) for y, w in zip(model.predict(X), weights))

    _, backprop = model(X, is_train=True)
    dX = backprop([w.copy() for w in weights])
    eps = 1e-2

    def check(array, gradient):
        for index in itertools.islice(numpy.ndindex(*array.shape), 12):
            before = array[index]
            array[index] = before + eps
            up = loss()
            array[index] = before - eps
            down = loss()
            array[index] = before
            assert gradient[index] == pytest.approx((up - down) / (2 * eps), abs=4e-3, rel=2e-2)

    for x, dx in zip(X, dX):
        check(x, dx)
    for node in model.walk():
        for name in node.param_names:
            grad = node.get_grad(name)
            assert abs(grad).max() > 0, name
            check(node.get_param(name), grad)


def test_inputs_are_left_alone():
    model = make_encoder("gru", depth=2)
    X = make_input([7])
    before = X[0].copy()
    Y, backprop = model(X, is_train=True)
    dY = [numpy.ones_like(y) for y in Y]
    backprop(dY)
    model.predict(X)
    assert (X[0] == before).all() and (dY[0] == 1).all()


@pytest.mark.parametrize("engine", ["torch", "array"])
def test_gradients_add_up_over_sub_batches(engine):
    model = make_encoder(engine=engine)
    X = make_input([4, 3])
    _, backprop = model(X, is_train=True)
    backprop([numpy.ones((n, 10), dtype="float32") for n in (4, 3)])
    layer = model.layers[0].layers[0]
    whole = layer.get_grad("weight_hh").copy()
    layer.set_grad("weight_hh", numpy.zeros_like(whole))
    for x in X:
        _, backprop = model([x], is_train=True)
        backprop([numpy.ones((len(x), 10), dtype="float32")])
    numpy.testing.assert_allclose(layer.get_grad("weight_hh"), whole, atol=1e-4)


def test_dropout_follows_set_dropout_rate_and_not_prediction():
    from thinc.api import set_dropout_rate

    model = build_rnn_encoder(8, depth=2, dropout=0.5)
    model.initialize()
    X = make_input([6], width=8)
    dropped = model(X, is_train=True)[0][0]
    assert (dropped == 0).any() and not (model.predict(X)[0] == 0).any()
    set_dropout_rate(model, 0.0)
    numpy.testing.assert_allclose(model(X, is_train=True)[0][0], model.predict(X)[0], atol=1e-5)


def test_initialize_draws_again_and_follows_the_seed():
    from thinc.api import fix_random_seed

    model = build_rnn_encoder(8, cell="gru")
    drawn = []
    for seed in (1, 2, 1):
        fix_random_seed(seed)
        model.initialize()
        drawn.append(model.layers[0].layers[0].get_param("weight_hh").copy())
    assert (drawn[0] == drawn[2]).all() and not (drawn[0] == drawn[1]).all()


def test_one_bias_per_gate_and_a_forget_gate_that_remembers():
    model = build_rnn_encoder(200, hidden_width=74, bidirectional=False)
    model.initialize()
    layer = model.layers[0].layers[0]
    assert sum(layer.get_param(name).size for name in layer.param_names) == 4 * ((200 + 74) * 74 + 74)
    assert (layer.get_param("bias")[74:148] == 1).all()


def test_a_long_sequence():
    model = make_encoder()
    X = make_input([20000])
    Y = model.predict(X)[0]
    assert Y.shape == (20000, 10) and numpy.isfinite(Y).all()


def test_take_copies():
    rows = numpy.ones((3, 2), dtype="float32")
    taken = take(rows, make_packing([3]).to_packed)
    taken[:] = 0
    assert (rows == 1).all()


def test_chain_with_another_layer_infers_nothing_wrong():
    from thinc.api import Linear, with_array

    model = chain(make_encoder(), with_array(Linear(3)))
    model.initialize(X=make_input([3]))
    assert model.predict(make_input([3]))[0].shape == (3, 3)


def truncated(torch, encoder, x, n_steps):
    """Hidden states token by token, each direction's state cut off where a piece of n_steps tokens ends."""
    (layer,) = [node for node in encoder.walk() if "cell" in node.attrs]
    tensors = {name: torch.tensor(layer.get_param(name), requires_grad=True) for name in layer.param_names}
    cell_type = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}.get(layer.name, torch.nn.RNNCell)
    outputs = []
    for suffix in ("", "_reverse") if layer.attrs["bidirectional"] else ("",):
        weights = [tensors[name + suffix] for name in ("weight_ih", "weight_hh", "bias")]
        n_hidden = weights[1].shape[1]
        second = torch.zeros(weights[2].shape[0] - n_hidden), tensors.get("bias_hn" + suffix, torch.zeros(n_hidden))
        arguments = dict(zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), [*weights, torch.cat(second)]))
        kind = {"nonlinearity": layer.name.split("_")[1]} if "_" in layer.name else {}
        cell = cell_type(x.shape[1], n_hidden, **kind)
        h = c = torch.zeros(1, n_hidden)
        rows = []
        for i in reversed(range(len(x))) if suffix else range(len(x)):
            if (i + 1) % n_steps == 0 if suffix else i % n_steps == 0:
                h, c = h.detach(), c.detach()
            state = torch.func.functional_call(cell, arguments, (x[i : i + 1], (h, c) if layer.name == "lstm" else h))
            h, c = state if layer.name == "lstm" else (state, c)
            rows.append(h[0])
        outputs.append(torch.stack(rows[::-1] if suffix else rows))
    return torch.cat(outputs, dim=1), tensors


@pytest.mark.parametrize("cell,bidirectional", list(itertools.product(CELLS, [True, False])))
@pytest.mark.parametrize("n_steps", [1, 3, 4, 50])
@pytest.mark.parametrize("engine", ["torch", "array"])
def test_gradients_end_where_they_are_told_to(cell, bidirectional, n_steps, engine):
    torch = pytest.importorskip("torch")
    lengths = [7, 0, 1, 9, 4, 3]
    model = make_encoder(cell, bidirectional, bptt_steps=n_steps, engine=engine)
    X = make_input(lengths)
    dY = make_input(lengths, 10 if bidirectional else 5, seed=4)
    Y, backprop = model(X, is_train=True)
    for a, b in zip(Y, model.predict(X)):
        numpy.testing.assert_allclose(a, b, atol=1e-5)
    dX = backprop(dY)
    totals = {}
    for x, dy, dx in zip(X, dY, dX):
        if not len(x):
            continue
        x_tensor = torch.tensor(x, requires_grad=True)
        y, tensors = truncated(torch, model, x_tensor, n_steps)
        y.backward(torch.tensor(dy))
        numpy.testing.assert_allclose(dx, x_tensor.grad, atol=1e-4)
        for name, tensor in tensors.items():
            totals[name] = totals.get(name, 0) + tensor.grad.numpy()
    (layer,) = [node for node in model.walk() if "cell" in node.attrs]
    for name, total in totals.items():
        numpy.testing.assert_allclose(layer.get_grad(name), total, atol=1e-4)


@pytest.mark.parametrize("steps", [-1, 2.5, True, "10"])
def test_bad_numbers_of_steps(steps):
    with pytest.raises(ValueError, match="bptt_steps = .* whole number of steps, or 0 for all"):
        build_rnn_encoder(6, bptt_steps=steps)


@pytest.fixture
def blas():
    """A function that gives the number of threads of NumPy's products, which is two at first."""
    controller = ThreadpoolController().select(user_api="blas")
    if not controller.lib_controllers:
        pytest.skip("nothing here says how many threads NumPy's products have")
    with controller.limit(limits=2):
        counts = [library.get_num_threads() for library in controller.lib_controllers]
        if max(counts) < 2:
            pytest.skip("NumPy's products have one thread here, whatever they are told")
        yield lambda: max(library.get_num_threads() for library in controller.lib_controllers)
        assert [library.get_num_threads() for library in controller.lib_controllers] == counts


def test_serving_takes_one_thread(blas, monkeypatch):
    seen = []
    fetch = Vectors.fetch
    monkeypatch.setattr(Vectors, "fetch", lambda *args: (seen.append(blas()), fetch(*args)))
    make_encoder(depth=2).predict(make_input([3, 500]))
    assert set(seen) == {1} and blas() == 2


def test_training_by_arrays_takes_one_thread(blas, monkeypatch):
    seen = []
    multiply_rows = training_loops.multiply_rows
    monkeypatch.setattr(training_loops, "multiply_rows", lambda *args: (seen.append(blas()), multiply_rows(*args)))
    _, backprop = make_encoder(engine="array")(make_input([3, 5]), is_train=True)
    assert set(seen) == {1} and blas() == 2
    n_forward = len(seen)
    backprop([numpy.ones((n, 10), dtype="float32") for n in (3, 5)])
    assert len(seen) > n_forward and set(seen) == {1} and blas() == 2


def test_training_takes_one_thread(monkeypatch):
    import torch

    seen = []
    before, grad = torch.get_num_threads(), torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *args: (seen.append(torch.get_num_threads()), grad(*args))[1])
    torch.set_num_threads(2)
    try:
        _, backprop = make_encoder()(make_input([3, 5]), is_train=True)
        assert torch.get_num_threads() == 2
        backprop([numpy.ones((n, 10), dtype="float32") for n in (3, 5)])
        assert seen == [1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_whoever_leaves_restores_the_threads(blas):
    with pytest.raises(KeyError), one_thread:
        with one_thread:
            assert blas() == 1
        assert blas() == 1
        raise KeyError
    assert blas() == 2
    seen = []

    def stay():
        with one_thread:
            barrier.wait()
            seen.append(blas())
            barrier.wait()

    barrier = threading.Barrier(5, timeout=60)
    threads = [threading.Thread(target=stay) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 5 and blas() == 2


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_fork_from_within_is_not_within(blas):
    with one_thread:
        process = multiprocessing.get_context("fork").Process(target=_enter_and_leave)
        process.start()
    process.join(60)
    assert process.exitcode == 0 and blas() == 2


def _enter_and_leave():
    with one_thread:
        pass
