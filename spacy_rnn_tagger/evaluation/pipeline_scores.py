"""The scores of a pipeline on data."""

from typing import Any, Callable, Dict, Iterable, List

from spacy.language import Language
from spacy.scorer import Scorer
from spacy.training import Example

from .progress import Progress, no_progress


def score_pipeline(
    nlp: Language,
    corpus: Callable[[Language], Iterable[Example]],
    *,
    progress: Progress = no_progress,
    title: str = "scoring",
) -> Dict[str, float]:
    """Run a pipeline on data and compare with the gold.

    nlp (Language): The pipeline.
    corpus (Callable[[Language], Iterable[Example]]): Reads the data, such as `spacy.training.Corpus(path)`.
    progress (Progress): Shows how far it is.
    title (str): What it shows.
    RETURNS (Dict[str, float]): The scores that the components are there for, from 0 to 1, as far as the data tell.
    RAISES (ValueError): If the data have no tokens.
    """
    examples = list(corpus(nlp))
    if not any(len(eg.predicted) for eg in examples):
        raise ValueError(f"The data have no tokens ({len(examples)} docs).")
    docs = progress(nlp.pipe([eg.predicted.copy() for eg in examples]), len(examples), title)
    examples = [Example(doc, eg.reference) for doc, eg in zip(docs, examples)]
    scores: Dict[str, Any] = Scorer(nlp).score(examples)
    keys: List[str] = []
    for name, pipe in nlp.pipeline:
        keys.extend(getattr(pipe, "score_keys", nlp.get_pipe_meta(name).default_score_weights or ()))
    return {key: float(scores[key]) for key in keys if isinstance(scores.get(key), (int, float))}
