"""The numbers of a report are those of spaCy's own evaluation, whatever the target, the tokens and what gold lacks."""

import math

import pytest
import spacy
from spacy.training import Example

from spacy_rnn_tagger.evaluation.calibration import assess
from spacy_rnn_tagger.evaluation.item_probabilities import annotate
from spacy_rnn_tagger.evaluation.report import NamedPipeline, evaluate_pipeline, judge_pipeline
from spacy_rnn_tagger.evaluation.scored_batches import score_folds

from ..conftest import make_examples
from ..fixtures.report_cases import TARGETS, pipeline_of_all_targets, random_corpus, spacy_pipeline


@pytest.fixture(scope="module")
def report():
    return evaluate_pipeline(NamedPipeline("ours", pipeline_of_all_targets()), random_corpus(), n_samples=50)


@pytest.mark.parametrize("make", [pipeline_of_all_targets, spacy_pipeline])
@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_spacy(make, seed):
    nlp, corpus = make(), random_corpus(seed=seed)
    expected = nlp.evaluate(corpus(nlp))
    report = evaluate_pipeline(NamedPipeline("ours", nlp), corpus, n_samples=2)
    scores = {key: score.value for task in report.tasks for key, score in task.scores.items()}
    assert scores == {key: expected[key] for key in scores}
    wanted = {key for key in expected if key.endswith(("_acc", "_f", "_p", "_r")) and "micro" not in key}
    assert {key for key in wanted if expected[key] is not None} == set(scores)
    per_type = {"ents": "ents_per_type", "spans:layer": "spans_layer_per_type"}
    for task in report.tasks:
        if task.target in per_type:
            rows = {row.label: {"p": row.precision, "r": row.recall, "f": row.f.value} for row in task.labels}
            assert rows == expected[per_type[task.target]]


def test_every_target_is_there_and_counts_add_up(report):
    assert [task.target for task in report.tasks] == TARGETS
    for task in report.tasks:
        assert task.n_gold == sum(row.gold for row in task.labels), task.target
        assert task.n_predicted == sum(row.predicted for row in task.labels)
        assert task.n_right == sum(row.right for row in task.labels) == task.kinds["right"]
        assert task.n_gold == sum(cell.n for cell in task.confusion if cell.gold)
        assert task.n_predicted == sum(cell.n for cell in task.confusion if cell.predicted)
        assert task.n_errors == len(task.errors) == sum(n for kind, n in task.kinds.items() if kind != "right")
        assert [row.gold for row in task.labels] == sorted((row.gold for row in task.labels), reverse=True)
        for breakdown in task.breakdowns:
            for name in ("gold", "predicted", "right"):
                total = sum(getattr(bucket, name) for bucket in breakdown.buckets)
                assert total == getattr(task, f"n_{name}"), breakdown.title


def test_intervals_hold_their_scores(report):
    for task in report.tasks:
        for score in task.scores.values():
            assert 0 <= score.low <= score.value <= score.high <= 1


@pytest.mark.parametrize("target", TARGETS)
def test_each_error_is_shown_where_it_is(report, target):
    """The words under a place are those of the doc, and each error says what it is."""
    (task,) = (task for task in report.tasks if task.target == target)
    judged = judge_pipeline(pipeline_of_all_targets(), random_corpus(), [target])[target]
    assert task.errors
    for error in task.errors:
        reading = judged.readings[error.context.doc]
        start = error.context.start
        assert "".join(error.context.words) == reading.doc[start : start + len(error.context.words)].text_with_ws
        gold, predicted = (
            place and (place.start + start, place.end + start, place.label) for place in (error.gold, error.predicted)
        )
        assert gold is None or gold in reading.gold
        assert predicted is None or predicted in reading.predicted
        assert gold != predicted and (gold is None) == (error.kind == "spurious")
        assert (predicted is None) == (error.kind == "missed")
        if gold and predicted:
            same = gold[:2] == predicted[:2], gold[2] == predicted[2]
            assert same == {"type": (True, False), "wrong": (True, False), "boundary": (False, True)}.get(
                error.kind, (False, False)
            )


def test_the_worst_errors_come_first(report):
    for task in report.tasks:
        sure = [error.confidence for error in task.errors if error.predicted is not None]
        # Entities that lie on the same gold token as another one have none.
        confidences = [value for value in sure if value is not None]
        assert confidences == sorted(confidences, reverse=True) and sure[: len(confidences)] == confidences
        missed = [error.gold_probability for error in task.errors if error.predicted is None]
        assert missed == sorted(missed, key=lambda p: 2.0 if p is None else p)


