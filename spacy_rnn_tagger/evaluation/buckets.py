"""Scores of parts of the data: words that training saw and did not see, rare and frequent, short and long."""

from collections import Counter
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from spacy.tokens import Doc

from ..pipeline.targets import make_target
from ..pipeline.targets.biluo_target import BiluoTarget
from .judged_task import JudgedTask, prf_of
from .readings import Item

Bounds = Tuple[int, ...]
FREQUENCIES: Bounds = (0, 1, 5, 20, 100)
TOKEN_LENGTHS: Bounds = (2, 4, 6, 9)
SPAN_LENGTHS: Bounds = (1, 2, 3, 4)
SENTENCE_LENGTHS: Bounds = (5, 10, 20, 40)
DOC_LENGTHS: Bounds = (10, 20, 40, 80)


@dataclass(frozen=True)
class Bucket:
    """A part of the gold and predicted items.

    part (str): What it is, such as "seen in training".
    gold (int): Gold items in it.
    predicted (int): Predicted items in it.
    right (int): Items that are both.
    precision (float): Right per predicted; 0 if nothing is predicted.
    recall (float): Right per gold; 0 if there is no gold.
    f (float): Their harmonic mean.
    """

    part: str
    gold: int
    predicted: int
    right: int
    precision: float
    recall: float
    f: float


@dataclass(frozen=True)
class Breakdown:
    """The items of a target parted by one property.

    title (str): The property.
    buckets (List[Bucket]): The parts that are not empty, in order.
    """

    title: str
    buckets: List[Bucket]


@dataclass(frozen=True)
class TrainingTexts:
    """What was there to see in training.

    words (Counter): How often each word occurs.
    spans (Dict[str, Counter]): By target, how often each text is a span.
    """

    words: "Counter[str]"
    spans: Dict[str, "Counter[str]"]


def count_training_texts(docs: Iterable[Doc], targets: Sequence[str]) -> TrainingTexts:
    """Count the words and the spans of training data.

    docs (Iterable[Doc]): The gold docs.
    targets (Sequence[str]): The targets whose spans to count, where they have any with a text that means anything.
    RETURNS (TrainingTexts): The counts.
    """
    words: Counter[str] = Counter()
    spans: Dict[str, Counter[str]] = {target: Counter() for target in targets}
    for doc in docs:
        words.update(token.text for token in doc)
        for target, counter in spans.items():
            reader = make_target(target, doc.vocab)
            if isinstance(reader, BiluoTarget):
                counter.update(span.text for span in reader.spans_in(doc))
    return TrainingTexts(words, spans)


def break_down(task: JudgedTask, training: Optional[TrainingTexts] = None) -> List[Breakdown]:
    """Score parts of a target's items.

    task (JudgedTask): The target on data.
    training (Optional[TrainingTexts]): What training saw; None leaves out what needs it.
    RETURNS (List[Breakdown]): One for each property.
    """
    found = []
    if training is not None and task.target != "sents":
        counter = training.spans[task.target] if task.is_spans else training.words
        what = "the text is a span in training" if task.is_spans else "the word occurs in training"
        found.append(
            _part(
                task, f"whether {what}", lambda text, *_: "unseen" if not counter[text] else "seen", ["seen", "unseen"]
            )
        )
        found.append(_by_size(task, f"how often {what}", lambda text, *_: counter[text], FREQUENCIES))
        if task.is_spans:
            rarest = "occurrences in training of the rarest word of the span"
            words = training.words
            found.append(_by_size(task, rarest, lambda _, doc, i: _rarest(words, doc, i), FREQUENCIES))
    if task.target == "sents":
        found.append(_by_size(task, "tokens of the sentence", _n_tokens, SENTENCE_LENGTHS))
    elif task.is_spans:
        found.append(_by_size(task, "tokens of the span", _n_tokens, SPAN_LENGTHS))
    else:
        found.append(_by_size(task, "characters of the word", lambda text, *_: len(text), TOKEN_LENGTHS))
    found.append(_by_size(task, "tokens of the text around it", lambda _, doc, __: len(doc), DOC_LENGTHS))
    return found


def _n_tokens(_: str, __: Doc, item: Item) -> int:
    return item[1] - item[0]


def _rarest(words: "Counter[str]", doc: Doc, item: Item) -> int:
    return min(words[doc[i].text] for i in range(item[0], item[1]))


def _by_size(task: JudgedTask, title: str, size_of: Callable[[str, Doc, Item], int], bounds: Bounds) -> Breakdown:
    """Part the items by a number, at bounds that belong to the lower part."""
    starts = [0, *(bound + 1 for bound in bounds)]
    names = [str(a) if a == b else f"{a} to {b}" for a, b in zip(starts, bounds)] + [f"{starts[-1]} and more"]
    if bounds[0] > 1:
        names[0] = f"1 to {bounds[0]}"
    elif bounds[0] == 1:
        names[0] = "1"

    def part_of(text: str, doc: Doc, item: Item) -> str:
        size = size_of(text, doc, item)
        return names[sum(size > bound for bound in bounds)]

    return _part(task, title, part_of, names)


def _part(task: JudgedTask, title: str, part_of: Callable[[str, Doc, Item], str], parts: Sequence[str]) -> Breakdown:
    """Count items by what their place says alone, so that a right prediction is in the same part as its gold."""
    counts: Dict[str, List[int]] = {part: [0, 0, 0] for part in parts}
    for reading in task.readings:
        for item in reading.gold | reading.predicted.keys():
            part = part_of(reading.doc[item[0] : item[1]].text, reading.doc, item)
            is_gold, is_predicted = item in reading.gold, item in reading.predicted
            counts[part][0 if is_gold and is_predicted else 1 if is_predicted else 2] += 1
            counts[part][1] += reading.repeated.count(item)
    buckets = []
    for part, (tp, fp, fn) in counts.items():
        if tp + fp + fn:
            score = prf_of((tp, fp, fn))
            row = (tp + fn, tp + fp, tp, score.precision, score.recall, score.fscore)
            buckets.append(Bucket(part, *row))
    return Breakdown(title, buckets)
