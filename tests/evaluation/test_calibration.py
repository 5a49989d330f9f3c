"""Temperatures and calibration errors, and on which data a temperature is judged."""

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_rnn_tagger.chain.lattice import make_lattice
from spacy_rnn_tagger.chain.temperature import fit_temperature, temper
from spacy_rnn_tagger.evaluation import calibration
from spacy_rnn_tagger.evaluation.calibration import Calibration, calibrate, calibrate_component, calibrate_pipeline
from spacy_rnn_tagger.evaluation.calibration_error import calibration_error
from spacy_rnn_tagger.evaluation.scored_batches import annotate_before, score_batches, score_folds

from ..conftest import SENTENCES, make_examples, small_model, train
from ..fixtures.commands import noisy_examples


@pytest.fixture(params=["softmax", "crf"])
def decoder(request):
    return request.param


def add(nlp, factory, **config):
    return nlp.add_pipe(factory, config={"model": small_model(), **config})


def test_calibration_error_of_guo_et_al():
    """Worked by hand: bins (0.4, 0.5] and (0.9, 1.0] of ten."""
    confidences = numpy.array([0.45, 0.5, 0.95, 1.0, 0.91, 0.92])
    right = numpy.array([True, False, True, True, True, False])
    by_hand = (2 / 6) * abs(0.5 - 0.475) + (4 / 6) * abs(0.75 - 0.945)
    assert calibration_error(confidences, right, n_bins=10) == pytest.approx(by_hand)
    assert numpy.isnan(calibration_error(numpy.zeros(0), numpy.zeros(0, dtype=bool)))
    assert calibration_error(numpy.array([0.0, 1.0]), numpy.array([False, True])) == 0.0


@pytest.mark.parametrize("true", [0.3, 1.0, 4.0])
def test_the_temperature_that_made_the_data_is_found(true):
    rng = numpy.random.default_rng(0)
    scores = rng.normal(0, 3, size=(20_000, 5))
    likely = numpy.exp(scores / true - (scores / true).max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    gold = (likely.cumsum(axis=1) > rng.random((len(scores), 1))).argmax(axis=1)

    def nll(temperature):
        logs = scores / temperature
        logs = logs - logs.max(axis=1, keepdims=True)
        logs -= numpy.log(numpy.exp(logs).sum(axis=1, keepdims=True))
        return -logs[numpy.arange(len(gold)), gold].mean()

    assert fit_temperature(nll) == pytest.approx(true, rel=0.05)


def test_no_temperature_is_better_than_none():
    assert fit_temperature(lambda temperature: abs(temperature - 1.0)) == 1.0


def test_tempered_lattices_keep_their_precision():
    for kind in ("float32", "float64"):
        transitions = numpy.ones((3, 3), dtype=kind)
        lattice = make_lattice(numpy.ones((4, 3), dtype=kind), [4], transitions=transitions)
        hot = temper(lattice, numpy.float64(2.0))
        assert hot.unary.dtype == hot.transitions.dense().dtype == kind and (hot.unary == 0.5).all()
    assert temper(lattice, 1.0) is lattice


@pytest.mark.parametrize("factory", ["rnn_tagger", "rnn_ner"])
def test_calibration_improves_the_likelihood_and_changes_no_prediction(nlp, decoder, factory, tmp_path):
    pipe = add(nlp, factory, decoder=decoder)
    train(nlp, make_examples(nlp), steps=60)
    examples = noisy_examples(nlp)
    batches = list(score_batches(pipe, examples, batch_size=7))
    docs = [eg.predicted for eg in examples]
    paths = pipe.predict(docs)
    best = [[tags for tags, _ in listed] for listed in pipe.kbest(docs[:4], 5)]
    before, after = calibrate(pipe, batches)
    assert before.temperature == 1.0 < pipe.temperature == after.temperature
    assert after.nll < before.nll and after.ece < before.ece
    assert (before.n_gold, before.n_predictions, before.accuracy) == (
        after.n_gold,
        after.n_predictions,
        after.accuracy,
    )
    assert all((a == b).all() for a, b in zip(paths, pipe.predict(docs)))
    assert [[tags for tags, _ in listed] for listed in pipe.kbest(docs[:4], 5)] == best
    again, same = calibrate(pipe, batches)
    assert again.temperature == same.temperature == after.temperature
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path).get_pipe(factory)
    assert loaded.temperature == pipe.temperature
    assert (loaded.predict_proba(docs[:3])[1] == pipe.predict_proba(docs[:3])[1]).all()


