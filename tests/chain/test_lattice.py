"""Sums and best paths over a lattice, against the enumeration of all its paths."""

from typing import Any, List, NamedTuple, Optional, Tuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spacy_rnn_tagger.chain.crf_loss import MISSING, crf_loss
from spacy_rnn_tagger.chain.decoding import NEVER, best_paths, decode, kbest, viterbi
from spacy_rnn_tagger.chain.forward_backward import (
    expected_counts,
    forward_backward,
    log_partition,
    segment_probabilities,
)
from spacy_rnn_tagger.chain.lattice import Constraints, check_scores, make_lattice, path_scores
from spacy_rnn_tagger.pipeline import biluo


class Case(NamedTuple):
    """The arguments of a lattice, all of them given."""

    emissions: Any
    lengths: List[int]
    transitions: Any
    start: Any
    end: Any
    constraints: Optional[Constraints]
    allowed: Optional[Any]
    rng: np.random.Generator

    def lattice(self, dtype: str = "float64") -> Any:
        return make_lattice(
            self.emissions.astype(dtype),
            self.lengths,
            transitions=self.transitions,
            start=self.start,
            end=self.end,
            constraints=self.constraints,
            allowed=self.allowed,
        )


@st.composite
def cases(draw: Any, scales: Tuple[float, ...] = (0.1, 2.0, 80.0, 1e4), max_length: int = 6) -> Case:
    n_tags = draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(0, max_length), min_size=0, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from(scales))
    emissions = rng.uniform(-scale, scale, (sum(lengths), n_tags))
    if draw(st.booleans()):
        emissions[rng.random(emissions.shape) < 0.2] = -np.inf
    constraints = allowed = None
    if draw(st.booleans()):
        density = draw(st.sampled_from([0.5, 0.8]))
        constraints = Constraints(*(rng.random(shape) < density for shape in ((n_tags,), (n_tags,), (n_tags, n_tags))))
    if draw(st.booleans()):
        allowed = rng.random((sum(lengths), n_tags)) < 0.7
    # With zero transition scores this is the softmax decoder's lattice.
    coupling = draw(st.sampled_from([0.0, 1.0]))
    return Case(
        emissions,
        lengths,
        rng.uniform(-scale, scale, (n_tags, n_tags)) * coupling if draw(st.booleans()) or coupling else None,
        rng.uniform(-scale, scale, (n_tags,)) * coupling,
        rng.uniform(-scale, scale, (n_tags,)) * coupling,
        constraints,
        allowed,
        rng,
    )


class Enumerated(NamedTuple):
    """One sequence's legal paths and their scores."""

    paths: Any
    scores: Any

    @property
    def log_z(self) -> float:
        return float(np.logaddexp.reduce(self.scores)) if len(self.scores) else -np.inf

    @property
    def probabilities(self) -> Any:
        return np.exp(self.scores - self.log_z)


def split(array: Any, lengths: List[int]) -> List[Any]:
    return np.split(array, np.cumsum(lengths)[:-1]) if lengths else []


def enumerate_paths(case: Case) -> List[Enumerated]:
    """The legal paths of each sequence, its allowed tags as `reconcile` leaves them."""
    n_tags = case.emissions.shape[1]
    free = np.ones((sum(case.lengths), n_tags), dtype=bool)
    masks = split(free if case.allowed is None else case.allowed, case.lengths)
    found = []
    for emissions, mask in zip(split(case.emissions, case.lengths), masks):
        n = len(emissions)
        paths = np.indices((n_tags,) * n).reshape(n, -1).T if n else np.zeros((1, 0), dtype=int)
        scores = emissions[np.arange(n), paths].sum(axis=1)
        legal = np.ones(len(paths), dtype=bool)
        if n:
            scores = scores + case.start[paths[:, 0]] + case.end[paths[:, -1]]
            if case.transitions is not None:
                scores = scores + case.transitions[paths[:, :-1], paths[:, 1:]].sum(axis=1)
            if case.constraints is not None:
                legal = case.constraints.follows[paths[:, :-1], paths[:, 1:]].all(axis=1)
                legal &= case.constraints.start[paths[:, 0]] & case.constraints.end[paths[:, -1]]
        legal &= (scores > -np.inf) & reconciled(case, emissions, mask)[np.arange(n), paths].all(axis=1)
        found.append(Enumerated(paths[legal], scores[legal]))
    return found


def reconciled(case: Case, emissions: Any, mask: Any) -> Any:
    """`reconcile` for one sequence, with sets."""
    mask, reached = mask.copy(), None
    n, n_tags = mask.shape
    for t in range(n):
        possible = set(np.flatnonzero(emissions[t] > -np.inf))
        if case.constraints is not None:
            if reached is None:
                possible &= set(np.flatnonzero(case.constraints.start))
            else:
                possible &= {j for i in reached for j in np.flatnonzero(case.constraints.follows[i])}
            if t == n - 1:
                possible &= set(np.flatnonzero(case.constraints.end))
        reached = possible & set(np.flatnonzero(mask[t]))
        if not reached:
            reached, mask[t] = possible, True
        if not reached:
            return np.ones_like(mask)
    return mask


