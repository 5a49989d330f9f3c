"""Temperatures, calibration errors, bias curves, and the commands that print them."""

import json
import re

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from typer.testing import CliRunner

from spacy_rnn_tagger.chain.lattice import make_lattice
from spacy_rnn_tagger.chain.temperature import calibration_error, fit_temperature, temper
from spacy_rnn_tagger.cli import rnn_cli
from spacy_rnn_tagger.evaluation.bias_curve import bias_curve
from spacy_rnn_tagger.evaluation.calibration import calibrate
from spacy_rnn_tagger.evaluation.scored_batches import annotate_before, score_batches

from ..conftest import SENTENCES, make_examples, randomize, run_cli, small_model, train


@pytest.fixture(params=["softmax", "crf"])
def decoder(request):
    return request.param


def add(nlp, factory, **config):
    return nlp.add_pipe(factory, config={"model": small_model(), **config})


def run(*args):
    """A command, without the seconds that a new process takes to import spaCy. Returns its exit code and all it printed."""
    done = CliRunner().invoke(rnn_cli, list(map(str, args)), env={"COLUMNS": "200", "TERM": "dumb"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def noisy_examples(nlp, n=60, noise=0.3):
    """Toy sentences with many gold tags replaced by others, as nobody could learn them."""
    rng = numpy.random.default_rng(0)
    examples = []
    for i in range(n):
        text, tags, pos, ents = SENTENCES[i % len(SENTENCES)]
        wrong = rng.random(len(tags.split())) < noise
        tags = [rng.choice(["NN", "IN", "."]) if w else tag for w, tag in zip(wrong, tags.split())]
        ents = "O " * len(tags) if rng.random() < noise else ents
        examples.append(Example.from_dict(nlp.make_doc(text), {"tags": tags, "entities": ents.split()}))
    return examples


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


def test_the_bias_of_a_label_that_is_an_alternative(nlp):
    pipe = add(nlp, "rnn_tagger", alternatives_key="maybe")
    train(nlp, make_examples(nlp), steps=60)
    text = "They eat ham ."
    batches = list(score_batches(pipe, [undecided(nlp, text, "PRP///.", _1="VBP VBZ", _2="VBZ NNP")]))
    off, on = bias_curve(pipe, batches, ["VBZ"], [0.0, 100.0])
    # Of the two tokens that may be VBZ, VBP is right for the first, and NN is wrong for the second.
    assert (off.predicted, off.recall) == (0, 0.0)
    assert (on.predicted, on.precision, on.recall) == (4, 0.5, 1.0)
    (none,) = bias_curve(pipe, batches[:1], ["VBP"], [0.0])
    assert (none.predicted, none.precision, none.recall) == (1, 1.0, 1.0)


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


@pytest.mark.parametrize("factory, key", [("rnn_ner", "ents_per_type"), ("rnn_tagger", None)])
def test_bias_curves_are_what_the_scorer_says(nlp, decoder, factory, key):
    pipe = add(nlp, factory, decoder=decoder)
    train(nlp, make_examples(nlp), steps=1)
    randomize(pipe.model, scale=0.4)
    examples = make_examples(nlp)
    label = "GPE" if key else "NNP"
    pipe.label_bias = {pipe.labels[-1]: 0.25}
    batches = list(score_batches(pipe, examples, batch_size=3))
    recalls = []
    for point in bias_curve(pipe, batches, [label], [-8.0, 0.0, 1.0, 8.0]):
        pipe.label_bias = {pipe.labels[-1]: 0.25, label: point.bias}
        annotated = [Example(pipe(eg.predicted.copy()), eg.reference) for eg in examples]
        if key:
            scores = pipe.score(annotated)[key][label]
            wanted = [scores[name] for name in "prf"]
        else:
            pairs = [(x.tag_ == label, y.tag_ == label) for eg in annotated for x, y in zip(eg.x, eg.y)]
            hits, predicted, gold = (sum(map(f, pairs)) for f in (all, lambda p: p[0], lambda p: p[1]))
            wanted = [hits / predicted if predicted else 0.0, hits / gold, 2 * hits / (predicted + gold)]
            assert point.predicted == predicted
        assert [numpy.nan_to_num(value) for value in point[2:]] == pytest.approx(wanted)
        recalls.append(point.recall)
        pipe.label_bias = {pipe.labels[-1]: 0.25}
    assert recalls == sorted(recalls) and recalls[0] < recalls[-1]


@pytest.fixture
def saved(nlp, tmp_path):
    """A trained pipeline with two components on disk, and development data."""
    add(nlp, "rnn_tagger", decoder="crf")
    add(nlp, "rnn_ner")
    train(nlp, make_examples(nlp), steps=60)
    nlp.to_disk(tmp_path / "model")
    DocBin(docs=[eg.reference for eg in noisy_examples(nlp)]).to_disk(tmp_path / "dev.spacy")
    return tmp_path / "model", tmp_path / "dev.spacy", tmp_path / "out"


def test_calibrate_command(saved):
    model, dev, out = saved
    code, printed = run("calibrate", model, dev, "--output", out)
    assert code == 0, printed
    rows = re.findall(r"^(\w+) +(before|after) +([\d.]+) +([\d.]+) +([\d.]+)", printed, flags=re.M)
    assert [row[:2] for row in rows] == [(n, w) for n in ("rnn_tagger", "rnn_ner") for w in ("before", "after")]
    old, new = spacy.load(model), spacy.load(out)
    for name, (before, after) in {"rnn_tagger": rows[:2], "rnn_ner": rows[2:]}.items():
        assert float(after[3]) < float(before[3]) and float(after[2]) > 1
        assert new.get_pipe(name).temperature == pytest.approx(float(after[2]), abs=1e-3)
        assert new.meta["performance"][f"{name}_ece"] == pytest.approx(float(after[4]) / 100, abs=1e-4)
    texts = [text for text, *_ in SENTENCES]
    for a, b in zip(old.pipe(texts), new.pipe(texts)):
        assert a.to_json() == b.to_json()
    assert spacy.load(model).get_pipe("rnn_ner").temperature == 1.0
    # Nothing is replaced unless told.
    code, printed = run("calibrate", model, dev, "--output", out, "-C", "rnn_ner")
    assert code == 2 and "is not empty; name another directory, or pass --force" in printed
    code, printed = run("calibrate", model, dev, "--output", out, "-C", "rnn_ner", "--force")
    assert code == 0 and spacy.load(out).get_pipe("rnn_tagger").temperature == 1.0
    code, printed = run("calibrate", model, dev)
    assert code == 0 and "Nothing is saved" in printed


@pytest.mark.parametrize("command", ["calibrate", "bias"])
def test_commands_refuse_what_they_cannot_do(saved, command, tmp_path):
    model, dev, _ = saved

    def refusal(*args):
        code, printed = run(command, *args)
        assert code == 2 and "Traceback" not in printed
        return " ".join(re.sub("[│\n]", " ", printed).split())

    assert "component = 'rnn_nerr' is unknown" in refusal(model, dev, "-C", "rnn_nerr")
    assert "Did you mean 'rnn_ner'?" in refusal(model, dev, "-C", "rnn_nerr")
    assert "no component of spacy-rnn-tagger: sentencizer" in refusal(_other_pipeline(tmp_path), dev)
    (tmp_path / "broken.spacy").write_bytes(b"no docs")
    assert "truncated, or not a .spacy file" in refusal(model, tmp_path / "broken.spacy", "-C", "rnn_ner")
    DocBin().to_disk(tmp_path / "empty.spacy")
    assert "have no tokens" in refusal(model, tmp_path / "empty.spacy", "-C", "rnn_ner")
    assert "does not exist" in refusal(model, tmp_path / "nowhere.spacy")
    assert "Can't find model" in refusal(tmp_path / "nowhere", dev)


def _other_pipeline(folder):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(folder / "other")
    return folder / "other"


def test_bias_command(saved, tmp_path):
    model, dev, _ = saved
    figure, data = tmp_path / "curve.png", tmp_path / "curve.json"
    code, printed = run("bias", model, dev, "-C", "rnn_ner", "-n", 5, "--json", data, "--figure", figure)
    assert code == 0, printed
    assert printed.count(" *") == 1 and "all labels" in printed and figure.stat().st_size > 1000
    points = json.loads(data.read_text())["all labels"]
    assert [point["bias"] for point in points] == [-3.0, -1.5, 0.0, 1.5, 3.0]
    assert points[0]["recall"] <= points[-1]["recall"]
    code, printed = run("bias", model, dev, "-C", "rnn_ner", "--each", "-n", 2)
    assert code == 0 and re.findall("^(GPE|PERSON|all labels)$", printed, flags=re.M) == ["GPE", "PERSON"]
    code, printed = run("bias", model, dev, "-C", "rnn_tagger", "-l", "NN", "-l", "IN", "-n", 2)
    assert code == 0 and re.findall("^(NN|IN|all labels)$", printed, flags=re.M) == ["NN", "IN"]
    for wrong, message in (
        (["-C", "rnn_ner", "-l", "GPX"], "the labels are 'GPE', 'PERSON'. Did you mean 'GPE'?"),
        (["-C", "rnn_tagger"], "the same bias on all changes nothing"),
        ([], "several components: rnn_tagger, rnn_ner; choose one by --component"),
    ):
        code, printed = run("bias", model, dev, *wrong)
        assert code == 2 and message in " ".join(re.sub("[│\n]", " ", printed).split())


def test_commands_are_listed():
    listed = run_cli("-m", "spacy", "rnn", "--help")
    assert listed.returncode == 0 and {"summary", "calibrate", "bias", "compress"} <= set(listed.stdout.split())
    assert "no prediction changes" in " ".join(run("calibrate", "--help")[1].split())
