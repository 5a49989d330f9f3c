"""The weighted CRF loss against its definition, by enumeration and finite differences."""

import itertools

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn_tagger.chain.crf_loss import crf_loss
from spacy_rnn_tagger.chain.gold_tags import MISSING
from spacy_rnn_tagger.chain.lattice import make_lattice
from spacy_rnn_tagger.chain.weighted_crf_loss import weighted_crf_loss
from spacy_rnn_tagger.pipeline import biluo


def gold_paths(n_tokens, n_tags):
    return itertools.product(range(n_tags), repeat=n_tokens)


def enumerated_loss(emissions, transitions, start, end, rules, gold, weights):
    """The weighted loss of one sequence by its definition, from a list of all paths."""
    n_tokens, n_tags = emissions.shape
    paths, logs = [], []
    for path in gold_paths(n_tokens, n_tags):
        inner = list(zip(path, path[1:]))
        if rules.start[path[0]] and rules.end[path[-1]] and all(rules.follows[pair] for pair in inner):
            paths.append(path)
            logs.append(
                start[path[0]]
                + end[path[-1]]
                + sum(emissions[i, tag] for i, tag in enumerate(path))
                + sum(transitions[pair] for pair in inner)
            )
    paths, logs = numpy.array(paths), numpy.array(logs)
    loss = 0.0
    for i, tag in enumerate(gold):
        if tag != MISSING:
            agreeing = paths[:, i] == tag
            loss += weights[tag] * (numpy.logaddexp.reduce(logs) - numpy.logaddexp.reduce(logs[agreeing]))
            paths, logs = paths[agreeing], logs[agreeing]
    return loss


def weighted_case(seed, lengths, missing=0.0, scale=1.0):
    rng = numpy.random.default_rng(seed)
    n_tags, rules = 5, biluo.make_constraints(1)
    scores = {
        "emissions": rng.normal(0, 2 * scale, (sum(lengths), n_tags)),
        "transitions": rng.normal(0, scale, (n_tags, n_tags)),
        "start": rng.normal(0, scale, n_tags),
        "end": rng.normal(0, scale, n_tags),
    }
    gold = []
    for n in lengths:
        legal = [
            path
            for path in gold_paths(n, n_tags)
            if not n
            or (rules.start[path[0]] and rules.end[path[-1]] and all(rules.follows[p] for p in zip(path, path[1:])))
        ]
        gold.extend(legal[rng.integers(len(legal))])
    gold = numpy.where(rng.random(len(gold)) < missing, MISSING, numpy.array(gold, dtype="int64"))
    return scores, rules, gold, rng.uniform(0.2, 5, n_tags)


def weighted(scores, lengths, rules, gold, weights):
    scores = dict(scores)
    return weighted_crf_loss(make_lattice(scores.pop("emissions"), lengths, constraints=rules, **scores), gold, weights)


# Factors of scores; by 100, probabilities of paths are beyond what float64 can hold.
SCALES = st.sampled_from([1.0, 100.0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.sampled_from([0.0, 0.5]), SCALES, st.integers(0, 10**6))
def test_weighted_crf_loss_is_that_of_enumeration(lengths, missing, scale, seed):
    scores, rules, gold, weights = weighted_case(seed, lengths, missing, scale)
    expected, at = 0.0, 0
    edges = {name: scores[name] for name in ("transitions", "start", "end")}
    for n in filter(None, lengths):
        part = slice(at, at + n)
        expected += enumerated_loss(scores["emissions"][part], rules=rules, gold=gold[part], weights=weights, **edges)
        at += n
    assert weighted(scores, lengths, rules, gold, weights).loss == pytest.approx(expected, abs=1e-8, rel=1e-8)


@pytest.mark.parametrize("missing,scale", [(0.0, 1.0), (0.4, 1.0), (0.0, 100.0), (0.4, 100.0)])
def test_weighted_crf_gradient_is_that_of_finite_differences(missing, scale):
    lengths = [3, 0, 1, 4, 2]
    scores, rules, gold, weights = weighted_case(3, lengths, missing, scale)
    result = weighted(scores, lengths, rules, gold, weights)
    for name, array in scores.items():
        for index in numpy.ndindex(array.shape):
            losses = []
            for step in (1e-5, -1e-5):
                moved = array.copy()
                moved[index] += step
                losses.append(weighted({**scores, name: moved}, lengths, rules, gold, weights).loss)
            assert getattr(result, name)[index] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-6)


def test_weights_of_one_are_no_weights():
    lengths = [4, 0, 2, 5, 1]
    scores, rules, gold, _ = weighted_case(5, lengths, 0.3)
    mine = weighted(scores, lengths, rules, gold, numpy.ones(5))
    emissions = scores.pop("emissions")
    plain = crf_loss(make_lattice(emissions, lengths, constraints=rules, **scores), gold)
    assert mine.loss == pytest.approx(plain.loss)
    for a, b in zip(mine[1:], plain[1:]):
        numpy.testing.assert_allclose(a, b, atol=1e-12)


def test_weighted_loss_stays_finite_where_the_gold_is_hopeless():
    emissions = numpy.zeros((6, 3), dtype="float32")
    emissions[:, 0] = 300.0
    lattice = make_lattice(emissions, [6], transitions=numpy.zeros((3, 3), dtype="float32"))
    result = weighted_crf_loss(lattice, numpy.array([1, 2, 1, 1, 2, 2]), numpy.array([1.0, 2.0, 3.0]))
    assert result.loss == pytest.approx(300 * 15, rel=1e-4)
    assert result.emissions[0] == pytest.approx([2.0, -2.0, 0.0], abs=1e-4)
    nothing = weighted_crf_loss(lattice, numpy.full(6, MISSING), numpy.ones(3))
    assert nothing.loss == 0.0 and not nothing.emissions.any() and not nothing.transitions.any()
