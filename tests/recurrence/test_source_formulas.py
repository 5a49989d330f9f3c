"""The formulas of the four source texts (docs/sources.md), written out plainly, against the layer that everything here
uses.

Texts A to D are two tutorials and one explainer in two printings. Vectors are columns in them and rows here; what each
sequence reads and writes is a row for every step.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from spacy.training import Example

from spacy_rnn_tagger.models.architectures.rnn_encoder import build_rnn_encoder
from spacy_rnn_tagger.recurrence import array_engine, array_training, torch_engine
from spacy_rnn_tagger.recurrence.cells import CELLS
from spacy_rnn_tagger.recurrence.packing import make_packing

from ..conftest import make_examples, randomize, small_model

N_IN, N_HIDDEN = 3, 4
LENGTHS = [5, 2, 0, 3]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def vanilla(x, U, W, b, f=np.tanh):
    """Texts C and D: s_i = f(U x_i + W s_(i-1) + b), from s_0 = 0."""
    s, states = np.zeros(len(W)), []
    for x_i in x:
        s = f(U @ x_i + W @ s + b)
        states.append(s)
    return np.array(states).reshape(-1, len(W))


def lstm(x, W_f, W_i, W_c, W_o, b_f, b_i, b_c, b_o):
    """Text A. Each W multiplies the concatenation [h_(t-1), x_t]. The text gives the output gate as W_o [h, x] + b_o
    without its sigmoid, and calls it o_t like the network's output; here it is a gate, as in every implementation (the
    Keras layer of the same text included)."""
    h = c = np.zeros(len(b_f))
    states = []
    for x_t in x:
        hx = np.concatenate((h, x_t))
        f_t = sigmoid(W_f @ hx + b_f)  # what to forget
        i_t = sigmoid(W_i @ hx + b_i)  # what to write
        candidate = np.tanh(W_c @ hx + b_c)
        c = f_t * c + i_t * candidate
        o_t = sigmoid(W_o @ hx + b_o)  # what to show
        h = o_t * np.tanh(c)
        states.append(h)
    return np.array(states).reshape(-1, len(b_f))


def gru(x, W_r, W_z, W_n, U_r, U_z, U_n, b_r, b_z, b_n, b_hn):
    """Text B only names the GRU. This is Cho et al. (2014), with the reset gate after the recurrent product (cuDNN's
    form)."""
    h, states = np.zeros(len(b_r)), []
    for x_t in x:
        r = sigmoid(W_r @ x_t + U_r @ h + b_r)
        z = sigmoid(W_z @ x_t + U_z @ h + b_z)
        n = np.tanh(W_n @ x_t + b_n + r * (U_n @ h + b_hn))
        h = (1 - z) * n + z * h
        states.append(h)
    return np.array(states).reshape(-1, len(b_r))


def run_formula(cell, params, x):
    """One sequence through the formula of a cell, with the layer's weights cut into the formula's matrices."""
    wide = {
        name: np.split(p.astype("float64"), len(CELLS[cell].gates)) for name, p in params.items() if name != "bias_hn"
    }
    x_parts, h_parts, b = wide["weight_ih"], wide["weight_hh"], wide["bias"]
    if cell == "lstm":
        i, f, c, o = [np.hstack((h, x)) for h, x in zip(h_parts, x_parts)]
        return lstm(x, f, i, c, o, b[1], b[0], b[2], b[3])
    if cell == "gru":
        return gru(x, *x_parts, *h_parts, *b, params["bias_hn"].astype("float64"))
    return vanilla(x, x_parts[0], h_parts[0], b[0], np.tanh if cell == "rnn_tanh" else lambda z: np.maximum(z, 0))


def run_bidirectional(cell, params, x):
    """Read forwards by one RNN and backwards by another, states side by side (text B's remark on future words)."""
    back = {name[: -len("_reverse")]: p for name, p in params.items() if name.endswith("_reverse")}
    ahead = {name: p for name, p in params.items() if not name.endswith("_reverse")}
    return np.hstack((run_formula(cell, ahead, x), run_formula(cell, back, x[::-1])[::-1]))


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, N_IN)).astype("float32") for n in LENGTHS]


