"""On a CUDA GPU, torch and cuDNN train and serve; the CPU's arrays must agree with them."""

import itertools

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from thinc.api import NumpyOps, get_ops, use_ops
from thinc.util import has_cupy_gpu, has_torch_cuda_gpu

from spacy_rnn_tagger.models.architectures.rnn_encoder import build_rnn_encoder
from spacy_rnn_tagger.recurrence.cells import CELLS

from ..conftest import make_examples, randomize, small_model, train

pytestmark = pytest.mark.skipif(
    not (has_cupy_gpu and has_torch_cuda_gpu),
    reason="no CUDA GPU that both CuPy and PyTorch can use, so the GPU path was not tested",
)
LENGTHS = [5, 0, 1, 60, 17]


def make_pair(**settings):
    """The same encoder on the CPU and on the GPU."""
    models = []
    for name in ("numpy", "cupy"):
        with use_ops(name):
            model = build_rnn_encoder(6, hidden_width=5, **settings)
            model.initialize()
            randomize(model)
            models.append(model)
    return models


def make_input(width=6, seed=2):
    rng = numpy.random.default_rng(seed)
    return [rng.normal(size=(n, width)).astype("float32") for n in LENGTHS]


@pytest.mark.parametrize("cell,bidirectional,depth", itertools.product(CELLS, [True, False], [1, 2]))
@pytest.mark.parametrize("bptt_steps", [0, 7])
def test_devices_agree(cell, bidirectional, depth, bptt_steps):
    cpu, gpu = make_pair(cell=cell, bidirectional=bidirectional, depth=depth, bptt_steps=bptt_steps, engine="auto")
    X, dY = make_input(), make_input(10 if bidirectional else 5, seed=3)
    to_gpu = get_ops("cupy").asarray
    served = gpu.predict([to_gpu(x) for x in X])
    for a, b in zip(cpu.predict(X), served):
        assert_allclose(a, b.get(), atol=1e-5)
    Y, backprop = cpu(X, is_train=True)
    Y_gpu, backprop_gpu = gpu([to_gpu(x) for x in X], is_train=True)
    for a, b in zip(Y, Y_gpu):
        assert_allclose(a, b.get(), atol=1e-5)
    for a, b in zip(backprop(dY), backprop_gpu([to_gpu(y) for y in dY])):
        assert_allclose(a, b.get(), atol=1e-4)
    for a, b in zip(cpu.walk(), gpu.walk()):
        for name in a.param_names:
            assert_allclose(a.get_grad(name), b.get_grad(name).get(), atol=1e-4)


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_a_pipeline_trained_on_the_cpu_serves_alike_on_the_gpu(nlp, decoder):
    ner = nlp.add_pipe("rnn_ner", config={"decoder": decoder, "model": small_model()})
    examples = make_examples(nlp)
    train(nlp, examples)
    docs = [eg.x for eg in examples] * 3
    expected, expected_probs = ner.predict(docs), ner.predict_proba(docs)
    ner.model.to_gpu(0)
    for a, b in zip(expected, ner.predict(docs)):
        assert a.tolist() == b.tolist()
    for a, b in zip(expected_probs, ner.predict_proba(docs)):
        assert_allclose(a, b, atol=1e-5)
    ner.model.to_cpu()
    for a, b in zip(expected_probs, ner.predict_proba(docs)):
        assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_a_pipeline_trained_on_the_gpu_serves_on_the_cpu(decoder, tmp_path):
    with use_ops("cupy"):
        nlp = spacy.blank("en")
        nlp.add_pipe("rnn_tagger", config={"decoder": decoder, "model": small_model()})
        nlp.add_pipe("rnn_ner", config={"decoder": decoder, "model": small_model()})
        examples = make_examples(nlp)
        train(nlp, examples)
        expected = [[(t.tag_, t.ent_type_) for t in nlp(eg.text)] for eg in examples]
        nlp.to_disk(tmp_path)
    assert expected == [[(t.tag_, t.ent_type_) for t in eg.reference] for eg in examples]
    with use_ops("numpy"):
        loaded = spacy.load(tmp_path)
        assert isinstance(loaded.get_pipe("rnn_tagger").model.ops, NumpyOps)
        assert expected == [[(t.tag_, t.ent_type_) for t in loaded(eg.text)] for eg in examples]
