"""Fit a component's temperature on development data, and judge it on parts of them that it was not fitted on."""

from dataclasses import dataclass
from itertools import chain
from typing import Callable, Iterable, List, Optional, Sequence, Tuple

import numpy as np
from spacy.language import Language
from spacy.training import Example

from ..chain.crf_loss import crf_loss
from ..chain.lattice import Lattice
from ..chain.temperature import COLDEST, HOTTEST, fit_temperature, temper
from ..pipeline.confidence import Probabilities, span_probabilities, tag_probabilities
from ..pipeline.rnn_tagger import RNNTagger
from ..pipeline.targets import Path
from .calibration_error import calibration_error
from .components import choose_components, get_tagger
from .progress import Progress, no_progress
from .scored_batches import Decisions, ScoredBatch, judge, score_folds

N_FOLDS = 5


@dataclass(frozen=True)
class Calibration:
    """How well a component's probabilities fit data.

    temperature (float): The temperature; NaN if it is not the same for all the data.
    n_gold (int): Tokens with gold that has only tags of the component.
    nll (float): Negative log-likelihood of the gold, in nats per such token; of alternatives, that of any of them.
    n_predictions (int): Predicted tags or spans that gold can judge.
    accuracy (float): The share of them that is right; NaN if there are none.
    ece (float): Their expected calibration error; NaN if there are none.
    """

    temperature: float
    n_gold: int
    nll: float
    n_predictions: int
    accuracy: float
    ece: float


@dataclass(frozen=True)
class ComponentCalibration:
    """What calibrating one component found, and what was done.

    component (str): Its name.
    n_folds (int): Into how many parts the data were split. With 1 there was but one doc, and nothing was held out.
    before (Calibration): How its probabilities fit the data before.
    fitted (Calibration): How they fit the same data under the temperature with the best likelihood.
    held_out (Calibration): How each part of the data is fitted under the temperature of the other parts.
    accepted (bool): Whether the component has the fitted temperature now; else it has the one that it had.
    why (str): Why, in a sentence.
    at_edge (bool): Whether the fitted temperature is at the edge of the search.
    """

    component: str
    n_folds: int
    before: Calibration
    fitted: Calibration
    held_out: Calibration
    accepted: bool
    why: str
    at_edge: bool

    @property
    def after(self) -> Calibration:
        """How the component's probabilities fit the data now."""
        return self.fitted if self.accepted else self.before

    @property
    def standard_error(self) -> float:
        """The standard error of the share of right predictions, which a change of the calibration error must exceed to
        be more than chance; NaN if there are no predictions."""
        accuracy, n = self.before.accuracy, self.before.n_predictions
        return float(np.sqrt(accuracy * (1 - accuracy) / n)) if n else float("nan")

    @property
    def is_uncertain(self) -> bool:
        """Whether the change of the calibration error on held-out data is smaller than its standard error."""
        return abs(self.held_out.ece - self.before.ece) < self.standard_error


@dataclass(frozen=True)
class PipelineCalibration:
    """What calibrating a pipeline found.

    components (List[ComponentCalibration]): One report for each component.
    """

    components: List[ComponentCalibration]

    @property
    def accepted(self) -> List[str]:
        """The names of the components that have another temperature now."""
        return [report.component for report in self.components if report.accepted]


def calibrate_pipeline(
    nlp: Language,
    corpus: Callable[[Language], Iterable[Example]],
    component: Optional[str] = None,
    *,
    n_folds: int = N_FOLDS,
    progress: Progress = no_progress,
) -> PipelineCalibration:
    """Give components the temperature that fits development data, where it also fits held-out parts of them better, and
    note the result in the pipeline's meta data, under "performance". No prediction changes.

    nlp (Language): The pipeline; changed in place.
    corpus (Callable[[Language], Iterable[Example]]): Reads the data, such as `spacy.training.Corpus(path)`.
    component (Optional[str]): Name of a component; all of this package's if None.
    n_folds (int): Into how many parts to split the data.
    progress (Progress): Shows how far it is.
    RETURNS (PipelineCalibration): What was found and done.
    RAISES (ValueError): If there is no such component, or nothing is annotated; nothing is changed then.
    """
    names = choose_components(nlp, component)
    old = {name: get_tagger(nlp, name).temperature for name in names}
    try:
        reports = []
        for name in names:
            folds = score_folds(nlp, name, corpus(nlp), n_folds, progress)
            reports.append(calibrate_component(get_tagger(nlp, name), folds, progress))
    except BaseException:
        for name, temperature in old.items():
            get_tagger(nlp, name).temperature = temperature
        raise
    for report in reports:
        scores = {f"{report.component}_nll": report.after.nll, f"{report.component}_ece": report.after.ece}
        nlp.meta.setdefault("performance", {}).update({k: v for k, v in scores.items() if v == v})  # JSON has no NaN
    return PipelineCalibration(reports)


