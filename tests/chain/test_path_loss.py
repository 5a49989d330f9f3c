"""The one way to a loss gives the loss that fits."""

from typing import Any

import numpy as np
import pytest

from spacy_rnn_tagger.chain.crf_loss import crf_loss
from spacy_rnn_tagger.chain.exclusion_loss import exclusion_loss
from spacy_rnn_tagger.chain.gold_tags import MISSING, tag_sets
from spacy_rnn_tagger.chain.lattice import make_lattice
from spacy_rnn_tagger.chain.loss_result import PathLoss
from spacy_rnn_tagger.chain.path_loss import path_loss
from spacy_rnn_tagger.chain.softmax_loss import softmax_loss, softmax_set_loss
from spacy_rnn_tagger.chain.weighted_crf_loss import weighted_crf_loss
from spacy_rnn_tagger.pipeline import biluo

from .lattice_cases import random_entity_case

CASE = random_entity_case([3, 0, 2], 2, 1.0)
RULES = {"constraints": CASE.constraints, "allowed": None}
SCORES = {"transitions": CASE.transitions, "start": CASE.start, "end": CASE.end}
GOLD = np.asarray([1, 3, 0, MISSING, 4])
WEIGHTS = np.linspace(0.5, 2.0, 9).astype("float32")
AT = [np.asarray([n]) for n in (0, 0, 2)]
EXCLUDED = (AT[0], AT[1], AT[2], biluo.span_tag_sets(AT[1], AT[2], np.asarray([1]), 9))


def check(got: PathLoss, *parts: PathLoss) -> None:
    """Compare a loss and its gradients with sums of others'."""
    assert got.loss == pytest.approx(sum(part.loss for part in parts), rel=1e-6)
    for i in range(1, 5):
        wanted = [part[i] for part in parts if part[i] is not None]
        assert (got[i] is None) == (not wanted)
        if wanted:
            np.testing.assert_allclose(got[i], sum(wanted), atol=1e-6)


@pytest.mark.parametrize("excluded", [None, EXCLUDED], ids=["none", "excluded"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("gold", [GOLD, tag_sets(GOLD, 9)], ids=["tags", "sets"])
def test_the_loss_is_that_of_what_is_given(gold: Any, weights: Any, excluded: Any) -> None:
    lattice = make_lattice(CASE.emissions, CASE.lengths, **RULES, **SCORES)
    parts = [crf_loss(lattice, gold) if weights is None else weighted_crf_loss(lattice, gold, weights)]
    parts += [] if excluded is None else [exclusion_loss(lattice, *excluded)]
    given = {"weights": weights, "excluded": excluded, **RULES}
    check(path_loss(CASE.emissions, CASE.lengths, gold, **given, **SCORES), *parts)
    # Tags that are decided one by one: the constraints bind nothing but the excluded segments.
    parts = [PathLoss(*softmax_loss(np, CASE.emissions, GOLD, weights))]
    if excluded is not None:
        parts.append(exclusion_loss(make_lattice(CASE.emissions, CASE.lengths, **RULES), *excluded))
    check(path_loss(CASE.emissions, CASE.lengths, gold, **given), *parts)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_sets_of_tags_are_right_as_a_whole(weights: Any) -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 3, (6, 9))
    sets = rng.random((6, 9)) < 0.4
    sets[0], sets[1] = True, False
    sets[2:, 3] = True
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    factors = np.ones(6) if weights is None else (sets @ weights) / np.maximum(sets.sum(axis=1), 1)
    loss, gradient = softmax_set_loss(scores, sets, weights)
    wanted = -factors[2:] * np.log((probabilities * sets).sum(axis=1)[2:])
    assert loss == pytest.approx(wanted.sum())
    assert not gradient[:2].any()
    direction = rng.normal(size=scores.shape)
    slope = [softmax_set_loss(scores + step * direction, sets, weights)[0] for step in (1e-5, -1e-5)]
    assert (gradient * direction).sum() == pytest.approx((slope[0] - slope[1]) / 2e-5, abs=1e-5)


def test_a_set_that_is_all_but_impossible_still_has_a_gradient() -> None:
    scores = np.asarray([[0.0, 300.0, -300.0]], dtype="float32")
    loss, gradient = softmax_set_loss(scores, np.asarray([[True, False, True]]))
    assert loss == pytest.approx(300.0)
    np.testing.assert_allclose(gradient, [[-1.0, 1.0, 0.0]])


@pytest.mark.parametrize("gold", [np.zeros(4, int), np.full(5, 9), np.full(5, -2), np.ones((5, 8), bool)])
def test_gold_of_another_shape_is_refused(gold: Any) -> None:
    for scores in ({}, SCORES):
        with pytest.raises(ValueError, match="Gold tags should be 5 indices from -1"):
            path_loss(CASE.emissions, CASE.lengths, gold, **RULES, **scores)