def make_params(cell, bidirectional=False):
    rng = np.random.default_rng(1)
    shapes = CELLS[cell].param_shapes(N_IN, N_HIDDEN)
    suffixes = ("", "_reverse") if bidirectional else ("",)
    return {name + s: rng.normal(0, 0.7, shape).astype("float32") for s in suffixes for name, shape in shapes.items()}


def run_engine(engine, cell, params, batch, bidirectional=False):
    packing = make_packing([len(x) for x in batch])
    packed = np.concatenate(batch)[packing.to_packed]
    Y = engine.forward(cell, params, packing, packed, bidirectional=bidirectional)
    return np.split(Y[packing.from_packed], np.cumsum([len(x) for x in batch])[:-1])


@pytest.mark.parametrize("engine", [array_engine, torch_engine], ids=["array", "torch"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_layer_computes_the_formulas(engine, cell, bidirectional, batch):
    params = make_params(cell, bidirectional)
    formula = run_bidirectional if bidirectional else run_formula
    for x, states in zip(batch, run_engine(engine, cell, params, batch, bidirectional)):
        assert_allclose(states, formula(cell, params, x), atol=2e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_many_to_many(cell, batch):
    """Text A: X = [x_1 .. x_n] gives Y = [y_1 .. y_n], of equal length whatever n is; step t depends on steps up to t
    alone."""
    params = make_params(cell)
    full = run_engine(array_engine, cell, params, batch)
    assert [len(y) for y in full] == LENGTHS
    for t in range(1, LENGTHS[0]):
        (prefix,) = run_engine(array_engine, cell, params, [batch[0][:t]])
        assert_allclose(prefix, full[0][:t], atol=1e-6)


def slope(function, array, index, step=1e-5):
    """Central finite difference, in double precision."""
    kept = array[index]
    array[index] = kept + step
    up = function()
    array[index] = kept - step
    down = function()
    array[index] = kept
    return (up - down) / (2 * step)


@pytest.mark.parametrize("engine", [array_training, torch_engine], ids=["array", "torch"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_backpropagation_through_time(cell, bidirectional, engine, batch):
    """The gradients of a sum over all steps of all sequences, against finite differences of the plain formulas."""
    params = make_params(cell, bidirectional)
    rng = np.random.default_rng(2)
    wanted = [rng.normal(size=(n, N_HIDDEN * (1 + bidirectional))) for n in LENGTHS]
    packing = make_packing(LENGTHS)
    packed = np.concatenate(batch)[packing.to_packed]
    _, backprop = engine.begin_update(cell, params, packing, packed, bidirectional=bidirectional)
    d_x, grads = backprop(np.concatenate(wanted).astype("float32")[packing.to_packed])
    exact = {name: p.astype("float64") for name, p in params.items()}
    inputs = [x.astype("float64") for x in batch]
    formula = run_bidirectional if bidirectional else run_formula

    def objective():
        return sum(float((formula(cell, exact, x) * w).sum()) for x, w in zip(inputs, wanted))

    assert set(grads) == set(params)
    for name, p in exact.items():
        for index in [tuple(rng.integers(0, n) for n in p.shape) for _ in range(4)]:
            assert slope(objective, p, index) == pytest.approx(grads[name][index], abs=2e-4), name
    d_first = d_x[packing.from_packed][: LENGTHS[0]]
    for index in [(0, 0), (2, 1), (4, 2)]:
        assert slope(objective, inputs[0], index) == pytest.approx(d_first[index], abs=2e-4)


@pytest.fixture
def tagger(nlp):
    examples = make_examples(nlp)
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model(cell="rnn_tanh", bidirectional=False)})
    nlp.initialize(lambda: examples)
    randomize(pipe.model)
    return pipe, examples


def test_labels_are_the_softmax_of_each_state(tagger):
    """Texts C and D: y_i = softmax(V s_i + c) at every step; text B: the likeliest label is taken."""
    pipe, examples = tagger
    docs = [eg.predicted for eg in examples]
    V, c = (pipe.model.get_ref("output_layer").get_param(name) for name in ("W", "b"))
    states = pipe.model.get_ref("tok2vec").predict(docs)
    for s, scores, path in zip(states, pipe.model.predict(docs), pipe.predict(docs)):
        y = np.array([softmax(V @ s_i + c) for s_i in s])
        assert_allclose(np.array([softmax(z) for z in scores]), y, atol=1e-6)
        assert (y.argmax(axis=1) == path).all()


def test_loss_is_the_sum_of_cross_entropies(tagger):
    """Text A: L = sum over t of loss(y_t, o_t), cross-entropy; its gradient with respect to the scores is y_t minus
    one-hot gold. Text C's section on learning speaks of a squared error loss: a slip, its formulas are of the
    cross-entropy. Its mean over the m training sequences is this sum over m; sums are what spaCy's optimizer and logs
    work with."""
    pipe, examples = tagger
    scores = pipe.model.predict([eg.predicted for eg in examples])
    loss, gradients = pipe.get_loss(examples, scores)
    per_sequence, column = [], {tag: i for i, tag in enumerate(pipe.tags)}
    for eg, z, gradient in zip(examples, scores, gradients):
        gold = [column[token.tag_] for token in eg.reference]
        y = np.array([softmax(z_t) for z_t in z])
        per_sequence.append(sum(-np.log(y[t, k]) for t, k in enumerate(gold)))
        assert_allclose(gradient, y - np.eye(len(column))[gold], atol=1e-6)
    assert loss == pytest.approx(sum(per_sequence), rel=1e-5)
    assert loss / len(examples) == pytest.approx(np.mean(per_sequence), rel=1e-5)


def test_classification_uses_the_last_state(nlp):
    """Texts C and D: y = softmax(V s_T + c), with a loss of -log y of the true class, a mean over the m samples. Its
    gradient, y minus one-hot gold, is what spaCy's `textcat` sends back (and it reports the mean of squares of
    that)."""
    model = {
        **small_model(cell="rnn_tanh", bidirectional=False),
        "@architectures": "spacy-rnn-tagger.RNNTextClassifier.v1",
    }
    pipe = nlp.add_pipe("textcat", config={"model": {**model, "exclusive_classes": True}})
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {"GOOD": good, "BAD": 1 - good}})
        for text, good in (("I like it a lot", 1.0), ("They hate ham", 0.0))
    ]
    nlp.initialize(lambda: examples)
    randomize(pipe.model)
    docs = [eg.predicted for eg in examples]
    V, c = (pipe.model.get_ref("output_layer").get_param(name) for name in ("W", "b"))
    states = pipe.model.get_ref("tok2vec").predict(docs)
    y = np.array([softmax(V @ s[-1] + c) for s in states])
    assert_allclose(pipe.model.predict(docs), y, atol=1e-6)
    _, gradient = pipe.get_loss(examples, y.astype("float32"))
    gold = np.array([[eg.reference.cats[label] for label in pipe.labels] for eg in examples])
    assert_allclose(gradient, y - gold, atol=1e-6)