def calibrate_component(
    pipe: RNNTagger, folds: Sequence[Sequence[ScoredBatch]], progress: Progress = no_progress
) -> ComponentCalibration:
    """Fit a component's temperature on all data, and keep it if temperatures that were fitted in the same way on all
    parts but one improve the likelihood of that part, over all parts, without making the calibration error worse. The
    likelihood is that of all gold tags, the calibration error that of what is predicted, so one can improve while the
    other gets worse.

    pipe (RNNTagger): The component; changed in place.
    folds (Sequence[Sequence[ScoredBatch]]): Its scores of each part of the data.
    progress (Progress): Shows how far it is.
    RETURNS (ComponentCalibration): What was found and done.
    RAISES (ValueError): If nothing is annotated.
    """
    batches = list(chain.from_iterable(folds))
    old = pipe.temperature
    before, fitted = calibrate(pipe, batches)
    pipe.temperature = old
    held_out = fitted
    if len(folds) > 1:
        pairs: List[Tuple[ScoredBatch, float]] = []
        for i in progress(range(len(folds)), len(folds), f"{pipe.name}: judging"):
            others = [batch for j, fold in enumerate(folds) if j != i for batch in fold]
            temperature = _fit(others)
            pairs.extend((batch, temperature) for batch in folds[i])
        held_out = _assess(pipe, pairs)
    accepted, why = _decide(before, fitted, held_out)
    if accepted:
        pipe.temperature = fitted.temperature
    at_edge = not COLDEST * 1.01 < fitted.temperature < HOTTEST / 1.01
    return ComponentCalibration(pipe.name, len(folds), before, fitted, held_out, accepted, why, at_edge)


def assess(pipe: RNNTagger, batches: Sequence[ScoredBatch]) -> Calibration:
    """How well a component's probabilities fit development data, at its present temperature.

    pipe (RNNTagger): The component.
    batches (Sequence[ScoredBatch]): Its scores of the data.
    RETURNS (Calibration): What was found.
    RAISES (ValueError): If nothing is annotated.
    """
    return _assess(pipe, [(batch, pipe.temperature) for batch in batches])


def calibrate(pipe: RNNTagger, batches: Sequence[ScoredBatch]) -> Tuple[Calibration, Calibration]:
    """Give a component the temperature under which gold tags are likeliest, over the same lattice that it decodes. All
    scores are divided by it, those of transitions too, so no prediction changes.

    pipe (RNNTagger): The component.
    batches (Sequence[ScoredBatch]): Its scores of development data.
    RETURNS (Tuple[Calibration, Calibration]): How it was before, and how it is now.
    RAISES (ValueError): If nothing is annotated.
    """
    before = assess(pipe, batches)
    pipe.temperature = _fit(batches)
    return before, assess(pipe, batches)


def _decide(before: Calibration, fitted: Calibration, held_out: Calibration) -> Tuple[bool, str]:
    """Whether to take the fitted temperature, and why."""
    if fitted.temperature == before.temperature:
        return False, f"no temperature gives the gold a better likelihood than {before.temperature:g}"
    likelier = held_out.nll < before.nll
    # False for NaN: without predictions, only the likelihood can be judged.
    worse = held_out.ece > before.ece
    nll = f"NLL {before.nll:.4f} to {held_out.nll:.4f}"
    ece = f"ECE {100 * before.ece:.2f} to {100 * held_out.ece:.2f} %"
    if likelier and not worse:
        return True, f"on held-out data it is better ({nll}, {ece})"
    if likelier:
        return (
            False,
            f"on held-out data it makes the calibration error worse ({ece}), though the likelihood better ({nll})",
        )
    both = " and the calibration error" if worse else ""
    return False, f"on held-out data it does not improve the likelihood{both} ({nll}, {ece})"


def _fit(batches: Sequence[ScoredBatch]) -> float:
    """The temperature under which the gold of the batches is likeliest."""
    lattices = [batch.scores.lattice() for batch in batches]
    return fit_temperature(
        lambda temperature: sum(_loss(lattice, batch, temperature) for lattice, batch in zip(lattices, batches))
    )


def _assess(pipe: RNNTagger, pairs: Sequence[Tuple[ScoredBatch, float]]) -> Calibration:
    """How well probabilities fit batches of which each has a temperature of its own."""
    n_gold = _count_learnable(pipe, [batch for batch, _ in pairs])
    loss = 0.0
    confidences, right = [], []
    for batch, temperature in pairs:
        path = batch.scores.best()
        decisions = judge(pipe.target, pipe.labels, batch, path)
        confidences.append(_confidences(batch, path, decisions, temperature))
        right.append(decisions.right)
        loss += _loss(batch.scores.lattice(), batch, temperature)
    are_right = np.concatenate(right)
    accuracy = float(are_right.mean()) if are_right.size else float("nan")
    error = calibration_error(np.concatenate(confidences), are_right)
    temperatures = {temperature for _, temperature in pairs}
    same = temperatures.pop() if len(temperatures) == 1 else float("nan")
    return Calibration(same, n_gold, loss / n_gold, are_right.size, accuracy, error)


def _count_learnable(pipe: RNNTagger, batches: Sequence[ScoredBatch]) -> int:
    n_gold = sum(int(batch.learnable.sum()) for batch in batches)
    if not n_gold:
        raise ValueError(
            f"component {pipe.name!r}: the development data have no annotation for its target {pipe.target.name!r} "
            "with labels that it knows, so there is nothing to calibrate on."
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
