"""The loss of a batch in which teachers have answered about some docs: gold and teacher in the shares that each doc
asks for."""

from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.training import Example

from ..chain.gold_tags import MISSING, Gold
from ..chain.loss_result import PathLoss
from ..chain.path_loss import path_loss
from ..chain.soft_loss import SoftGold, soft_loss
from .gold import WrongSpans
from .targets import Target
from .teacher_answers import Answers, Mixture, aligned_answers, mixture_of


def read_answers(examples: Sequence[Example], target: Target, tags: Sequence[str]) -> List[Optional[Answers]]:
    """RETURNS (List[Optional[array]]): The teacher's answers about each example, (n_tokens, n_tags) of the predicted
    doc; None where no teacher was asked. examples (Sequence[Example]): The batch. target (Target): What the answers are
    about. tags (Sequence[str]): The tags, in column order."""
    return [aligned_answers(example, target.name, tags) if example.y.user_data else None for example in examples]


def mixed_loss(
    emissions: NDArray[np.floating],
    gold: Gold,
    answers: Sequence[Optional[Answers]],
    examples: Sequence[Example],
    *,
    weights: Optional[NDArray[np.floating]],
    excluded: Optional[WrongSpans],
    rules: Dict[str, Any],
) -> PathLoss:
    """`a T^2 KL + (1 - a) NLL` of docs with answers (see `Mixture`), NLL of all others.

    emissions (array): (n_tokens, n_tags) scores of the concatenated docs.
    gold (array): Gold tags or sets of them, as `path_loss` takes them.
    answers (Sequence[Optional[array]]): The answers about each doc.
    examples (Sequence[Example]): The batch.
    weights (Optional[array]): (n_tags,) what a token with this gold tag counts in NLL.
    excluded (Optional[WrongSpans]): Incorrect spans.
    rules (Dict[str, Any]): Transition scores, constraints and what is permitted, as `path_loss` takes them.
    RETURNS (PathLoss): The loss and its gradient.
    """
    lengths = np.asarray([len(example.x) for example in examples], dtype=np.int64)
    kinds = [None if found is None else mixture_of(example.y) for found, example in zip(answers, examples)]
    total: Optional[PathLoss] = None
    for kind in dict.fromkeys(kinds):
        of_kind = np.asarray([each == kind for each in kinds])
        rows = np.flatnonzero(np.repeat(of_kind, lengths))
        part = _Part(emissions[rows], gold[rows], lengths[of_kind], _select_rules(rules, rows))
        part_gold, loss = part.gold, None
        if kind is not None:
            soft = np.concatenate([found for found, own in zip(answers, of_kind) if own and found is not None])
            part_gold, loss = _teach(part, soft, kind)
        if kind is None or kind.weight < 1:
            spans = None if excluded is None else _select_spans(excluded, of_kind)
            hard = path_loss(part.emissions, part.lengths, part_gold, weights=weights, excluded=spans, **part.rules)
            hard = hard if kind is None else _times(hard, 1 - kind.weight)
            loss = hard if loss is None else loss.plus(hard)
        assert loss is not None
        spread = np.zeros_like(emissions)
        spread[rows] = loss.emissions
        loss = loss._replace(emissions=spread)
        total = loss if total is None else total.plus(loss)
    assert total is not None
    return total


class _Part:
    """Some docs of a batch: their scores, gold tags, lengths and rules."""

    def __init__(self, emissions: Any, gold: Gold, lengths: NDArray[np.int64], rules: Dict[str, Any]) -> None:
        self.emissions, self.gold, self.lengths, self.rules = emissions, gold, lengths, rules


def _teach(part: _Part, soft: Answers, kind: Mixture) -> "tuple[Gold, PathLoss]":
    """The gold tags without tokens of which the teacher is not sure enough, and what the answers add to the loss."""
    unsure = soft.any(axis=1) & (soft.max(axis=1) < kind.min_confidence)
    gold = part.gold
    if unsure.any():
        soft = np.where(unsure[:, None], 0, soft)
        gold = gold.copy()
        gold[unsure] = True if gold.ndim == 2 else MISSING
    rules = part.rules
    if rules.get("transitions") is None:
        rules = {}
    result = soft_loss(part.emissions, part.lengths, SoftGold(soft, kind.temperature), **rules)
    return gold, _times(result, kind.weight)


def _times(loss: PathLoss, factor: float) -> PathLoss:
    rest = (None if each is None else each * factor for each in (loss.transitions, loss.start, loss.end))
    return PathLoss(loss.loss * factor, loss.emissions * factor, *rest)


def _select_rules(rules: Dict[str, Any], rows: NDArray[np.int64]) -> Dict[str, Any]:
    allowed = rules.get("allowed")
    return {**rules, "allowed": None if allowed is None else allowed[rows]}


def _select_spans(spans: WrongSpans, keep: NDArray[np.bool_]) -> Optional[WrongSpans]:
    """The incorrect spans of some docs, which are numbered anew."""
    own = keep[spans.seqs]
    if not own.any():
        return None
    sizes = spans.ends - spans.starts
    numbers = np.cumsum(keep) - 1
    return WrongSpans(numbers[spans.seqs[own]], spans.starts[own], spans.ends[own], spans.tags[np.repeat(own, sizes)])
