"""The numbers of a report: dataclasses for the page, for JSON and for notebooks."""

from dataclasses import dataclass
from typing import Dict, List, Optional

from .bootstrap import Difference, Interval
from .buckets import Breakdown
from .confidence_curves import ConfidenceCurves
from .contexts import Context, ErrorInContext, Place
from .error_kinds import SchemeCounts


@dataclass(frozen=True)
class LabelScore:
    """How well one label is predicted.

    label (str): The label.
    gold (int): How often gold has it.
    predicted (int): How often it is predicted, where gold can judge it.
    right (int): How often both agree.
    precision (float): Right per predicted; 0 if it is never predicted.
    recall (float): Right per gold; 0 if gold never has it.
    f (Interval): Their harmonic mean, with its bootstrap interval.
    """

    label: str
    gold: int
    predicted: int
    right: int
    precision: float
    recall: float
    f: Interval


@dataclass(frozen=True)
class Confused:
    """How often a gold label meets a predicted one.

    gold (str): The gold label; empty where gold has nothing.
    predicted (str): The predicted label; empty where nothing is predicted.
    n (int): How often.
    """

    gold: str
    predicted: str
    n: int


@dataclass(frozen=True)
class TaskReport:
    """One target of a pipeline on data.

    target (str): Its name.
    is_spans (bool): Whether it is about spans, else about single tokens.
    n_gold (int): Gold items.
    n_predicted (int): Predicted items that gold can judge.
    n_right (int): How many of them are right.
    scores (Dict[str, Interval]): What `nlp.evaluate` gives, by its keys, with bootstrap intervals.
    labels (List[LabelScore]): By label, the most frequent in gold first.
    kinds (Dict[str, int]): How many pairs there are of each kind of error, and right ones.
    schemes (List[SchemeCounts]): Of spans, what nervaluate counts.
    confusion (List[Confused]): Which labels meet, the most frequent first.
    breakdowns (List[Breakdown]): Scores of parts of the data.
    confidence (Optional[ConfidenceCurves]): What confidences are worth; None if no component gives any.
    n_errors (int): How many errors there are.
    errors (List[ErrorInContext]): Errors, the worst first; perhaps not all.
    """

    target: str
    is_spans: bool
    n_gold: int
    n_predicted: int
    n_right: int
    scores: Dict[str, Interval]
    labels: List[LabelScore]
    kinds: Dict[str, int]
    schemes: List[SchemeCounts]
    confusion: List[Confused]
    breakdowns: List[Breakdown]
    confidence: Optional[ConfidenceCurves]
    n_errors: int
    errors: List[ErrorInContext]


@dataclass(frozen=True)
class ScorePair:
    """One score of two pipelines.

    first (Interval): That of the first.
    second (Interval): That of the second.
    difference (Difference): The second minus the first, by the paired bootstrap.
    """

    first: Interval
    second: Interval
    difference: Difference


@dataclass(frozen=True)
class LabelPair:
    """How well two pipelines predict one label.

    label (str): The label.
    gold (int): How often gold has it.
    first_f (float): F of the first; 0 if it has nothing right.
    second_f (float): F of the second.
    difference (Difference): The second minus the first, by the paired bootstrap.
    """

    label: str
    gold: int
    first_f: float
    second_f: float
    difference: Difference


@dataclass(frozen=True)
class Disagreement:
    """A place where one pipeline is right and the other is not.

    better (str): "first" or "second", whichever is right.
    gold (Optional[Place]): What gold has; None if one pipeline predicts something where there is nothing.
    first (Optional[Place]): What the first predicts; None if nothing.
    second (Optional[Place]): What the second predicts; None if nothing.
    first_confidence (Optional[float]): How likely the first found its prediction; None if it does not say.
    second_confidence (Optional[float]): The same of the second.
    context (Context): The words.
    """

    better: str
    gold: Optional[Place]
    first: Optional[Place]
    second: Optional[Place]
    first_confidence: Optional[float]
    second_confidence: Optional[float]
    context: Context


@dataclass(frozen=True)
class TaskComparison:
    """One target of two pipelines on the same data.

    target (str): Its name.
    scores (Dict[str, ScorePair]): The scores, by the keys of `nlp.evaluate`.
    labels (List[LabelPair]): By label, the most frequent in gold first.
    both (int): Gold items that both have right.
    only_first (int): Gold items that only the first has right.
    only_second (int): Gold items that only the second has right.
    neither (int): Gold items that none has right.
    n_disagreements (int): Places where just one is right.
    disagreements (List[Disagreement]): These places, those with the surest wrong prediction first; perhaps not all.
    """

    target: str
    scores: Dict[str, ScorePair]
    labels: List[LabelPair]
    both: int
    only_first: int
    only_second: int
    neither: int
    n_disagreements: int
    disagreements: List[Disagreement]


@dataclass(frozen=True)
class PipelineComparison:
    """Two pipelines on the same data.

    model (str): What the second is called.
    tasks (List[TaskComparison]): The targets that both predict.
    only_one (List[str]): The targets that only one of them predicts.
    """

    model: str
    tasks: List[TaskComparison]
    only_one: List[str]


@dataclass(frozen=True)
class PipelineReport:
    """What a pipeline gets right and wrong on data.

    model (str): What the pipeline is called.
    data (str): What the data are called.
    training (Optional[str]): What the training data are called; None if they were not given.
    n_docs (int): Docs in the data; with gold sentences, sentences.
    n_tokens (int): Their tokens.
    n_samples (int): How many times the docs were resampled for the intervals.
    level (float): The share of the samples inside of an interval.
    seed (int): Seed of the resampling.
    tasks (List[TaskReport]): The targets.
    comparison (Optional[PipelineComparison]): A second pipeline on the same data.
    """

    model: str
    data: str
    training: Optional[str]
    n_docs: int
    n_tokens: int
    n_samples: int
    level: float
    seed: int
    tasks: List[TaskReport]
    comparison: Optional[PipelineComparison]
