"""What a pipeline gets right and wrong on data, beside another pipeline if there is one."""

from collections import Counter
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Optional, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import check_positive, unknown_name
from .bootstrap import LEVEL, N_SAMPLES, Interval, f_score, interval, precision, recall, resample
from .buckets import TrainingTexts, break_down, count_training_texts
from .comparison import compare_pipelines
from .confidence_curves import confidence_curves
from .contexts import find_errors, show
from .error_kinds import SPAN_KINDS, TOKEN_KINDS, count_schemes
from .item_probabilities import annotate
from .judged_task import JudgedTask, prf_of
from .progress import Progress, no_progress
from .readings import find_targets
from .report_numbers import Confused, LabelScore, PipelineReport, TaskReport

Corpus = Callable[[Language], Iterable[Example]]
MAX_ERRORS = 1000


@dataclass(frozen=True)
class NamedPipeline:
    """A pipeline and what it is called in a report.

    name (str): Its directory or package.
    nlp (Language): The pipeline.
    """

    name: str
    nlp: Language


def evaluate_pipeline(
    model: NamedPipeline,
    corpus: Corpus,
    *,
    other: Optional[NamedPipeline] = None,
    targets: Optional[Sequence[str]] = None,
    training: Optional[Iterable[Doc]] = None,
    data_name: str = "data",
    training_name: str = "training data",
    max_errors: int = MAX_ERRORS,
    n_samples: int = N_SAMPLES,
    seed: int = 0,
    progress: Progress = no_progress,
) -> PipelineReport:
    """Find out what a pipeline gets right and wrong on data.

    model (NamedPipeline): The pipeline.
    corpus (Callable[[Language], Iterable[Example]]): Reads the data, such as `spacy.training.Corpus(path)`.
    other (Optional[NamedPipeline]): A second pipeline to compare with it.
    targets (Optional[Sequence[str]]): Targets to look at, such as "ents"; all that the data are annotated with and the
        pipeline predicts if None.
    training (Optional[Iterable[Doc]]): Gold docs that the pipeline was trained on, to tell seen from unseen words.
    data_name (str): What the data are called.
    training_name (str): What the training data are called.
    max_errors (int): How many errors, and disagreements of two pipelines, to keep for each target.
    n_samples (int): How many times to resample the docs for the intervals.
    seed (int): Seed of the resampling.
    progress (Progress): Shows how far it is.
    RETURNS (PipelineReport): What was found.
    RAISES (ValueError): If the data have no tokens, or no annotation that the pipeline predicts, or not the targets.
    """
    check_positive("report", max_errors=max_errors, n_samples=n_samples)
    tasks = judge_pipeline(model.nlp, corpus, targets, progress, f"{model.name}: annotating")
    texts = None if training is None else count_training_texts(training, [task.target for task in tasks.values()])
    reports = progress(tasks.values(), len(tasks), "counting")
    found = [report_task(task, texts, max_errors=max_errors, n_samples=n_samples, seed=seed) for task in reports]
    comparison = None
    if other is not None:
        others = judge_pipeline(other.nlp, corpus, targets, progress, f"{other.name}: annotating")
        comparison = compare_pipelines(
            other.name, tasks, others, max_disagreements=max_errors, n_samples=n_samples, seed=seed
        )
    docs = [reading.doc for reading in next(iter(tasks.values())).readings]
    return PipelineReport(
        model=model.name,
        data=data_name,
        training=None if training is None else training_name,
        n_docs=len(docs),
        n_tokens=sum(map(len, docs)),
        n_samples=n_samples,
        level=LEVEL,
        seed=seed,
        tasks=found,
        comparison=comparison,
    )


