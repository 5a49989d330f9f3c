"""What teachers say, from their shards to the gradient of a student."""

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from spacy_rnn_tagger.annotate import AnnotateSettings, annotate
from spacy_rnn_tagger.chain.soft_loss import SoftGold, soft_loss
from spacy_rnn_tagger.distill import DistillSettings
from spacy_rnn_tagger.distill.asking import combine_docs
from spacy_rnn_tagger.distill.combining import agree, average, vote
from spacy_rnn_tagger.pipeline.teacher_answers import (
    Mixture,
    aligned_answers,
    answered_targets,
    answers_of,
    keep_answers,
    set_mixture,
)
from spacy_rnn_tagger.training.corpus import read_docs
from spacy_rnn_tagger.training.held_out import HeldOut
from spacy_rnn_tagger.training.soft_corpus import create_soft_corpus

from ..conftest import SENTENCES, make_examples, small_model, train

TEXTS = [text for text, *_ in SENTENCES]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """Our tagger and NER beside spaCy's tagger and morphologizer."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_ner", config={"model": small_model(), "decoder": "crf"})
    nlp.add_pipe("tagger")
    nlp.add_pipe("morphologizer")
    train(nlp, make_examples(nlp), steps=15)
    folder = tmp_path_factory.mktemp("teacher")
    nlp.to_disk(folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def shards(teacher, tmp_path_factory):
    folder = tmp_path_factory.mktemp("answers")
    (folder / "raw.txt").write_text("\n".join(TEXTS * 2), encoding="utf8")
    settings = AnnotateSettings(format="spacy", answers=5)
    annotate(teacher, folder / "raw.txt", folder / "answers", settings=settings, processes=1)
    return folder / "answers"


def docs_of(shards):
    vocab = spacy.blank("en").vocab
    return [doc for path in sorted(shards.glob("*.spacy")) for doc in read_docs(vocab, path)]


def test_answers_are_the_probabilities_of_the_components(teacher, shards):
    nlp = spacy.load(teacher)
    tagger = nlp.get_pipe("tagger")
    for doc in docs_of(shards)[:4]:
        assert answered_targets(doc) == ["ents", "morph", "tag"]
        plain = nlp.make_doc(doc.text)
        marginals = nlp.get_pipe("rnn_ner").predict_proba([plain])[0]
        found = answers_of(doc, "ents", nlp.get_pipe("rnn_ner").tags)
        np.testing.assert_allclose(found, marginals, atol=0.03)  # the five likeliest of nine
        scores = tagger.model.predict([plain])[0]
        softmax = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        wanted = softmax if not np.allclose(scores.sum(axis=1), 1, atol=1e-3) else scores
        found = answers_of(doc, "tag", tagger.labels)
        top = np.sort(wanted, axis=1)[:, -5:].sum(axis=1)
        np.testing.assert_allclose(found.max(axis=1), wanted.max(axis=1) / top, atol=2e-3)
        assert [tagger.labels[i] for i in found.argmax(axis=1)] == [token.tag_ for token in doc]
        ours = {("._.", f"spacy_rnn_tagger:teacher:{name}", 0, None) for name in ("ents", "morph", "tag")}
        assert ours == {key for key in doc.user_data if isinstance(key, tuple)}  # beside the id


def test_answers_about_other_tags_are_left_out_and_the_rest_sums_to_one():
    doc = Doc(spacy.blank("en").vocab, words=["a", "b", "c"])
    keep_answers(doc, "tag", ["X", "Y", "Z"], np.asarray([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [np.nan] * 3]), 3)
    found = answers_of(doc, "tag", ["Y", "X", "other"])
    np.testing.assert_allclose(found, [[0.375, 0.625, 0], [0.5, 0.5, 0], [0, 0, 0]], atol=1e-3)
    assert answers_of(doc, "pos", ["X"]) is None
    sentence = doc[1:3].as_doc(copy_user_data=True)
    np.testing.assert_allclose(answers_of(sentence, "tag", ["Z"]), [[1], [0]])


def test_answers_reach_tokens_that_are_the_same():
    nlp = spacy.blank("en")
    gold = Doc(nlp.vocab, words=["New", "York", "'s", "ham"], spaces=[True, False, True, False])
    keep_answers(gold, "tag", ["A", "B"], np.asarray([[1, 0], [0.9, 0.1], [0, 1], [0.2, 0.8]]), 2)
    other = Doc(nlp.vocab, words=["New", "York's", "ham"], spaces=[True, True, False])
    found = aligned_answers(Example(other, gold), "tag", ["A", "B"])
    np.testing.assert_allclose(found, [[1, 0], [0, 0], [0.2, 0.8]], atol=1e-3)


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_the_loss_mixes_teacher_and_gold_as_asked(decoder):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("rnn_ner", config={"model": small_model(), "decoder": decoder})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    rng = np.random.default_rng(0)
    soft = [rng.dirichlet(np.ones(len(pipe.tags)), size=len(eg.x)).astype("float16") for eg in examples]
    scores, _ = pipe.model.begin_update([eg.x for eg in examples])
    hard, hard_gradient = pipe.get_loss(examples, scores)
    rules = pipe._rules(None) if decoder == "crf" else {}
    lengths = [len(eg.x) for eg in examples[:2]]

    def divergence(rows):
        emissions = np.concatenate([np.asarray(each) for each in scores[:2]])
        return soft_loss(emissions, lengths, SoftGold(np.concatenate(rows), 2.0), **rules)

    rest, _ = pipe.get_loss(examples[2:], scores[2:])
    own, _ = pipe.get_loss(examples[:2], scores[:2])
    assert own + rest == pytest.approx(hard, rel=1e-5)
    for eg, rows in zip(examples[:2], soft):
        keep_answers(eg.y, "ents", pipe.tags, rows, len(pipe.tags))
        set_mixture(eg.y, Mixture(weight=0.75, temperature=2.0))
    rows = [answers_of(eg.y, "ents", pipe.tags) for eg in examples[:2]]
    loss, gradient = pipe.get_loss(examples, scores)
    assert loss == pytest.approx(rest + 0.25 * own + 0.75 * divergence(rows).loss, rel=1e-4)
    for i in (2, 3):  # docs without answers learn as ever
        np.testing.assert_allclose(np.asarray(gradient[i]), np.asarray(hard_gradient[i]), atol=1e-6)
    taught = divergence(rows).emissions
    wanted = 0.75 * taught + 0.25 * np.concatenate([np.asarray(each) for each in hard_gradient[:2]])
    np.testing.assert_allclose(np.concatenate([np.asarray(each) for each in gradient[:2]]), wanted, atol=1e-5)
    # A token of which the teacher is not sure enough is in neither part.
    for eg in examples[:2]:
        set_mixture(eg.y, Mixture(weight=0.5, min_confidence=1.0))
    unsure, gradient = pipe.get_loss(examples, scores)
    assert unsure == pytest.approx(rest, rel=1e-5) and not np.asarray(gradient[0]).any()


def test_a_student_learns_from_answers_alone(shards):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("rnn_ner", config={"model": small_model()})
    examples = list(create_soft_corpus(shards, weight=1.0)(nlp))
    assert len(examples) == 8 and not any(eg.predicted.ents for eg in examples)
    train(nlp, examples, steps=60)
    agreed = [
        np.abs(pipe.predict_proba([nlp.make_doc(eg.y.text)])[0] - answers_of(eg.y, "ents", pipe.tags)).max()
        for eg in examples
    ]
    assert max(agreed) < 0.15


def test_gold_has_its_share_of_the_tokens(shards, tmp_path):
    nlp = spacy.blank("en")
    DocBin(docs=[eg.reference for eg in make_examples(nlp)][:2]).to_disk(tmp_path / "gold.spacy")
    found = list(create_soft_corpus(shards, gold=tmp_path / "gold.spacy", gold_share=0.5)(nlp))
    sizes = {soft: sum(len(eg.x) for eg in found if bool(answered_targets(eg.y)) == soft) for soft in (True, False)}
    assert abs(sizes[True] - sizes[False]) <= 8
    # A held-out sentence is not learned from.
    long = Doc(nlp.vocab, words="a sentence of just so many words as count here".split())
    DocBin(docs=[long]).to_disk(tmp_path / "dev.spacy")
    DocBin(docs=[long, Doc(nlp.vocab, words=["ham"])]).to_disk(tmp_path / "raw.spacy")
    assert len(list(create_soft_corpus(tmp_path / "raw.spacy", held_out=[tmp_path / "dev.spacy"])(nlp))) == 1


@pytest.mark.parametrize(
    "setting, value, message",
    [
        ("gold_share", 1.0, "leaves no room"),
        ("weight", 1.5, "weight = 1.5"),
        ("temperature", 0, "temperature = 0"),
        ("min_confidence", -1, "min_confidence = -1"),
    ],
)
def test_settings_that_cannot_be(shards, setting, value, message):
    with pytest.raises(ValueError, match=message):
        create_soft_corpus(shards, **{setting: value})


def test_held_out_sentences_are_known_whatever_their_case_and_place():
    nlp = spacy.blank("en")
    known = HeldOut([nlp("The quick brown fox jumps over the lazy dog today.")])
    assert known.find("He said: THE QUICK, brown fox jumps over the lazy dog today!") is not None
    assert known.find("The quick brown fox jumps over the lazy cat today.") is None
    assert len(HeldOut([nlp("Thanks a lot!")])) == 0


@given(st.integers(0, 10_000))
def test_agreement_finds_the_reliable_teacher(seed):
    """Of three teachers with independent errors, two bad ones cannot outvote what their own disagreement shows."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, 600)
    rates = (0.95, 0.55, 0.5)
    said = [np.where(rng.random(600) < rate, truth, rng.integers(0, 4, 600)) for rate in rates]
    answers = [np.eye(4, dtype="float32")[each] for each in said]
    right = {function: (function(answers).argmax(axis=1) == truth).mean() for function in (agree, vote, average)}
    assert right[agree] > right[vote] + 0.02
    np.testing.assert_allclose(agree(answers).sum(axis=1), 1, atol=1e-5)


