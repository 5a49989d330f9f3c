"""Confident learning, against a count by loops as the paper writes it."""

import numpy
import pytest
from hypothesis import given, strategies

from spacy_rnn_tagger.evaluation.confident_learning import SparseProbabilities, confident_joint

N_LABELS = 3


def by_loops(labels, probabilities):
    """Thresholds, counts and joint of Northcutt et al. (2021), section 3.1, one token at a time."""
    thresholds = [numpy.inf] * N_LABELS
    for j in range(N_LABELS):
        own = [p[j] for label, p in zip(labels, probabilities) if label == j]
        if own:
            thresholds[j] = sum(map(float, own)) / len(own)
    counts = numpy.zeros((N_LABELS, N_LABELS))
    for label, p in zip(labels, probabilities):
        reached = [j for j in range(N_LABELS) if p[j] >= thresholds[j]]
        if reached:
            counts[label, max(reached, key=lambda j: (p[j], -j))] += 1
    joint = numpy.zeros_like(counts)
    for i in range(N_LABELS):
        n = labels.count(i)
        joint[i] = counts[i] / counts[i].sum() * n if counts[i].sum() else numpy.eye(N_LABELS)[i] * n
    return thresholds, counts, joint / joint.sum()


@given(
    strategies.lists(
        strategies.tuples(
            strategies.integers(0, N_LABELS - 1), strategies.lists(strategies.integers(1, 9), min_size=3, max_size=3)
        ),
        min_size=1,
        max_size=30,
    )
)
def test_counts_are_those_of_the_paper(tokens):
    labels = [label for label, _ in tokens]
    # Sixteenths are sums without rounding, so that a probability can be just at its threshold.
    probabilities = numpy.asarray([p for _, p in tokens], dtype="float32") / 16
    given_labels = numpy.asarray(labels)
    own = probabilities[numpy.arange(len(labels)), given_labels]
    found = confident_joint(given_labels, own, SparseProbabilities.of(probabilities), N_LABELS)
    thresholds, counts, joint = by_loops(labels, probabilities)
    numpy.testing.assert_allclose(found.thresholds, thresholds)
    numpy.testing.assert_array_equal(found.counts, counts)
    numpy.testing.assert_allclose(found.joint, joint)
    assert found.n_errors == pytest.approx(len(labels) * (joint.sum() - numpy.trace(joint)))


def test_an_example_by_hand():
    """Two tokens of label 0 and two of label 1; the second is sure to be of label 1."""
    probabilities = numpy.asarray([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.4, 0.6]], dtype="float32")
    given_labels = numpy.asarray([0, 0, 1, 1])
    found = confident_joint(
        given_labels, probabilities[range(4), given_labels], SparseProbabilities.of(probabilities), 2
    )
    numpy.testing.assert_allclose(found.thresholds, [0.5, 0.7])
    assert found.confident.tolist() == [0, 1, 1, -1]
    assert found.counts.tolist() == [[1, 1], [0, 1]]
    assert found.n_errors == pytest.approx(1)


def test_small_probabilities_are_not_kept():
    probabilities = numpy.asarray([[0.9995, 0.0005], [0.5, 0.5]], dtype="float32")
    sparse = SparseProbabilities.of(probabilities)
    assert sparse.sizes.tolist() == [1, 2] and sparse.labels.tolist() == [0, 0, 1]
    joined = SparseProbabilities.joined([sparse, sparse])
    assert joined.sizes.tolist() == [1, 2, 1, 2] and len(joined.values) == 6
    assert SparseProbabilities.joined([]).sizes.shape == (0,)