def judge_pipeline(
    nlp: Language,
    corpus: Corpus,
    targets: Optional[Sequence[str]] = None,
    progress: Progress = no_progress,
    title: str = "annotating",
) -> Dict[str, JudgedTask]:
    """Run a pipeline on data, and compare each target with gold.

    nlp (Language): The pipeline.
    corpus (Callable[[Language], Iterable[Example]]): Reads the data.
    targets (Optional[Sequence[str]]): Targets to look at; all there are if None.
    progress (Progress): Shows how far it is.
    title (str): What it shows.
    RETURNS (Dict[str, JudgedTask]): By target.
    RAISES (ValueError): If there is nothing to compare.
    """
    given = list(corpus(nlp))
    if not any(len(eg.predicted) for eg in given):
        raise ValueError(f"The data have no tokens ({len(given)} docs).")
    examples, probabilities = annotate(nlp, given, progress, title)
    there = find_targets(examples, probabilities)
    if not there:
        raise ValueError(
            f"The data have no annotation that this pipeline predicts: its components are "
            f"{', '.join(map(repr, nlp.pipe_names)) or 'none'}."
        )
    for target in targets or ():
        if target not in there:
            raise unknown_name("the data and the pipeline", "target", target, there)
    chosen = [target for target in there if targets is None or target in targets]
    return {target: JudgedTask(target, examples, probabilities.get(target)) for target in chosen}


def report_task(
    task: JudgedTask,
    training: Optional[TrainingTexts] = None,
    *,
    max_errors: int = MAX_ERRORS,
    n_samples: int = N_SAMPLES,
    seed: int = 0,
) -> TaskReport:
    """The numbers of one target.

    task (JudgedTask): The target on data.
    training (Optional[TrainingTexts]): What training saw; None leaves out what needs it.
    max_errors (int): How many errors to keep.
    n_samples (int): How many times to resample the docs.
    seed (int): Seed of the resampling.
    RETURNS (TaskReport): The numbers.
    """
    labels = task.labels
    counts = task.counts(labels)
    samples = resample(counts, n_samples, seed)
    kinds = Counter(each.pair.kind for each in task.pairs)
    errors = find_errors(task)
    total = counts.sum(axis=(0, 1))
    return TaskReport(
        target=task.target,
        is_spans=task.is_spans,
        n_gold=int(total[0] + total[2]),
        n_predicted=int(total[0] + total[1]),
        n_right=int(total[0]),
        scores=score_intervals(task, samples),
        labels=_score_labels(labels, counts, samples),
        kinds={kind: kinds[kind] for kind in (SPAN_KINDS if task.is_spans else TOKEN_KINDS)},
        schemes=count_schemes([(r.gold, [*r.predicted, *r.repeated]) for r in task.readings]) if task.is_spans else [],
        confusion=_confusion(task),
        breakdowns=break_down(task, training),
        confidence=confidence_curves(task),
        n_errors=len(errors),
        errors=[show(task, each) for each in errors[:max_errors]],
    )


def score_intervals(task: JudgedTask, samples: NDArray[np.float64]) -> Dict[str, Interval]:
    """The scores of a target with their intervals.

    task (JudgedTask): The target on data.
    samples (array): (n_samples, n_labels, 3) resampled counts.
    RETURNS (Dict[str, Interval]): By the keys of `nlp.evaluate`.
    """
    return {key: interval(value, sampled_score(key, samples)) for key, value in task.scores().items()}


def sampled_score(key: str, samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """RETURNS (array): (n_samples,) a score over all labels. key (str): Its key, such as "ents_p". samples (array):
    (n_samples, n_labels, 3) resampled counts."""
    measure = {"p": precision, "r": recall}.get(key.rpartition("_")[2], f_score)
    return measure(samples.sum(axis=1))


def _score_labels(labels: Sequence[str], counts: NDArray[np.int64], samples: NDArray[np.float64]) -> List[LabelScore]:
    rows = []
    for i, label in enumerate(labels):
        tp, fp, fn = counts[:, i].sum(axis=0).tolist()
        score = prf_of((tp, fp, fn))
        f = interval(score.fscore, f_score(samples[:, i]))
        if label:
            rows.append(LabelScore(label, tp + fn, tp + fp, tp, score.precision, score.recall, f))
    return sorted(rows, key=lambda row: (-row.gold, row.label))


def _confusion(task: JudgedTask) -> List[Confused]:
    met = Counter(
        (
            "" if each.pair.gold is None else each.pair.gold[2],
            "" if each.pair.predicted is None else each.pair.predicted[2],
        )
        for each in task.pairs
    )
    rows = [Confused(gold, predicted, n) for (gold, predicted), n in met.items()]
    return sorted(rows, key=lambda row: (-row.n, row.gold, row.predicted))
