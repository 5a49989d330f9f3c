"""Error kinds against nervaluate, bootstrap intervals against loops, two pipelines against sets."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nervaluate import Evaluator

from spacy_rnn_tagger.evaluation.bootstrap import difference, f_score, interval, precision, recall, resample
from spacy_rnn_tagger.evaluation.comparison import compare_pipelines
from spacy_rnn_tagger.evaluation.error_kinds import count_schemes, pair_spans, pair_tokens
from spacy_rnn_tagger.evaluation.report import NamedPipeline, evaluate_pipeline, judge_pipeline

from ..fixtures.report_cases import pipeline_of_all_targets, random_corpus, spacy_pipeline


@st.composite
def spans(draw, overlap):
    """Spans of one doc; none overlapping another, or any."""
    items, start = set(), 0
    for _ in range(draw(st.integers(0, 5))):
        first = draw(st.integers(0, 8)) if overlap else start + draw(st.integers(0, 2))
        # Longer than a hundred tokens, so that some overlaps are too small to count.
        end = first + draw(st.sampled_from([1, 1, 2, 3, 150]))
        items.add((first, end, draw(st.sampled_from(["A", "B"]))))
        start = end
    return sorted(items)


@pytest.mark.parametrize("overlap", [False, True])
@given(data=st.data())
def test_schemes_are_those_of_nervaluate(overlap, data):
    docs = data.draw(st.lists(st.tuples(spans(overlap), spans(overlap)), min_size=1, max_size=4))
    sides = [
        [[{"label": label, "start": start, "end": end - 1} for start, end, label in doc[side]] for doc in docs]
        for side in (0, 1)
    ]
    expected = Evaluator(*sides, tags=["A", "B"], loader="dict").evaluate()["overall"]
    found = {row.scheme: row for row in count_schemes(docs)}
    assert set(found) == set(expected)
    for scheme, row in found.items():
        for name in ("correct", "incorrect", "partial", "missed", "spurious", "precision", "recall"):
            assert getattr(row, name) == getattr(expected[scheme], name), (scheme, name)
        assert row.f == pytest.approx(expected[scheme].f1)
    kinds = [pair.kind for gold, predicted in docs for pair in pair_spans(gold, predicted)]
    strict = expected["strict"]
    assert kinds.count("right") == sum(len(set(gold) & set(predicted)) for gold, predicted in docs)
    if overlap:
        return
    assert kinds.count("right") == strict.correct and kinds.count("missed") == strict.missed
    assert kinds.count("spurious") == strict.spurious
    assert sum(kind in ("type", "boundary", "both") for kind in kinds) == strict.incorrect


@pytest.mark.parametrize(
    "gold,predicted,kind",
    [
        ((1, 3, "A"), (1, 3, "A"), "right"),
        ((1, 3, "A"), (1, 3, "B"), "type"),
        ((1, 3, "A"), (2, 3, "A"), "boundary"),
        ((1, 3, "A"), (2, 4, "B"), "both"),
    ],
)
def test_kinds_of_pairs(gold, predicted, kind):
    assert pair_spans([gold], [predicted]) == [(gold, predicted, kind)]


def test_spans_side_by_side_do_not_meet():
    assert pair_spans([(1, 3, "A")], [(3, 4, "A")]) == [(None, (3, 4, "A"), "spurious"), ((1, 3, "A"), None, "missed")]


def test_tokens_are_paired_by_place():
    gold = [(0, 1, "A"), (1, 2, "A"), (2, 3, "B"), (3, 4, "B")]
    predicted = [(0, 1, "A"), (1, 2, "B"), (2, 3, ""), (3, 4, "A"), (3, 4, "B")]
    assert pair_tokens(gold, predicted) == [
        (gold[0], predicted[0], "right"),
        (gold[1], predicted[1], "wrong"),
        (gold[2], None, "missed"),
        (gold[3], predicted[4], "right"),
        (None, predicted[3], "spurious"),
    ]


def test_resampling_draws_docs():
    """Whole docs, as many as there are, the same for the same seed, each as often as the others on average."""
    counts = numpy.eye(6, dtype="int64")[:, :, None] * [1, 2, 4]
    samples = resample(counts, 400, seed=3)
    assert samples.shape == (400, 6, 3) and (samples[..., 0].sum(axis=1) == 6).all()
    assert (samples == samples[..., :1] * [1, 2, 4]).all()
    assert numpy.abs(samples[..., 0].mean(axis=0) - 1).max() < 0.2
    assert (resample(counts, 400, seed=3) == samples).all() and (resample(counts, 400, seed=4) != samples).any()
    # Binomial: the variance of how often one of n docs is drawn is (n - 1) / n.
    assert abs(samples[..., 0].var() - 5 / 6) < 0.1


def test_intervals():
    samples = numpy.append(numpy.arange(101) / 100, numpy.nan)
    found = interval(0.3, samples, level=0.9)
    assert (found.value, found.low, found.high) == pytest.approx((0.3, 0.05, 0.95))
    assert numpy.isnan(interval(0.3, numpy.full(3, numpy.nan)).low)


def test_p_values():
    """Twice the share of samples on the other side of 0; never 0, never above 1; the same if the pipelines change
    places."""
    rng = numpy.random.default_rng(0)
    first, second = rng.normal(0.5, 0.1, 999), rng.normal(0.6, 0.1, 999)
    found, back = difference(0.5, 0.6, first, second), difference(0.6, 0.5, second, first)
    assert found.value == pytest.approx(0.1) and found.low < 0.1 < found.high
    assert found.p_value == back.p_value == 2 * ((second <= first).sum() + 1) / 1000
    assert back.low == pytest.approx(-found.high)
    assert difference(0, 1, numpy.zeros(99), numpy.ones(99)).p_value == 0.02
    assert difference(1, 1, numpy.ones(99), numpy.ones(99)).p_value == 1


def test_measures():
    counts = numpy.asarray([[2, 1, 3], [0, 0, 4], [0, 3, 0], [0, 0, 0]], dtype="float64")
    assert precision(counts)[0] == 2 / 3 and recall(counts)[0] == 2 / 5 and f_score(counts)[0] == 4 / 8
    assert numpy.isnan(precision(counts)[[1, 3]]).all() and recall(counts)[1] == 0
    assert numpy.isnan(recall(counts)[[2, 3]]).all() and f_score(counts)[2] == 0 and numpy.isnan(f_score(counts)[3])


def test_two_pipelines():
    corpus = random_corpus(60)
    ours, theirs = NamedPipeline("ours", pipeline_of_all_targets()), NamedPipeline("theirs", spacy_pipeline())
    report = evaluate_pipeline(ours, corpus, other=theirs, n_samples=100)
    comparison = report.comparison
    assert comparison.model == "theirs" and comparison.only_one == ["_.kind"]
    alone = {task.target: task for task in evaluate_pipeline(theirs, corpus, n_samples=100).tasks}
    first, second = (judge_pipeline(each.nlp, corpus) for each in (ours, theirs))
    for task, own in zip(comparison.tasks, report.tasks):
        assert task.target == own.target
        for key, pair in task.scores.items():
            assert pair.first == own.scores[key] and pair.second == alone[task.target].scores[key]
            assert pair.difference.value == pair.second.value - pair.first.value
        readings = list(zip(first[task.target].readings, second[task.target].readings))
        assert task.only_first == sum(len(a.right - b.right) for a, b in readings)
        assert task.only_second == sum(len(b.right - a.right) for a, b in readings)
        assert task.both + task.only_first + task.only_second + task.neither == own.n_gold
        for each in task.disagreements:
            start = each.context.start
            gold, one, two = (
                None if place is None else (place.start + start, place.end + start, place.label)
                for place in (each.gold, each.first, each.second)
            )
            right, wrong = (one, two) if each.better == "first" else (two, one)
            assert right == gold != wrong
        golds = [each for each in task.disagreements if each.gold is not None]
        if own.is_spans:  # nothing else can be right for spans that do not overlap
            assert len(golds) == task.only_first + task.only_second
    same = evaluate_pipeline(ours, corpus, other=ours, n_samples=50).comparison
    for task in same.tasks:
        assert task.n_disagreements == task.only_first == task.only_second == 0
        assert all(pair.difference.p_value == 1 for pair in task.scores.values())


def test_pipelines_with_nothing_in_common(nlp):
    nlp.add_pipe("sentencizer")
    ours = NamedPipeline("ours", pipeline_of_all_targets())
    first = judge_pipeline(ours.nlp, random_corpus(), ["tag"])
    second = judge_pipeline(nlp, random_corpus())
    with pytest.raises(ValueError, match="nothing to compare .* the first predicts 'tag', 'other' predicts 'sents'"):
        compare_pipelines("other", first, second, max_disagreements=1, n_samples=2, seed=0)
