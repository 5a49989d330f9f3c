"""Teachers and students side by side: scores, agreement, calibration, speed and size."""

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Sequence

from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example
from threadpoolctl import threadpool_limits

from ..annotate.models import find_model, load_model
from ..evaluation.calibration import assess
from ..evaluation.pipeline_scores import score_pipeline
from ..evaluation.scored_batches import score_folds
from ..pipeline.rnn_tagger import RNNTagger

SPEED_TOKENS = 10_000
"""Tokens of the data that speed is measured on, at most."""
SPEED_ROUNDS = 3
Corpus = Callable[[Language], Iterable[Example]]


@dataclass
class PipelineNumbers:
    """One pipeline on data.

    role (str): "teacher", "student" or "gold alone".
    model (str): Its directory or package.
    scores (Dict[str, float]): Its scores against the gold, from 0 to 1.
    agreement (Dict[str, float]): The same scores against what the first teacher predicts; empty for itself.
    ece (Dict[str, float]): The expected calibration error of each component of ours that predicts anything.
    tokens_per_second (float): Median of three rounds from text to annotation, one thread.
    megabytes (float): Its size on disk.
    """

    role: str
    model: str
    scores: Dict[str, float]
    agreement: Dict[str, float] = field(default_factory=dict)
    ece: Dict[str, float] = field(default_factory=dict)
    tokens_per_second: float = 0.0
    megabytes: float = 0.0


def compare(models: Sequence["tuple[str, str]"], corpus: Corpus, *, gpu: int = -1) -> List[PipelineNumbers]:
    """Compare pipelines on the same data.

    models (Sequence[Tuple[str, str]]): The role and the directory or package of each, the first teacher first.
    corpus (Callable[[Language], Iterable[Example]]): Reads the data.
    gpu (int): The number of the GPU; -1 for the CPU.
    RETURNS (List[PipelineNumbers]): The numbers of each.
    """
    found: List[PipelineNumbers] = []
    said: List[Doc] = []
    for role, name in models:
        nlp = load_model(name, gpu=gpu)
        examples = list(corpus(nlp))
        numbers = PipelineNumbers(role, name, score_pipeline(nlp, lambda nlp, examples=examples: examples))  # type: ignore[misc]
        docs = list(nlp.pipe(eg.predicted.copy() for eg in examples))
        if not said:
            said = docs
        else:
            numbers.agreement = _agreement(nlp, docs, said)
        for pipe_name, pipe in nlp.pipeline:
            if isinstance(pipe, RNNTagger) and any(pipe.target.is_annotated(eg.reference) for eg in examples):
                (batches,) = score_folds(nlp, pipe_name, examples)
                ece = assess(pipe, batches).ece
                if ece == ece:  # not a number where nothing is predicted
                    numbers.ece[pipe_name] = ece
        numbers.tokens_per_second = _speed(nlp, [eg.reference.text for eg in examples])
        files = [path for path in find_model(name).rglob("*") if path.is_file()]
        numbers.megabytes = sum(path.stat().st_size for path in files) / 1e6
        found.append(numbers)
    return found


def _agreement(nlp: Language, docs: Sequence[Doc], said: Sequence[Doc]) -> Dict[str, float]:
    """The scores of the pipeline's own components against another pipeline's predictions for the same docs."""
    pairs = [Example(doc, other) for doc, other in zip(docs, said) if doc.text == other.text]
    scores = Scorer(nlp).score(pairs)
    keys = [
        key
        for name, pipe in nlp.pipeline
        for key in getattr(pipe, "score_keys", nlp.get_pipe_meta(name).default_score_weights or ())
    ]
    return {key: float(scores[key]) for key in keys if isinstance(scores.get(key), (int, float))}


def _speed(nlp: Language, texts: Sequence[str]) -> float:
    chosen: List[str] = []
    n_tokens = 0
    for text in texts:
        chosen.append(text)
        n_tokens += len(nlp.make_doc(text))
        if n_tokens >= SPEED_TOKENS:
            break
    rates = []
    with threadpool_limits(1):
        for _ in range(SPEED_ROUNDS):
            began = time.perf_counter()
            done = sum(len(doc) for doc in nlp.pipe(chosen))
            rates.append(done / (time.perf_counter() - began))
    return statistics.median(rates)


def data_kind(path: Path) -> str:
    """RETURNS (str): "gold" for .spacy files and folders of them, "raw" for others. path (Path): The data."""
    if path.is_dir():
        return "gold" if any(path.rglob("*.spacy")) else "raw"
    return "gold" if path.suffix == ".spacy" else "raw"
