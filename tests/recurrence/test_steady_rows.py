"""States and scores of a sequence that are the same to the bit whatever the other sequences are, by each of the ways in
which rows can be multiplied."""

import numpy
import pytest

from spacy_rnn_tagger.recurrence import steady_rows, step_products
from spacy_rnn_tagger.recurrence.array_engine import run, run_projected
from spacy_rnn_tagger.recurrence.array_loops import Scratch
from spacy_rnn_tagger.recurrence.cells import CELLS
from spacy_rnn_tagger.recurrence.packing import make_packing, take
from spacy_rnn_tagger.recurrence.serving_weights import prepare
from spacy_rnn_tagger.recurrence.steady_rows import RowPlan, multiply_rows, row_plan
from spacy_rnn_tagger.recurrence.step_products import OrderedPlan, OrderedProducts, ordered_plan

N_IN, N_OUT = 24, 17
HIDDEN = (8, 50, 100, 128)
LENGTHS = [1, 2, 45, 7, *numpy.random.default_rng(3).integers(1, 14, 290).tolist()]
"""So many that their tokens make several blocks, and that kernels change."""


def make_weights(cell, n_hidden, seed=0):
    rng = numpy.random.default_rng(seed)
    params = {}
    for suffix in ("", "_reverse"):
        for name, shape in CELLS[cell].param_shapes(N_IN, n_hidden).items():
            scale = 0.5 / numpy.sqrt(n_hidden) if "hh" in name else 0.3
            params[name + suffix] = rng.normal(0, scale, shape).astype("float32")
    return prepare(cell, params, bidirectional=True)


def outputs(weights, lengths, X, W):
    packing = make_packing(lengths)
    packed = take(X, packing.to_packed)
    states = take(run(weights, packing, packed), packing.from_packed)
    return states, run_projected(weights, packing, packed, W, numpy.ones(N_OUT, dtype="float32"))


def use_plans(monkeypatch, by_rows, ordered):
    """Other plans than those of this machine, for rows and for sums in one order."""
    monkeypatch.setattr(steady_rows, "row_plan", by_rows)
    monkeypatch.setattr(step_products, "row_plan", by_rows)
    monkeypatch.setattr(step_products, "ordered_plan", ordered)


def fewer_at_once(plan):
    return plan and RowPlan(plan.unit, 6 * plan.unit)


@pytest.fixture(params=["as it is here", "exact", "a few rows at once", "in one order"])
def way(request, monkeypatch):
    """What is used on this machine, and what is used on others."""
    row_plan(4, 4)
    found, ordered = row_plan, ordered_plan
    if request.param == "exact":
        use_plans(monkeypatch, lambda n_in, n_out: None, lambda n_hidden, n_gates: None)
        monkeypatch.setattr(steady_rows, "plan_between_zeros", lambda n_in, n_out: None)
    if request.param == "a few rows at once":
        use_plans(
            monkeypatch,
            lambda n_in, n_out: fewer_at_once(found(n_in, n_out)),
            lambda n_hidden, n_gates: (
                (plan := ordered(n_hidden, n_gates)) and plan._replace(rows=fewer_at_once(plan.rows))
            ),
        )
    if request.param == "in one order":
        if not all(ordered(n_hidden, n_gates) for n_hidden in HIDDEN for n_gates in (1, 3, 4)):
            pytest.skip("this processor's kernels do not add up in one order")
        use_plans(monkeypatch, lambda n_in, n_out: None, ordered)
    return request.param


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("n_hidden", HIDDEN)
def test_a_sequence_is_the_same_alone_and_among_others(cell, n_hidden, way):
    rng = numpy.random.default_rng(1)
    weights = make_weights(cell, n_hidden)
    lengths = LENGTHS if way == "as it is here" else LENGTHS[:60]
    X = rng.normal(size=(sum(lengths), N_IN)).astype("float32")
    W = rng.normal(size=(N_OUT, 2 * n_hidden)).astype("float32")
    states, scores = outputs(weights, lengths, X, W)
    ends = numpy.cumsum(lengths)
    for i in [0, 1, 2, 3, *range(4, len(lengths), 9)]:
        part = slice(ends[i] - lengths[i], ends[i])
        alone, alone_scores = outputs(weights, lengths[i : i + 1], X[part], W)
        numpy.testing.assert_array_equal(alone, states[part])
        numpy.testing.assert_array_equal(alone_scores, scores[part])
    numpy.testing.assert_allclose(scores, states @ W.T + 1, atol=1e-4)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