def test_who_has_no_answer_has_no_vote():
    first = np.asarray([[0.6, 0.4], [0, 0], [0, 0]], dtype="float32")
    second = np.asarray([[0.2, 0.8], [0.1, 0.9], [0, 0]], dtype="float32")
    np.testing.assert_allclose(average([first, second]), [[0.4, 0.6], [0.1, 0.9], [0, 0]], atol=1e-6)
    np.testing.assert_allclose(vote([first, second]), [[0.5, 0.5], [0, 1], [0, 0]])
    assert not agree([first, second])[2].any()


def test_rules_say_nothing_where_they_find_nothing():
    nlp = spacy.blank("en")
    rules, model = nlp("I like London and Ham."), nlp("I like London and Ham.")
    rules.set_ents([rules.char_span(7, 13, "GPE")])
    model.set_ents([model.char_span(18, 21, "GPE")])
    combine_docs([[model, rules]], [False, True], DistillSettings(combine="vote"))
    assert [ent.text for ent in model.ents] == ["Ham"]  # equally many votes for London: the model's first
    tags = ["O", "B-GPE", "I-GPE", "L-GPE", "U-GPE"]
    found = answers_of(model, "ents", tags)
    np.testing.assert_allclose(found[2], [0.5, 0, 0, 0, 0.5])
    np.testing.assert_allclose(found[0], [1, 0, 0, 0, 0])
    both = [nlp("I like London and Ham."), nlp("I like London and Ham.")]
    both[0].set_ents([both[0].char_span(7, 13, "GPE")])
    combine_docs([both], [True, True], DistillSettings())
    found = answers_of(both[0], "ents", tags)
    assert found[2, 4] == 1 and not found[[0, 1, 3, 4, 5]].any()
