"""From a teacher and raw text to a student, by the command and in Python."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_rnn_tagger.distill import DistillSettings, Workers, distill
from spacy_rnn_tagger.distill import run as run_module
from spacy_rnn_tagger.distill.students import read_config

from ..conftest import CONFIGS, SENTENCES, make_examples, small_model, train
from ..fixtures.commands import run as run_command
from ..fixtures.commands import words_of

TEXTS = [text for text, *_ in SENTENCES]
HELD_OUT = "Nobody in this large town of ours ever liked to eat cold ham."
STEPS = {"training.max_steps": 20, "training.eval_frequency": 10}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A teacher, raw text, gold and development data."""
    folder = tmp_path_factory.mktemp("world")
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_tagger", config={"model": small_model(), "target": "pos"})
    nlp.add_pipe("rnn_ner", config={"model": small_model()})
    examples = make_examples(nlp)
    train(nlp, examples)
    nlp.to_disk(folder / "teacher")
    rules = spacy.blank("en")
    rules.add_pipe("entity_ruler").add_patterns([{"label": "GPE", "pattern": "Delhi"}])
    rules.to_disk(folder / "rules")
    raw = [f"{text} Red Fort is in Delhi {i}." for i, text in enumerate(TEXTS * 3)]
    (folder / "raw.txt").write_text("\n".join(raw), encoding="utf8")
    (folder / "leak.txt").write_text("\n".join([*raw, f"So: {HELD_OUT.upper()}"]), encoding="utf8")
    DocBin(docs=[eg.reference for eg in examples]).to_disk(folder / "gold.spacy")
    held = nlp(HELD_OUT)
    DocBin(docs=[*(eg.reference for eg in examples), held]).to_disk(folder / "dev.spacy")
    return folder


def arguments(world):
    return [str(world / "teacher")], [str(world / "raw.txt")], CONFIGS / "rnn_tagger_smoke.cfg", world / "dev.spacy"


def weights_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name in ("model", "cfg")
    }


@pytest.fixture(scope="module")
def done(world):
    return distill(
        *arguments(world), world / "out", gold=world / "gold.spacy", overrides=STEPS, workers=Workers(1),
        settings=DistillSettings(gold_steps=10),
    )  # fmt: skip


def test_a_student_and_the_comparison(world, done):
    assert [each.role for each in done.pipelines] == ["teacher", "student", "gold alone"]
    assert (done.n_docs, done.n_rejected, done.n_held_out) == (12, 0, 0) and done.n_tokens > 100
    nlp = spacy.load(done.student)
    assert nlp.pipe_names == ["tok2vec", "rnn_tagger", "rnn_ner"]
    teacher, student, _ = done.pipelines
    assert teacher.scores["pos_acc"] > 0.9 and not teacher.agreement
    assert set(student.agreement) >= {"pos_acc", "ents_f"} and student.megabytes > 0
    for each in done.pipelines:
        assert each.tokens_per_second > 0 and "rnn_tagger" in each.ece
    report = json.loads((world / "out" / "report.json").read_text())
    assert report["command"] == "rnn distill" and report["student"] == done.student


def test_the_config_is_one_that_spacy_train_runs(world, done):
    from spacy.cli.train import train as spacy_train

    config = world / "out" / "taught" / "config.cfg"
    spacy_train(config, world / "by-hand")
    assert weights_of(world / "by-hand" / "model-best") == weights_of(world / "out" / "taught" / "model-best")


def test_killed_in_either_stage_it_goes_on_to_the_same_student(world, done, tmp_path):
    teachers, raw, config, dev = map(lambda each: each[0] if isinstance(each, list) else each, arguments(world))
    steps = [text for key, value in STEPS.items() for text in (f"--{key}", str(value))]
    command = [sys.executable, "-m", "spacy", "rnn", "distill", teachers, raw, *steps, "-c", str(config), "--dev"]
    command += [str(dev), "--gold", str(world / "gold.spacy"), "--gold-steps", "10", "-n", "1"]
    command += ["-o", str(tmp_path / "out")]
    for sign in ("answers", ".taught.new/config.cfg", "taught", ".finished.new"):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        while not (tmp_path / "out" / sign).exists() and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "student" in finished.stdout and "rnn wheelhouse" in finished.stdout
    assert weights_of(tmp_path / "out" / "model-best") == weights_of(world / "out" / "model-best")