def test_exact_sums_are_those_of_floats(cell, monkeypatch):
    """To about the last place of a float, also for large weights."""
    rng = numpy.random.default_rng(2)
    X = rng.normal(size=(40, N_IN)).astype("float32")
    for scale in (1.0, 30.0):
        weights = make_weights(cell, 64)
        weights.recurrent[...] *= scale
        packing = make_packing([20, 13, 7])
        usual = run(weights, packing, X)
        with monkeypatch.context() as patch:
            use_plans(patch, lambda n_in, n_out: None, lambda n_hidden, n_gates: None)
            exact = run(weights, packing, X)
        if scale == 1.0:
            numpy.testing.assert_allclose(exact, usual, atol=2e-6)
        whole = weights.exact_recurrent * 2.0**23
        bound = numpy.abs(whole).sum(axis=1).max() * 2.0**23
        assert (whole * 2.0 ** (52 - numpy.ceil(numpy.log2(bound)) + 23) % 1 == 0).all() and numpy.isfinite(exact).all()
        order = rng.permutation(64)
        states = numpy.rint(rng.uniform(-1, 1, (9, 64)) * 2.0**23)
        sums = states @ weights.exact_recurrent[0]
        assert (states[:, order] @ weights.exact_recurrent[0][order] == sums).all()


@pytest.mark.parametrize("n_in,n_out", [(8, 3), (17, 5), (50, 7), (100, 11), (128, 50), (200, 100), (256, 17)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_do_not_depend_on_each_other(n_in, n_out, dtype):
    rng = numpy.random.default_rng(0)
    X, W = rng.normal(size=(301, n_in)).astype(dtype), rng.normal(size=(n_in, n_out)).astype(dtype)
    for matrix in (W, numpy.asfortranarray(W)):
        out, part = numpy.empty((301, n_out), dtype=dtype), numpy.empty((301, n_out), dtype=dtype)
        multiply_rows(X, matrix, out)
        numpy.testing.assert_allclose(out, X.astype("float64") @ W, rtol=1e-4, atol=1e-4)
        for n in (0, 1, 2, 3, 7, 64, 65, 300):
            rows = rng.permutation(301)[:n]
            multiply_rows(X[rows], matrix, part[:n])
            assert (part[:n] == out[rows]).all(), n


def summed_in_turn(state, W):
    """The product of a state with a matrix, one term after the other, each rounded together with the sum so far."""
    total = numpy.zeros(W.shape[1], dtype="float32")
    for number, row in zip(state.astype("float64"), W.astype("float64")):
        total = (total + number * row).astype("float32")
    return total


@pytest.mark.parametrize("cell,n_hidden", [("lstm", 64), ("gru", 50), ("rnn_relu", 1)])
def test_ordered_products_add_one_term_after_the_other(cell, n_hidden):
    weights = make_weights(cell, n_hidden)
    plan = ordered_plan(n_hidden, weights.n_gates)
    if plan is None:
        pytest.skip("this processor's kernels do not add up in one order")
    plan = OrderedPlan(plan.few, RowPlan(plan.rows.unit, 3 * plan.rows.unit))
    rng = numpy.random.default_rng(4)
    states = rng.uniform(-1, 1, (2, 100, n_hidden)).astype("float32")
    expected = numpy.asarray(
        [[[summed_in_turn(state, W) for state in states[d]] for d, W in enumerate(gate)] for gate in weights.recurrent]
    )
    products = OrderedProducts(weights, 100, Scratch(), plan)
    for n in (100, 72, 71, 37, plan.few + 1, plan.few, 5, 2, 1):
        found, room = products.resize(n)
        products.fill(states[:, :n])
        assert room.shape == found.shape and room.flags.c_contiguous
        numpy.testing.assert_array_equal(found, expected[:, :, :n])
