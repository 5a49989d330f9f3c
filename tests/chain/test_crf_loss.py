"""The loss of gold tags under a lattice, against the enumeration of all its paths."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn_tagger.chain.crf_loss import crf_loss
from spacy_rnn_tagger.chain.gold_tags import MISSING
from spacy_rnn_tagger.chain.lattice import make_lattice

from .lattice_cases import Case, cases, enumerate_feasible, enumerate_paths, random_entity_case


@st.composite
def golds(draw: Any, n_tokens: int, n_tags: int, rng: np.random.Generator) -> Any:
    """Complete tags, tags with missing ones, or sets of tags."""
    tags = rng.integers(0, n_tags, n_tokens)
    kind = draw(st.sampled_from(["complete", "missing", "sets"]))
    if kind == "missing":
        tags[rng.random(n_tokens) < 0.6] = MISSING
    return rng.random((n_tokens, n_tags)) < 0.6 if kind == "sets" else tags


@given(st.data(), cases(scales=(0.1, 2.0, 5.0)))
@settings(max_examples=200, deadline=None)
def test_loss_and_gradient_are_those_of_the_enumeration(data: Any, case: Case) -> None:
    found = enumerate_feasible(case)
    n_tokens, n_tags = case.emissions.shape
    gold = data.draw(golds(n_tokens, n_tags, case.rng))
    sets = gold if gold.ndim == 2 else (gold[:, None] == np.arange(n_tags)) | (gold == MISSING)[:, None]
    sets = sets | ~sets.any(axis=1, keepdims=True)
    if case.allowed is None:  # the oracle knows one mask only
        numerators = enumerate_paths(case._replace(allowed=sets))
        wanted = sum(e.log_z - n.log_z for e, n in zip(found, numerators))
        assert crf_loss(case.lattice(), gold).loss == pytest.approx(wanted, abs=1e-8)
    case = case._replace(transitions=np.zeros((n_tags, n_tags)) if case.transitions is None else case.transitions)
    params = (case.emissions, case.transitions, case.start, case.end)
    direction = [case.rng.normal(size=p.shape) for p in params]

    def loss(step: float) -> float:
        e, t, s, f = (p + step * d for p, d in zip(params, direction))
        return crf_loss(case._replace(emissions=e, transitions=t, start=s, end=f).lattice(), gold).loss

    gradient = crf_loss(case.lattice(), gold)[1:]
    slope = sum(float((g * d).sum()) for g, d in zip(gradient, direction))
    assert slope == pytest.approx((loss(1e-5) - loss(-1e-5)) / 2e-5, abs=1e-4)


def test_an_illegal_gold_tag_counts_as_missing() -> None:
    case = random_entity_case([3, 2, 1], 2, 1.0)
    out, begin_x, in_y = 0, 1, 6
    whole = crf_loss(case.lattice(), np.asarray([begin_x, out, out, out, in_y, begin_x]))
    masked = crf_loss(case.lattice(), np.asarray([begin_x, MISSING, out, out, MISSING, MISSING]))
    assert whole.loss == masked.loss > 0
    np.testing.assert_array_equal(whole.emissions, masked.emissions)
    assert not whole.emissions[5].any()


@pytest.mark.parametrize("gold", [np.full(7, MISSING), np.ones((7, 9), bool), np.zeros((7, 9), bool)])
def test_missing_gold_adds_exactly_nothing(gold: Any) -> None:
    case = random_entity_case([4, 0, 3], 2, 1.0)
    nothing = crf_loss(case.lattice(), gold)
    assert nothing.loss == 0.0 and not any(array.any() for array in nothing[1:])
    assert [array.shape for array in nothing[1:]] == [(7, 9), (9, 9), (9,), (9,)]
    tags = np.full(7, MISSING)
    tags[:4] = 0
    alone = random_entity_case([4], 2, 1.0)._replace(emissions=case.emissions[:4])
    alone = alone._replace(transitions=case.transitions, start=case.start, end=case.end)
    some, same = crf_loss(case.lattice(), tags), crf_loss(alone.lattice(), tags[:4])
    assert some.loss == same.loss > 0 and not some.emissions[4:].any()
    np.testing.assert_array_equal(some.transitions, same.transitions)


def test_independent_tags_give_softmax_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(6, 5)).astype("float32")
    gold = np.asarray([1, MISSING, 0, 4, MISSING, 2])
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    rows = np.flatnonzero(gold != MISSING)
    result = crf_loss(make_lattice(scores, [2, 0, 3, 1]), gold)
    assert result.transitions is None
    assert result.loss == pytest.approx(-np.log(probabilities[rows, gold[rows]]).sum(), rel=1e-5)
    probabilities[rows, gold[rows]] -= 1
    np.testing.assert_allclose(result.emissions[rows], probabilities[rows], atol=1e-6)
    assert not result.emissions[gold == MISSING].any()
