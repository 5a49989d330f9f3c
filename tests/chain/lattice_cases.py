"""Random lattices, and all their paths by enumeration."""

from typing import Any, List, NamedTuple, Optional, Tuple

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from spacy_rnn_tagger.chain.constraints import Constraints
from spacy_rnn_tagger.chain.lattice import make_lattice
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


def random_entity_case(lengths: List[int], n_labels: int, coupling: float, seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    n_tags = 1 + 4 * n_labels
    shapes = ((sum(lengths), n_tags), (n_tags, n_tags), (n_tags,), (n_tags,))
    emissions, *others = (rng.normal(0, 2, shape).astype("float32") for shape in shapes)
    others = [coupling * array for array in others]
    return Case(emissions, lengths, *others, biluo.make_constraints(n_labels), None, rng)
