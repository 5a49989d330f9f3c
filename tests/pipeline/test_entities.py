"""Entities: constraints, whitespace, preset and blocked tokens."""

import itertools
import warnings

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.training.iob_utils import biluo_tags_to_spans

from spacy_rnn_tagger.chain.decoding import decode, viterbi
from spacy_rnn_tagger.chain.lattice import NEVER
from spacy_rnn_tagger.pipeline import biluo

from ..conftest import make_examples, randomize, small_model, train


@pytest.fixture
def ner(nlp):
    pipe = nlp.add_pipe("rnn_ner", config={"model": small_model()})
    train(nlp, make_examples(nlp))
    return pipe


def legal(tags):
    """Whether a BILUO sequence is legal, written without the transition table."""
    opened = None
    for tag in tags:
        action, _, label = tag.partition("-")
        if opened is None:
            if action in "IL":
                return False
        elif action not in "IL" or label != opened:
            return False
        opened = label if action in "BI" else None
    return opened is None


def test_constraints_allow_exactly_the_legal_paths():
    tags = biluo.make_tags(["A", "B"])
    rules = biluo.make_constraints(2)
    for length in (1, 2, 3):
        for path in itertools.product(range(len(tags)), repeat=length):
            allowed = (
                rules.start[path[0]]
                and rules.end[path[-1]]
                and all(rules.follows[a, b] for a, b in zip(path, path[1:]))
            )
            assert allowed == legal([tags[i] for i in path])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(1, 2), st.integers(0, 10**6))
def test_decode_finds_the_best_legal_path(lengths, n_labels, seed):
    tags = biluo.make_tags("AB"[:n_labels])
    rules = biluo.make_constraints(n_labels)
    scores = numpy.random.default_rng(seed).normal(size=(sum(lengths), len(tags))).astype("float32")
    path = decode(scores, lengths, rules)
    assert (path == viterbi(scores, lengths, rules)).all()
    at = 0
    for n in lengths:
        part = scores[at : at + n]
        best = max(
            (sum(part[i, tag] for i, tag in enumerate(p)), p)
            for p in itertools.product(range(len(tags)), repeat=n)
            if legal([tags[i] for i in p])
        )
        assert tuple(path[at : at + n]) == best[1]
        at += n


def test_ten_thousand_random_scores_decode_to_legal_paths():
    tags = numpy.array(biluo.make_tags(["A", "B", "C"]))
    rng = numpy.random.default_rng(0)
    lengths = rng.integers(0, 12, 10_000)
    scores = rng.normal(0, 5, size=(lengths.sum(), len(tags))).astype("float32")
    for path in numpy.split(tags[decode(scores, lengths, biluo.make_constraints(3))], numpy.cumsum(lengths)[:-1]):
        assert legal(path)


def test_spans_are_those_spacy_reads_from_the_tags(nlp):
    tags = biluo.make_tags(["A", "B"])
    rules = biluo.make_constraints(2)
    rng = numpy.random.default_rng(3)
    for n in range(1, 30):
        path = decode(rng.normal(size=(n, len(tags))).astype("float32"), [n], rules)
        doc = Doc(nlp.vocab, words=["x"] * n)
        expected = [(s.start, s.end, s.label_) for s in biluo_tags_to_spans(doc, [tags[i] for i in path])]
        assert [(s, e, "AB"[label]) for s, e, label in biluo.spans_of(path, len(tags))] == expected
        again = {}
        for s, e, label in biluo.spans_of(path, len(tags)):
            again.update(biluo.tags_of(s, e, label))
        assert [again.get(i, 0) for i in range(n)] == path.tolist()


def test_never_forbids_even_in_a_long_sequence():
    rules = biluo.make_constraints(1)
    scores = numpy.zeros((5000, 5), dtype="float32")
    scores[:, 2] = 50.0  # everything wants to be inside
    scores[2500] = NEVER
    scores[2500, 0] = 0.0
    path = decode(scores, [5000], rules)
    assert path[2500] == 0 and path[2499] == 3 and path[2501] == 1 and path[0] == 1 and path[-1] == 3


def force(pipe, scores):
    """Make a component's model give these scores, whatever the docs."""
    wide = numpy.asarray(scores, dtype="float32")
    pipe.model._func = lambda model, docs, is_train: ([wide[: len(doc)] for doc in docs], None)


def test_whitespace_never_begins_ends_or_makes_an_entity(nlp, ner):
    words = ["\n", "New", " ", "York", "\n\n", "  ", "\t"]
    n_found = 0
    for seed in range(20):
        doc = Doc(nlp.vocab, words=words, spaces=[False] * len(words))
        force(ner, numpy.random.default_rng(seed).normal(0, 4, size=(len(words), len(ner.tags))))
        for ent in ner(doc).ents:
            n_found += 1
            assert not ent[0].is_space and not ent[-1].is_space
    assert n_found > 10


def test_whitespace_inside_an_entity_is_possible(nlp, ner):
    doc = Doc(nlp.vocab, words=["New", " ", "York"], spaces=[False] * 3)
    scores = numpy.zeros((3, len(ner.tags)))
    for i, tag in enumerate(["B-GPE", "I-GPE", "L-GPE"]):
        scores[i, ner.tags.index(tag)] = 9
    force(ner, scores)
    assert [ent.text for ent in ner(doc).ents] == ["New York"]


