"""The benchmarks of the decoders run, report what they say, and take up where they stopped."""

import json
import math
import re

import pytest
import spacy
from spacy.tokens import DocBin

from benchmarks import decoder_step, decoders, stored_scores

from ..conftest import make_examples, small_model, train


@pytest.fixture
def corpus(tmp_path):
    """Toy data under the names of a public corpus."""
    (tmp_path / "wnut17").mkdir()
    docs = [eg.reference for eg in make_examples(spacy.blank("en"))]
    for part in ("train", "dev", "test"):
        DocBin(docs=docs).to_disk(tmp_path / "wnut17" / f"{part}.spacy")
    return tmp_path


@pytest.fixture
def arguments(corpus, tmp_path):
    folders = ["--corpus", corpus, "--output", tmp_path / "out", "--models", tmp_path / "models"]
    return ["--corpora", "wnut17", "--max-steps", "8", "--rounds", "1", *map(str, folders)]


def test_decoders_are_compared_and_finished_runs_are_kept(arguments, tmp_path, monkeypatch):
    tables = []
    assert decoders.main([*arguments, "--seeds", "0"], report=tables.append) == 0
    assert re.findall(r"^\| wnut17, dev \| (\w+) \| 1 \| [\d.]+ \|", tables[0], flags=re.M) == ["softmax", "crf"]
    assert (tmp_path / "out" / "decoders.md").read_text() == tables[0]
    file = tmp_path / "out" / "runs" / "wnut17-crf-0.json"
    found = json.loads(file.read_text())
    assert {"score", "ece", "ece_calibrated"} < set(found["test"]) and found["seconds_per_epoch"] > 0
    assert set(found["tokens_per_second"]) == {"softmax", "crf"}
    pipe = spacy.load(tmp_path / "models" / "wnut17-crf-0" / "model-best").get_pipe("rnn_ner")
    assert pipe.decoder == "crf" and pipe.temperature == 1.0
    found["test"]["score"] = 0.125
    file.write_text(json.dumps(found))
    done = []

    def refuse(task, settings, output):
        done.append(settings["components.rnn_ner.decoder"])
        raise InterruptedError

    monkeypatch.setattr(decoders, "train", refuse)
    monkeypatch.setattr(decoders, "measure_speeds", lambda *args: done.append("speed"))
    assert decoders.main([*arguments, "--seeds", "0", "--split", "test"], report=tables.append) == 0
    assert re.search(r"\| wnut17, test \| crf \| 1 \| 12\.50 \|", tables[1]) and done == []
    for changed in (["--seeds", "1"], ["--seeds", "0", "--limit", "2"]):
        with pytest.raises(InterruptedError):
            decoders.main([*arguments, *changed], report=tables.append)
    assert done == ["softmax", "softmax"] and json.loads(file.read_text())["test"]["score"] == 0.125


def test_the_time_of_an_epoch_leaves_evaluations_out():
    times = decoders.StepTimes()
    times.seen = [
        (0, 0, 0),
        (10, 1, 0),
        (12, 2, 0),
        (14, 3, 1),
        (26, 4, 1),
        (28, 5, 1),
    ]  # evaluated after steps 0 and 3
    assert times.seconds_per_epoch(3) == 3 * 2
    times.seen = times.seen[:3]
    assert math.isnan(times.seconds_per_epoch(3))


def test_means_and_deviations():
    runs = [{key: value for key, *_ in decoders.COLUMNS} for value in (0.25, 0.35)]
    assert "| ewt, dev | softmax | 2 | 30.00 ± 7.07 |" in decoders.markdown({"ewt-softmax": runs}, "dev")


def test_missing_corpora_are_named(tmp_path, capsys):
    with pytest.raises(SystemExit):
        decoders.main(["--corpus", str(tmp_path)])
    assert "is missing: run `spacy project run ewt-corpus`" in capsys.readouterr().err


def test_step_and_storage_benchmarks_run(nlp, tmp_path, capsys):
    small = ["--tags", "4", "--batch", "3", "--length", "4", "--words", "20", "--seconds", "0"]
    decoder_step.main([*small, "--class-weights"])
    assert re.search(r"^ +4 +[\d.]+ +[\d.]+ +[\d.]+x$", capsys.readouterr().out, flags=re.M)
    nlp.add_pipe("rnn_ner", config={"model": small_model()})
    examples = make_examples(nlp)
    train(nlp, examples, steps=5)
    nlp.to_disk(tmp_path / "model")
    DocBin(docs=[eg.reference for eg in examples]).to_disk(tmp_path / "dev.spacy")
    stored_scores.main([str(tmp_path / "model"), str(tmp_path / "dev.spacy"), "--rounds", "1"])
    out = capsys.readouterr().out
    assert out.startswith("4 docs, 19 tokens") and len(re.findall(r"x$", out, flags=re.M)) == 3
