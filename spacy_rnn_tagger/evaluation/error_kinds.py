"""Which predicted span is meant for which gold span, and what is wrong with it, as nervaluate counts it.

Definitions: MUC-5 (Chinchor & Sundheim 1993, https://aclanthology.org/M93-1007), SemEval-2013 task 9.1
(https://aclanthology.org/S13-2056) and https://github.com/MantisAI/nervaluate, whose order of matching is kept.
"""

from dataclasses import dataclass
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from .readings import Item

RIGHT, TYPE, BOUNDARY, BOTH, MISSED, SPURIOUS = "right", "type", "boundary", "both", "missed", "spurious"
WRONG = "wrong"
SPAN_KINDS = {
    RIGHT: "the same place and label",
    TYPE: "the same place, another label",
    BOUNDARY: "the same label, a place that overlaps",
    BOTH: "another label, and a place that overlaps",
    MISSED: "gold that nothing predicted overlaps",
    SPURIOUS: "a prediction that overlaps no gold",
}
TOKEN_KINDS = {
    RIGHT: "the label of gold",
    WRONG: "another label",
    MISSED: "no label, or no token that lies on just this one",
    SPURIOUS: "a second label for one gold token",
}
SCHEMES = {
    "strict": "place and label must be right",
    "exact": "the place must be right, whatever the label",
    "partial": "the place counts half if it only overlaps, whatever the label",
    "ent_type": "the label must be right, and the place overlap",
}
LEAST_OVERLAP = 1.0
"""Least share of a gold span, in percent, that a prediction must cover to be meant for it."""


class Pair(NamedTuple):
    """A gold item and the prediction that is meant for it; one of them is None if it has no other.

    kind: One of `SPAN_KINDS` or `TOKEN_KINDS`.
    """

    gold: Optional[Item]
    predicted: Optional[Item]
    kind: str


@dataclass(frozen=True)
class SchemeCounts:
    """What nervaluate counts under one scheme.

    scheme (str): One of `SCHEMES`.
    correct (int): Predictions that are right.
    incorrect (int): Predictions that overlap gold and are wrong.
    partial (int): Predictions that count half.
    missed (int): Gold that no prediction is meant for.
    spurious (int): Predictions that are meant for no gold.
    precision (float): From 0 to 1; 0 if nothing is predicted.
    recall (float): From 0 to 1; 0 if there is no gold.
    f (float): Their harmonic mean.
    """

    scheme: str
    correct: int
    incorrect: int
    partial: int
    missed: int
    spurious: int
    precision: float
    recall: float
    f: float


def pair_spans(gold: Iterable[Item], predicted: Iterable[Item]) -> List[Pair]:
    """Pair the spans of one doc: first those that are right, then as nervaluate's strict scheme does. Where no span
    overlaps another of its side, that is the same; where some do, nervaluate may give the gold of a right prediction to
    another one.

    gold (Iterable[Item]): The gold spans.
    predicted (Iterable[Item]): The predicted spans.
    RETURNS (List[Pair]): All of them, each once.
    """
    golds, found = set(gold), set(predicted)
    right = golds & found
    others, rest = sorted(golds - right), sorted(found - right)
    pairs = [Pair(item, item, RIGHT) for item in sorted(right)]
    matches = _match(others, rest, "strict")
    for item, (i, _) in zip(rest, matches):
        if i is None:
            pairs.append(Pair(None, item, SPURIOUS))
            continue
        same_place, same_label = item[:2] == others[i][:2], item[2] == others[i][2]
        pairs.append(Pair(others[i], item, TYPE if same_place else BOUNDARY if same_label else BOTH))
    taken = {i for i, _ in matches}
    return pairs + [Pair(item, None, MISSED) for i, item in enumerate(others) if i not in taken]


def pair_tokens(gold: Iterable[Item], predicted: Iterable[Item]) -> List[Pair]:
    """Pair the token labels of one doc, by token.

    gold (Iterable[Item]): The gold labels.
    predicted (Iterable[Item]): The predicted labels; an empty one counts as none.
    RETURNS (List[Pair]): All of them, each once, each of a kind of `TOKEN_KINDS`.
    """
    found: Dict[int, List[Item]] = {}
    for item in predicted:
        if item[2]:
            found.setdefault(item[0], []).append(item)
    pairs = []
    for item in sorted(gold):
        # Where several predicted tokens lie on one gold token, the right one goes first.
        own = sorted(found.get(item[0], ()), key=lambda other: other != item)
        first = own[0] if own else None
        pairs.append(Pair(item, first, MISSED if first is None else RIGHT if first == item else WRONG))
        pairs.extend(Pair(None, other, SPURIOUS) for other in own[1:])
    return pairs


def count_schemes(docs: Sequence[Tuple[Iterable[Item], Iterable[Item]]]) -> List[SchemeCounts]:
    """Count the spans of docs under all of nervaluate's schemes.

    docs (Sequence[Tuple[Iterable[Item], Iterable[Item]]]): The gold and the predicted spans of each doc.
    RETURNS (List[SchemeCounts]): The counts of each scheme.
    """
    pairs = [(sorted(gold), sorted(predicted)) for gold, predicted in docs]
    return [_count(scheme, pairs) for scheme in SCHEMES]


def _count(scheme: str, docs: Sequence[Tuple[List[Item], List[Item]]]) -> SchemeCounts:
    correct = imperfect = spurious = missed = 0
    for golds, found in docs:
        matches = _match(golds, found, scheme)
        taken = [i for i, _ in matches if i is not None]
        correct += sum(right for _, right in matches)
        imperfect += sum(not right for i, right in matches if i is not None)
        spurious += len(found) - len(taken)
        missed += len(golds) - len(taken)
    incorrect, partial = (0, imperfect) if scheme == "partial" else (imperfect, 0)
    points = correct + 0.5 * partial
    predicted, possible = correct + imperfect + spurious, correct + imperfect + missed
    precision, recall = (points / n if n else 0.0 for n in (predicted, possible))
    f = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return SchemeCounts(scheme, correct, incorrect, partial, missed, spurious, precision, recall, f)


def _match(golds: Sequence[Item], found: Sequence[Item], scheme: str) -> List[Tuple[Optional[int], bool]]:
    """For each predicted span the index of the gold span that it is meant for, None for none, and whether it is right.
    A gold span is given away once, to the first prediction that asks."""
    matches: List[Tuple[Optional[int], bool]] = []
    taken: Set[Optional[int]] = set()
    for item in found:
        free = [i for i in range(len(golds)) if i not in taken]
        overlapping = [i for i in free if _overlaps(item, golds[i])]
        if scheme == "ent_type":
            same = [i for i in overlapping if golds[i][2] == item[2]]
            same.sort(key=lambda i: abs(golds[i][0] - item[0]) + abs(golds[i][1] - item[1]))
        else:
            labels = scheme != "strict"
            same = [i for i in overlapping if golds[i][:2] == item[:2] and (labels or golds[i][2] == item[2])]
        chosen = next(iter(same or overlapping), None)
        matches.append((chosen, bool(same)))
        taken.add(chosen)
    return matches


def _overlaps(item: Item, gold: Item) -> bool:
    common = min(item[1], gold[1]) - max(item[0], gold[0])
    return common > 0 and 100 * common / (gold[1] - gold[0]) >= LEAST_OVERLAP
