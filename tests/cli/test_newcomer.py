"""The way of a newcomer from a file of their own to a trained pipeline: each command names the next one."""

import json
import random
import shlex

import spacy
from typer.testing import CliRunner

from spacy_rnn_tagger.cli import rnn_cli

from ..conftest import run_cli

NAMES = ["Anna Berg", "Tom Reed", "Mia Wolf", "Jan Roth"]
PLACES = ["New York", "London", "Delhi", "Oslo", "Lima"]


def write_jsonl(path):
    rng = random.Random(0)
    lines = []
    for year in range(1900, 2100):
        name, verb, place = rng.choice(NAMES), rng.choice(["lives in", "went to", "wrote from"]), rng.choice(PLACES)
        text = f"{name} {verb} {place}, {year}."
        start = len(name) + len(verb) + 2
        spans = [
            {"start": 0, "end": len(name), "label": "PERSON"},
            {"start": start, "end": start + len(place), "label": "GPE"},
        ]
        lines.append(json.dumps({"text": text, "spans": spans}))
    path.write_text("\n".join(lines), encoding="utf8")


def next_command(printed):
    """The arguments of the command that an output names as the next one."""
    line = printed.partition("Next:")[2].strip().splitlines()[0].strip()
    assert line.startswith("python -m spacy "), printed
    return shlex.split(line)[3:]


def test_each_command_leads_to_the_next_until_a_pipeline_is_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "annotated.jsonl")
    runner = CliRunner()
    arguments = ["rnn", *"convert annotated.jsonl corpus --split 0.1 0.1 --lang en".split()]
    taken = []
    while arguments[0] == "rnn":
        taken.append(arguments[1])
        done = runner.invoke(rnn_cli, arguments[1:])
        assert done.exit_code == 0, done.output
        arguments = next_command(done.stdout)
    assert taken == ["convert", "check", "init-config"] and arguments[:2] == ["train", "config.cfg"]
    fast = ["--training.max_steps", 30, "--training.eval_frequency", 30]
    places = [tmp_path / arguments[1], "--output", tmp_path / arguments[3]]
    corpus = ["--paths.train", tmp_path / "corpus/train.spacy", "--paths.dev", tmp_path / "corpus/dev.spacy"]
    done = run_cli("-m", "spacy", "train", *places, *corpus, *fast)
    assert done.returncode == 0, done.stdout + done.stderr
    doc = spacy.load(tmp_path / arguments[3] / "model-last")("Anna Berg lives in Oslo, 1999.")
    assert {ent.label_ for ent in doc.ents} <= {"PERSON", "GPE"}