@pytest.mark.parametrize(
    "ents,expected",
    [
        (["B-GPE", "I-GPE", "O", "U-GPE"], [None, None, "O", "U-GPE"]),  # ends with whitespace
        (["O", "B-GPE", "I-GPE", "I-GPE"], ["O", None, None, None]),  # begins with it
        (["O", "U-GPE", "O", "O"], ["O", None, "O", "O"]),  # consists of it
        (["B-GPE", "I-GPE", "I-GPE", "O"], ["B-GPE", "I-GPE", "L-GPE", "O"]),
    ],
)
def test_gold_that_is_never_decoded_is_missing(nlp, ner, ents, expected):
    ents = [tag.replace("U-", "B-").replace("L-", "I-") for tag in ents]
    words = {"words": ["London", "\n", "sees", "Rome"], "spaces": [False] * 4}
    eg = Example(Doc(nlp.vocab, **words), Doc(nlp.vocab, **words, ents=ents))
    assert ner.target.gold(eg) == expected
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if None not in expected:
            ner.initialize(lambda: [eg])
            return
    n_gold = len(eg.reference.ents)
    message = (
        rf"1 of {n_gold} gold labels .* begin or end with whitespace, and cannot be learned, such as\n  doc 0 \(1 of"
    )
    with pytest.warns(UserWarning, match=message):
        ner.initialize(lambda: [eg])


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_training_knows_the_rules_of_decoding(nlp, decoder):
    """The likelihood of the gold is that of the very paths that are decoded, around whitespace too."""
    config = {"decoder": decoder, "incorrect_spans_key": "wrong", "model": small_model()}
    pipe = nlp.add_pipe("rnn_ner", config=config)
    train(nlp, make_examples(nlp), steps=1)
    randomize(pipe.model, scale=0.5)
    words = {"words": ["New", " ", "York", "\n"], "spaces": [False] * 4}
    y = Doc(nlp.vocab, **words, ents=["B-GPE", "I-GPE", "I-GPE", "O"])
    x = Doc(nlp.vocab, **words)
    listed = {tuple(tags): numpy.exp(log) for tags, log in pipe.kbest([x], 10_000)[0]}
    gold = ("B-GPE", "I-GPE", "L-GPE", "O")
    scores = pipe.model.predict([x])
    if decoder == "crf":
        assert pipe.get_loss([Example(x, y)], scores)[0] == pytest.approx(-numpy.log(listed[gold]), rel=1e-4)
    wrong = Doc(nlp.vocab, **words)
    wrong.spans["wrong"] = [Span(wrong, 0, 3, "GPE"), Span(wrong, 0, 4, "GPE")]  # the second is impossible
    loss, (gradient,) = pipe.get_loss([Example(x, wrong)], scores)
    assert loss == pytest.approx(-numpy.log1p(-sum(p for tags, p in listed.items() if tags[:3] == gold[:3])), rel=1e-3)
    assert not gradient[3, pipe.tags.index("L-GPE")] and gradient[2, pipe.tags.index("L-GPE")] > 0


def test_preset_entities_are_kept_and_respected(nlp, ner):
    doc = nlp.make_doc("Anna Berg works in New York.")
    doc.ents = [Span(doc, 1, 3, label="ODD", kb_id="Q1")]  # an unknown label, across what would be PERSON
    done = ner(doc)
    assert [(e.start, e.end, e.label_, e.kb_id_) for e in done.ents] == [(1, 3, "ODD", "Q1"), (4, 6, "GPE", "")]
    doc = nlp.make_doc("Anna Berg works in New York.")
    doc.ents = [Span(doc, 4, 6, label="PERSON")]
    assert [(e.start, e.end, e.label_) for e in ner(doc).ents] == [(0, 2, "PERSON"), (4, 6, "PERSON")]
    assert doc.has_annotation("ENT_IOB", require_complete=True)


def test_preset_entities_survive_any_scores(nlp, ner):
    for seed in range(20):
        doc = nlp.make_doc("a b c d e f g h")
        spans = [Span(doc, 1, 3, label="GPE"), Span(doc, 3, 4, label="X")]
        doc.set_ents(spans, blocked=[doc[5:7]], default="missing")
        force(ner, numpy.random.default_rng(seed).normal(0, 4, size=(8, len(ner.tags))))
        done = ner(doc)
        assert {(1, 3, "GPE"), (3, 4, "X")} <= {(e.start, e.end, e.label_) for e in done.ents}
        assert all(not t.ent_type_ for t in done[5:7])


def test_overwrite_replaces_entities_but_not_blocked_tokens(nlp, ner):
    ner.overwrite = True
    doc = nlp.make_doc("Anna Berg works in New York.")
    doc.set_ents([Span(doc, 0, 2, label="GPE")], blocked=[doc[4:6]], default="outside")
    done = ner(doc)
    assert [(e.text, e.label_) for e in done.ents] == [("Anna Berg", "PERSON")]
    again = ner(done)
    assert [(e.text, e.label_) for e in again.ents] == [("Anna Berg", "PERSON")]


def test_entity_ruler_before_it_is_kept(nlp):
    nlp.add_pipe("rnn_ner", config={"model": small_model()})
    train(nlp, make_examples(nlp))
    ruler = nlp.add_pipe("entity_ruler", first=True)
    ruler.add_patterns([{"label": "FOOD", "pattern": "ham"}])
    doc = nlp("They eat ham in London.")
    assert [(e.text, e.label_) for e in doc.ents] == [("ham", "FOOD"), ("London", "GPE")]


def test_misaligned_entities_are_missing_not_wrong(nlp, ner):
    x = Doc(nlp.vocab, words=["NewYorkCity", "is"], spaces=[True, False])
    y = Doc(
        nlp.vocab,
        words=["New", "York", "City", "is"],
        spaces=[False, False, True, False],
        ents=["B-GPE", "I-GPE", "O", "O"],
    )
    assert ner.target.gold(Example(x, y)) == [None, "O"]
