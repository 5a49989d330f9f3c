"""Arguments that make no lattice."""

import numpy as np
import pytest

from spacy_rnn_tagger.chain.crf_loss import crf_loss
from spacy_rnn_tagger.chain.decoding import decode, kbest
from spacy_rnn_tagger.chain.forward_backward import (
    forward_backward,
    segment_probabilities,
)
from spacy_rnn_tagger.chain.lattice import NEVER, check_scores, make_lattice


def test_bad_arguments_are_named() -> None:
    scores = np.zeros((3, 2), dtype="float32")
    with pytest.raises(ValueError, match="emissions should have the shape"):
        make_lattice(scores, [2])
    with pytest.raises(ValueError, match="transitions should have the shape"):
        make_lattice(scores, [3], transitions=np.zeros((3, 3)))
    lattice = make_lattice(scores, [1, 2])
    for gold in (np.asarray([0, 1]), np.asarray([0, 1, 2]), np.asarray([0, 1, -2])):
        with pytest.raises(ValueError, match="Gold tags should be"):
            crf_loss(lattice, gold)
    for segment in ([0, 0, 2], [1, 1, 1], [1, -1, 1]):
        with pytest.raises(ValueError, match="Segments"):
            segment_probabilities(forward_backward(lattice), *(np.asarray([n]) for n in segment), np.zeros(1, int))
    with pytest.raises(ValueError, match="k should be"):
        kbest(lattice, 0)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="contain NaN or infinity"):
            check_scores(np.zeros(0), np.asarray([-np.inf, 0.0]), np.asarray([[0.0, bad], [0.0, 0.0]]))
    check_scores(np.zeros(0), np.asarray([-np.inf, 0.0]))
    assert np.isnan(crf_loss(make_lattice(scores * np.nan, [3]), np.zeros(3, int)).loss)
    assert decode(np.where([[1, 0]], NEVER, scores), [3]).tolist() == [1, 1, 1]
