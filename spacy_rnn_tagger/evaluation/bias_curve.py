"""Precision and recall of a component on development data, as a function of label biases."""

from dataclasses import dataclass
from typing import Any, Dict, Iterator, Sequence

import numpy as np

from ..pipeline.confidence import decode_confident
from ..pipeline.rnn_tagger import RNNTagger
from ..pipeline.settings import bias_of_tags
from .scored_batches import ScoredBatch, count_gold, judge


@dataclass(frozen=True)
class Point:
    """What a bias does. Precision, recall and their harmonic mean are over the biased labels; NaN where undefined.

    bias (float): In nats.
    predicted (int): How many tokens or spans have one of the labels.
    precision (float): The share of them that gold has too.
    recall (float): The share of those in the gold that are predicted.
    f (float): The harmonic mean of precision and recall.
    """

    bias: float
    predicted: int
    precision: float
    recall: float
    f: float


def bias_curve(
    pipe: RNNTagger, batches: Sequence[ScoredBatch], labels: Sequence[str], biases: Sequence[float]
) -> Iterator[Point]:
    """Decode development data with one bias after another. The component's other biases and its threshold stay as they
    are.

    pipe (RNNTagger): The component; not changed.
    batches (Sequence[ScoredBatch]): Its scores of development data.
    labels (Sequence[str]): The labels to give the bias.
    biases (Sequence[float]): The biases.
    YIELDS (Point): What each does.
    """
    target = pipe.target
    columns = [pipe.labels.index(label) for label in labels]
    for bias in biases:
        # The scores have the component's own biases already.
        more: Dict[str, Any] = {label: bias - pipe.label_bias.get(label, 0.0) for label in labels}
        change = bias_of_tags(target, pipe.tags, more)
        predicted = right = n_gold = 0
        for batch in batches:
            scores = batch.scores._replace(emissions=batch.scores.emissions + change)
            path = decode_confident(target, scores, pipe.labels, threshold=pipe.threshold).path
            n_gold += count_gold(target, pipe.tags, batch, labels, path)
            decisions = judge(target, pipe.labels, batch, path)
            ours = np.isin(decisions.labels, columns)
            predicted += int(ours.sum())
            right += int(decisions.right[ours].sum())
        yield _point(bias, predicted, right, n_gold)


def best_point(points: Sequence[Point]) -> Point:
    """RETURNS (Point): The point with the best F, of several the one with the smallest bias. points (Sequence[Point]):
    A curve."""
    return max(points, key=lambda point: (float(np.nan_to_num(point.f)), -abs(point.bias)))


def _point(bias: float, predicted: int, right: int, n_gold: int) -> Point:
    def share(part: float, whole: float) -> float:
        return part / whole if whole else float("nan")

    return Point(bias, predicted, share(right, predicted), share(right, n_gold), share(2 * right, predicted + n_gold))
