"""Which texts to annotate next."""

import numpy
import pytest
import spacy
from hypothesis import given, strategies
from spacy.tokens import Doc

from spacy_rnn_tagger.evaluation.suggestions import (
    DIVERSE,
    ENTROPY,
    RANDOM,
    UNCERTAINTY,
    Unsure,
    annotate_unsure,
    choose,
    farthest_first,
    suggest,
)

from ..conftest import make_examples, randomize, small_model

WORDS = "Anna Berg likes ham in New York .".split()


@pytest.fixture
def unsure_pipeline():
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_tagger", config={"model": small_model()})
    nlp.add_pipe("rnn_ner", config={"model": small_model(), "decoder": "crf"})
    nlp.initialize(lambda: make_examples(nlp))
    for i, (_, pipe) in enumerate(nlp.pipeline):
        randomize(pipe.model, seed=i, scale=1.0)
    return nlp


def some_docs(nlp, n=12):
    rng = numpy.random.default_rng(0)
    return [Doc(nlp.vocab, words=rng.choice(WORDS, size).tolist()) for size in rng.integers(1, 5, n)]


def test_uncertainty_is_that_of_all_paths(unsure_pipeline):
    """The best path and the entropies against the probabilities of every path; summed over components, per token."""
    nlp = unsure_pipeline
    docs = some_docs(nlp, 4)
    expected = []
    for doc in docs:
        path = entropy = 0.0
        for _, pipe in nlp.pipeline:
            paths = pipe.kbest([doc], len(pipe.tags) ** len(doc))[0]
            path -= paths[0][1]
            for i in range(len(doc)):
                sums = dict.fromkeys(pipe.tags, 0.0)
                for tags, log in paths:
                    sums[tags[i]] += numpy.exp(log)
                entropy -= sum(p * numpy.log(p) for p in sums.values() if p > 0)
        expected.append((path / len(doc), entropy / len(doc)))
    copies = [doc.copy() for doc in docs]
    annotated, unsure = annotate_unsure(nlp, copies, nlp.pipe_names)
    numpy.testing.assert_allclose(list(zip(unsure.path, unsure.entropy)), expected, rtol=1e-3, atol=1e-3)
    numpy.testing.assert_allclose((unsure.vectors**2).sum(axis=1), 1, rtol=1e-4)
    assert all(doc.has_annotation("TAG") and doc.has_annotation("ENT_IOB") for doc in annotated)


def test_one_component_counts_and_all_annotate(unsure_pipeline):
    nlp = unsure_pipeline
    docs = some_docs(nlp)
    found, annotated = suggest(nlp, docs, n=3, strategy=UNCERTAINTY, component="rnn_ner")
    bare = {doc.text: Doc(nlp.vocab, words=[t.text for t in doc]) for doc in docs}
    _, unsure = annotate_unsure(nlp, list(bare.values()), ["rnn_ner"])
    assert found.components == ["rnn_ner"] and len(found.chosen) == len(annotated) == 3
    values = [each.uncertainty * each.n_tokens**0.5 for each in found.chosen]
    lengths = [len(doc) for doc in {doc.text: doc for doc in docs}.values()]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx((unsure.path * numpy.sqrt(lengths)).max(), rel=1e-4)
    for each, doc in zip(found.chosen, annotated):
        assert doc.text == each.text and len(doc) == each.n_tokens and doc[0].tag
        assert len(doc.spans["rnn_ner"].attrs["scores"]) == len(doc.ents)


def test_repeated_and_empty_texts_count_once_or_not_at_all(unsure_pipeline):
    nlp = unsure_pipeline
    docs = [Doc(nlp.vocab, words=words) for words in (["Anna"], [], ["Anna"], ["ham", "in"])]
    found, _ = suggest(nlp, docs, n=10)
    assert found.n_texts == 2 and found.n_tokens == 3 and len(found.chosen) == 2
    with pytest.raises(ValueError, match="none of the texts has words"):
        suggest(nlp, [Doc(nlp.vocab)])
    with pytest.raises(ValueError, match="strategy = 'diverze' is unknown.*Did you mean 'diverse'"):
        suggest(nlp, docs, strategy="diverze")
    with pytest.raises(ValueError, match="n = 0 is not allowed"):
        suggest(nlp, docs, n=0)


PATH = numpy.asarray([0.1, 0.9, 0.8, 0.7, 0.2])
LENGTHS = numpy.asarray([5, 3, 4, 10, 2])


@pytest.mark.parametrize(
    "strategy,options,expected",
    [
        (UNCERTAINTY, {"n": 2}, [3, 2]),
        (UNCERTAINTY, {"n": 1, "n_tokens": 14}, [3, 2]),  # the number of texts does not count
        (UNCERTAINTY, {"n": 1, "n_tokens": 13}, [3]),
        (UNCERTAINTY, {"n": 1, "n_tokens": 1}, [3]),  # but one at least
        (ENTROPY, {"n": 2}, [0, 4]),
        (DIVERSE, {"n": 1}, [3]),
        (DIVERSE, {"n": 3}, [3, 1, 2]),  # what is not like the first comes before what is less sure
    ],
)
def test_choices(strategy, options, expected):
    vectors = numpy.asarray([[0, 0, 1], [1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [1, 0, 0]], dtype="float32")
    unsure = Unsure(PATH, numpy.asarray([0.9, 0.1, 0.2, 0.3, 0.8]), vectors)
    if strategy == DIVERSE and options["n"] == 3:
        unsure = unsure._replace(vectors=vectors[[1, 1, 2, 3, 1]])
    assert choose(unsure, LENGTHS, strategy=strategy, **options) == expected


def test_random_is_decided_by_the_seed():
    unsure = Unsure(PATH, PATH, numpy.zeros((5, 1), dtype="float32"))
    found = {tuple(choose(unsure, LENGTHS, n=5, strategy=RANDOM, seed=seed)) for seed in (0, 0, 1, 2, 3)}
    assert len(found) == 4 and all(sorted(each) == [0, 1, 2, 3, 4] for each in found)


@given(strategies.lists(strategies.lists(strategies.integers(-3, 3), min_size=2, max_size=2), min_size=1, max_size=9))
def test_each_is_farthest_from_those_before_it(rows):
    vectors = numpy.asarray(rows, dtype="float32")
    order = farthest_first(vectors)
    assert sorted(order) == list(range(len(rows))) and order[0] == 0
    for i in range(1, len(order)):
        nearest = [min(((vectors[j] - vectors[k]) ** 2).sum() for k in order[:i]) for j in order[i:]]
        assert nearest[0] == max(nearest)