def test_text_of_development_data_is_refused_or_left_out(world, tmp_path):
    teachers, _, config, dev = arguments(world)
    leak = [str(world / "leak.txt")]
    with pytest.raises(ValueError, match=r"RAW has a sentence .*leak.txt', line 13, 'nobody in this large town"):
        distill(teachers, leak, config, dev, tmp_path / "out", workers=Workers(1))
    leave_out = DistillSettings(leave_out=True)
    found = distill(
        teachers, leak, config, dev, tmp_path / "out", workers=Workers(1), settings=leave_out, overrides=STEPS
    )
    assert found.n_held_out == 1
    assert str(dev) in (tmp_path / "out" / "taught" / "config.cfg").read_text()


def test_teachers_may_be_several_and_development_data_raw(world, tmp_path):
    (tmp_path / "dev.txt").write_text("\n".join(TEXTS), encoding="utf8")
    code, printed = run_command(
        *("distill", world / "teacher", world / "raw.txt", "--training.max_steps=10", "--training.eval_frequency=5"),
        *("-c", CONFIGS / "rnn_tagger_smoke.cfg", "--dev", tmp_path / "dev.txt", "-o", tmp_path / "out"),
        *("--also", world / "rules", "--combine", "agreement", "-n", 1, "--json", tmp_path / "numbers.json"),
    )
    assert code == 0, printed
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert [each["role"] for each in numbers["pipelines"]] == ["teacher", "teacher", "student"]
    assert numbers["data"] == str(tmp_path / "out" / "dev" / "combined")
    assert f"compared on {tmp_path}" in words_of(printed).replace(" /", " /")
    marked = json.loads((tmp_path / "out" / "answers" / "combined" / "combined.json").read_text())
    assert marked["docs"] == 12 and marked["left_out"] == 0


def test_another_distillation_is_not_replaced_unasked(world, done, tmp_path):
    shutil.copytree(world / "out", tmp_path / "out")
    other = {**STEPS, "training.dropout": 0.5}
    options = {"gold": world / "gold.spacy", "overrides": other, "workers": Workers(1)}
    with pytest.raises(ValueError, match="holds a student of another config or of other data"):
        distill(*arguments(world), tmp_path / "out", **options)
    assert weights_of(tmp_path / "out") == weights_of(world / "out")
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    code, printed = run_command(
        *("distill", world / "teacher", world / "raw.txt", "-c", CONFIGS / "rnn_tagger_smoke.cfg"),
        *("--dev", world / "dev.spacy", "-o", tmp_path / "out", "--force"),
    )
    assert code == 2 and "'notes.txt', and is no distillation" in words_of(printed)


@pytest.mark.parametrize(
    "more, message",
    [
        (["--combine", "mean"], "combine = 'mean' is unknown; allowed: 'average', 'vote', 'agreement'"),
        (["--gold-share", 1], "gold_share = 1.0 leaves no room"),
        (["--temperature", 0], "temperature = 0.0 is not allowed"),
        (
            ["--training.max_step", 5],
            "the config has no setting 'training.max_step'. Did you mean 'training.max_steps'",
        ),
    ],
)
def test_settings_that_cannot_be(world, tmp_path, more, message):
    option, value = more
    behind = [option, value] if "." in option else []
    before = [] if behind else [option, value]
    code, printed = run_command(
        *("distill", *before, world / "teacher", world / "raw.txt", *behind, "-c", CONFIGS / "rnn_tagger_smoke.cfg"),
        *("--dev", world / "dev.spacy", "-o", tmp_path / "out"),
    )
    assert code == 2 and message in words_of(printed), printed
    assert not (tmp_path / "out" / "answers").exists()


def test_a_config_without_training_data_is_refused(tmp_path):
    text = (CONFIGS / "rnn_tagger_smoke.cfg").read_text().replace('"corpora.train"', '"corpora.tran"')
    (tmp_path / "config.cfg").write_text(text)
    with pytest.raises(ValueError, match="names no corpus to train on"):
        read_config(tmp_path / "config.cfg")


def test_no_raw_text_and_no_teacher(world, tmp_path):
    with pytest.raises(ValueError, match="no teacher is named"):
        distill([], *arguments(world)[1:], tmp_path / "out")
    assert run_module.MARK == "distill.json"
