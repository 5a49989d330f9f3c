"""Many trainings in one table."""

import csv
import json
import os

import pytest
import spacy
from spacy.tokens import DocBin
from thinc.api import Config

from spacy_rnn_tagger.training.sweep import SEEDS, read_space, sweep

from ..conftest import CONFIGS, ROOT, make_examples
from ..fixtures.commands import run, words_of

QUICK = {"training.max_steps": 4, "training.eval_frequency": 2}


@pytest.fixture
def here(monkeypatch):
    """Trainings stay in this process."""
    from spacy_rnn_tagger.training import sweep as module

    def run_here(trials, n_workers, address):
        yield from map(module.train_one, trials)

    monkeypatch.setattr(module, "_run_here", run_here)


@pytest.fixture
def config(tmp_path):
    corpus = tmp_path / "toy.spacy"
    DocBin(docs=[eg.reference for eg in make_examples(spacy.blank("en"))]).to_disk(corpus)
    found = Config().from_disk(CONFIGS / "rnn_tagger_smoke.cfg", interpolate=False)
    found["paths"].update(train=str(corpus), dev=str(corpus))
    found.to_disk(tmp_path / "config.cfg", interpolate=False)
    return tmp_path / "config.cfg"


def stamps(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.parent != folder}


def test_each_combination_is_trained_once(config, tmp_path):
    """By two processes; then a larger space, of which half is there."""
    out = tmp_path / "sweep"
    space = {"training.dropout": [0.1, 0.3], "system.seed": [0, 1]}
    done = sweep(config, space, out, overrides=QUICK, processes=2)
    assert [trial.settings for trial in done.trials] == [
        {"training.dropout": dropout, "system.seed": seed} for dropout in (0.1, 0.3) for seed in (0, 1)
    ]
    assert len(done.settings) == 2 and {each.n for each in done.settings} == {2}
    for trial in done.trials:
        trained = Config().from_disk(f"{trial.folder}/model-best/config.cfg")
        assert trained["training"]["dropout"] == trial.settings["training.dropout"]
        assert trained["system"]["seed"] == trial.settings["system.seed"] and trained["training"]["max_steps"] == 4
        performance = json.loads(open(f"{trial.folder}/model-best/meta.json").read())["performance"]
        expected = sum(
            weight * performance[key] for key, weight in trained["training"]["score_weights"].items() if weight
        )
        assert trial.score == pytest.approx(expected) and not trial.error and not trial.is_kept
    for each in done.settings:
        own = [t.score for t in done.trials if t.settings["training.dropout"] == each.settings["training.dropout"]]
        assert each.score == pytest.approx(sum(own) / 2)
        assert each.deviation == pytest.approx(abs(own[0] - own[1]) / 2**0.5)
        assert max(own) == next(t.score for t in done.trials if t.folder == each.best)
    assert done.settings[0].score >= done.settings[1].score
    before = stamps(out)
    again = sweep(config, {"training.dropout": [0.1, 0.3, 0.5], "system.seed": [0]}, out, overrides=QUICK, processes=1)
    assert [trial.is_kept for trial in again.trials] == [True, True, False]
    assert again.trials[0].score == done.trials[0].score
    assert {path: stamp for path, stamp in stamps(out).items() if path in before} == before


def test_a_changed_config_or_corpus_is_trained_anew(here, config, tmp_path):
    out = tmp_path / "sweep"
    first = sweep(config, {}, out, overrides=QUICK)
    assert sweep(config, {}, out, overrides=QUICK).trials[0].is_kept
    assert not sweep(config, {}, out, overrides={**QUICK, "training.max_steps": 2}).trials[0].is_kept
    os.utime(tmp_path / "toy.spacy", ns=(1, 1))
    other = sweep(config, {}, out, overrides=QUICK).trials[0]
    assert not other.is_kept and other.folder != first.trials[0].folder


def test_a_training_that_fails_is_a_row_and_is_tried_again(here, config, tmp_path):
    space = {"components.rnn_tagger.target": ["pos", "poss"]}
    done = sweep(config, space, tmp_path / "sweep", overrides=QUICK)
    good, bad = done.trials
    assert good.score is not None and bad.score is None and "poss" in bad.error and "\n" not in bad.error
    assert [each.n_failed for each in done.settings] == [0, 1]
    again = sweep(config, space, tmp_path / "sweep", overrides=QUICK)
    assert [trial.is_kept for trial in again.trials] == [True, False]


@pytest.mark.parametrize(
    "space, message",
    [
        ({"training.dropuot": [1]}, r"the config has no setting 'training.dropuot'. Did you mean 'training.dropout'\?"),
        ({"training.dropout": 0.1}, "training.dropout must have a list of values to try, not 0.1"),
        ({"training.dropout": "ab"}, "must have a list of values"),
        ({"training.dropout": []}, "must have a list of values"),
    ],
)
def test_spaces_that_are_refused(config, tmp_path, space, message):
    with pytest.raises(ValueError, match=message):
        sweep(config, space, tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_nothing_of_others_is_written_over(here, config, tmp_path):
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="notes.txt"):
        sweep(config, {}, tmp_path / "sweep")
    with pytest.raises(ValueError, match="engine = 'rey' is unknown"):
        sweep(config, {}, tmp_path / "other", engine="rey")


@pytest.mark.parametrize("name, content", [("a.json", '{"a.b": [1]}'), ("a.yml", "a.b: [1]\n")])
def test_spaces_from_files(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert read_space(tmp_path / name) == {"a.b": [1]}
    (tmp_path / name).write_text("[1")
    with pytest.raises(ValueError, match="is no JSON or YAML"):
        read_space(tmp_path / name)
    (tmp_path / name).write_text("[1]")
    with pytest.raises(ValueError, match="must have values by 'section.key'"):
        read_space(tmp_path / name)


def test_the_command(here, config, tmp_path):
    out, numbers, table = tmp_path / "sweep", tmp_path / "numbers.json", tmp_path / "table.csv"
    arguments = ["sweep", config, "-o", out, "--set", "training.dropout=0.1,0.3", "--seeds", 2, "--json", numbers]
    arguments += ["--csv", table]
    arguments += ["--override", "training.max_steps=4", "--override", "training.eval_frequency=2"]
    code, printed = run(*arguments)
    assert code == 0, printed
    assert "Next:" in printed and "rnn report" in printed and "deviation" in printed
    written = json.loads(numbers.read_text())
    assert written["command"] == "rnn sweep" and len(written["trials"]) == 4 and len(written["settings"]) == 2
    rows = list(csv.DictReader(table.open()))
    assert [float(row["training.dropout"]) for row in rows] == [
        each["settings"]["training.dropout"] for each in written["settings"]
    ]
    code, printed = run(*arguments, "--force")
    assert code == 0 and "4 of 4 trainings were there already" in printed
    code, printed = run("sweep", config, "-o", out, "--set", "training.dropout")
    assert code == 2 and "must be section.key=a,b,c" in words_of(printed)


def test_the_page():
    page = (ROOT / "docs" / "sweep.md").read_text(encoding="utf8")
    helped = words_of(run("sweep", "--help")[1])
    for option in ("--set", "--space", "--seeds", "--csv", "--json", "--engine", "--address"):
        assert f"`{option}" in page or f" {option} " in page
        assert option in helped
    assert all(f"`{name}`" in page for name in SEEDS)
