"""Transitions that fall into blocks, against the same transitions as one matrix."""

from typing import Any, List, Tuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn_tagger.chain import lattice as lattices
from spacy_rnn_tagger.chain.block_transitions import BlockTransitions
from spacy_rnn_tagger.chain.constraints import Constraints, find_structure
from spacy_rnn_tagger.chain.crf_loss import crf_loss
from spacy_rnn_tagger.chain.decoding import best_paths
from spacy_rnn_tagger.chain.exclusion_loss import exclusion_loss
from spacy_rnn_tagger.chain.forward_backward import (
    expected_counts,
    forward_backward,
    log_partition,
    segment_probabilities,
)
from spacy_rnn_tagger.chain.gold_tags import MISSING
from spacy_rnn_tagger.chain.lattice import Lattice, make_lattice, score_of_paths
from spacy_rnn_tagger.chain.temperature import temper
from spacy_rnn_tagger.chain.weighted_crf_loss import weighted_crf_loss
from spacy_rnn_tagger.pipeline import biluo

from .lattice_cases import Case, random_entity_case


def both(case: Case, dtype: str) -> Tuple[Lattice, Lattice]:
    """The lattice of a case with blocks, and with one matrix."""
    found = []
    for least in (0, 10**9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lattices, "BLOCKS_FROM", least)
            found.append(case.lattice(dtype))
    blocks, dense = found
    assert isinstance(blocks.transitions, BlockTransitions) and not isinstance(dense.transitions, BlockTransitions)
    return blocks, dense


@st.composite
def constraints_in_blocks(draw: Any, rng: np.random.Generator) -> Constraints:
    """BILUO, or any constraints whose pairs fall into blocks; some tags may lead nowhere, and nothing to others."""
    n_labels = draw(st.integers(1, 3))
    if draw(st.booleans()):
        return biluo.make_constraints(n_labels)
    n_tags = draw(st.integers(2, 7))
    sources, targets = rng.integers(0, 3, (2, n_tags))
    sources[0], targets[0] = 0, 1  # at least one pair is forbidden
    follows = (sources[:, None] == targets) & (sources < 2)[:, None]
    return Constraints(rng.random(n_tags) < 0.8, rng.random(n_tags) < 0.8, follows)


@st.composite
def block_cases(draw: Any, scales: Tuple[float, ...] = (0.1, 2.0, 80.0, 1e4)) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    constraints = draw(constraints_in_blocks(rng))
    n_tags = constraints.start.shape[0]
    lengths: List[int] = draw(st.lists(st.integers(0, 7), min_size=1, max_size=4))
    scale = draw(st.sampled_from(scales))
    # Few different scores, so that paths tie.
    levels = draw(st.sampled_from([2, 5, 1000]))
    shapes = ((sum(lengths), n_tags), (n_tags, n_tags), (n_tags,), (n_tags,))
    emissions, transitions, start, end = (scale * rng.integers(0, levels, shape) / levels for shape in shapes)
    if draw(st.booleans()):
        emissions[rng.random(emissions.shape) < 0.2] = -np.inf
    if draw(st.booleans()):
        transitions[rng.random(transitions.shape) < 0.2] = -np.inf
    allowed = rng.random(emissions.shape) < 0.6 if draw(st.booleans()) else None
    scored = draw(st.booleans())
    return Case(emissions, lengths, transitions if scored else None, start, end, constraints, allowed, rng)


def has_paths(lattice: Lattice) -> bool:
    """Whether each sequence has a legal path; if not, sums and decoding say so."""
    try:
        log_partition(lattice)
    except ValueError as error:
        assert "No path is legal" in str(error)
        with pytest.raises(ValueError, match="No path is legal"):
            best_paths(lattice)
        return False
    return True


@given(block_cases(), st.sampled_from(["float64", "float32"]), st.sampled_from([1.0, 0.5]))
@settings(max_examples=200, deadline=None)
def test_sums_and_best_paths_are_the_same(case: Case, dtype: str, temperature: float) -> None:
    blocks, dense = (temper(lattice, temperature) for lattice in both(case, dtype))
    np.testing.assert_array_equal(blocks.unary, dense.unary)  # what `allowed` leaves, too
    feasible = has_paths(dense)
    assert has_paths(blocks) == feasible
    if not feasible:
        return
    for got, wanted in zip(best_paths(blocks), best_paths(dense)):
        np.testing.assert_array_equal(got, wanted)
    path = case.rng.integers(0, dense.n_tags, sum(case.lengths))
    np.testing.assert_array_equal(score_of_paths(blocks, path), score_of_paths(dense, path))
    largest = max(
        1.0, *(abs(a[a > -np.inf]).max(initial=0) for a in (case.emissions, case.transitions) if a is not None)
    )
    close = {"atol": 40 * float(np.finfo(dtype).eps) * largest / temperature, "rtol": 1e-5}
    one, other = forward_backward(blocks), forward_backward(dense)
    np.testing.assert_allclose(one.log_z, other.log_z, **close)
    np.testing.assert_allclose(log_partition(blocks), one.log_z, **close)
    np.testing.assert_allclose(one.marginals, other.marginals, **close)
    times = case.rng.uniform(0, 2, dense.n_seqs)
    for got, wanted in zip(expected_counts(one, times), expected_counts(other, times)):
        assert (got is None) == (wanted is None)
        if got is not None:
            assert got.dtype == wanted.dtype
            np.testing.assert_allclose(got, wanted, atol=20 * close["atol"], rtol=1e-5)
    segments = [(i, a, b) for i, n in enumerate(case.lengths) for a in range(n) for b in range(a + 1, n + 1)]
    if segments:
        seqs, starts, ends = np.asarray(segments).T
        tags = case.rng.integers(0, dense.n_tags, int((ends - starts).sum()))
        p, q = (segment_probabilities(posterior, seqs, starts, ends, tags) for posterior in (one, other))
        np.testing.assert_allclose(p, q, atol=20 * close["atol"])


