"""Serving docs that are tokenised already, as something to be timed."""

from typing import List

from spacy.language import Language
from spacy.tokens import Doc

from ..common.timer import Task
from .labels import labels
from .texts import Words, count, make_docs


def serve(nlp: Language, docs: List[Doc], batch_size: int) -> List[Doc]:
    """All docs, annotated."""
    return list(nlp.pipe(docs, batch_size=batch_size))


def serving_task(nlp: Language, sentences: List[Words], batch_size: int) -> Task:
    """Fresh docs through a pipeline; the labels are kept.

    nlp (Language): The pipeline.
    sentences (List[Words]): The words of the docs.
    batch_size (int): Docs in a batch.
    """

    def run(docs: List[Doc]) -> List[Doc]:
        return serve(nlp, docs, batch_size)

    return Task(count(sentences), lambda: make_docs(nlp.vocab, sentences), run, labels)
