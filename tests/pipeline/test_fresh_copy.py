"""A fresh copy of a pipeline annotates alike, and has forgotten the words that were given back."""

import gc
import weakref

import spacy

from spacy_rnn_tagger import entity_rows, token_rows
from spacy_rnn_tagger.pipeline.fresh_copy import fresh_copy

from ..fixtures.commands import saved  # noqa: F401

TEXT = "I like London. She saw Paris ."


def answers(nlp):
    docs = nlp.pipe([TEXT], component_cfg={name: {"store_scores": True} for name in nlp.pipe_names})
    return [(token_rows(doc), entity_rows(doc)) for doc in docs]


def test_a_fresh_copy_annotates_alike_and_forgets_words(saved):  # noqa: F811
    nlp = spacy.load(saved[0])
    nlp.max_length = 1234
    before, n_words = answers(nlp), len(nlp.vocab)
    with nlp.memory_zone():
        nlp(" ".join(f"word{i}" for i in range(100)))
    assert len(nlp.vocab) >= n_words + 100, "spaCy gives places back by itself now"
    fresh = fresh_copy(nlp)
    assert len(fresh.vocab) <= n_words and fresh.max_length == 1234
    assert answers(fresh) == before == answers(nlp)
    assert fresh.to_bytes(exclude=["vocab"]) == nlp.to_bytes(exclude=["vocab"])
    gone = weakref.ref(nlp)
    del nlp
    gc.collect()
    assert gone() is None, "the copy holds what it was made of"


def test_components_that_are_disabled_stay_so(saved):  # noqa: F811
    nlp = spacy.load(saved[0], disable=["rnn_tagger"])
    fresh = fresh_copy(nlp)
    assert fresh.disabled == ["rnn_tagger"] and fresh.component_names == nlp.component_names
