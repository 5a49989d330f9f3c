"""What the commands that look at development data share: which component, its scores beside the gold, and how good it is."""

from pathlib import Path
from typing import Any, Dict, List, Optional

import spacy
import typer
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.training import Example

from ..errors import unknown_name
from ..evaluation.scored_batches import ScoredBatch, annotate_before, score_batches
from ..pipeline.rnn_tagger import RNNTagger
from ..training.corpus import create_corpus

BATCH_SIZE = 256


def load_pipeline(model: str) -> Language:
    """Load a trained pipeline. RAISES (typer.BadParameter): If there is none."""
    try:
        return spacy.load(model)
    except OSError as e:
        raise typer.BadParameter(str(e)) from e


def choose_components(nlp: Language, name: Optional[str]) -> List[str]:
    """The components to look at.

    nlp (Language): The pipeline.
    name (Optional[str]): Name of one; all of ours if None.
    RETURNS (List[str]): Names, in pipeline order.
    RAISES (ValueError): If there is no such component of ours.
    """
    ours = [pipe_name for pipe_name, pipe in nlp.pipeline if isinstance(pipe, RNNTagger)]
    if not ours:
        raise ValueError(
            f"This pipeline has no component of spacy-rnn-tagger: {', '.join(nlp.pipe_names) or 'it is empty'}."
        )
    if name is not None and name not in ours:
        raise unknown_name("this pipeline", "component", name, ours)
    return ours if name is None else [name]


def score_development(nlp: Language, name: str, data: Path, gold_preproc: bool) -> List[ScoredBatch]:
    """Score development data with a component, showing progress.

    nlp (Language): The pipeline.
    name (str): The component.
    data (Path): A .spacy file or a directory of them.
    gold_preproc (bool): Whether to use gold sentences and tokens.
    RETURNS (List[ScoredBatch]): The scores.
    RAISES (ValueError): If the data cannot be read, or have no tokens.
    """
    examples = annotate_before(nlp, name, _read(nlp, data, gold_preproc))
    pipe = nlp.get_pipe(name)
    assert isinstance(pipe, RNNTagger)
    n_batches = -(-len(examples) // BATCH_SIZE)
    with typer.progressbar(score_batches(pipe, examples, BATCH_SIZE), n_batches, f"{name}: scoring") as batches:
        return list(batches)


def evaluate_pipeline(nlp: Language, data: Path, gold_preproc: bool, title: str) -> Dict[str, float]:
    """Run a pipeline on development data, showing progress.

    nlp (Language): The pipeline.
    data (Path): A .spacy file or a directory of them.
    gold_preproc (bool): Whether to use gold sentences and tokens.
    title (str): What to call it in the progress bar.
    RETURNS (Dict[str, float]): The scores that the components are there for, as far as the data tell.
    RAISES (ValueError): If the data cannot be read, or have no tokens.
    """
    examples = _read(nlp, data, gold_preproc)
    stream = nlp.pipe([eg.predicted for eg in examples])
    with typer.progressbar(stream, len(examples), f"{title}: scoring") as docs:
        examples = [Example(doc, eg.reference) for doc, eg in zip(docs, examples)]
    scores: Dict[str, Any] = Scorer(nlp).score(examples)
    keys: List[str] = []
    for name, pipe in nlp.pipeline:
        keys.extend(getattr(pipe, "score_keys", nlp.get_pipe_meta(name).default_score_weights or ()))
    return {key: float(scores[key]) for key in keys if isinstance(scores.get(key), (int, float))}


def _read(nlp: Language, data: Path, gold_preproc: bool) -> List[Example]:
    examples: List[Example] = list(create_corpus(data, gold_preproc=gold_preproc)(nlp))
    if not any(len(eg.predicted) for eg in examples):
        raise ValueError(f"The data in {str(data)!r} have no tokens ({len(examples)} docs).")
    return examples
