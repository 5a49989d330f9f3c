"""The gradients of layers against finite differences of what they compute in training."""

import numpy
import pytest

from spacy_rnn_tagger.models.architectures.rnn_encoder import build_rnn_encoder
from spacy_rnn_tagger.models.layers.output_layer import make_output
from spacy_rnn_tagger.models.layers.packed_dropout import packed_dropout
from spacy_rnn_tagger.models.layers.pool import POOLINGS, pool
from spacy_rnn_tagger.models.types import Packed
from spacy_rnn_tagger.recurrence.packing import make_packing

from ..conftest import randomize

LENGTHS = [3, 0, 1, 4]
WIDTH = 4
LAYERS = {
    "boundaries": lambda: build_rnn_encoder(WIDTH, hidden_width=2, boundaries=True),
    "boundaries, one direction": lambda: build_rnn_encoder(WIDTH, hidden_width=2, bidirectional=False, boundaries=True),
    **{f"pool {kind}": lambda kind=kind: pool(kind, bidirectional=True) for kind in POOLINGS},
    "output": lambda: make_output(3, WIDTH),
}


def inputs(rng, name):
    rows = [rng.normal(size=(n, WIDTH)).astype("float32") for n in LENGTHS]
    return numpy.concatenate(rows) if name == "output" else rows


def arrays_of(values):
    return values if isinstance(values, list) else [values]


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_finite_differences(name):
    rng = numpy.random.default_rng(0)
    layer = LAYERS[name]()
    X = inputs(rng, name)
    layer.initialize(X=X)
    randomize(layer, scale=0.5)
    Y, backprop = layer(X, is_train=True)
    factors = [rng.normal(size=y.shape).astype("float32") for y in arrays_of(Y)]
    dX = backprop([f.copy() for f in factors] if isinstance(Y, list) else factors[0].copy())

    def loss():
        return sum(float((y.astype("float64") * f).sum()) for y, f in zip(arrays_of(layer.predict(X)), factors))

    pairs = list(zip(arrays_of(X), arrays_of(dX), strict=True))
    names = [(node, param) for node in layer.walk() for param in node.param_names if node.has_param(param)]
    pairs += [(node.get_param(param), node.get_grad(param)) for node, param in names]
    for array, gradient in pairs:
        assert array.shape == gradient.shape
        for index in list(numpy.ndindex(*array.shape))[:12]:
            before, losses = array[index], []
            for step in (1e-2, -1e-2):
                array[index] = before + step
                losses.append(loss())
            array[index] = before
            assert gradient[index] == pytest.approx((losses[0] - losses[1]) / 2e-2, abs=4e-3, rel=2e-2)


def test_what_dropout_has_dropped_has_no_gradient_and_the_rest_is_scaled_alike():
    layer = packed_dropout(0.5)
    packing = make_packing(LENGTHS)
    X = numpy.ones((packing.n_tokens, 50), dtype="float32")
    Y, backprop = layer(Packed(X, packing), is_train=True)
    assert set(numpy.unique(Y.data)) == {0.0, 2.0}
    gradient = backprop(Packed(numpy.full_like(X, 3.0), packing))
    assert (gradient.data == 3.0 * Y.data).all() and (X == 1.0).all()
