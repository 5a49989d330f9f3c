"""The answers of several teachers about the same tokens, as one."""

from typing import Dict, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
ROUNDS = 50
"""The most rounds of estimating reliabilities; they settle in a few."""
PRIOR = 1.0
"""Times that each kind of agreement counts as seen before anything is seen."""


def average(answers: Sequence[Rows]) -> Rows:
    """The mean of the probabilities of those teachers that have an answer.

    answers (Sequence[array]): (n_tokens, n_tags) of each teacher; zero rows where it has no answer.
    RETURNS (array): (n_tokens, n_tags) probabilities; zero rows where none has an answer.
    """
    return _normalized(np.sum(answers, axis=0))


def vote(answers: Sequence[Rows]) -> Rows:
    """The share of the teachers that find each tag the likeliest. Of tags with equally many votes, all share.

    answers (Sequence[array]): As in `average`.
    RETURNS (array): (n_tokens, n_tags); zero rows where none has an answer.
    """
    votes = np.sum([_likeliest(each) for each in answers], axis=0)
    return _normalized(np.where(votes == votes.max(axis=1, keepdims=True), votes, 0))


def agree(answers: Sequence[Rows]) -> Rows:
    """How likely each tag is, if each teacher is right as often as the others' agreement with it shows: the model of
    Dawid & Skene (1979, https://doi.org/10.2307/2346806), with one number for each teacher and label that it gives, the
    probability that it is right where it says so. What it says instead is spread as the tags are at large. Estimated by
    expectation-maximization from the votes alone; no gold is needed.

    answers (Sequence[array]): As in `average`; a rule that has nothing to say about a token has a zero row.
    RETURNS (array): (n_tokens, n_tags); zero rows where none has an answer.
    """
    votes = [_likeliest(each) for each in answers]
    given = [each.any(axis=1) for each in votes]
    said = [each.argmax(axis=1) for each in votes]
    truth = _normalized(np.sum(votes, axis=0).astype("float64"))
    n_tags = truth.shape[1]
    anywhere = np.asarray(truth.any(axis=1))
    for _ in range(ROUNDS):
        share = (truth.sum(axis=0) + PRIOR / n_tags) / (truth.sum() + PRIOR)
        logs = np.zeros_like(truth)
        for rows, tags in zip(given, said):
            right, total = np.full(n_tags, PRIOR), np.full(n_tags, 1.5 * PRIOR)
            here = np.flatnonzero(rows)
            np.add.at(right, tags[here], truth[here, tags[here]])
            np.add.at(total, tags[here], 1.0)
            precision = right / total
            # Given what the teacher says, the truth is that with its precision, else another tag as common as it is.
            others = share[None, :] / np.maximum(1 - share, 1e-9)[:, None]
            table = (1 - precision)[:, None] * others
            np.fill_diagonal(table, precision)
            logs[here] += np.log(np.maximum(table[tags[here]], 1e-12)) - np.log(share)
        logs += np.log(share)
        found = np.where(anywhere[:, None], np.exp(logs - logs.max(axis=1, keepdims=True)), 0)
        found = _normalized(found)
        change = float(np.abs(found - truth).max()) if found.size else 0.0
        truth = found
        if change < 1e-4:
            break
    return truth.astype("float32")


COMBINE = {"average": average, "vote": vote, "agreement": agree}


def common_tags(of_teachers: Sequence[Sequence[str]]) -> Tuple[List[str], Dict[str, int]]:
    """RETURNS (Tuple[List[str], Dict[str, int]]): All tags of some teachers, in the order in which they come, and the
    column of each. of_teachers (Sequence[Sequence[str]]): The tags of each."""
    tags = list(dict.fromkeys(tag for tags in of_teachers for tag in tags))
    return tags, {tag: i for i, tag in enumerate(tags)}


def _likeliest(rows: Rows) -> Rows:
    votes = np.zeros_like(rows)
    given = np.flatnonzero(rows.any(axis=1))
    votes[given, rows[given].argmax(axis=1)] = 1
    return votes


def _normalized(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    totals = rows.sum(axis=1, keepdims=True)
    return np.divide(rows, totals, out=np.zeros_like(rows), where=totals > 0)
