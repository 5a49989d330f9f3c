"""The project: what it lists exists, what it skips is up to date, and the whole default workflow runs."""

import json
import subprocess
import sys
import zipfile

import pytest
import srsly

from ..conftest import ROOT, copy_project

PROJECT = srsly.read_yaml(ROOT / "project.yml")
COMMANDS = {command["name"]: command for command in PROJECT["commands"]}


def test_every_dependency_exists_or_is_made_by_an_earlier_command():
    assets = {asset["dest"] for asset in PROJECT["assets"]}
    for workflow in PROJECT["workflows"].values():
        made = set()
        for step in workflow:
            command = COMMANDS[step]
            for dep in command.get("deps", []):
                assert dep in assets or dep in made or (ROOT / dep).exists(), (step, dep)
            made.update(command.get("outputs", []) + command.get("outputs_no_cache", []))


def test_scripts_heed_the_runner():
    """It has no shell: no globs, pipes or redirects; only `python` is replaced by the running interpreter."""
    for command in COMMANDS.values():
        for line in command["script"]:
            assert line.startswith("python "), line
            assert not set(line) & set("*|<>&;~"), line


def test_public_assets_are_fixed():
    for asset in PROJECT["assets"]:
        if "git" in asset:
            assert len(asset["checksum"]) == 32 and asset["extra"] is True
        else:
            assert (ROOT / asset["dest"]).is_file()


def run_project(folder, workflow="all"):
    done = subprocess.run(
        [sys.executable, "-m", "spacy", "project", "run", workflow], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.timeout(900)
def test_all_trains_evaluates_packages_installs_and_then_skips(tmp_path):
    copy_project(tmp_path)
    out = run_project(tmp_path)
    scores = json.loads((tmp_path / "metrics" / "bundled.json").read_text())
    assert scores["pos_acc"] > 0.8 and scores["ents_f"] > 0.3
    assert "parts of speech (UPOS)" in out and "entity type" in out
    (wheel,) = (tmp_path / "packages").glob("en_rnn_bundled-0.1.0-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(n for n in archive.namelist() if n.endswith("METADATA"))
        assert "Requires-Dist: spacy-rnn-tagger" in archive.read(metadata).decode()
    assert "en_rnn_bundled 0.1.0, from" in out and "PyTorch loaded: False" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["Fort", "PROPN", "FAC"] in rows and ["Delhi", "PROPN", "GPE"] in rows

    again = run_project(tmp_path)
    for step in ("corpus", "train", "evaluate", "package"):
        assert f"Skipping '{step}'" in again
    source = tmp_path / "spacy_rnn_tagger" / "errors.py"
    source.write_text(source.read_text() + "\n# changed\n")
    dry = subprocess.run(
        [sys.executable, "-m", "spacy", "project", "run", "code"], cwd=tmp_path, capture_output=True, text=True
    )
    assert dry.returncode == 0
    dry = subprocess.run(
        [sys.executable, "-m", "spacy", "project", "run", "train", "--dry"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "Skipping" not in dry.stdout and "spacy train" in dry.stdout


def test_local_assets_takes_only_the_right_files(run_script, tmp_path):
    (tmp_path / "en_ewt-ud-train.conllu").write_text("not the treebank")
    code, _, err = run_script("local_assets.py", tmp_path)
    missing = not (ROOT / "assets" / "UD_English-EWT" / "en_ewt-ud-train.conllu").exists()
    assert not missing or (code == 1 and "not found in" in err and "en_ewt-ud-train.conllu" in err)
    assert "there is no folder" in run_script("local_assets.py", tmp_path / "nowhere")[2]


def test_report_keeps_a_page_without_markers(run_script, tmp_path):
    (tmp_path / "m.json").write_text(json.dumps({"tag_acc": 0.5, "speed": 1.0}))
    readme = tmp_path / "README.md"
    readme.write_text("mine")
    code, _, err = run_script("report.py", tmp_path / "m.json", "--page", readme)
    assert code == 1 and "lacks the markers" in err and readme.read_text() == "mine"
    readme.write_text("a <!-- results: start -->old<!-- results: end --> b")
    assert run_script("report.py", tmp_path / "m.json", "--page", readme)[0] == 0
    assert "50.00" in readme.read_text() and "old" not in readme.read_text() and readme.read_text().endswith(" b")
    assert "no metrics in" in run_script("report.py", tmp_path / "gone.json")[2]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("workflow", ["ewt", "wnut17"])
def test_public_corpora(workflow):
    needed = {"ewt": "UD_English-EWT", "wnut17": "WNUT-17"}[workflow]
    if not (ROOT / "assets" / needed).exists():
        pytest.skip(f"needs assets/{needed}")
    run_project(ROOT, workflow)
    scores = json.loads((ROOT / "metrics" / f"{workflow}.json").read_text())
    if workflow == "ewt":
        assert scores["tag_acc"] > 0.9413 and scores["pos_acc"] > 0.9476
    else:
        assert scores["ents_f"] > 0.1735
