"""The logger in real trainings: what it writes, what the optimizer did, and what is left when training breaks."""

import io
import json
import math

import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from thinc.api import Optimizer

from spacy_rnn_tagger.report.report_logger import make_report_logger
from spacy_rnn_tagger.report.training_page import render_training, show_duration, write_training_page
from spacy_rnn_tagger.training.training_log import TrainingLog, TrainingStart, read_log

from ..conftest import CONFIGS, make_examples, train_cli
from ..fixtures.browser import accessibility_problems, open_browser, problems, show


@pytest.fixture
def config(tmp_path):
    """The smoke config on the toy sentences, logged by our logger and spaCy's."""
    nlp = spacy.blank("en")
    DocBin(docs=[eg.reference for eg in make_examples(nlp)]).to_disk(tmp_path / "toy.spacy")
    config = spacy.util.load_config(CONFIGS / "rnn_tagger_smoke.cfg")
    config["paths"].update(train=str(tmp_path / "toy.spacy"), dev=str(tmp_path / "toy.spacy"))
    config["training"].update(max_steps=6, eval_frequency=2, patience=0, before_to_disk=None)
    config["training"]["logger"] = {
        "@loggers": "spacy-rnn-tagger.report_logger.v1",
        "output_file": str(tmp_path / "logs" / "log.jsonl"),
        "also": {
            "theirs": {
                "@loggers": "spacy.ConsoleLogger.v3",
                "output_file": str(tmp_path / "theirs.jsonl"),
                "console_output": False,
            }
        },
    }
    return config


def run(config):
    """Train. Returns what was printed."""
    nlp = init_nlp(config)
    stdout = io.StringIO()
    train(nlp, None, stdout=stdout, stderr=io.StringIO())
    return stdout.getvalue()


def test_a_training_is_logged(config, tmp_path):
    printed = run(config)
    log = read_log(tmp_path / "logs" / "log.jsonl")
    assert log.end == "Training ended" and [each.step for each in log.evaluations] == [0, 2, 4, 6]
    assert log.start.pipeline == ["tok2vec", "rnn_tagger", "rnn_ner"] and log.start.max_steps == 6
    theirs = [json.loads(line) for line in (tmp_path / "theirs.jsonl").read_text().splitlines()]
    words = 0
    for ours, their in zip(log.evaluations, theirs, strict=True):
        assert (ours.step, ours.epoch) == (their["step"], their["epoch"])
        assert ours.score == pytest.approx(their["score"])
        for name, loss in their["losses"].items():
            assert ours.losses_per_word[name] * (ours.words - words) == pytest.approx(loss)
        words = ours.words
        for key, value in their["scores"].items():
            assert 100 * ours.scores[key] == pytest.approx(value)
        assert ours.words_per_second > 0 and 0 < ours.gradient_norm <= ours.gradient_norm_max
    scores = [each.score for each in log.evaluations]
    assert [each.is_best for each in log.evaluations] == [s > max([-1, *scores[:i]]) for i, s in enumerate(scores)]
    assert log.best.score == max(scores)
    rows = [line.split() for line in printed.splitlines() if line.split()[:1] == ["0"] or "*" in line]
    assert rows and all(row[-1].count(":") == 2 for row in rows)
    html = (tmp_path / "logs" / "log.html").read_text(encoding="utf8")
    assert "Loss per word" in html and "Learning rate" in html and "Training ended" in html


def test_the_learning_rate_is_the_schedule_s(config, tmp_path):
    nlp = init_nlp(config)
    optimizer = spacy.util.registry.resolve({"optimizer": nlp.config.interpolate()["training"]["optimizer"]})[
        "optimizer"
    ]
    rates = []
    for _ in range(7):
        rates.append(float(optimizer.learn_rate))
        optimizer.step_schedules()
    run(config)
    found = [each.learn_rate for each in read_log(tmp_path / "logs" / "log.jsonl").evaluations]
    assert found == pytest.approx([rates[0], rates[2], rates[4], rates[6]]) and len(set(found)) == 4


def test_gradient_norms():
    """Over all parameters of a step together, before clipping; the mean and the greatest of some steps."""
    import numpy

    from spacy_rnn_tagger.training.optimizer_watch import OptimizerWatch

    before = Optimizer.__call__, Optimizer.step_schedules
    watch = OptimizerWatch()
    watch.start()
    optimizer = Optimizer(0.1, grad_clip=1.0)
    for gradients in ([[3.0], [4.0, 0.0]], [[6.0], [8.0, 0.0]], []):
        for i, gradient in enumerate(gradients):
            array = numpy.asarray(gradient, dtype="float32")
            optimizer((i, "W"), numpy.zeros_like(array), array)
        optimizer.step_schedules()
    assert watch.take() == (pytest.approx(0.1), 7.5, 10.0)
    assert watch.take() == (pytest.approx(0.1), None, None)
    watch.stop()
    assert (Optimizer.__call__, Optimizer.step_schedules) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("out of luck")], ids=["ctrl-c", "crash"])
