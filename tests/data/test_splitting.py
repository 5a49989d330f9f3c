"""Parts have the shares that were asked for, are the same each time, and share no text, not even nearly."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn_tagger.data.splitting import group_similar, normalize, signature, split_texts

SYLLABLES = ["ba", "do", "ki", "lu", "men", "ter", "sa", "von", "pri", "ogh"]


def make_texts(n, seed=0):
    rng = random.Random(seed)
    words = ["".join(rng.choices(SYLLABLES, k=3)) for _ in range(400)]
    return [" ".join(rng.choices(words, k=20)) for _ in range(n)]


@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(1, 60),
    shares=st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)),
    seed=st.integers(0, 5),
    copied=st.lists(st.integers(0, 59), max_size=20),
)
def test_shares_and_copies(n, shares, seed, copied):
    texts = make_texts(n)
    originals = [i for i in copied if i < n]
    texts += [f"{texts[i].upper()} !! {k % 10}" for k, i in enumerate(originals)]
    split = split_texts(texts, *shares, seed=seed)
    assert np.array_equal(split.parts, split_texts(texts, *shares, seed=seed).parts)
    assert [split.parts[i] for i in originals] == split.parts[n:].tolist() and split.near_duplicates == len(originals)
    for part, share in enumerate(shares, 1):
        assert (split.parts == part).sum() <= max(1, round(share * len(texts))) * (share > 0)
    if not originals and n > 10:
        assert [(split.parts == part).sum() for part in (1, 2)] == [max(1, round(s * n)) * (s > 0) for s in shares]
    assert (split.parts == 0).any()


def test_seeds_differ():
    texts = make_texts(50)
    assert len({tuple(split_texts(texts, 0.3, 0.3, seed=seed).parts) for seed in range(5)}) == 5


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("Das kostet 12.50 Euro, heute.", "das kostet 99,75 EURO heute", True),
        ("ＡＢＣ ｄｅｆ", "abc def", True),
        ("北京是中国的首都,有很多人住在那里。", "北京是中国的首都，有很多人住在那里", True),
        ("दिल्ली भारत की राजधानी है", "मुंबई भारत का एक नगर है", False),
        ("", " .", True),
        ("yes", "no", False),
    ],
)
def test_what_is_nearly_the_same(one, other, same):
    assert (normalize(one) == normalize(other)) == same
    assert (len(set(group_similar(np.stack([signature(one), signature(other)])))) == 1) == same


def test_one_word_more_in_a_long_text_is_nearly_the_same():
    texts = make_texts(40)
    changed = [text.rsplit(" ", 1)[0] + " kikiki" for text in texts]
    groups = group_similar(np.stack([signature(text) for text in [*texts, *changed]]))
    found = sum(groups[i] == groups[40 + i] for i in range(40))
    assert found >= 30 and len(set(groups[:40])) == 40
