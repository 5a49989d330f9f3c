"""One target of a pipeline on data: what is right, what is wrong, and how sure the pipeline was."""

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.scorer import PRFScore
from spacy.training import Example

from ..pipeline.targets import extension, spans
from ..pipeline.targets.alignment import same_tokens
from .error_kinds import SPURIOUS, Pair, pair_spans, pair_tokens
from .item_probabilities import ItemProbabilities
from .readings import Item, Reading, are_spans, read


@dataclass(frozen=True)
class JudgedPair:
    """A gold item and the prediction that is meant for it, in one doc.

    doc (int): Which example.
    pair (Pair): Both, and what is wrong.
    confidence (Optional[float]): How likely the component found its prediction; None if it does not say.
    gold_probability (Optional[float]): How likely the component found what gold has.
    """

    doc: int
    pair: Pair
    confidence: Optional[float]
    gold_probability: Optional[float]


class JudgedTask:
    """One target of a pipeline on data.

    target (str): Its name.
    examples (Sequence[Example]): The data, annotated by the pipeline.
    probabilities (Optional[Sequence[ItemProbabilities]]): How likely a component finds items of each predicted doc;
        None if none says so.
    """

    def __init__(
        self, target: str, examples: Sequence[Example], probabilities: Optional[Sequence[ItemProbabilities]] = None
    ) -> None:
        self.target = target
        self.is_spans = are_spans(target)
        self.readings: List[Reading] = [read(eg, target) for eg in examples]
        self._probabilities = probabilities
        pair = pair_spans if self.is_spans else pair_tokens
        self.pairs: List[JudgedPair] = []
        self.confidences: List[Dict[Item, Optional[float]]] = []
        for i, (eg, reading) in enumerate(zip(examples, self.readings)):
            known: ItemProbabilities = probabilities[i] if probabilities is not None else {}
            confidences = {item: known.get((*place, item[2])) for item, place in reading.predicted.items()}
            self.confidences.append(confidences)
            places = None if same_tokens(eg) or reading.doc is eg.predicted else eg.alignment.y2x
            for each in pair(reading.gold, reading.predicted):
                confidence = None if each.predicted is None else confidences.get(each.predicted)
                gold_probability = None if each.gold is None else known.get(_place(each.gold, places))
                self.pairs.append(JudgedPair(i, each, confidence, gold_probability))
            for item in reading.repeated:
                self.pairs.append(JudgedPair(i, Pair(None, item, SPURIOUS), None, None))

    @property
    def has_confidence(self) -> bool:
        """RETURNS (bool): Whether a component says how likely it finds what it predicts."""
        return any(value is not None for doc in self.confidences for value in doc.values())

    @property
    def labels(self) -> List[str]:
        """RETURNS (List[str]): All labels of gold and predictions, sorted; the empty one for tokens left without."""
        return sorted({item[2] for reading in self.readings for item in (*reading.gold, *reading.predicted)})

    def counts(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """RETURNS (array): (n_docs, n_labels, 3) true positives, false positives and false negatives, as spaCy's scorer
        counts them. labels (Sequence[str]): The labels."""
        index = {label: i for i, label in enumerate(labels)}
        counts = np.zeros((len(self.readings), len(labels), 3), dtype=np.int64)
        for rows, reading in zip(counts, self.readings):
            for item in reading.predicted:
                rows[index[item[2]], 0 if item in reading.gold else 1] += 1
            for item in reading.repeated:
                rows[index[item[2]], 1] += 1
            for item in reading.gold - reading.predicted.keys():
                rows[index[item[2]], 2] += 1
        return counts

    def scores(self) -> Dict[str, float]:
        """RETURNS (Dict[str, float]): The scores that `nlp.evaluate` gives for the target, by its keys, computed in the
        same way; empty if the data say nothing about it."""
        total = prf_of(self.counts(self.labels).sum(axis=(0, 1)))
        if not len(total):
            return {}
        if self.target.startswith(extension.PREFIX):
            return {f"{self.target[len(extension.PREFIX) :]}_acc": total.tp / (total.tp + total.fn)}
        if not self.is_spans:
            return {f"{self.target}_acc": total.fscore}
        prefix = "spans_" + self.target[len(spans.PREFIX) :] if self.target.startswith(spans.PREFIX) else self.target
        return {f"{prefix}_f": total.fscore, f"{prefix}_p": total.precision, f"{prefix}_r": total.recall}


def prf_of(counts: Any) -> PRFScore:
    """RETURNS (PRFScore): spaCy's own score of counts. counts (array): (3,) true positives, false positives, false
    negatives."""
    tp, fp, fn = map(int, counts)
    return PRFScore(tp=tp, fp=fp, fn=fn)


def _place(item: Item, places: Any) -> Item:
    """A gold item on the tokens of the predicted doc."""
    start, end, label = item
    if places is None:
        return item
    indices = places[start:end]
    if not len(indices):
        return (-1, -1, label)
    found: Tuple[int, int, str] = (int(indices[0]), int(indices[-1]) + 1, label)
    return found