def enumerate_feasible(case: Case) -> List[Enumerated]:
    """As `enumerate_paths`; cases with a sequence that has no legal path are left to another test."""
    found = enumerate_paths(case)
    assume(all(len(e.paths) for e in found))
    return found


def expected(found: List[Enumerated], n_tags: int) -> Tuple[Any, Any, Any, Any]:
    """Marginals, and expected transitions, starts and ends, by definition."""
    eye = np.eye(n_tags)
    tokens = [np.einsum("p,ptk->tk", e.probabilities, eye[e.paths]) for e in found]
    pairs = [np.einsum("p,pti,ptj->ij", e.probabilities, eye[e.paths[:, :-1]], eye[e.paths[:, 1:]]) for e in found]
    edges = [sum((m[[at]] for m in tokens if len(m)), np.zeros((1, n_tags)))[0] for at in (0, -1)]
    return np.concatenate([np.zeros((0, n_tags)), *tokens]), sum(pairs, np.zeros((n_tags, n_tags))), *edges


def rounding(case: Case, dtype: str) -> float:
    """How far sums over the longest sequence may be off, its scores and their sums being rounded again and again."""
    arrays = [a for a in (case.emissions, case.transitions, case.start, case.end) if a is not None]
    largest = max(np.abs(a[a > -np.inf]).max(initial=1.0) for a in arrays)
    return float(4 * np.finfo(dtype).eps * largest * (max(case.lengths, default=0) + 2))


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
    if posterior.lattice.transitions is not None:
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
    np.testing.assert_allclose(path_scores(lattice, first), best_paths(lattice)[1][0], atol=1e-9)


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


def random_entity_case(lengths: List[int], n_labels: int, coupling: float, seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    n_tags = 1 + 4 * n_labels
    shapes = ((sum(lengths), n_tags), (n_tags, n_tags), (n_tags,), (n_tags,))
    emissions, *others = (rng.normal(0, 2, shape).astype("float32") for shape in shapes)
    others = [coupling * array for array in others]
    return Case(emissions, lengths, *others, biluo.make_constraints(n_labels), None, rng)


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


@pytest.mark.parametrize("coupling", [0.0, 1.0])
def test_random_scores_decode_to_legal_entities(coupling: float) -> None:
    lengths = np.random.default_rng(1).integers(0, 12, 10_000).tolist()
    case = random_entity_case(lengths, 2, coupling)
    args = {"transitions": case.transitions, "start": case.start, "end": case.end} if coupling else {}
    path = decode(case.emissions, lengths, case.constraints, **args)
    assert np.isfinite(path_scores(case.lattice(), path)).all()
    if not coupling:  # the shortcut for paths that are legal at once changes nothing
        np.testing.assert_array_equal(path, viterbi(case.emissions, lengths, case.constraints))
    for tags in split(path, lengths):
        spans = biluo.spans_of(tags, 9)
        inside = sum(end - start for start, end, _ in spans)
        assert inside == np.count_nonzero(tags)
        again = {i: t for start, end, label in spans for i, t in biluo.tags_of(start, end, label).items()}
        assert all(again.get(i, 0) == tag for i, tag in enumerate(tags))


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
    assert (path_scores(case.lattice(), path) <= posterior.log_z + 1e-3 * n).all()
    result = crf_loss(case.lattice(), np.zeros(n + 3, dtype=int))
    assert np.isfinite(result.loss) and all(np.isfinite(array).all() for array in result[1:])
    assert np.exp(path_scores(case.lattice(), path) - posterior.log_z)[1] <= 1 + 1e-3


@pytest.mark.parametrize("slope", [20.0, 60.0, 160.0])
def test_what_underflow_would_lose_is_kept(slope: float) -> None:
    """Two tags that never meet: the second loses at both ends, where it looks impossible, and wins overall."""
    n = 40
    emissions = np.zeros((n, 2), dtype="float32")
    emissions[1:-1, 0] = -slope
    emissions[[0, -1], 1] = -2 * slope - 150
    apart = Constraints(np.ones(2, bool), np.ones(2, bool), np.eye(2, dtype=bool))
    lattice = make_lattice(emissions, [n], constraints=apart)
    wins, loses = 2 * (-2 * slope - 150), -slope * (n - 2)
    posterior = forward_backward(lattice)
    assert posterior.log_z[0] == pytest.approx(np.logaddexp(wins, loses), rel=1e-6)
    np.testing.assert_allclose(posterior.marginals[:, 1], np.exp(wins - posterior.log_z[0]), atol=1e-4)
    np.testing.assert_allclose(expected_counts(posterior).transitions[1, 1], n - 1, atol=1e-3)
    assert (best_paths(lattice)[0][0] == 1).all()


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