def test_the_likelihood_is_that_of_the_gold_paths(nlp, decoder):
    ner = add(nlp, "rnn_ner", decoder=decoder)
    train(nlp, make_examples(nlp), steps=3)
    examples = [make_examples(nlp)[i] for i in (0, 2, 3)]
    for report in calibrate(ner, list(score_batches(ner, examples))):
        ner.temperature = report.temperature
        logs = [dict((tuple(t), log) for t, log in ner.kbest([eg.predicted], 1000)[0]) for eg in examples]
        gold = [tuple(ner.target.gold(eg)) for eg in examples]
        assert report.nll == pytest.approx(-sum(log[tags] for log, tags in zip(logs, gold)) / 12, rel=1e-3)


def test_initialize_forgets_the_temperature(nlp):
    pipe = add(nlp, "rnn_tagger")
    examples = make_examples(nlp)
    train(nlp, examples, steps=1)
    pipe.temperature = 3.0
    pipe.initialize(lambda: examples)
    assert pipe.temperature == 1.0


def test_unknown_gold_is_wrong_and_missing_gold_does_not_count(nlp):
    pipe = add(nlp, "rnn_tagger")
    train(nlp, make_examples(nlp), steps=60)
    gold = {"tags": ["PRP", "NEW", "", "."]}
    example = Example.from_dict(nlp.make_doc("I like London."), gold)
    before, after = calibrate(pipe, list(score_batches(pipe, [example])))
    assert after.n_gold == 2 and after.n_predictions == 3 and after.accuracy == pytest.approx(2 / 3)
    nothing = Example.from_dict(nlp.make_doc("I like London."), {"tags": ["NEW"] * 4})
    with pytest.raises(ValueError, match="no annotation for its target 'tag' with labels that it knows"):
        calibrate(pipe, list(score_batches(pipe, [nothing])))


def undecided(nlp, text, tags, **alternatives):
    """A gold doc with tags, and alternatives by token, as `_1="A B"`."""
    doc = Doc(nlp.vocab, words=text.split(), tags=tags.split("/"))
    doc.spans["maybe"] = [
        Span(doc, int(i[1:]), int(i[1:]) + 1, tag) for i, names in alternatives.items() for tag in names.split()
    ]
    return Example(nlp.make_doc(text), doc)


def test_any_of_the_alternatives_is_right(nlp, decoder):
    pipe = add(nlp, "rnn_tagger", decoder=decoder, alternatives_key="maybe")
    train(nlp, make_examples(nlp), steps=60)
    text = "They eat ham ."
    assert [token.tag_ for token in nlp(text)] == ["PRP", "VBP", "NN", "."]
    example = undecided(nlp, text, "///.", _0="NNP IN", _1="VBP VBZ", _2="NNP NEW")
    (batch,) = score_batches(pipe, [example])
    for report in calibrate(pipe, [batch]):
        assert (report.n_gold, report.n_predictions, report.accuracy) == (3, 4, 0.5)
        pipe.temperature = report.temperature
        listed = pipe.kbest([example.predicted], 10_000)[0]
        sets = ({"NNP", "IN"}, {"VBP", "VBZ"}, set(pipe.tags), {"."})  # "NEW" may be right, and it has no likelihood
        agreeing = [log for tags, log in listed if all(tag in tags_ for tag, tags_ in zip(tags, sets))]
        assert report.nll == pytest.approx(-numpy.logaddexp.reduce(agreeing) / 3, rel=1e-3)


def test_earlier_components_have_run(nlp):
    ner = add(nlp, "rnn_ner")
    train(nlp, make_examples(nlp), steps=10)
    ruler = nlp.add_pipe("entity_ruler", before="rnn_ner")
    ruler.add_patterns([{"label": "GPE", "pattern": "London"}])
    examples = annotate_before(nlp, "rnn_ner", make_examples(nlp))
    assert [[ent.text for ent in eg.predicted.ents] for eg in examples] == [["London"], [], [], []]
    (batch,) = score_batches(ner, examples)
    assert batch.kept.sum() == 1
    _, after = calibrate(ner, [batch])
    assert after.n_predictions == sum(
        len(ents) for ents in ([e for e in nlp(t[0]).ents if e.text != "London"] for t in SENTENCES)
    )


