"""Doubtful gold labels, ranked: those that models which were trained on other docs find least likely."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span

from ..errors import unknown_name
from .confident_learning import ConfidentJoint, confident_joint
from .judged_gold import NOTHING, JudgedGold

LABEL, TYPE, BOUNDARY, MISSING, SPURIOUS = KINDS = ("label", "type", "boundary", "missing", "spurious")
"""What seems to be wrong: a token's label; a span's label, ends, both (`BOUNDARY`), its absence, its presence."""
CONTEXT = 25
"""Tokens on either side of a doubt that are shown of a doc without sentences."""
SURE = 0.5
"""A span, or that there is none, is likelier than not above this."""
SMALLEST = 1e-30


@dataclass(frozen=True)
class Doubt:
    """A gold label, or a place without one, that may be wrong.

    target (str): The target, such as "ents".
    doc (int): Index of the doc.
    start (int): Its first token.
    end (int): The token after its last.
    text (str): Its text.
    kind (str): What seems to be wrong: "label", "type", "boundary", "missing" or "spurious".
    given (str): The gold label; empty if gold has no span there.
    given_probability (float): How likely the label is there; of no span, that none of the tokens is in any.
    other (str): The model's alternative; empty for no span.
    other_start (int): First token of the alternative.
    other_end (int): The token after its last.
    other_text (str): Its text.
    other_probability (float): How likely it is.
    confident (bool): Whether the model is confident of the alternative: it is as likely as the label is on average
        where it is given (Northcutt et al. 2021); of spans, more likely than not.
    before (str): The text before it, within the sentence.
    after (str): The text after it, within the sentence.
    """

    target: str
    doc: int
    start: int
    end: int
    text: str
    kind: str
    given: str
    given_probability: float
    other: str
    other_start: int
    other_end: int
    other_text: str
    other_probability: float
    confident: bool
    before: str
    after: str


@dataclass(frozen=True)
class TargetDoubts:
    """The doubtful labels of one target.

    target (str): The target.
    n_judged (int): Gold labels that were judged; of spans, also places where only the model has one.
    n_left_out (int): Gold labels that only occur in docs of one fold, so that no model could judge them.
    n_disagreements (int): How many of those judged the model finds less likely than something else.
    n_confident (int): For how many of these the model is confident of the alternative.
    n_errors (Optional[float]): The number of wrong labels that confident learning estimates; None for spans.
    doubts (List[Doubt]): The most doubtful ones, the most doubtful first.
    """

    target: str
    n_judged: int
    n_left_out: int
    n_disagreements: int
    n_confident: int
    n_errors: Optional[float]
    doubts: List[Doubt]


def _logs(judged: JudgedGold) -> Tuple[NDArray[np.float64], NDArray[np.float64]]:
    given, other = judged.given_probability.astype("float64"), judged.other_probability.astype("float64")
    return np.log(np.maximum(given, SMALLEST)), np.log(np.maximum(other, SMALLEST))


def _self_confidence(judged: JudgedGold) -> NDArray[np.float64]:
    """A long span is never as likely as a short one, so that its tokens share its logarithm."""
    return np.asarray(_logs(judged)[0] / (judged.ends - judged.starts))


def _margin(judged: JudgedGold) -> NDArray[np.float64]:
    return judged.given_probability.astype("float64") - judged.other_probability


def _ratio(judged: JudgedGold) -> NDArray[np.float64]:
    given, other = _logs(judged)
    return given - other


def _turns(judged: JudgedGold) -> NDArray[np.float64]:
    """The rank by self-confidence among the doubts of the same kind. How unlikely a span is and how unlikely it is that
    there is none cannot be compared, so that the kinds take turns."""
    order, kinds = np.argsort(_self_confidence(judged), kind="stable"), _kinds(judged)
    order = order[(judged.other_probability > judged.given_probability)[order]]
    places = np.full(kinds.shape, np.inf)
    for kind in range(len(KINDS)):
        own = kinds[order] == kind
        # In the same turn, the kinds come by self-confidence too.
        places[order[own]] = np.arange(own.sum()) + np.flatnonzero(own) / order.size
    return places


RANKINGS: Dict[str, Callable[[JudgedGold], NDArray[np.float64]]] = {
    "turns": _turns,
    "self-confidence": _self_confidence,
    "margin": _margin,
    "ratio": _ratio,
}
"""What doubts are ranked by, the lowest first: "self-confidence" is the probability of the gold label, of a span the
geometric mean over its tokens; "turns" ranks by it among doubts of the same kind, and the kinds take turns; "margin" is
the probability less the alternative's, the normalised margin of confident learning; "ratio" the quotient of the two."""
RANKING = "turns"


