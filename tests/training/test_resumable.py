"""Training that is stopped at any moment, and goes on to the same weights."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import spacy
from spacy.cli.train import train as spacy_train
from spacy.tokens import DocBin
from thinc.api import Config

from spacy_rnn_tagger.training import resumable
from spacy_rnn_tagger.training.resumable import BEST, CHECKPOINT, LAST, resume, train

from ..conftest import CONFIGS, ROOT, make_examples
from ..fixtures.commands import run, words_of

STEPS, EVERY = 8, 3
GROWING = {"@schedules": "compounding.v1", "start": 1, "stop": 4, "compound": 1.5}
RADAM = {"@optimizers": "RAdam.v1", "learn_rate": 0.01, "use_averages": False}
SPACY = {
    "nlp": {"lang": "en", "pipeline": ["tagger", "ner"], "batch_size": 16},
    "components": {"tagger": {"factory": "tagger"}, "ner": {"factory": "ner"}},
    "initialize": {},
}
KINDS = {
    "recipe": {},
    "batches that grow": {"batcher": {"@batchers": "spacy.batch_by_sequence.v1", "size": GROWING}},
    "a stream": {"max_epochs": -1},
    "two parts a batch": {"accumulate_gradient": 2},
    "RAdam, no averages": {"optimizer": RADAM},
    "spaCy's own components": {"score_weights": {"tag_acc": 0.5, "ents_f": 0.5}},
}


def write_config(folder, kind):
    corpus = folder / "toy.spacy"
    DocBin(docs=[eg.reference for eg in make_examples(spacy.blank("en"))] * 3).to_disk(corpus)
    config = Config().from_disk(CONFIGS / "rnn_tagger_smoke.cfg", interpolate=False)
    if kind == "spaCy's own components":
        config = Config({**config, **SPACY})
    config["training"].update(max_steps=STEPS, eval_frequency=EVERY, patience=0, **KINDS[kind])
    config["paths"].update(train=str(corpus), dev=str(corpus))
    config.to_disk(folder / "config.cfg", interpolate=False)
    return folder / "config.cfg"


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", params=KINDS)
def done(request, tmp_path_factory):
    """A config, and the folder of a training by spaCy."""
    folder = tmp_path_factory.mktemp(request.param.replace("'", ""), numbered=False)
    config = write_config(folder, request.param)
    spacy_train(config, folder / "spacy")
    return config, folder / "spacy"


class Stopped(Exception):
    """What stands for the end of a process."""


def stop_at(monkeypatch, name, call):
    """Let a function of the module end the process before its work, at one of its calls."""
    original, calls = getattr(resumable, name), []

    def stops(*args, **kwargs):
        calls.append(name)
        if len(calls) == call:
            raise Stopped
        return original(*args, **kwargs)

    monkeypatch.setattr(resumable, name, stops)


def test_weights_are_those_of_spacy(done, tmp_path):
    config, theirs = done
    result = train(config, tmp_path / "ours")
    for name in (BEST, LAST):
        assert files_of(tmp_path / "ours" / name) == files_of(theirs / name)
    assert (result.n_steps, result.resumed_at) == (STEPS + 1, None) and result.best == str(tmp_path / "ours" / BEST)


MOMENTS = {
    "first checkpoint": [("write_checkpoint", 1)],
    "two evaluations": [("update_meta", 2), ("update_meta", 2)],
    "three moments": [("subdivide_batch", 6), ("subdivide_batch", 3), ("write_checkpoint", 2)],
}


def test_a_training_that_was_stopped_ends_with_the_same_weights(done, tmp_path, monkeypatch):
    config, theirs = done
    for name in MOMENTS if config.parent.name == "recipe" else ["three moments"]:
        ours = tmp_path / name
        for i, (function, call) in enumerate(MOMENTS[name]):
            with monkeypatch.context() as patch, pytest.raises(Stopped):
                stop_at(patch, function, call)
                train(config, ours) if i == 0 else resume(ours)
        result = resume(ours)
        for model in (BEST, LAST):
            assert files_of(ours / model) == files_of(theirs / model), name
        assert (result.resumed_at is None) == (name == "first checkpoint")


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path, "recipe")


def test_a_training_goes_on_for_longer(config, tmp_path, capsys):
    """With the table of all that was before."""
    train(config, tmp_path / "whole")
    train(config, tmp_path / "short", overrides={"training.max_steps": 4})
    capsys.readouterr()
    result = resume(tmp_path / "short", overrides={"training.max_steps": STEPS})
    printed = capsys.readouterr().out
    assert result.resumed_at == 5 and result.n_steps == STEPS + 1
    assert files_of(tmp_path / "short" / LAST) == files_of(tmp_path / "whole" / LAST)
    steps = [int(line.split()[1]) for line in printed.splitlines() if line.split()[:1] and line.split()[0].isdigit()]
    assert steps == [0, 3, 6]
    again = resume(tmp_path / "short")
    assert again.n_steps == STEPS + 1 and again.score == result.score
    assert files_of(tmp_path / "short" / LAST) == files_of(tmp_path / "whole" / LAST)


def test_killed_processes_leave_whole_pipelines(config, tmp_path):
    """Killed by SIGKILL at several moments of one training, whatever it is about."""
    train(config, tmp_path / "whole")
    ours = tmp_path / "ours"
    code = "from pathlib import Path; from spacy_rnn_tagger.training.resumable import {}; {}(*map(Path, {}))"
    for i in range(4):
        call = code.format("train", "train", [str(config), str(ours)])
        if (ours / "start.json").is_file():
            call = code.format("resume", "resume", [str(ours)])
        process = subprocess.Popen([sys.executable, "-c", call], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        moment = [lambda: ours.is_dir(), lambda: (ours / BEST).is_dir(), lambda: (ours / CHECKPOINT).is_file()]
        while process.poll() is None and not moment[i % 3]():
            time.sleep(0.001)
        time.sleep(0.01 * i)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() in (-signal.SIGKILL, 0)
        if (ours / BEST).is_dir():
            spacy.load(ours / BEST)("Red Fort is in Delhi.")
    resume(ours)
    for name in (BEST, LAST):
        assert files_of(ours / name) == files_of(tmp_path / "whole" / name)
    assert not [path for path in ours.iterdir() if path.name.startswith(".")]


def test_what_cannot_go_on(config, tmp_path):
    ours = tmp_path / "ours"
    with pytest.raises(ValueError, match="holds no training that can go on: it lacks 'config.cfg' or 'start.json'"):
        resume(tmp_path)
    train(config, ours, overrides={"training.max_steps": 3})
    with pytest.raises(ValueError, match="holds a training already; go on with it by `python -m spacy rnn resume`"):
        train(config, ours)
    with pytest.raises(ValueError, match="'training.dropout' cannot be changed when a training goes on, only"):
        resume(ours, overrides={"training.dropout": 0.5})
    with pytest.raises(ValueError, match="cannot be changed.*Did you mean 'training.max_steps'"):
        resume(ours, overrides={"training.max_step": 5})
    toy = tmp_path / "toy.spacy"
    docs = list(DocBin().from_disk(toy).get_docs(spacy.blank("en").vocab))
    DocBin(docs=docs[:-1]).to_disk(toy)
    with pytest.raises(ValueError, match="the training data have .* docs .* but the training in .* began with"):
        resume(ours, overrides={"training.max_steps": 5})
    DocBin(docs=docs).to_disk(toy)
    whole = (ours / CHECKPOINT).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"\x80\x04.", whole.replace(b"position", b"positiom")):
        (ours / CHECKPOINT).write_bytes(damaged)
        with pytest.raises(ValueError, match="is no checkpoint of a training, or it is damaged"):
            resume(ours)
    (ours / CHECKPOINT).write_bytes(whole)
    text = (ours / "config.cfg").read_text(encoding="utf8")
    (ours / "config.cfg").write_text(text.replace("char_width = 32", "char_width = 16"), encoding="utf8")
    with pytest.raises(ValueError, match="is a checkpoint of a pipeline with other labels, sizes or components"):
        resume(ours)


def test_a_full_disk_loses_nothing(config, tmp_path, monkeypatch):
    ours = tmp_path / "ours"
    train(config, ours, overrides={"training.max_steps": 3})
    before = files_of(ours)

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("spacy.language.Language.to_disk", full)
        with pytest.raises(OSError, match="No space left"):
            resume(ours, overrides={"training.max_steps": STEPS})
    after = files_of(ours)
    assert {name: after.get(name) for name in before if name != "config.cfg"} == {
        name: content for name, content in before.items() if name != "config.cfg"
    }
    train(config, tmp_path / "whole")
    resume(ours)
    assert files_of(ours / LAST) == files_of(tmp_path / "whole" / LAST)


def test_commands(config, tmp_path):
    code, printed = run(
        "train", config, "-o", tmp_path / "out", "--json", tmp_path / "n.json", "--training.max_steps", 3
    )
    assert code == 0 and "python -m spacy evaluate" in printed
    assert json.loads((tmp_path / "n.json").read_text())["n_steps"] == 4
    code, printed = run("train", config, "-o", tmp_path / "out")
    assert code == 2 and "holds a training already" in words_of(printed)
    code, printed = run("resume", tmp_path / "out", "--training.max_steps", 6)
    assert code == 0 and "of 7 steps" in words_of(printed) and "Going on after step 3" in words_of(printed)
    code, printed = run("resume", tmp_path)
    assert code == 2 and "holds no training that can go on" in words_of(printed)


def test_the_page(config, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "resume.md").read_text(encoding="utf8"), flags=re.S)[1]
    exec(compile(code, "resume.md", "exec"), {})
    assert capsys.readouterr().out.split()[-1] == "9"
