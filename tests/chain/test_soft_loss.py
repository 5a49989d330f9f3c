"""The loss of a teacher's probabilities, against marginals of the enumeration of all paths."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn_tagger.chain.path_loss import path_loss
from spacy_rnn_tagger.chain.soft_loss import SoftGold, soft_loss

from .lattice_cases import Case, cases, enumerate_feasible, expected


def random_soft(rng: np.random.Generator, n_tokens: int, n_tags: int, temperature: float) -> SoftGold:
    """Probabilities of which some rows are missing and some entries zero, as top-k answers are."""
    probabilities = rng.dirichlet(np.full(n_tags, 0.5), size=n_tokens)
    probabilities[probabilities < 0.02] = 0.0
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    probabilities[rng.random(n_tokens) < 0.3] = 0.0
    return SoftGold(probabilities, temperature)


def rules_of(case: Case) -> Any:
    names = ("transitions", "start", "end", "constraints", "allowed")
    return {name: getattr(case, name) for name in names}


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 1.0, 2.0, 4.0]))
@settings(max_examples=50, deadline=None)
def test_of_independent_tags_it_is_the_divergence_of_softmaxes(seed: int, temperature: float) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(7, 4), scale=2)
    soft = random_soft(rng, 7, 4, temperature)
    result = soft_loss(scores, [3, 0, 4], soft)
    wanted = 0.0
    for row, given_row in zip(scores, soft.probabilities):
        if given_row.any():
            q = np.exp(row / temperature) / np.exp(row / temperature).sum()
            p = given_row ** (1 / temperature) / (given_row ** (1 / temperature)).sum()
            wanted += temperature**2 * sum(a * np.log(a / b) for a, b in zip(p, q) if a)
    assert result.loss == pytest.approx(wanted, abs=1e-9)
    assert not result.emissions[~soft.is_given].any()
    direction = rng.normal(size=scores.shape)
    step = 1e-5
    ahead, behind = (soft_loss(scores + s * direction, [3, 0, 4], soft).loss for s in (step, -step))
    assert float((result.emissions * direction).sum()) == pytest.approx((ahead - behind) / (2 * step), abs=1e-5)


@given(cases(scales=(0.1, 2.0)), st.sampled_from([1.0, 2.0]))
@settings(max_examples=100, deadline=None)
def test_of_a_crf_it_is_the_divergence_of_marginals(case: Case, temperature: float) -> None:
    n_tokens, n_tags = case.emissions.shape
    case = case._replace(transitions=np.zeros((n_tags, n_tags)) if case.transitions is None else case.transitions)
    soft = random_soft(case.rng, n_tokens, n_tags, temperature)
    cooled = case._replace(
        **{name: getattr(case, name) / temperature for name in ("emissions", "transitions", "start", "end")}
    )
    marginals = expected(enumerate_feasible(cooled), n_tags)[0]
    result = soft_loss(case.emissions, case.lengths, soft, **rules_of(case))
    wanted = np.where(marginals > 0, soft.softened(), 0)
    totals = wanted.sum(axis=1, keepdims=True)
    wanted = np.divide(wanted, totals, out=np.zeros_like(wanted), where=totals > 0)
    at = np.nonzero((wanted > 0) & (marginals > 1e-5))
    if (marginals[wanted > 0] > 1e-5).all():
        divergence = float((wanted[at] * np.log(wanted[at] / marginals[at])).sum())
        assert result.loss == pytest.approx(temperature**2 * divergence, abs=1e-6)
        params = (case.emissions, case.transitions, case.start, case.end)
        direction = [case.rng.normal(size=p.shape) for p in params]

        def loss(step: float) -> float:
            e, t, s, f = (p + step * d for p, d in zip(params, direction))
            moved = case._replace(emissions=e, transitions=t, start=s, end=f)
            return soft_loss(e, case.lengths, soft, **rules_of(moved)).loss

        slope = sum(float((g * d).sum()) for g, d in zip(result[1:], direction))
        assert slope == pytest.approx((loss(1e-5) - loss(-1e-5)) / 2e-5, rel=1e-4, abs=1e-4)


def test_a_teacher_that_is_sure_is_gold() -> None:
    scores = np.random.default_rng(0).normal(size=(6, 9))
    tags = np.asarray([0, 4, 0, 8, 0, 4])
    hard = path_loss(scores, [3, 2, 1], tags)
    soft = soft_loss(scores, [3, 2, 1], SoftGold(np.eye(9)[tags]))
    assert soft.loss == pytest.approx(hard.loss)
    np.testing.assert_allclose(soft.emissions, hard.emissions, atol=1e-9)


def test_a_student_that_agrees_has_nothing_to_learn() -> None:
    scores = np.random.default_rng(1).normal(size=(5, 4))
    agreed = SoftGold(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))
    result = soft_loss(scores, [3, 2], agreed)
    assert result.loss == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(result.emissions, 0.0, atol=1e-12)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(3, 2\) of the scores, not \(3, 4\)"):
        soft_loss(np.zeros((3, 2)), [3], SoftGold(np.zeros((3, 4))))