def test_fewer_errors_than_there_are():
    report = evaluate_pipeline(
        NamedPipeline("ours", pipeline_of_all_targets()), random_corpus(), targets=["ents"], max_errors=3, n_samples=2
    )
    (task,) = report.tasks
    assert len(task.errors) == 3 < task.n_errors


def test_probabilities_are_those_of_all_paths():
    """Marginals for tokens, sums of them for the parts of a label of morphology; of spans and sentences the share of
    paths, drawn at random from the marginals of a softmax, that have them."""
    nlp = pipeline_of_all_targets()
    examples = make_examples(nlp)
    given = [Example(eg.predicted.copy(), eg.reference) for eg in examples]
    annotated, probabilities = annotate(nlp, given)
    assert set(probabilities) == set(TARGETS)
    docs = [eg.predicted for eg in examples]
    for target, name in (("tag", "our_0"), ("_.kind", "our_5")):
        pipe = nlp.get_pipe(name)
        for doc, items, rows in zip(docs, probabilities[target], pipe.predict_proba(docs)):
            assert {start for start, _, _ in items} == set(range(len(doc)))
            for (start, end, label), value in items.items():
                assert end == start + 1 and math.isclose(value, rows[start, pipe.tags.index(label)], rel_tol=1e-5)
    pipe = nlp.get_pipe("our_1")
    for items, rows in zip(probabilities["pos"], pipe.predict_proba(docs)):
        for (start, _, label), value in items.items():
            own = [f"POS={label}" in tag.split("|") for tag in pipe.tags]
            assert math.isclose(value, rows[start, own].sum(), rel_tol=1e-4, abs_tol=1e-6)
    for eg, items in zip(annotated, probabilities["morph"]):
        assert {(i, i + 1, str(token.morph) or "_") for i, token in enumerate(eg.predicted)} <= set(items)
    pipe = nlp.get_pipe("our_3")
    for eg, items in zip(annotated, probabilities["sents"]):
        for place, value in items.items():
            assert math.isclose(value, share_of_paths(pipe, eg.predicted, *place[:2]), rel_tol=1e-4, abs_tol=1e-6)
        assert {(sent.start, sent.end, "sentence") for sent in eg.predicted.sents} <= set(items)
    for target, spans in (("ents", "ents"), ("spans:layer", "spans")):
        for eg, items in zip(annotated, probabilities[target]):
            found = eg.predicted.ents if spans == "ents" else eg.predicted.spans["layer"]
            assert {(span.start, span.end, span.label_) for span in found} <= set(items)
            gold = eg.reference.ents
            assert {(span.start, span.end, span.label_) for span in gold} <= set(items)


def share_of_paths(pipe, doc, start, end):
    """The probability that a sentence begins and ends where it does, summed over all paths of a short doc."""
    blank = spacy.tokens.Doc(doc.vocab, words=[token.text for token in doc])
    total = 0.0
    for path, log_probability in pipe.kbest([blank], 2 ** len(doc))[0]:
        starts = [i for i, tag in enumerate(path) if tag == "S"] + [len(doc)]
        total += math.exp(log_probability) * any(pair == (start, end) for pair in zip(starts, starts[1:]))
    return total


@pytest.mark.parametrize("target", ["tag", "ents", "spans:layer", "_.kind"])
def test_calibration_error_is_that_of_calibrate(target):
    """On the tokens of the pipeline, and where gold says all."""
    nlp = pipeline_of_all_targets()
    corpus = lambda nlp: make_examples(nlp) * 5  # noqa: E731
    name = f"our_{['tag', '', 'ents', '', 'spans:layer', '_.kind'].index(target)}"
    (batches,) = score_folds(nlp, name, corpus(nlp))
    expected = assess(nlp.get_pipe(name), batches)
    (task,) = evaluate_pipeline(NamedPipeline("ours", nlp), corpus, targets=[target], n_samples=2).tasks
    assert task.confidence.n == expected.n_predictions
    assert math.isclose(task.confidence.ece, expected.ece, rel_tol=1e-5)
    bins = task.confidence.bins
    assert sum(bin.n for bin in bins) == task.confidence.n
    gaps = sum(bin.n * abs(bin.confidence - bin.accuracy) for bin in bins if bin.n)
    assert math.isclose(gaps / task.confidence.n, expected.ece, rel_tol=1e-5)


