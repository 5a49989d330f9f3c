"""Settings by the size of the data."""

from dataclasses import astuple, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn_tagger.training.recipe import ACCURACY, EFFICIENCY, Recipe, choose_recipe

# For sentences of 16 tokens each, one to a doc: steps, steps between evaluations, patience, warm-up, tokens of a batch.
SIZES = {
    (10, ACCURACY): (200, 10, 300, 20, 100, 1, 0.1, False),
    (300, ACCURACY): (900, 45, 300, 90, 240, 2, 0.0, True),
    (3_000, ACCURACY): (2900, 145, 870, 100, 1000, 2, 0.0, True),
    (30_000, ACCURACY): (9200, 460, 2760, 100, 1000, 2, 0.0, True),
    (3_000_000, ACCURACY): (20_000, 1000, 6000, 100, 1000, 2, 0.0, True),
    (10, EFFICIENCY): (200, 20, 300, 20, 100, 1, 0.1, False),
    (3_000, EFFICIENCY): (1500, 150, 750, 100, 1000, 2, 0.0, False),
}


@pytest.mark.parametrize("n_sentences,optimize", SIZES)
def test_sizes(n_sentences, optimize):
    recipe = choose_recipe(n_sentences, n_sentences, 16 * n_sentences, 10, optimize=optimize)
    assert recipe == Recipe(optimize, *SIZES[n_sentences, optimize])


def test_the_steps_of_the_benchmarks():
    """configs/ewt.cfg trains for 6,000 steps, configs/wnut17.cfg for 3,000."""
    assert choose_recipe(12_544, 12_544, 204_577, 300).max_steps == 6000
    assert choose_recipe(3_394, 3_394, 62_730, 6).max_steps == pytest.approx(3000, rel=0.15)


@given(
    n_sentences=st.integers(1, 10**6),
    length=st.integers(1, 60),
    per_doc=st.integers(1, 200),
    n_labels=st.integers(1, 3000),
    factor=st.integers(1, 50),
    optimize=st.sampled_from([ACCURACY, EFFICIENCY]),
)
@settings(max_examples=200, deadline=None)
def test_more_data_never_get_less(n_sentences, length, per_doc, n_labels, factor, optimize):
    def choose(n, labels):
        return choose_recipe(n, n * per_doc, n * per_doc * length, labels, optimize=optimize)

    small, large = choose(n_sentences, n_labels), choose(factor * n_sentences, n_labels)
    for less, more in ((small, large), (small, choose(n_sentences, factor * n_labels))):
        compared = [replace(recipe, word_dropout=-recipe.word_dropout) for recipe in (less, more)]
        assert all(a <= b for a, b in zip(*map(astuple, compared)))
    for recipe in (small, large):
        assert 200 <= recipe.max_steps <= 20_000 and 100 <= recipe.batch_words <= 4000
        assert recipe.warmup_steps < recipe.max_steps and recipe.eval_frequency <= recipe.max_steps // 10
        assert recipe.eval_frequency * 5 <= recipe.patience


def test_long_docs_get_large_batches():
    assert choose_recipe(100, 5_000, 60_000, 10).batch_words == 2400
    assert choose_recipe(10, 5_000, 60_000, 10).batch_words == 4000


@pytest.mark.parametrize("sizes", [(0, 1, 1, 1), (1, 1, 0, 1), (1, 1.5, 2, 1), (1, 1, 1, 0)])
def test_sizes_that_are_none(sizes):
    with pytest.raises(ValueError, match="choose_recipe: n_\\w+ = .* must be a whole number of at least 1"):
        choose_recipe(*sizes)


def test_a_goal_that_is_none():
    with pytest.raises(ValueError, match="optimize = 'fast' is unknown; allowed: 'accuracy', 'efficiency'"):
        choose_recipe(1, 1, 1, 1, optimize="fast")
