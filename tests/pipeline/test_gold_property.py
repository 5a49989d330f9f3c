"""What gold says, whatever it is: every gold tag is one of the tags that the labels found in the same gold make."""

import warnings
from itertools import accumulate, chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_rnn_tagger.chain.gold_tags import MISSING
from spacy_rnn_tagger.pipeline.gold import read_gold, read_incorrect
from spacy_rnn_tagger.pipeline.targets import make_target

TARGETS = ("tag", "pos", "morph", "ents", "sents", "spans:layer", "_.kind")
HAVE_ALTERNATIVES = ("tag", "pos", "morph", "_.kind")
HAVE_INCORRECT = ("ents", "spans:layer")
ALTERNATIVE_LABELS = {"morph": ["POS=NOUN", "Number=Sing", "_", "B=1|A=2|POS=X"], "pos": ["NOUN", "ADP", "X"]}
TAGS = ["", "-", "_", "NN", "X-Y", "ü"]
POS = ["", "NOUN", "X", "SPACE"]
MORPHS = ["", "_", "Number=Sing", "B=1|A=2", "Case=Acc,Nom"]
STARTS = [None, True, False, 0, 1, -1]
KINDS = [None, "", "x", "Y y"]
LABELS = ["A", "B-A", "O", "-"]


@pytest.fixture(autouse=True)
def _kind(kind):
    """The custom attribute that a target of the property is about."""


@st.composite
def partitions(draw, text):
    """The text as tokens."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=len(text))))
    edges = [0, *(cut for cut in cuts if cut < len(text)), len(text)]
    return [text[start:end] for start, end in zip(edges, edges[1:]) if end > start]


@st.composite
def spans_of(draw, n_tokens, labels):
    """Places of spans that do not overlap, with labels."""
    sizes = draw(st.lists(st.integers(1, 3), max_size=4))
    ends = list(accumulate(sizes))
    return [(end - size, end, draw(st.sampled_from(labels))) for size, end in zip(sizes, ends) if end <= n_tokens]


@st.composite
def gold_examples(draw, name, vocab):
    """An example with gold for every target, of this vocabulary or another."""
    text = draw(st.text("ab \n", max_size=7))
    words = draw(partitions(text))
    n = len(words)

    def values(choices):
        return draw(st.none() | st.lists(st.sampled_from(choices), min_size=n, max_size=n))

    gold_vocab = draw(st.sampled_from([vocab, Vocab()]))
    gold = {"tags": values(TAGS), "pos": values(POS), "morphs": values(MORPHS), "sent_starts": values(STARTS)}
    y = Doc(gold_vocab, words=words, spaces=[False] * n, **gold)
    for token, value in zip(y, values(KINDS) or ()):
        if value is not None:
            token._.kind = value

    def spans(labels):
        return [Span(y, start, end, label=label) for start, end, label in draw(spans_of(n, labels))]

    others = draw(st.sampled_from(["missing", "outside", "blocked"]))
    y.set_ents(spans(LABELS), default=others)
    for key, labels in (
        ("layer", [*LABELS, ""]),
        ("alternatives", [*ALTERNATIVE_LABELS.get(name, ["NN", "ADP"]), ""]),
        ("wrong", [*LABELS, ""]),
    ):
        if draw(st.booleans()):
            y.spans[key] = spans(labels)
    predicted = draw(st.sampled_from([words, draw(partitions(text))]))
    return Example(Doc(vocab, words=predicted, spaces=[False] * len(predicted)), y)


@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_every_gold_tag_is_among_the_tags_of_the_labels_found(name, data):
    vocab = Vocab()
    keys = {"alternatives_key": "alternatives"} if name in HAVE_ALTERNATIVES else {}
    keys.update({"incorrect_spans_key": "wrong"} if name in HAVE_INCORRECT else {})
    target = make_target(name, vocab, **keys)
    examples = data.draw(st.lists(gold_examples(name, vocab), min_size=1, max_size=3))
    checked = []
    for i, example in enumerate(examples):
        try:
            target.check(example, f"doc {i}")
            checked.append(example)
        except ValueError as e:  # one and the same span is right and wrong
            assert "also one of the incorrect spans" in str(e)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # W030, about tokens that do not match
        golds = [target.gold(example) for example in checked]
        sets = [set().union(*filter(None, target.alternatives(example) or [])) for example in checked]
        found = [target.labels_in(example) for example in checked]
        named = set().union(*found) - {""}  # what has no label is left out
        labels = sorted(map(target.normalize_label, named))
        assert set(labels) == named  # labels are found in the form in which they are learned
        tags = target.make_tags(labels)
        assert len(set(tags)) == len(tags)
        for example, own, gold, several in zip(checked, found, golds, sets):
            assert len(gold) == len(example.predicted)
            assert set(gold) - {None} | several <= set(tags)
            if set(gold) - {None, "O", "-"} or several:
                assert own and target.is_annotated(example.reference)
            assert target.count_aligned(example) <= target.count_gold(example)
        columns, unknown = read_gold(checked, target, tags)
        assert not unknown and len(columns) == sum(map(len, golds))
        if columns.ndim == 1:
            assert [None if i == MISSING else tags[i] for i in columns] == list(chain.from_iterable(golds))
        assert not read_incorrect(checked, target, labels, len(tags))[1] & set(labels)
