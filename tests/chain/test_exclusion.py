"""Segments that must not be predicted, against the enumeration of all paths."""

from typing import Any, List, NamedTuple, Tuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spacy_rnn_tagger.chain.exclusion_loss import exclusion_loss
from spacy_rnn_tagger.chain.forward_backward import expected_counts, forward_backward, segment_probabilities
from spacy_rnn_tagger.pipeline import biluo

from .lattice_cases import Case, cases, enumerate_feasible, random_entity_case


class Excluded(NamedTuple):
    """Segments as `exclusion_loss` takes them."""

    seqs: Any
    starts: Any
    ends: Any
    tags: Any


@st.composite
def excluded(draw: Any, case: Case) -> Excluded:
    places = [(i, a, b) for i, n in enumerate(case.lengths) for a in range(n) for b in range(a + 1, min(n, a + 3) + 1)]
    assume(places)
    chosen = draw(st.lists(st.sampled_from(places), min_size=1, max_size=3))
    seqs, starts, ends = np.asarray(chosen).T
    tags = case.rng.random((int((ends - starts).sum()), case.emissions.shape[1])) < 0.5
    return Excluded(seqs, starts, ends, tags)


def log_without(found: List[Any], segments: Excluded) -> List[float]:
    """For each segment, the log-probability that a path does not have it, by definition."""
    logs = []
    at = 0
    for seq, start, end in zip(segments.seqs, segments.starts, segments.ends):
        sets = segments.tags[at : at + end - start]
        at += end - start
        paths = found[seq].paths[:, start:end]
        has = sets[np.arange(end - start), paths].all(axis=1)
        logs.append(np.logaddexp.reduce(found[seq].scores[~has], initial=-np.inf) - found[seq].log_z)
    return logs


@given(st.data(), cases(scales=(0.1, 2.0, 5.0), max_length=5), st.sampled_from([("float64", 1e-9), ("float32", 1e-3)]))
@settings(max_examples=250, deadline=None)
def test_loss_and_gradient_are_those_of_the_enumeration(data: Any, case: Case, precision: Tuple[str, float]) -> None:
    dtype, tolerance = precision
    found = enumerate_feasible(case)
    segments = data.draw(excluded(case))
    wanted = -sum(log for log in log_without(found, segments) if log > -np.inf)
    assert exclusion_loss(case.lattice(dtype), *segments).loss == pytest.approx(wanted, abs=tolerance, rel=1e-4)
    if dtype == "float32":
        return
    n_tags = case.emissions.shape[1]
    case = case._replace(transitions=np.zeros((n_tags, n_tags)) if case.transitions is None else case.transitions)
    params = (case.emissions, case.transitions, case.start, case.end)
    direction = [case.rng.normal(size=p.shape) for p in params]

    def loss(step: float) -> float:
        e, t, s, f = (p + step * d for p, d in zip(params, direction))
        return exclusion_loss(case._replace(emissions=e, transitions=t, start=s, end=f).lattice(), *segments).loss

    gradient = exclusion_loss(case.lattice(), *segments)[1:]
    slope = sum(float((g * d).sum()) for g, d in zip(gradient, direction))
    assert slope == pytest.approx((loss(1e-5) - loss(-1e-5)) / 2e-5, abs=1e-4)
    if case.constraints is not None:
        assert not gradient[1][~case.constraints.follows].any()


@pytest.mark.parametrize("coupling", [0.0, 1.0])
def test_an_entity_is_excluded_by_its_probability(coupling: float) -> None:
    case = random_entity_case([5, 0, 3], 2, coupling, seed=3)
    spans = np.asarray([(0, 1, 3, 0), (0, 4, 5, 1), (2, 0, 3, 1), (2, 1, 2, -1)])
    seqs, starts, ends, labels = spans.T
    sets = biluo.span_tag_sets(starts, ends, labels, 9)
    result = exclusion_loss(case.lattice("float64"), seqs, starts, ends, sets)
    posterior = forward_backward(case.lattice("float64"))
    named = labels >= 0
    tags = biluo.span_tags(starts[named], ends[named], labels[named])
    p = segment_probabilities(posterior, seqs[named], starts[named], ends[named], tags)
    any_label = biluo.span_tags(np.asarray([1, 1]), np.asarray([2, 2]), np.asarray([0, 1]))
    both = segment_probabilities(posterior, np.asarray([2, 2]), np.asarray([1, 1]), np.asarray([2, 2]), any_label)
    assert result.loss == pytest.approx(-np.log1p(-p).sum() - np.log1p(-both.sum()), abs=1e-9)


def test_a_certain_entity_still_has_a_gradient() -> None:
    """1 - P is less than any floating-point number can hold beside 1."""
    case = random_entity_case([2], 1, 0.0)
    emissions = np.zeros((2, 5), dtype="float32")
    emissions[0, 1] = emissions[1, 3] = 200.0
    segment = [np.asarray([n]) for n in (0, 0, 2)]
    sets = biluo.span_tag_sets(segment[1], segment[2], np.asarray([0]), 5)
    result = exclusion_loss(case._replace(emissions=emissions).lattice("float32"), *segment, sets)
    assert 190 < result.loss < 402 and np.isfinite(result.loss)
    assert result.emissions[0, 1] + result.emissions[1, 3] == pytest.approx(2.0, abs=1e-3)


def test_what_cannot_be_avoided_or_cannot_be_adds_nothing() -> None:
    case = random_entity_case([3, 1], 1, 1.0)
    everything = np.ones((3, 5), dtype=bool)
    at = [np.asarray([n]) for n in (0, 0, 3)]
    for sets in (everything, ~everything):
        nothing = exclusion_loss(case.lattice(), *at, sets)
        assert nothing.loss == 0.0
        assert all(abs(array).max() < 1e-6 for array in nothing[1:])
    allowed = np.zeros((4, 5), dtype=bool)
    allowed[:, 0] = True  # the only path left
    only = np.zeros((3, 5), dtype=bool)
    only[:, 0] = True
    assert exclusion_loss(case._replace(allowed=allowed).lattice(), *at, only).loss == 0.0


def test_weighted_counts_are_those_of_repeated_sequences() -> None:
    case = random_entity_case([3, 0, 4], 1, 1.0)
    posterior = forward_backward(case.lattice("float64"))
    twice = expected_counts(posterior, np.asarray([0.0, 1.0, 2.0]))
    alone = case._replace(emissions=case.emissions[3:], lengths=[4])
    once = expected_counts(forward_backward(alone.lattice("float64")))
    for got, wanted in zip(twice[1:], once[1:]):
        np.testing.assert_allclose(got, 2 * wanted, atol=1e-9)
    inside = posterior.lattice.packing.seqs == 2
    np.testing.assert_allclose(twice.tokens[inside], 2 * once.tokens, atol=1e-9)
    assert not twice.tokens[~inside].any()
