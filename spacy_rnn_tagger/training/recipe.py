"""Settings of training by the size of the data."""

from dataclasses import dataclass
from math import sqrt

from ..errors import check_positive, unknown_name

ACCURACY, EFFICIENCY = "accuracy", "efficiency"

EWT_STEPS, EWT_TOKENS = 6000, 204_577
"""How long configs/ewt.cfg trains, and on how much. Other steps are in proportion to the square root of the tokens, the
rule of the learning curve in docs/accuracy.md."""
FEWEST_STEPS, MOST_STEPS = 200, 20_000
SMALL = 300
"""Sentences below which nearly all words occur once."""
BATCHES = 20
"""Batches that the training data make at least, unless batches are at their smallest."""
SMALLEST_BATCH, BATCH, LARGEST_BATCH = 100, 1000, 4000
DOCS_PER_BATCH = 4


@dataclass(frozen=True)
class Recipe:
    """Settings of training.

    optimize (str): "accuracy", or "efficiency" for a smaller and faster network that is trained half as long.
    max_steps (int): Updates of the weights.
    eval_frequency (int): Updates between two evaluations on the development data.
    patience (int): Updates without a better score after which training ends.
    warmup_steps (int): Updates in which the learning rate rises.
    batch_words (int): Tokens in a batch, about.
    min_freq (int): How often a word must occur to have a vector of its own.
    word_dropout (float): How often training hides a word, from 0 to 1.
    language_model (bool): Whether to learn a language model beside the labels.
    """

    optimize: str
    max_steps: int
    eval_frequency: int
    patience: int
    warmup_steps: int
    batch_words: int
    min_freq: int
    word_dropout: float
    language_model: bool


def choose_recipe(n_docs: int, n_sentences: int, n_tokens: int, n_labels: int, *, optimize: str = ACCURACY) -> Recipe:
    """Choose settings of training by the size of the data. More data of the same kind never get a smaller setting, but
    for `word_dropout`, which the larger `min_freq` replaces.

    * `max_steps` is in proportion to the square root of the tokens, the rule of the learning curve in docs/accuracy.md:
      6,000 for the 204,577 tokens of UD English-EWT, half of that for "efficiency". At least 200, at least two for
      each label, at most 20,000.
    * There are 20 evaluations, 10 for "efficiency", and training ends after 6 (5) of them without a better score, but
      never within the first 300 steps.
    * The learning rate rises for 100 steps, or for a tenth of them all if that is less.
    * A batch has 1,000 tokens, or fewer if there would not be 20 batches, but not less than 100. If docs are long, it
      has the tokens of four of them on average, up to 4,000.
    * From 300 sentences on, words that occur once share a vector (`min_freq` 2), from which unknown words learn theirs.
      Below, that would be nearly all words; each keeps its own, and a tenth of them is hidden at random instead.
    * A language model beside the labels pays from 300 sentences on, for "accuracy" only, since it costs time.

    n_docs (int): Docs of the training data.
    n_sentences (int): Their sentences.
    n_tokens (int): Their tokens.
    n_labels (int): Different labels, those of all targets together.
    optimize (str): "accuracy" or "efficiency".
    RETURNS (Recipe): The settings.
    RAISES (ValueError): If a size is not a whole number of at least 1, or there is no such goal.
    """
    check_positive("choose_recipe", n_docs=n_docs, n_sentences=n_sentences, n_tokens=n_tokens, n_labels=n_labels)
    if optimize not in (ACCURACY, EFFICIENCY):
        raise unknown_name("choose_recipe", "optimize", optimize, (ACCURACY, EFFICIENCY))
    is_accurate = optimize == ACCURACY
    share = 1.0 if is_accurate else 0.5
    wanted = max(share * EWT_STEPS * sqrt(n_tokens / EWT_TOKENS), 2.0 * n_labels)
    max_steps = int(min(max(_round(wanted), FEWEST_STEPS), MOST_STEPS))
    n_evaluations, n_waits = (20, 6) if is_accurate else (10, 5)
    eval_frequency = max_steps // n_evaluations
    few_batches = min(max(n_tokens // BATCHES, SMALLEST_BATCH), BATCH)
    some_docs = min(DOCS_PER_BATCH * n_tokens // n_docs, LARGEST_BATCH)
    is_small = n_sentences < SMALL
    return Recipe(
        optimize=optimize,
        max_steps=max_steps,
        eval_frequency=eval_frequency,
        patience=max(n_waits * eval_frequency, 300),
        warmup_steps=min(100, max_steps // 10),
        batch_words=max(few_batches, some_docs),
        min_freq=1 if is_small else 2,
        word_dropout=0.1 if is_small else 0.0,
        language_model=is_accurate and not is_small,
    )


def _round(steps: float) -> int:
    """To whole hundreds."""
    return 100 * round(steps / 100)