@given(block_cases(scales=(0.1, 2.0, 5.0)), st.sampled_from(["tags", "missing", "sets"]))
@settings(max_examples=150, deadline=None)
def test_losses_and_gradients_are_the_same(case: Case, kind: str) -> None:
    blocks, dense = both(case, "float64")
    if not has_paths(dense):
        return
    gold = best_paths(dense)[0][0]
    gold = np.where(case.rng.random(gold.shape) < 0.2, case.rng.integers(0, dense.n_tags, gold.shape), gold)
    if kind == "missing":
        gold[case.rng.random(gold.shape) < 0.4] = MISSING
    elif kind == "sets":
        gold = (gold[:, None] == np.arange(dense.n_tags)) | (case.rng.random(case.emissions.shape) < 0.3)
    pairs = [(crf_loss(blocks, gold), crf_loss(dense, gold))]
    if case.transitions is not None:
        weights = case.rng.uniform(0.1, 2.0, dense.n_tags)
        pairs.append((weighted_crf_loss(blocks, gold, weights), weighted_crf_loss(dense, gold, weights)))
    longest = int(np.argmax(case.lengths))
    if case.lengths[longest]:
        segment = [np.asarray([n]) for n in (longest, 0, min(2, case.lengths[longest]))]
        sets = case.rng.random((int(segment[2][0]), dense.n_tags)) < 0.5
        pairs.append((exclusion_loss(blocks, *segment, sets), exclusion_loss(dense, *segment, sets)))
    for one, other in pairs:
        for got, wanted in zip(one, other):
            assert (got is None) == (wanted is None)
            if got is not None:
                np.testing.assert_allclose(got, wanted, atol=1e-8)
        if one.transitions is not None:
            assert case.constraints is not None and not one.transitions[~case.constraints.follows].any()


def test_entities_fall_into_a_large_block_and_a_small_one_per_type() -> None:
    structure = biluo.make_constraints(3).structure
    assert structure is not None
    blocks = structure.shapes
    assert [(s.shape, t.shape) for s, t in blocks] == [((7, 1), (7, 1)), ((2, 3), (2, 3))]
    assert blocks[1].sources.T.tolist() == [[1, 2], [5, 6], [9, 10]]
    assert blocks[1].targets.T.tolist() == [[3, 2], [7, 6], [11, 10]]
    tags = biluo.make_tags("XYZ")
    assert " ".join(tags[i] for i in structure.order) == "L-X L-Y L-Z O U-X U-Y U-Z B-X B-Y B-Z I-X I-Y I-Z"


@pytest.mark.parametrize(
    "follows, sizes",
    [
        ([[1, 1], [1, 0]], None),  # rows that overlap without being the same
        ([[0, 0], [0, 0]], []),
        ([[1, 1], [1, 1]], [(2, 2)]),
        ([[0, 1], [0, 0]], [(1, 1)]),
    ],
)
def test_what_falls_into_blocks(follows: Any, sizes: Any) -> None:
    structure = find_structure(np.asarray(follows, dtype=bool))
    found = None if structure is None else [(s.shape[0], t.shape[0]) for s, t in structure.shapes]
    assert found == sizes


def test_forbidden_scores_are_never_read() -> None:
    case = random_entity_case([4, 3], 70, 1.0)
    spoilt = np.where(case.constraints.follows, case.transitions, np.nan)
    gold = best_paths(case.lattice())[0][0]
    one, other = (crf_loss(each.lattice(), gold) for each in (case, case._replace(transitions=spoilt)))
    assert one.loss == other.loss > 0
    np.testing.assert_array_equal(one.transitions, other.transitions)


def test_many_tags_are_taken_as_blocks_and_few_as_a_matrix() -> None:
    for n_labels, blocks in ((4, False), (300, True)):
        constraints = biluo.make_constraints(n_labels)
        scores = np.zeros((2, 1 + 4 * n_labels), dtype="float32")
        for transitions in (None, np.zeros((scores.shape[1],) * 2, dtype="float32")):
            made = make_lattice(scores, [2], constraints=constraints, transitions=transitions).transitions
            assert isinstance(made, BlockTransitions) == blocks