def report(nll, ece, temperature=1.0, n_predictions=100):
    return Calibration(temperature, 100, nll, n_predictions, 0.5, ece)


NAN = float("nan")


@pytest.mark.parametrize(
    "before, fitted, held_out, accepted, why",
    [
        (report(0.5, 0.2), report(0.4, 0.1, 2.0), report(0.45, 0.15), True, "it is better"),
        (report(0.5, 0.2), report(0.4, 0.2, 2.0), report(0.45, 0.2), True, "it is better"),
        (report(0.5, NAN, 1.0, 0), report(0.4, NAN, 2.0, 0), report(0.45, NAN, NAN, 0), True, "it is better"),
        (report(0.5, 0.1), report(0.4, 0.1, 2.0), report(0.45, 0.15), False, "makes the calibration error worse"),
        (report(0.5, 0.2), report(0.4, 0.1, 2.0), report(0.55, 0.15), False, "does not improve the likelihood ("),
        (report(0.5, 0.1), report(0.4, 0.1, 2.0), report(0.55, 0.15), False, "likelihood and the calibration error"),
        (report(0.5, 0.1), report(0.5, 0.1), report(0.55, 0.15), False, "no temperature gives the gold a better"),
    ],
)
def test_what_is_worse_on_held_out_data_is_not_accepted(before, fitted, held_out, accepted, why):
    decided, reason = calibration._decide(before, fitted, held_out)
    assert decided is accepted and why in reason


def test_a_temperature_is_kept_only_if_held_out_data_agree(nlp):
    """Overconfident throughout: the temperature helps. Noise in the first half only: what either half wants harms the
    other."""
    pipe = add(nlp, "rnn_tagger")
    train(nlp, make_examples(nlp), steps=60)
    done = calibrate_component(pipe, score_folds(nlp, "rnn_tagger", noisy_examples(nlp), 5))
    assert done.accepted and done.n_folds == 5 and done.after == done.fitted
    assert pipe.temperature == done.fitted.temperature > 1
    assert done.before.nll > done.held_out.nll >= done.fitted.nll and done.held_out.ece <= done.before.ece
    pipe.temperature = 1.0
    mixed = noisy_examples(nlp, n=8, noise=0.9) + make_examples(nlp) * 2
    done = calibrate_component(pipe, score_folds(nlp, "rnn_tagger", mixed, 2))
    assert not done.accepted and pipe.temperature == 1.0 and done.after == done.before
    assert done.held_out.nll > done.before.nll or done.held_out.ece > done.before.ece


@pytest.fixture(scope="module")
def untrained():
    nlp = spacy.blank("en")
    examples = make_examples(nlp)
    add(nlp, "rnn_tagger").initialize(lambda: examples)
    return nlp, examples


@settings(max_examples=10, deadline=None)
@given(n=st.integers(1, 9), n_folds=st.integers(1, 6))
def test_folds_are_parts_of_the_data_in_order(untrained, n, n_folds):
    nlp, gold = untrained
    examples = [gold[i % len(gold)] for i in range(n)]
    folds = score_folds(nlp, "rnn_tagger", examples, n_folds)
    assert len(folds) == min(n, n_folds)
    lengths = [length for fold in folds for batch in fold for length in batch.scores.lengths.tolist()]
    assert lengths == [len(eg.reference) for eg in examples]
    sizes = [sum(len(batch.scores.lengths) for batch in fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 1


def test_a_pipeline_is_calibrated_as_a_whole_or_not_at_all(nlp):
    tagger, ner = add(nlp, "rnn_tagger"), add(nlp, "rnn_ner")
    train(nlp, make_examples(nlp), steps=60)
    untagged = noisy_examples(nlp)
    for eg in untagged:
        eg.reference.set_ents([], missing=[eg.reference[:]], default="unmodified")
    with pytest.raises(ValueError, match="'rnn_ner': the development data have no annotation"):
        calibrate_pipeline(nlp, lambda _: untagged)
    assert tagger.temperature == ner.temperature == 1.0 and "performance" not in nlp.meta
    done = calibrate_pipeline(nlp, lambda _: untagged, "rnn_tagger")
    assert done.accepted == ["rnn_tagger"] and tagger.temperature > 1
    assert nlp.meta["performance"]["rnn_tagger_ece"] == done.components[0].after.ece
