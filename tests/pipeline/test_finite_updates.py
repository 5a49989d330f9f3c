"""Batches whose loss is not a number."""

import warnings

import numpy
import pytest

from ..conftest import make_examples, small_model


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_batches_without_a_finite_loss_are_skipped(nlp, decoder):
    """Named, counted, in the end refused; the weights stay as they were, and training goes on with other batches."""
    pipe = nlp.add_pipe("rnn_tagger", config={"model": small_model(), "decoder": decoder})
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    layer = pipe.model.get_ref("output_layer")
    good = layer.get_param("W").copy()
    bad = numpy.full_like(good, 3e38)
    layer.set_param("W", bad)
    losses = {"rnn_tagger": 2.0}
    begin = " ".join(token.text for token in examples[0].reference[:8])
    with pytest.warns(
        UserWarning, match=f"a batch of {len(examples)} docs, the first of which begins '{begin}'; it is"
    ):
        nlp.update(examples, sgd=optimizer, losses=losses)
    assert losses == {"rnn_tagger": 2.0} and (pipe.n_skipped, pipe.n_skipped_now) == (1, 1)
    assert (layer.get_param("W") == bad).all() and not any(node.grad_names for node in pipe.model.walk())
    layer.set_param("W", good.copy())
    nlp.update(examples, sgd=optimizer, losses=losses)
    assert losses["rnn_tagger"] > 2.0 and (pipe.n_skipped, pipe.n_skipped_now) == (1, 0)
    assert (layer.get_param("W") != good).any()
    layer.set_param("W", bad)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(9):
            nlp.update(examples, sgd=optimizer)
    with pytest.raises(
        ValueError, match="11 batches had to be skipped, the last 10 in a row, so training has diverged"
    ):
        nlp.update(examples, sgd=optimizer)
