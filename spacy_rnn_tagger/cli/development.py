"""What the commands that look at development data share: which component, and its scores beside the gold."""

from pathlib import Path
from typing import List, Optional

import spacy
import typer
from spacy.language import Language
from spacy.training import Example

from ..errors import unknown_name
from ..pipeline.development import ScoredBatch, annotate_before, score_batches
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
    examples: List[Example] = list(create_corpus(data, gold_preproc=gold_preproc)(nlp))
    if not any(len(eg.predicted) for eg in examples):
        raise ValueError(f"The data in {str(data)!r} have no tokens ({len(examples)} docs).")
    examples = annotate_before(nlp, name, examples)
    pipe = nlp.get_pipe(name)
    assert isinstance(pipe, RNNTagger)
    n_batches = -(-len(examples) // BATCH_SIZE)
    with typer.progressbar(score_batches(pipe, examples, BATCH_SIZE), n_batches, f"{name}: scoring") as batches:
        return list(batches)