@pytest.mark.parametrize("target,name", [("tag", "our_0"), ("ents", "our_2")])
@pytest.mark.parametrize("at", [0, 30, 45, 60, 100])
def test_thresholds_do_what_a_component_does(target, name, at):
    nlp = pipeline_of_all_targets()
    corpus = lambda nlp: make_examples(nlp) * 3  # noqa: E731
    pipe = nlp.get_pipe(name)
    (task,) = evaluate_pipeline(NamedPipeline("ours", nlp), corpus, targets=[target], n_samples=2).tasks
    curves = task.confidence.curves.values()
    assert task.confidence.thresholds[at] == at / 100
    pipe.threshold = at / 100
    try:
        kept = judge_pipeline(nlp, corpus, [target])[target]
    finally:
        pipe.threshold = 0.0
    predicted = [item for reading in kept.readings for item in reading.predicted if item[2]]
    assert sum(curve.kept[at] for curve in curves) == len(predicted)
    assert sum(curve.right[at] for curve in curves) == sum(len(reading.right) for reading in kept.readings)
    assert sum(curve.gold for curve in curves) == task.n_gold


def test_a_pipeline_of_spacy_gives_no_confidence():
    report = evaluate_pipeline(NamedPipeline("theirs", spacy_pipeline()), random_corpus(), n_samples=2)
    assert {task.target for task in report.tasks} == {"tag", "pos", "morph", "ents", "sents", "spans:layer"}
    for task in report.tasks:
        assert task.confidence is None and all(error.confidence is None for error in task.errors)


def test_seen_and_unseen_words(nlp):
    corpus = lambda nlp: make_examples(nlp)  # noqa: E731
    training = [nlp.make_doc("I like ham . ham ham"), nlp.make_doc("New York in London")]
    training[1].ents = [training[1].char_span(0, 8, label="GPE")]
    ours = NamedPipeline("ours", pipeline_of_all_targets())
    report = evaluate_pipeline(ours, corpus, training=training, targets=["tag", "ents"], n_samples=2)
    tag, ents = ({row.title: row.buckets for row in task.breakdowns} for task in report.tasks)
    seen = {bucket.part: bucket.gold for bucket in tag["whether the word occurs in training"]}
    assert seen == {"seen": 11, "unseen": 8}  # I like London . in New York . ham . . of 19 words
    often = {bucket.part: bucket.gold for bucket in tag["how often the word occurs in training"]}
    assert often == {"0": 8, "1": 10, "2 to 5": 1}
    texts = {bucket.part: bucket.gold for bucket in ents["whether the text is a span in training"] if bucket.gold}
    assert texts == {"seen": 1, "unseen": 2}
    rarest = ents["occurrences in training of the rarest word of the span"]
    assert {bucket.part: bucket.gold for bucket in rarest if bucket.gold} == {"0": 1, "1": 2}
    without = evaluate_pipeline(ours, corpus, targets=["tag"], n_samples=2)
    assert without.training is None and all("training" not in row.title for row in without.tasks[0].breakdowns)


def test_what_cannot_be_reported(nlp):
    ours = NamedPipeline("ours", pipeline_of_all_targets())
    with pytest.raises(ValueError, match="target = 'ent' is unknown; allowed: 'tag'.* Did you mean 'ents'?"):
        evaluate_pipeline(ours, random_corpus(), targets=["ent"])
    with pytest.raises(ValueError, match="no tokens"):
        evaluate_pipeline(ours, lambda nlp: [])
    with pytest.raises(ValueError, match="no annotation that this pipeline predicts"):
        evaluate_pipeline(ours, lambda nlp: [Example(nlp.make_doc("a b"), nlp.make_doc("a b"))])
    with pytest.raises(ValueError, match="n_samples = 0 is not allowed"):
        evaluate_pipeline(ours, random_corpus(), n_samples=0)


def test_the_examples_of_the_caller_stay_as_they_are():
    nlp = pipeline_of_all_targets()
    examples = random_corpus(5)(nlp)
    evaluate_pipeline(NamedPipeline("ours", nlp), lambda _: examples, n_samples=2)
    assert not any(eg.predicted.has_annotation("TAG") for eg in examples)