def test_padding_is_not_an_input():
    """Text C: `<pad>` only makes sizes uniform, the computation runs to `<eos>`. Here sizes need not be uniform at all:
    a sequence gives the same states alone and beside a longer one, and no symbol is a pad."""
    encoder = build_rnn_encoder(width=N_IN, hidden_width=N_HIDDEN)
    encoder.initialize()
    randomize(encoder)
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(n, N_IN)).astype("float32") for n in (10, 4)]
    assert_allclose(encoder.predict(x)[1], encoder.predict(x[1:])[0], atol=1e-6)


def test_parameters_of_the_keras_program():
    """Text A's summary: 15,000 x 200; 4 x ((200 + 74) x 74 + 74); 74 x 5 + 5."""
    shapes = CELLS["lstm"].param_shapes(200, 74).values()
    assert sum(int(np.prod(shape)) for shape in shapes) == 4 * ((200 + 74) * 74 + 74) == 81_400
    assert 15_000 * 200 + 81_400 + 74 * 5 + 5 == 3_081_775


def test_learning_lowers_the_loss(nlp):
    """Text C: start at random, predict, compute the loss, update so that it falls, until it is close to zero."""
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    losses = [nlp.update(examples, sgd=optimizer)[pipe.name] for _ in range(60)]
    assert losses[0] == pytest.approx(sum(len(eg) for eg in examples) * np.log(len(pipe.tags)), rel=0.5)
    assert losses[-1] < 0.02 * losses[0]


def test_empty_sequences_have_no_states():
    encoder = build_rnn_encoder(width=N_IN, hidden_width=N_HIDDEN)
    encoder.initialize()
    assert encoder.predict([np.zeros((0, N_IN), dtype="float32")])[0].shape == (0, 2 * N_HIDDEN)
