"""Pipelines and custom attributes that several tests of components share."""

import pytest
from spacy.tokens import Token

from ..conftest import make_examples, train
from ..fixtures.scored_pipelines import CONFIG, add


@pytest.fixture(params=["softmax", "crf"])
def decoder(request):
    return request.param


@pytest.fixture
def trio(nlp, decoder):
    """Tags, morphology and entities, all storing what they can, trained enough to find entities and not to be sure of
    them."""
    add(nlp, "rnn_tagger", decoder=decoder, **CONFIG)
    add(nlp, "rnn_morphologizer", decoder=decoder, **CONFIG)
    add(nlp, "rnn_ner", decoder=decoder, **CONFIG)
    train(nlp, make_examples(nlp), steps=15)
    return nlp


@pytest.fixture
def custom():
    Token.set_extension("mood", default=None, force=True)
    yield "_.mood"
    Token.remove_extension("mood")


@pytest.fixture
def kind():
    Token.set_extension("kind", default=None, force=True)
    yield
    Token.remove_extension("kind")