def test_a_training_that_breaks(config, tmp_path, error):
    """What was known lies on disk, with a page that says why it ended, and nothing looks on any more."""
    before = Optimizer.__call__, Optimizer.step_schedules
    nlp = init_nlp(config)
    update, calls = nlp.update, []

    def failing(*args, **kwargs):
        calls.append(1)
        if len(calls) == 4:
            raise error
        return update(*args, **kwargs)

    nlp.update = failing
    with pytest.raises(type(error)):
        train(nlp, None, stdout=io.StringIO(), stderr=io.StringIO())
    log = read_log(tmp_path / "logs" / "log.jsonl")
    assert [each.step for each in log.evaluations] == [0, 2]
    assert log.end.startswith("Training was stopped by ") and type(error).__name__ in log.end
    assert type(error).__name__ in (tmp_path / "logs" / "log.html").read_text(encoding="utf8")
    assert (Optimizer.__call__, Optimizer.step_schedules) == before


def test_nothing_is_replaced(config, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "log.html").write_text("mine")
    (folder / "log-2.jsonl").write_text("mine too")
    assert "log-3.jsonl" in run(config)
    assert (folder / "log.html").read_text() == "mine" and (folder / "log-2.jsonl").read_text() == "mine too"
    assert sorted(path.name for path in folder.iterdir()) == ["log-2.jsonl", "log-3.html", "log-3.jsonl", "log.html"]


def test_without_a_file_and_a_console(config, tmp_path):
    config["training"]["logger"].update(output_file=None, console_output=False, watch_optimizer=False, also=None)
    assert "LEFT" not in run(config) and not (tmp_path / "logs").exists()


def test_other_loggers_are_finished_even_if_one_fails(nlp):
    done = []

    def failing(nlp, stdout, stderr):
        def finalize():
            done.append("failing")
            raise OSError("no network")

        return lambda info: None, finalize

    def other(nlp, stdout, stderr):
        return lambda info: None, lambda: done.append("other")

    nlp.add_pipe("rnn_tagger")
    logger = make_report_logger(also={"a": failing, "b": other})
    _, finalize = logger(nlp, io.StringIO(), io.StringIO())
    with pytest.raises(OSError, match="no network"):
        finalize()
    assert done == ["failing", "other"]


def test_a_log_that_was_cut(config, tmp_path):
    run(config)
    path = tmp_path / "logs" / "log.jsonl"
    lines = path.read_text(encoding="utf8").splitlines()
    cut = tmp_path / "cut.jsonl"
    cut.write_text("\n".join(lines[:3]) + '\n{"event":"eval', encoding="utf8")
    assert len(read_log(cut).evaluations) == 2 and read_log(cut).end == ""
    write_training_page(cut, tmp_path / "cut.html")
    assert "The log breaks off" in (tmp_path / "cut.html").read_text(encoding="utf8")
    cut.write_text(lines[0] + "\nno JSON\n" + lines[1], encoding="utf8")
    with pytest.raises(ValueError, match="line 2 is no JSON"):
        read_log(cut)
    cut.write_text("{}\n", encoding="utf8")
    with pytest.raises(ValueError, match="does not begin with a line of the event 'start'"):
        read_log(cut)


def test_a_training_without_evaluations():
    html = render_training(TrainingLog(TrainingStart(["rnn_tagger"], 0, 0, 10, {})))
    assert "Training ended before its first evaluation" in html


def test_losses_that_are_no_numbers(config, tmp_path):
    run(config)
    path = tmp_path / "logs" / "log.jsonl"
    lines = path.read_text(encoding="utf8").splitlines()
    record = json.loads(lines[2])
    record["losses_per_word"]["rnn_ner"] = None
    path.write_text("\n".join([*lines[:2], json.dumps(record), *lines[3:]]), encoding="utf8")
    log = read_log(path)
    assert math.isnan(log.evaluations[1].losses_per_word["rnn_ner"]) and "nan" in render_training(log)


def test_durations():
    assert [show_duration(seconds) for seconds in (0, 59.6, 3723)] == ["0:00:00", "0:01:00", "1:02:03"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_in_a_browser(config, tmp_path, theme):
    run(config)
    browser = open_browser(tmp_path / "profile")
    try:
        for width in (390, 1200):
            show(browser, tmp_path / "logs" / "log.html", width=width, theme=theme)
            assert problems(browser) == []
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert accessibility_problems(browser) == []
    finally:
        browser.quit()


def test_the_command_of_spacy(config, tmp_path):
    """`spacy train`, in a process of its own."""
    config.to_disk(tmp_path / "config.cfg")
    printed = train_cli(tmp_path / "config.cfg", tmp_path / "out", {})
    assert "Saved the course of training to" in printed
    assert read_log(tmp_path / "logs" / "log.jsonl").end == "Training ended"
    assert (tmp_path / "out" / "model-best").is_dir()
