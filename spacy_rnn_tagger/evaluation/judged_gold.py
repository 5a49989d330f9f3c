"""What a component thinks of each gold label of docs that it has not seen: how likely the label is there, and which
other is likeliest."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.training import Example

from ..pipeline.biluo import Segments, span_tags
from ..pipeline.confidence import rows_of, span_probabilities
from ..pipeline.rnn_tagger import RNNTagger
from ..pipeline.targets.biluo_target import BiluoTarget
from .confident_learning import SparseProbabilities
from .scored_batches import ScoredBatch, score_batches, throughout

NOTHING = -1
"""Index of the label of what is no span."""

Indices = NDArray[np.int64]
Place = Tuple[int, int]
"""A doc's index, and the token of it that an example begins with."""


class JudgedGold(NamedTuple):
    """Gold labels of one target, or places where gold has none, and what a component thinks of them.

    is_spans: Whether labels are of spans, not of tokens.
    labels: The labels' names. An index of `NOTHING` says that the tokens are in no span.
    docs: (n,) the index of each one's doc.
    starts: (n,) its first token.
    ends: (n,) the token after its last.
    given: (n,) the index of its gold label.
    given_probability: (n,) how likely that label is just there; of `NOTHING`, that none of the tokens is in a span.
    other_starts: (n,) first token of the likeliest alternative.
    other_ends: (n,) the token after its last.
    other: (n,) its label.
    other_probability: (n,) how likely it is.
    probabilities: Those of each token's labels, if the labels are of tokens.
    n_left_out: Gold labels that the component has never seen, of which it cannot think anything.
    """

    is_spans: bool
    labels: List[str]
    docs: Indices
    starts: Indices
    ends: Indices
    given: Indices
    given_probability: NDArray[np.float32]
    other_starts: Indices
    other_ends: Indices
    other: Indices
    other_probability: NDArray[np.float32]
    probabilities: Optional[SparseProbabilities]
    n_left_out: int

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The same, as msgpack can hold it."""
        kept = None if self.probabilities is None else list(self.probabilities)
        return {**self._asdict(), "probabilities": kept}

    @classmethod
    def from_dict(cls, content: Dict[str, Any]) -> "JudgedGold":
        """RETURNS (JudgedGold): What `to_dict` gave. content (Dict[str, Any]): The dict."""
        kept = content["probabilities"]
        return cls(**{**content, "probabilities": None if kept is None else SparseProbabilities(*kept)})


class _Rows(NamedTuple):
    """Judged gold of a batch, whose tokens are numbered through. `probabilities` are those of the tokens judged."""

    starts: Indices
    ends: Indices
    given: Indices
    given_probability: NDArray[np.float32]
    other_starts: Indices
    other_ends: Indices
    other: Indices
    other_probability: NDArray[np.float32]
    probabilities: Optional[SparseProbabilities]
    n_left_out: int


def judge_gold(pipe: RNNTagger, examples: Sequence[Example], places: Sequence[Place]) -> JudgedGold:
    """Look at each gold label of some examples.

    pipe (RNNTagger): The component, which was not trained on the examples.
    examples (Sequence[Example]): The examples, their docs with the gold tokens and without annotation.
    places (Sequence[Tuple[int, int]]): Which doc each is of, and with which token of it it begins.
    RETURNS (JudgedGold): What the component thinks of the labels, on the tokens of the docs.
    """
    is_spans = isinstance(pipe.target, BiluoTarget)
    parts: List[JudgedGold] = []
    at = 0
    for batch in score_batches(pipe, examples):
        n = batch.scores.lengths.shape[0]
        here, its_places = examples[at : at + n], places[at : at + n]
        rows = _judge_spans(pipe, here, batch) if is_spans else _judge_tokens(batch)
        parts.append(_placed(rows, batch.scores.lengths, its_places, list(pipe.labels), is_spans))
        at += n
    return join_judged(parts, is_spans)


def join_judged(parts: Sequence[JudgedGold], is_spans: bool) -> JudgedGold:
    """Join what several components think of the gold of different docs.

    parts (Sequence[JudgedGold]): The parts, each with its own labels.
    is_spans (bool): Whether their labels are of spans.
    RETURNS (JudgedGold): All of it, in the order of the docs and tokens.
    """
    labels = list(dict.fromkeys(label for part in parts for label in part.labels))
    index = {label: i for i, label in enumerate(labels)}
    joined: Dict[str, Any] = {}
    for name in ("docs", "starts", "ends", "other_starts", "other_ends"):
        joined[name] = np.concatenate([np.zeros((0,), dtype=np.int64), *(getattr(part, name) for part in parts)])
    for name in ("given_probability", "other_probability"):
        joined[name] = np.concatenate([np.zeros((0,), dtype="float32"), *(getattr(part, name) for part in parts)])
    joined["given"], joined["other"], kept = [], [], []
    for part in parts:
        numbers = np.asarray([*(index[label] for label in part.labels), NOTHING], dtype=np.int64)
        joined["given"].append(numbers[part.given])
        joined["other"].append(numbers[part.other])
        if part.probabilities is not None:
            kept.append(part.probabilities._replace(labels=numbers[part.probabilities.labels]))
    for name in ("given", "other"):
        joined[name] = np.concatenate([np.zeros((0,), dtype=np.int64), *joined[name]])
    order = np.lexsort((joined["starts"], joined["docs"]))
    probabilities = None if is_spans else _select(SparseProbabilities.joined(kept), order)
    return JudgedGold(
        is_spans,
        labels,
        **{name: array[order] for name, array in joined.items()},
        probabilities=probabilities,
        n_left_out=sum(part.n_left_out for part in parts),
    )


def average_judged(rounds: Sequence[JudgedGold]) -> JudgedGold:
    """The means of what models of several rounds think of the same gold.

    rounds (Sequence[JudgedGold]): The rounds, each over all docs. Gold that one of them could not judge is left out. A
        span that a round does not decode counts as impossible there, and where gold has none, as certainly none.
    RETURNS (JudgedGold): The means, with the alternative that is likeliest by them; the given label with a probability
        of 0 where no other is likely enough to be kept.
    """
    if len(rounds) == 1:
        return rounds[0]
    labels = list(dict.fromkeys(label for each in rounds for label in each.labels))
    index = {label: i for i, label in enumerate(labels)}
    seen: Dict[Tuple[int, ...], List[float]] = {}
    others: Dict[Tuple[int, ...], Dict[Tuple[int, ...], float]] = {}
    other: Tuple[int, ...]
    for each in rounds:
        numbers = [*(index[label] for label in each.labels), NOTHING]
        firsts = None if each.probabilities is None else np.cumsum([0, *each.probabilities.sizes])
        rows = zip(each.docs.tolist(), each.starts.tolist(), each.ends.tolist(), each.given.tolist())
        for i, (doc, start, end, given) in enumerate(rows):
            key = (doc, start, end, numbers[given])
            seen.setdefault(key, []).append(float(each.given_probability[i]))
            found = others.setdefault(key, {})
            if firsts is None or each.probabilities is None:
                other = (int(each.other_starts[i]), int(each.other_ends[i]), numbers[each.other[i]])
                found[other] = found.get(other, 0.0) + float(each.other_probability[i]) / len(rounds)
                continue
            for at in range(firsts[i], firsts[i + 1]):
                other = (start, end, numbers[each.probabilities.labels[at]])
                found[other] = found.get(other, 0.0) + float(each.probabilities.values[at]) / len(rounds)
    is_spans = rounds[0].is_spans
    kept: List[Tuple[int, ...]] = sorted(key for key in seen if key[3] == NOTHING or len(seen[key]) == len(rounds))
    best, sizes, kept_labels, values = [], [], [], []
    for place in kept:
        found = others[place]
        rivals = {rival: value for rival, value in found.items() if is_spans or rival[2] != place[3]}
        best.append(max(rivals.items(), key=lambda item: item[1], default=((*place[1:3], place[3]), 0.0)))
        sizes.append(len(found))
        kept_labels += [other[2] for other in found]
        values += list(found.values())
    missing = [len(rounds) - len(seen[key]) for key in kept]
    given_mean = [(sum(seen[key]) + more) / len(rounds) for key, more in zip(kept, missing)]
    docs, starts, ends, given_labels = np.asarray(kept, dtype=np.int64).reshape((-1, 4)).T
    other_starts, other_ends, other_labels = np.asarray([o for o, _ in best], dtype=np.int64).reshape((-1, 3)).T
    sparse = SparseProbabilities(np.asarray(sizes), np.asarray(kept_labels), np.asarray(values, dtype="float32"))
    return JudgedGold(
        is_spans,
        labels,
        docs,
        starts,
        ends,
        given_labels,
        np.asarray(given_mean, dtype="float32"),
        other_starts,
        other_ends,
        other_labels,
        np.asarray([value for _, value in best], dtype="float32"),
        None if is_spans else sparse,
        max(each.n_left_out for each in rounds),
    )


def _judge_tokens(batch: ScoredBatch) -> _Rows:
    """Tokens with one gold label; those that leave the choice between several are not looked at."""
    rows = np.flatnonzero(batch.learnable & (batch.right.sum(axis=1) == 1))
    marginals = batch.scores.marginals()[rows]
    given = batch.right[rows].argmax(axis=1)
    own = np.arange(rows.shape[0])
    likely = marginals[own, given]
    others = marginals.copy()
    others[own, given] = -1
    other = others.argmax(axis=1)
    sparse = SparseProbabilities.of(marginals)
    n_left_out = int((batch.known & ~batch.learnable).sum())
    return _Rows(
        rows, rows + 1, given, likely, rows, rows + 1, other, np.maximum(others[own, other], 0), sparse, n_left_out
    )


def _judge_spans(pipe: RNNTagger, examples: Sequence[Example], batch: ScoredBatch) -> _Rows:
    """Gold spans, and predicted spans where gold has none. The alternative of a gold span is the likeliest span of the
    decoded path that has a token in common with it, or no span at all if that is likelier."""
    scores = batch.scores
    path = scores.best()
    outside = np.zeros_like(path)
    found = pipe.target.segments(path, pipe.labels)
    assert found is not None
    gold, n_left_out = _gold_spans(pipe, examples, batch)
    gold_path = outside.copy()
    gold_path[rows_of(gold)] = span_tags(*gold)
    likely, out = span_probabilities(scores, gold_path, gold), span_probabilities(scores, outside, gold)
    found_likely = span_probabilities(scores, path, found)
    others = Segments(gold.starts.copy(), gold.ends.copy(), np.full_like(gold.labels, NOTHING))
    firsts = np.searchsorted(found.ends, gold.starts, side="right")
    lasts = np.searchsorted(found.starts, gold.ends, side="left")
    touched = np.zeros(found.starts.shape, dtype=bool)
    for i, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist())):
        touched[first:last] = True
        for j in range(first, last):
            same = all(mine[i] == its[j] for mine, its in zip(gold, found))
            if not same and found_likely[j] > out[i]:
                others.starts[i], others.ends[i], others.labels[i] = (array[j] for array in found)
                out[i] = found_likely[j]
    missing = ~touched & throughout(batch.known, found)
    more = found.select(missing)
    nothing = np.full_like(more.labels, NOTHING)
    return _Rows(
        np.concatenate((gold.starts, more.starts)),
        np.concatenate((gold.ends, more.ends)),
        np.concatenate((gold.labels, nothing)),
        np.concatenate((likely, span_probabilities(scores, outside, more))),
        np.concatenate((others.starts, more.starts)),
        np.concatenate((others.ends, more.ends)),
        np.concatenate((others.labels, more.labels)),
        np.concatenate((out, found_likely[missing])),
        None,
        n_left_out,
    )


def _gold_spans(pipe: RNNTagger, examples: Sequence[Example], batch: ScoredBatch) -> Tuple[Segments, int]:
    """The gold spans of a batch that could be predicted, and the number of those whose labels are unknown."""
    target = pipe.target
    assert isinstance(target, BiluoTarget)
    index = {label: i for i, label in enumerate(pipe.labels)}
    rows, n_unknown, at = [], 0, 0
    for example in examples:
        for span in target.align(example)[0]:
            if batch.known[at + span.start : at + span.end].all():
                if span.label_ in index:
                    rows.append((at + span.start, at + span.end, index[span.label_]))
                else:
                    n_unknown += 1
        at += len(example.predicted)
    return Segments(*np.asarray(sorted(rows), dtype=np.int64).reshape((-1, 3)).T), n_unknown


def _placed(rows: _Rows, lengths: Indices, places: Sequence[Place], labels: List[str], is_spans: bool) -> JudgedGold:
    """Judged gold of a batch, on the tokens of the docs that its sequences are parts of."""
    ends = np.cumsum(lengths)
    seqs = np.searchsorted(ends, rows.starts, side="right")
    docs, offsets = np.asarray(places, dtype=np.int64).reshape((-1, 2)).T
    shift = (offsets - (ends - lengths))[seqs]
    moved = {name: getattr(rows, name) + shift for name in ("starts", "ends", "other_starts", "other_ends")}
    return JudgedGold(is_spans, labels, docs[seqs], **{**rows._asdict(), **moved})


def _select(probabilities: SparseProbabilities, order: Indices) -> SparseProbabilities:
    """The probabilities of some tokens, in an order."""
    firsts = np.cumsum(probabilities.sizes) - probabilities.sizes
    sizes = probabilities.sizes[order]
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    at = np.repeat(firsts[order], sizes) + within
    return SparseProbabilities(sizes, probabilities.labels[at], probabilities.values[at])
