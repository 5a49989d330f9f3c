"""Two pipelines on the same data: which is better, how sure that is, and where one is right and the other wrong."""

from typing import Dict, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from .bootstrap import difference, f_score, interval, precision, recall, resample
from .contexts import context_of, place_in
from .error_kinds import RIGHT, SPURIOUS
from .judged_task import JudgedPair, JudgedTask, prf_of
from .readings import Item
from .report_numbers import Disagreement, LabelPair, PipelineComparison, ScorePair, TaskComparison

FIRST, SECOND = "first", "second"


def compare_pipelines(
    name: str,
    first: Dict[str, JudgedTask],
    second: Dict[str, JudgedTask],
    *,
    max_disagreements: int,
    n_samples: int,
    seed: int,
) -> PipelineComparison:
    """Compare two pipelines target by target.

    name (str): What the second is called.
    first (Dict[str, JudgedTask]): The targets of the first on data.
    second (Dict[str, JudgedTask]): The targets of the second on the same data.
    max_disagreements (int): How many disagreements to keep for each target.
    n_samples (int): How many times to resample the docs.
    seed (int): Seed of the resampling.
    RETURNS (PipelineComparison): What was found.
    RAISES (ValueError): If they have no target in common.
    """
    common = [target for target in first if target in second and _same_docs(first[target], second[target])]
    if not common:
        raise ValueError(
            f"The pipelines have nothing to compare on these data: the first predicts {', '.join(map(repr, first))}, "
            f"{name!r} predicts {', '.join(map(repr, second))}."
        )
    tasks = [
        compare_tasks(first[each], second[each], max_disagreements=max_disagreements, n_samples=n_samples, seed=seed)
        for each in common
    ]
    return PipelineComparison(name, tasks, sorted({*first, *second} - set(common)))


def compare_tasks(
    first: JudgedTask, second: JudgedTask, *, max_disagreements: int, n_samples: int, seed: int
) -> TaskComparison:
    """Compare two pipelines on one target.

    first (JudgedTask): The target of the first on data.
    second (JudgedTask): The target of the second on the same data.
    max_disagreements (int): How many disagreements to keep.
    n_samples (int): How many times to resample the docs.
    seed (int): Seed of the resampling.
    RETURNS (TaskComparison): What was found.
    """
    labels = sorted({*first.labels, *second.labels})
    # The same docs are drawn for both, which is what makes the bootstrap paired.
    counts = [task.counts(labels) for task in (first, second)]
    samples = [resample(each, n_samples, seed) for each in counts]
    scores = {}
    for key, value in first.scores().items():
        other = second.scores()[key]
        measure = {"p": precision, "r": recall}.get(key.rpartition("_")[2], f_score)
        one, two = (measure(each.sum(axis=1)) for each in samples)
        scores[key] = ScorePair(interval(value, one), interval(other, two), difference(value, other, one, two))
    n_both = n_first = n_second = n_neither = 0
    for reading, other_reading in zip(first.readings, second.readings):
        n_both += len(reading.right & other_reading.right)
        n_first += len(reading.right - other_reading.right)
        n_second += len(other_reading.right - reading.right)
        n_neither += len(reading.gold - reading.right - other_reading.right)
    found = _disagreements(first, second)
    return TaskComparison(
        target=first.target,
        scores=scores,
        labels=_compare_labels(labels, counts, samples),
        both=n_both,
        only_first=n_first,
        only_second=n_second,
        neither=n_neither,
        n_disagreements=len(found),
        disagreements=found[:max_disagreements],
    )


def _same_docs(first: JudgedTask, second: JudgedTask) -> bool:
    """Whether the items count the same tokens, which those of custom attributes do not if the tokenizers differ."""
    return all(len(one.doc) == len(two.doc) for one, two in zip(first.readings, second.readings, strict=True))


def _compare_labels(
    labels: List[str], counts: List[NDArray[np.int64]], samples: List[NDArray[np.float64]]
) -> List[LabelPair]:
    rows = []
    for i, label in enumerate(labels):
        totals = [each[:, i].sum(axis=0) for each in counts]
        f = [prf_of(total).fscore for total in totals]
        one, two = (np.nan_to_num(f_score(each[:, i])) for each in samples)
        if label:
            gold = int(totals[0][0] + totals[0][2])
            rows.append(LabelPair(label, gold, f[0], f[1], difference(f[0], f[1], one, two)))
    return sorted(rows, key=lambda row: (-row.gold, row.label))


Wrong = Tuple[str, int, Optional[Item], Optional[JudgedPair], Optional[JudgedPair]]


def _disagreements(first: JudgedTask, second: JudgedTask) -> List[Disagreement]:
    """Gold that just one has right, and predictions over no gold that just one makes."""
    found: List[Wrong] = []
    by_gold = [_by_gold(task) for task in (first, second)]
    for place, one in by_gold[0].items():
        two = by_gold[1][place]
        if (one.pair.kind == RIGHT) != (two.pair.kind == RIGHT):
            found.append((FIRST if one.pair.kind == RIGHT else SECOND, *place, one, two))
    for task, other, better in ((first, second, SECOND), (second, first, FIRST)):
        for each in task.pairs:
            item = each.pair.predicted
            if each.pair.kind == SPURIOUS and item is not None and not _touches(item, other, each.doc):
                found.append((better, each.doc, None, *((None, each) if better == FIRST else (each, None))))
    found.sort(key=_surest_wrong)
    return [_show(first, *each) for each in found]


def _by_gold(task: JudgedTask) -> Dict[Tuple[int, Item], JudgedPair]:
    return {(each.doc, each.pair.gold): each for each in task.pairs if each.pair.gold is not None}


def _touches(item: Item, task: JudgedTask, doc: int) -> bool:
    return any(start < item[1] and end > item[0] for start, end, _ in task.readings[doc].predicted)


def _surest_wrong(found: Wrong) -> float:
    better, _, _, first, second = found
    wrong = second if better == FIRST else first
    return -wrong.confidence if wrong is not None and wrong.confidence is not None else 0.0


def _show(
    task: JudgedTask,
    better: str,
    doc: int,
    gold: Optional[Item],
    first: Optional[JudgedPair],
    second: Optional[JudgedPair],
) -> Disagreement:
    ours, theirs = (None if each is None else each.pair.predicted for each in (first, second))
    context = context_of(task, doc, gold, ours, theirs)
    return Disagreement(
        better=better,
        gold=place_in(context, gold),
        first=place_in(context, ours),
        second=place_in(context, theirs),
        first_confidence=None if first is None else first.confidence,
        second_confidence=None if second is None else second.confidence,
        context=context,
    )
