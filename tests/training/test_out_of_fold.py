"""What models that were trained on the rest of a corpus think of each part of it."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_rnn_tagger.evaluation.judged_gold import NOTHING, JudgedGold, average_judged
from spacy_rnn_tagger.training import out_of_fold
from spacy_rnn_tagger.training.doubts import find_doubts
from spacy_rnn_tagger.training.out_of_fold import FoldSettings, judge_out_of_fold, split_folds

NAMES = "Anna Bert Cora Dora Emil Fred Gerd Hans Ida Jan".split()
QUICK = FoldSettings(targets=("tag", "ents"), n_folds=2, max_steps=60)


def make_corpus(wrong=()):
    """Docs of two sentences, with a tag and an entity type that are wrong in some."""
    vocab = spacy.blank("en").vocab
    docs = []
    for i, name in enumerate(NAMES * 3):
        words = [name, "likes", "ham", ".", f"{NAMES[(i * 3 + 1) % 10]}", "left", "."]
        doc = Doc(vocab, words=words, tags="NNP VBZ NN . NNP VBD .".split(), sent_starts=[1, 0, 0, 0, 1, 0, 0])
        doc.set_ents([Span(doc, 0, 1, "PER"), Span(doc, 4, 5, "PER")])
        if i in wrong:
            doc[5].tag_ = "NN"
            doc.set_ents([Span(doc, 4, 5, "PER"), Span(doc, 1, 2, "PER")])
        docs.append(doc)
    return docs


def test_folds_are_of_equal_size_and_keep_same_texts_together():
    docs = make_corpus() + make_corpus() + [Doc(spacy.blank("en").vocab)]
    folds = split_folds(docs, 3, seed=1)
    assert sorted(i for fold in folds for i in fold) == list(range(60))
    sizes = [sum(len(docs[i]) for i in fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 6 * 7
    for fold in folds:
        texts = {docs[i].text for i in fold}
        assert not texts & {docs[i].text for other in folds if other is not fold for i in other}
    assert folds == split_folds(docs, 3, seed=1) != split_folds(docs, 3, seed=2)
    with pytest.raises(ValueError, match="1 different docs are too few for 2 folds"):
        split_folds(docs[:1] * 4, 2)


def test_wrong_labels_are_found_and_a_second_run_goes_on(tmp_path, monkeypatch):
    docs = make_corpus(wrong=[4])
    states = []

    def stop_after_one(path, answer):
        if states:
            raise KeyboardInterrupt
        states.append(path)
        write(path, answer)

    write = out_of_fold._write_answer
    monkeypatch.setattr(out_of_fold, "_write_answer", stop_after_one)
    with pytest.raises(KeyboardInterrupt):
        judge_out_of_fold(docs, QUICK, folder=tmp_path)
    monkeypatch.setattr(out_of_fold, "_write_answer", write)
    before = states[0].stat().st_mtime_ns
    found = {each.target: each for each in find_doubts(docs, QUICK, folder=tmp_path, n=5).targets}
    assert states[0].stat().st_mtime_ns == before and len(list(tmp_path.rglob("*.msgpack"))) == 2
    first = found["tag"].doubts[0]
    assert (first.doc, first.start, first.given, first.other) == (4, 5, "NN", "VBD") and found["tag"].n_judged == 210
    assert first.before.strip() == docs[4][4].text  # its sentence alone
    places = {(doubt.doc, doubt.start, doubt.kind) for doubt in found["ents"].doubts}
    assert {(4, 0, "missing"), (4, 1, "spurious")} <= places

    def no_training(*args):
        raise AssertionError("trained again")

    monkeypatch.setattr(out_of_fold, "judge_by_others", no_training)
    judge_out_of_fold(docs, QUICK, folder=tmp_path)
    with pytest.raises(AssertionError, match="trained again"):  # other docs are another corpus
        judge_out_of_fold(make_corpus(), QUICK, folder=tmp_path)


def test_settings_that_are_not_allowed():
    for settings, message in (
        (FoldSettings(n_folds=1), "folds = 1 is not allowed"),
        (FoldSettings(processes=0), "processes = 0 is not allowed"),
        (FoldSettings(rounds=0), "rounds = 0 is not allowed"),
        (FoldSettings(max_steps=-1), "max_steps = -1 is not allowed"),
    ):
        with pytest.raises(ValueError, match=message):
            judge_out_of_fold(make_corpus(), settings)
    with pytest.raises(ValueError, match="ranking = 'marginn' is unknown"):
        find_doubts(make_corpus(), ranking="marginn")


@pytest.mark.slow
def test_processes_find_what_one_process_finds(tmp_path):
    docs = make_corpus(wrong=[4])
    one = judge_out_of_fold(docs, QUICK)
    two = judge_out_of_fold(docs, FoldSettings(targets=("tag", "ents"), n_folds=2, max_steps=60, processes=2))
    for target in one:
        numpy.testing.assert_allclose(one[target].given_probability, two[target].given_probability, atol=1e-5)


def judged(labels, rows):
    """Judged spans: doc, start, end, given, its probability, alternative of the same place, its probability."""
    docs, starts, ends, given, likely, other, its = map(numpy.asarray, zip(*rows))
    return JudgedGold(True, labels, docs, starts, ends, given, likely, starts, ends, other, its, None, 0)


def test_means_of_rounds():
    one = judged(["A", "B"], [(0, 0, 1, 0, 0.2, 1, 0.6), (1, 0, 1, NOTHING, 0.1, 0, 0.8)])
    two = judged(["B", "A"], [(0, 0, 1, 1, 0.4, NOTHING, 0.5), (2, 3, 5, 0, 0.9, NOTHING, 0.1)])
    mean = average_judged([one, two])
    assert list(zip(mean.docs.tolist(), mean.given.tolist())) == [(0, 0), (1, NOTHING)]  # doc 2 is left out
    numpy.testing.assert_allclose(mean.given_probability, [0.3, 0.55])
    numpy.testing.assert_allclose(mean.other_probability, [0.3, 0.4])
    assert mean.other.tolist() == [1, 0] and average_judged([one]) is one


def test_means_of_tokens_are_of_each_label():
    docs = make_corpus()[:10]
    rounds = FoldSettings(targets=("tag",), n_folds=2, max_steps=20, rounds=2)
    singles = [
        judge_out_of_fold(docs, FoldSettings(targets=("tag",), n_folds=2, max_steps=20, seed=seed))["tag"]
        for seed in (0, out_of_fold.NEXT_ROUND)
    ]
    mean = judge_out_of_fold(docs, rounds)["tag"]
    expected = numpy.mean([each.given_probability for each in singles], axis=0)
    numpy.testing.assert_allclose(mean.given_probability, expected, rtol=1e-5)
    assert ((mean.other != mean.given) | (mean.other_probability == 0)).all()  # others are too small to be kept
    sums = numpy.add.reduceat(
        mean.probabilities.values, numpy.cumsum(mean.probabilities.sizes) - mean.probabilities.sizes
    )
    numpy.testing.assert_allclose(sums, 1, atol=0.02)
