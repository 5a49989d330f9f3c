"""Which components of a pipeline to look at."""

from typing import List, Optional

from spacy.language import Language

from ..errors import unknown_name
from ..pipeline.rnn_tagger import RNNTagger


def choose_components(nlp: Language, name: Optional[str]) -> List[str]:
    """The components to look at.

    nlp (Language): The pipeline.
    name (Optional[str]): Name of a component; all of this package's that predict labels if None.
    RETURNS (List[str]): Names, in pipeline order.
    RAISES (ValueError): If there is no such component of this package.
    """
    ours = [pipe_name for pipe_name, pipe in nlp.pipeline if isinstance(pipe, RNNTagger)]
    if not ours:
        raise ValueError(
            f"This pipeline has no component of spacy-rnn-tagger: {', '.join(nlp.pipe_names) or 'it is empty'}."
        )
    if name is not None and name not in ours:
        raise unknown_name("this pipeline", "component", name, ours)
    return ours if name is None else [name]


def get_tagger(nlp: Language, name: str) -> RNNTagger:
    """RETURNS (RNNTagger): A component. nlp (Language): The pipeline. name (str): One of `choose_components`."""
    pipe = nlp.get_pipe(name)
    assert isinstance(pipe, RNNTagger)
    return pipe
