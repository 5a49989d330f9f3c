"""Fit a component's temperature on development data."""

from typing import NamedTuple, Sequence, Tuple

import numpy as np

from ..chain.crf_loss import crf_loss
from ..chain.lattice import Lattice
from ..chain.temperature import calibration_error, fit_temperature, temper
from ..pipeline.confidence import Probabilities, span_probabilities, tag_probabilities
from ..pipeline.rnn_tagger import RNNTagger
from ..pipeline.targets import Path
from .scored_batches import Decisions, ScoredBatch, judge


class Calibration(NamedTuple):
    """What a temperature does.

    temperature: The temperature.
    n_gold: Tokens with gold that has only tags of the component.
    nll: Negative log-likelihood of the gold, in nats per such token; of alternatives, that of any of them.
    n_predictions: Predicted tags or spans that gold can judge.
    accuracy: The share of them that is right.
    ece: Their expected calibration error.
    """

    temperature: float
    n_gold: int
    nll: float
    n_predictions: int
    accuracy: float
    ece: float


def assess(pipe: RNNTagger, batches: Sequence[ScoredBatch]) -> Calibration:
    """How well a component's probabilities fit development data, at its present temperature.

    pipe (RNNTagger): The component.
    batches (Sequence[ScoredBatch]): Its scores of the data.
    RETURNS (Calibration): What was found.
    RAISES (ValueError): If nothing is annotated.
    """
    n_gold = _count_gold(pipe, batches)
    target = pipe.target
    loss = 0.0
    confidences, right = [], []
    for batch in batches:
        path = batch.scores.best()
        decisions = judge(target, pipe.labels, batch, path)
        confidences.append(_confidences(batch, path, decisions, pipe.temperature))
        right.append(decisions.right)
        loss += _loss(batch.scores.lattice(), batch, pipe.temperature)
    are_right = np.concatenate(right)
    accuracy = float(are_right.mean()) if are_right.size else float("nan")
    error = calibration_error(np.concatenate(confidences), are_right)
    return Calibration(pipe.temperature, n_gold, loss / n_gold, are_right.size, accuracy, error)


def calibrate(pipe: RNNTagger, batches: Sequence[ScoredBatch]) -> Tuple[Calibration, Calibration]:
    """Give a component the temperature under which gold tags are likeliest, over the same lattice that it decodes. All scores
    are divided by it, those of transitions too, so no prediction changes.

    pipe (RNNTagger): The component.
    batches (Sequence[ScoredBatch]): Its scores of development data.
    RETURNS (Tuple[Calibration, Calibration]): How it was before, and how it is now.
    RAISES (ValueError): If nothing is annotated.
    """
    before = assess(pipe, batches)
    lattices = [batch.scores.lattice() for batch in batches]
    pipe.temperature = fit_temperature(
        lambda temperature: sum(_loss(lattice, batch, temperature) for lattice, batch in zip(lattices, batches))
    )
    return before, assess(pipe, batches)


def _count_gold(pipe: RNNTagger, batches: Sequence[ScoredBatch]) -> int:
    n_gold = sum(int(batch.learnable.sum()) for batch in batches)
    if not n_gold:
        raise ValueError(
            f"component {pipe.name!r}: the development data have no annotation for its target {pipe.target.name!r} with labels that "
            "it knows, so there is nothing to calibrate on."
        )
    return n_gold


def _loss(lattice: Lattice, batch: ScoredBatch, temperature: float) -> float:
    return crf_loss(temper(lattice, temperature), batch.gold).loss


def _confidences(batch: ScoredBatch, path: Path, decisions: Decisions, temperature: float) -> Probabilities:
    """(n,) the probability of each decision."""
    scores = batch.scores._replace(temperature=temperature)
    if decisions.spans is None:
        return tag_probabilities(scores, path)[decisions.rows]
    return span_probabilities(scores, path, decisions.spans)
