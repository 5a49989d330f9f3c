"""Vocabularies from the whole training corpus: components show their models a few sample docs only."""

from typing import Callable, Iterator

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import resolve_dot_names
from thinc.api import Model

from ..models.layers.vocabulary import learn_vocabulary, vocabulary_layers


def make_learn_vocabulary() -> Callable[[Language], None]:
    """For `[initialize] before_init`: count the training corpus, and give each `OneHot` and `SymbolEmbed` layer of the
    pipeline its vocabulary. Components of this package do it by themselves; spaCy's `tok2vec` and `textcat` need it."""
    return learn_vocabularies


def learn_vocabularies(nlp: Language) -> None:
    """Give every layer of a pipeline that has a vocabulary the symbols of the pipeline's training corpus.

    nlp (Language): The pipeline, with a training config.
    """
    for _, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        if isinstance(model, Model) and vocabulary_layers(model):
            learn_vocabulary(model, _training_docs(nlp))


def _training_docs(nlp: Language) -> Iterator[Doc]:
    config = nlp.config.interpolate()
    (corpus,) = resolve_dot_names(config, [config["training"]["train_corpus"]])
    for example in corpus(nlp):
        yield example.x