def find_in_judged(
    docs: Sequence[Doc], target: str, judged: JudgedGold, *, n: int = 0, ranking: str = RANKING
) -> TargetDoubts:
    """Rank the gold labels of one target.

    docs (Sequence[Doc]): The gold docs.
    target (str): The target.
    judged (JudgedGold): What models think of its labels.
    n (int): How many doubts to give; 0 for all.
    ranking (str): One of `RANKINGS`.
    RETURNS (TargetDoubts): The doubts.
    RAISES (ValueError): If there is no such ranking.
    """
    order = rank(judged, ranking)
    joint = _joint_of(judged)
    confident = _is_confident(judged, joint)
    chosen = order[:n] if n else order
    return TargetDoubts(
        target,
        judged.docs.shape[0],
        judged.n_left_out,
        order.shape[0],
        int(confident[order].sum()),
        None if joint is None else joint.n_errors,
        [_doubt(docs[judged.docs[i]], target, judged, i, bool(confident[i])) for i in chosen.tolist()],
    )


def rank(judged: JudgedGold, ranking: str = RANKING) -> NDArray[np.int64]:
    """The gold labels that models find less likely than something else, the most doubtful first.

    judged (JudgedGold): What models think of the labels.
    ranking (str): One of `RANKINGS`.
    RETURNS (array): (n_disagreements,) indices.
    RAISES (ValueError): If there is no such ranking.
    """
    if ranking not in RANKINGS:
        raise unknown_name("doubts", "ranking", ranking, RANKINGS)
    disagree = np.flatnonzero(judged.other_probability > judged.given_probability)
    order: NDArray[np.int64] = disagree[np.argsort(RANKINGS[ranking](judged)[disagree], kind="stable")]
    return order


def sentence_around(doc: Doc, start: int, end: int) -> Span:
    """The sentences that some tokens lie in, or the tokens around them if the doc has no sentences.

    doc (Doc): The doc.
    start (int): The first token.
    end (int): The token after the last.
    RETURNS (Span): Part of the doc.
    """
    if doc.has_annotation("SENT_START"):
        return doc[doc[start].sent.start : doc[end - 1].sent.end]
    return doc[max(0, start - CONTEXT) : end + CONTEXT]


def _joint_of(judged: JudgedGold) -> Optional[ConfidentJoint]:
    if judged.probabilities is None:
        return None
    return confident_joint(judged.given, judged.given_probability, judged.probabilities, len(judged.labels))


def _is_confident(judged: JudgedGold, joint: Optional[ConfidentJoint]) -> NDArray[np.bool_]:
    """(n,) whether a model is confident of something else than the gold label."""
    if joint is None:
        return np.asarray(judged.other_probability > SURE)
    return np.asarray((joint.confident != NOTHING) & (joint.confident != judged.given))


def _doubt(doc: Doc, target: str, judged: JudgedGold, i: int, confident: bool) -> Doubt:
    names = [*judged.labels, ""]
    kind = KINDS[_kinds(judged)[i]]
    start, end = int(judged.starts[i]), int(judged.ends[i])
    other_start, other_end = int(judged.other_starts[i]), int(judged.other_ends[i])
    given, other = names[judged.given[i]], names[judged.other[i]]
    around = sentence_around(doc, min(start, other_start), max(end, other_end))
    found: Dict[str, Any] = {
        "kind": kind,
        "given_probability": float(judged.given_probability[i]),
        "other_probability": float(judged.other_probability[i]),
        "before": doc[around.start : start].text_with_ws,
        "after": doc[end - 1].whitespace_ + doc[end : around.end].text,
    }
    return Doubt(
        target=target,
        doc=int(judged.docs[i]),
        start=start,
        end=end,
        text=doc[start:end].text,
        given=given,
        other=other,
        other_start=other_start,
        other_end=other_end,
        other_text=doc[other_start:other_end].text,
        confident=confident,
        **found,
    )


def _kinds(judged: JudgedGold) -> NDArray[np.int64]:
    """(n,) what seems to be wrong with each, as an index of `KINDS`."""
    if not judged.is_spans:
        return np.full(judged.given.shape, KINDS.index(LABEL))
    same = (judged.starts == judged.other_starts) & (judged.ends == judged.other_ends)
    found = np.where(same, KINDS.index(TYPE), KINDS.index(BOUNDARY))
    found = np.where(judged.other == NOTHING, KINDS.index(SPURIOUS), found)
    return np.where(judged.given == NOTHING, KINDS.index(MISSING), found)
