"""The best paths through a lattice, against the enumeration of all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn_tagger.chain.constraints import Constraints
from spacy_rnn_tagger.chain.crf_loss import crf_loss
from spacy_rnn_tagger.chain.decoding import best_paths, decode, kbest, viterbi
from spacy_rnn_tagger.chain.forward_backward import (
    forward_backward,
    log_partition,
)
from spacy_rnn_tagger.chain.gold_tags import MISSING
from spacy_rnn_tagger.chain.lattice import make_lattice, score_of_paths
from spacy_rnn_tagger.pipeline import biluo

from .lattice_cases import Case, cases, enumerate_feasible, random_entity_case, split


@given(cases(), st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_best_paths_are_those_of_the_enumeration(case: Case, k: int) -> None:
    found = enumerate_feasible(case)
    lattice = case.lattice()
    lists = kbest(lattice, k)
    for e, paths in zip(found, lists):
        logs = np.sort(e.scores)[::-1][:k] - e.log_z
        np.testing.assert_allclose([log for _, log in paths], logs, atol=1e-9)
        assert len({tuple(path) for path, _ in paths}) == len(paths)
        for path, log in paths:
            (at,) = np.flatnonzero((e.paths == path).all(axis=1))
            assert log == pytest.approx(e.scores[at] - e.log_z, abs=1e-9)
    first = np.concatenate([np.zeros(0, dtype=int), *(paths[0][0] for paths in lists)])
    args = {"constraints": case.constraints, "allowed": case.allowed}
    if case.transitions is not None:  # otherwise start and end are zero too, and decoding has a shortcut
        args.update({"transitions": case.transitions, "start": case.start, "end": case.end})
    np.testing.assert_array_equal(decode(case.emissions, case.lengths, **args), first)
    np.testing.assert_allclose(score_of_paths(lattice, first), best_paths(lattice)[1][0], atol=1e-9)


@pytest.mark.parametrize("coupling", [0.0, 1.0])
def test_random_scores_decode_to_legal_entities(coupling: float) -> None:
    lengths = np.random.default_rng(1).integers(0, 12, 10_000).tolist()
    case = random_entity_case(lengths, 2, coupling)
    args = {"transitions": case.transitions, "start": case.start, "end": case.end} if coupling else {}
    path = decode(case.emissions, lengths, case.constraints, **args)
    assert np.isfinite(score_of_paths(case.lattice(), path)).all()
    if not coupling:  # the shortcut for paths that are legal at once changes nothing
        np.testing.assert_array_equal(path, viterbi(case.emissions, lengths, case.constraints))
    for tags in split(path, lengths):
        spans = biluo.spans_of(tags, 9)
        inside = sum(end - start for start, end, _ in spans)
        assert inside == np.count_nonzero(tags)
        again = {i: t for start, end, label in spans for i, t in biluo.tags_of(start, end, label).items()}
        assert all(again.get(i, 0) == tag for i, tag in enumerate(tags))


@pytest.mark.parametrize("masked", [False, True])
def test_no_legal_path_is_an_error_and_never_a_number(masked: bool) -> None:
    never = Constraints(np.ones(2, bool), np.ones(2, bool), np.zeros((2, 2), bool))
    allowed = np.asarray([[True, False]] * 4) if masked else None
    lattice = make_lattice(np.zeros((4, 2), dtype="float32"), [1, 3], constraints=never, allowed=allowed)
    for function in (forward_backward, log_partition, best_paths):
        with pytest.raises(ValueError, match="No path is legal"):
            function(lattice)
    assert crf_loss(lattice, np.asarray([MISSING] * 4)).loss == 0
    impossible = np.asarray([[0, 0], [-np.inf, -np.inf], [0, 0]], dtype="float32")
    for constraints in (None, Constraints(np.ones(2, bool), np.ones(2, bool), np.ones((2, 2), bool))):
        with pytest.raises(ValueError, match="No path is legal"):
            decode(impossible, [1, 2], constraints, allowed=None if allowed is None else allowed[:3])
