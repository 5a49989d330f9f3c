"""Training steps as `spacy train` takes them."""

from typing import Iterator, Tuple

from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training.loop import create_train_batches, train_while_improving
from spacy.util import registry, resolve_dot_names

# Steps between evaluations: never, after the first step, which the loop insists on.
NEVER = 2**62


def training_steps(nlp: Language) -> Iterator[int]:
    """Train a pipeline with its own config and without ever evaluating it.

    nlp (Language): The pipeline, initialized, with the paths in its config.
    YIELDS (int): The number of tokens of each step, after it. The first one also reads the corpus.
    """
    config = nlp.config.interpolate()
    settings = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    (corpus,) = resolve_dot_names(config, [settings["train_corpus"]])
    steps = train_while_improving(
        nlp,
        settings["optimizer"],
        create_train_batches(nlp, corpus, settings["batcher"], 0),
        no_evaluation,
        dropout=settings["dropout"],
        accumulate_gradient=settings["accumulate_gradient"],
        patience=0,
        max_steps=0,
        eval_frequency=NEVER,
        exclude=[],
        annotating_components=[],
        before_update=None,
    )
    for batch, _, _ in steps:
        yield sum(map(len, batch))


def no_evaluation() -> Tuple[float, dict]:
    return 0.0, {}


def corpus_tokens(nlp: Language) -> int:
    """RETURNS (int): The tokens of one epoch."""
    config = nlp.config.interpolate()
    (corpus,) = resolve_dot_names(config, [config["training"]["train_corpus"]])
    return sum(len(example) for example in corpus(nlp))
