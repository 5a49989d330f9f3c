"""Sums over the paths of a lattice, against the enumeration of all of them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spacy_rnn_tagger.chain.constraints import Constraints
from spacy_rnn_tagger.chain.crf_loss import crf_loss
from spacy_rnn_tagger.chain.decoding import best_paths, kbest
from spacy_rnn_tagger.chain.forward_backward import (
    expected_counts,
    forward_backward,
    log_partition,
    segment_probabilities,
)
from spacy_rnn_tagger.chain.lattice import make_lattice, score_of_paths
from spacy_rnn_tagger.pipeline import biluo

from .lattice_cases import Case, cases, enumerate_feasible, expected, random_entity_case, rounding, split


@given(cases(), st.sampled_from(["float64", "float32"]))
@settings(max_examples=300, deadline=None)
def test_sums_are_those_of_the_enumeration(case: Case, dtype: str) -> None:
    tolerance = rounding(case, dtype)
    found = enumerate_feasible(case)
    posterior = forward_backward(case.lattice(dtype))
    log_z = [e.log_z for e in found]
    np.testing.assert_allclose(posterior.log_z, log_z, atol=tolerance)
    np.testing.assert_allclose(log_partition(posterior.lattice), log_z, atol=tolerance)
    marginals, pairs, start, end = expected(found, case.emissions.shape[1])
    counts = expected_counts(posterior)
    np.testing.assert_allclose(posterior.marginals, marginals, atol=tolerance)
    np.testing.assert_allclose(posterior.marginals.sum(axis=1), 1.0, rtol=1e-6)
    if counts.transitions is not None:
        np.testing.assert_allclose(counts.transitions, pairs, atol=tolerance * 20)
        assert counts.transitions.dtype == dtype
    np.testing.assert_allclose(counts.start, start, atol=tolerance * 4)
    np.testing.assert_allclose(counts.end, end, atol=tolerance * 4)
    assert posterior.marginals.dtype == dtype
    if case.constraints is not None and counts.transitions is not None:
        assert (counts.transitions[~case.constraints.follows] == 0).all()


@given(cases())
@settings(max_examples=150, deadline=None)
def test_segment_probabilities_are_those_of_the_enumeration(case: Case) -> None:
    found = enumerate_feasible(case)
    segments = [(i, a, b) for i, n in enumerate(case.lengths) for a in range(n) for b in range(a + 1, n + 1)]
    assume(segments)
    seqs, starts, ends = np.asarray(segments).T
    tags = [case.rng.integers(0, case.emissions.shape[1], b - a) for _, a, b in segments]
    got = segment_probabilities(forward_backward(case.lattice()), seqs, starts, ends, np.concatenate(tags))
    assert not np.isnan(got).any()
    for p, (i, a, b), wanted in zip(got, segments, tags):
        matching = (found[i].paths[:, a:b] == wanted).all(axis=1)
        assert p == pytest.approx(found[i].probabilities[matching].sum(), abs=1e-9)


def test_entity_probabilities_add_up_to_marginals() -> None:
    case = random_entity_case([6, 0, 4], 2, 1.0)
    posterior = forward_backward(case.lattice())
    spans = [(i, a, b, x) for i, n in ((0, 6), (2, 4)) for a in range(n) for b in range(a + 1, n + 1) for x in (0, 1)]
    seqs, starts, ends, labels = np.asarray(spans).T
    tags = biluo.span_tags(starts, ends, labels)
    wanted = [tag for _, a, b, x in spans for tag in biluo.tags_of(a, b, x).values()]
    assert tags.tolist() == wanted
    p = segment_probabilities(posterior, seqs, starts, ends, tags)
    assert ((p > 0) & (p < 1)).all()
    covering = np.zeros(10)
    for (i, a, b, _), probability in zip(spans, p):
        covering[(6 if i else 0) + np.arange(a, b)] += probability
    np.testing.assert_allclose(covering, 1 - posterior.marginals[:, 0], atol=1e-5)


def test_a_sequence_does_not_depend_on_its_batch() -> None:
    lengths = [5, 0, 40, 1, 17, 17]
    case = random_entity_case(lengths, 3, 1.0)
    together = split(forward_backward(case.lattice()).marginals, lengths)
    paths, lists = split(best_paths(case.lattice())[0][0], lengths), kbest(case.lattice(), 3)
    for i, emissions in enumerate(split(case.emissions, lengths)):
        alone = case._replace(emissions=emissions, lengths=[lengths[i]]).lattice()
        np.testing.assert_allclose(forward_backward(alone).marginals, together[i], atol=2e-6)
        np.testing.assert_array_equal(best_paths(alone)[0][0], paths[i])
        for (path, log), (other, other_log) in zip(kbest(alone, 3)[0], lists[i]):
            assert path.tolist() == other.tolist() and log == pytest.approx(other_log, abs=1e-4)


def test_a_very_long_sequence_of_extreme_scores_stays_finite() -> None:
    n = 100_000
    case = random_entity_case([n, 3], 1, 1.0)
    case = case._replace(emissions=np.where(case.emissions > 0, 80.0, -80.0).astype("float32"))
    case = case._replace(transitions=np.where(case.transitions > 0, 80.0, -80.0).astype("float32"))
    posterior = forward_backward(case.lattice())
    assert np.isfinite(posterior.log_z).all() and np.isfinite(posterior.marginals).all()
    np.testing.assert_allclose(posterior.marginals.sum(axis=1), 1.0, rtol=1e-5)
    path = best_paths(case.lattice())[0][0]
    assert (score_of_paths(case.lattice(), path) <= posterior.log_z + 1e-3 * n).all()
    result = crf_loss(case.lattice(), np.zeros(n + 3, dtype=int))
    assert np.isfinite(result.loss) and all(np.isfinite(array).all() for array in result[1:])
    assert np.exp(score_of_paths(case.lattice(), path) - posterior.log_z)[1] <= 1 + 1e-3


@pytest.mark.parametrize("slope", [20.0, 60.0, 160.0])
def test_what_underflow_would_lose_is_kept(slope: float) -> None:
    """Two tags that never meet: the second loses at both ends, where it looks impossible, and wins overall."""
    n = 40
    emissions = np.zeros((n, 2), dtype="float32")
    emissions[1:-1, 0] = -slope
    emissions[[0, -1], 1] = -2 * slope - 150
    apart = Constraints(np.ones(2, bool), np.ones(2, bool), np.eye(2, dtype=bool))
    lattice = make_lattice(emissions, [n], transitions=np.zeros((2, 2)), constraints=apart)
    wins, loses = 2 * (-2 * slope - 150), -slope * (n - 2)
    posterior = forward_backward(lattice)
    assert posterior.log_z[0] == pytest.approx(np.logaddexp(wins, loses), rel=1e-6)
    np.testing.assert_allclose(posterior.marginals[:, 1], np.exp(wins - posterior.log_z[0]), atol=1e-4)
    np.testing.assert_allclose(expected_counts(posterior).transitions[1, 1], n - 1, atol=1e-3)
    assert (best_paths(lattice)[0][0] == 1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_types", [1, 4, 18, 40])
@pytest.mark.parametrize("is_scored", [True, False])
def test_steady_sums_do_not_depend_on_other_sequences(n_types, is_scored, dtype):
    """To the bit: matrices of all pairs of tags, and blocks of types."""
    rng = np.random.default_rng(n_types)
    labels = [f"T{i}" for i in range(n_types)]
    tags = biluo.make_tags(labels)
    lengths = [1, 12, 3, 40, 7, *rng.integers(1, 30, 60).tolist()]
    n = len(tags)
    rules = {"constraints": biluo.make_constraints(n_types)}
    if is_scored:
        rules["transitions"] = rng.normal(size=(n, n)).astype(dtype)
    emissions = rng.normal(0, 3, (sum(lengths), n)).astype(dtype)
    whole = forward_backward(make_lattice(emissions, lengths, **rules), steady=True)
    log_z = log_partition(make_lattice(emissions, lengths, **rules), steady=True)
    parts = np.split(emissions, np.cumsum(lengths)[:-1])
    alone = [make_lattice(part, [len(part)], **rules) for part in parts]
    found = np.concatenate([forward_backward(lattice, steady=True).marginals for lattice in alone])
    assert np.array_equal(whole.marginals, found)
    assert np.array_equal(log_z, np.concatenate([log_partition(lattice, steady=True) for lattice in alone]))
    loose = forward_backward(make_lattice(emissions, lengths, **rules))
    np.testing.assert_allclose(whole.marginals, loose.marginals, atol=1e-5)
