"""Save a trained pipeline in fewer bytes, and measure what that costs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Collection, Dict, Iterable, Optional, Union

import spacy
from spacy.language import Language
from spacy.training import Example

from ..pipeline.compression import Compression, compress, size_on_disk
from ..pipeline.safe_output import PIPELINE, Output
from .pipeline_scores import score_pipeline
from .progress import Progress, no_progress


@dataclass(frozen=True)
class CompressionCost:
    """What saving a pipeline in fewer bytes did.

    form (str): The form of the weights.
    compression (Compression): What became of each component.
    bytes_before (int): The size of the pipeline on disk before, in bytes.
    bytes_after (int): Its size now.
    scores_before (Dict[str, float]): Its scores before, from 0 to 1, if data were given.
    scores_after (Dict[str, float]): Its scores as loaded from disk.
    """

    form: str
    compression: Compression
    bytes_before: int
    bytes_after: int
    scores_before: Dict[str, float]
    scores_after: Dict[str, float]


def compress_pipeline(
    nlp: Language,
    output: Union[Path, Output],
    form: str = "int8",
    *,
    corpus: Optional[Callable[[Language], Iterable[Example]]] = None,
    keep_language_model: bool = False,
    vectors: Optional[str] = None,
    words: Union[int, Collection[str], None] = None,
    progress: Progress = no_progress,
) -> CompressionCost:
    """Save a pipeline in fewer bytes. It takes its place when it is complete, has been loaded again and, if there are
    data, scored.

    nlp (Language): The pipeline, loaded from disk; changed in place, as by `compress`.
    output (Union[Path, Output]): The directory to save it to; one that exists only as an `Output` that replaces it.
    form (str): "float32", "float16" or "int8".
    corpus (Optional[Callable[[Language], Iterable[Example]]]): Reads data to score before and after, such as
        `spacy.training.Corpus(path)`.
    keep_language_model (bool): Whether to keep a component that predicts nothing, to train on.
    vectors (Optional[str]): The form of static vectors; None leaves them alone.
    words (Union[int, Collection[str], None]): Of which words to keep the vectors, as in `compress`.
    progress (Progress): Shows how far it is.
    RETURNS (CompressionCost): Sizes and scores.
    RAISES (ValueError): If the pipeline was not loaded from disk, there is no such form, there is no component with a
        model of this package, there are no vectors or none of the words, or the data have no tokens.
    """
    output = output if isinstance(output, Output) else Output(output, PIPELINE)
    if output.kind is not PIPELINE:
        raise ValueError(f"compress_pipeline: the output is a {output.kind.name}; create it as Output(path, PIPELINE).")
    path = nlp._path
    if path is None:
        raise ValueError(
            "compress_pipeline: this pipeline was not loaded from disk, so it has no size there; save it first."
        )
    bytes_before = size_on_disk(Path(path))
    before = {} if corpus is None else score_pipeline(nlp, corpus, progress=progress, title="before: scoring")
    done = compress(nlp, form, keep_language_model, vectors=vectors, words=words)

    def save(folder: Path) -> Dict[str, float]:
        nlp.to_disk(folder)
        saved = spacy.load(folder)
        return {} if corpus is None else score_pipeline(saved, corpus, progress=progress, title="after: scoring")

    after = output.write(save)
    return CompressionCost(form, done, bytes_before, size_on_disk(output.path), before, after)
