"""Fit a component's temperature on development data."""

from typing import NamedTuple, Sequence, Tuple

import numpy as np

from ..engines.calibration import calibration_error, fit_temperature
from ..engines.crf_loss import MISSING, crf_loss
from ..engines.lattice import Lattice, temper
from .confidence import Probabilities, span_probabilities, tag_probabilities
from .development import Decisions, ScoredBatch, judge
from .rnn_tagger import RNNTagger
from .targets import Path, make_target


class Calibration(NamedTuple):
    """What a temperature does.

    temperature: The temperature.
    n_gold: Tokens with a gold tag that the component knows.
    nll: Negative log-likelihood of the gold, in nats per such token.
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


def calibrate(pipe: RNNTagger, batches: Sequence[ScoredBatch]) -> Tuple[Calibration, Calibration]:
    """Give a component the temperature under which gold tags are likeliest, over the same lattice that it decodes. All scores
    are divided by it, those of transitions too, so no prediction changes.

    pipe (RNNTagger): The component.
    batches (Sequence[ScoredBatch]): Its scores of development data.
    RETURNS (Tuple[Calibration, Calibration]): How it was before, and how it is now.
    RAISES (ValueError): If nothing is annotated.
    """
    lattices = [batch.scores.lattice() for batch in batches]
    n_gold = sum(int((batch.gold >= 0).sum()) for batch in batches)
    if not n_gold:
        raise ValueError(
            f"component {pipe.name!r}: the development data have no annotation for its target {pipe.target!r} with labels that "
            "it knows, so there is nothing to calibrate on."
        )
    paths = [batch.scores.best() for batch in batches]
    judged = [judge(make_target(pipe.target, pipe.vocab), pipe.labels, *pair) for pair in zip(batches, paths)]

    def nll(temperature: float) -> float:
        return sum(_loss(lattice, batch, temperature) for lattice, batch in zip(lattices, batches)) / n_gold

    def report(temperature: float) -> Calibration:
        confidences = np.concatenate([_confidences(*each, temperature) for each in zip(batches, paths, judged)])
        right = np.concatenate([decisions.right for decisions in judged])
        accuracy = float(right.mean()) if right.size else float("nan")
        return Calibration(
            temperature, n_gold, nll(temperature), right.size, accuracy, calibration_error(confidences, right)
        )

    before = report(pipe.temperature)
    pipe.temperature = fit_temperature(nll)
    return before, report(pipe.temperature)


def _loss(lattice: Lattice, batch: ScoredBatch, temperature: float) -> float:
    return crf_loss(temper(lattice, temperature), np.maximum(batch.gold, MISSING)).loss


def _confidences(batch: ScoredBatch, path: Path, decisions: Decisions, temperature: float) -> Probabilities:
    """(n,) the probability of each decision."""
    scores = batch.scores._replace(temperature=temperature)
    if decisions.spans is None:
        return tag_probabilities(scores, path)[decisions.rows]
    return span_probabilities(scores, path, decisions.spans)
