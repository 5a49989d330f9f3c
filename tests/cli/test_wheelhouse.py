"""The wheels of a pipeline and of this package in one folder."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest
import spacy

from spacy_rnn_tagger.pipeline import own_wheel, wheelhouse
from spacy_rnn_tagger.pipeline.safe_output import OutputError
from spacy_rnn_tagger.pipeline.wheelhouse import read_card, wheel_metadata, write_wheelhouse

from ..conftest import ROOT
from ..fixtures.commands import run, saved, words_of  # noqa: F401


@pytest.fixture
def plain(tmp_path):
    """A pipeline that needs nothing but spaCy."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "plain")
    return tmp_path / "plain"


def test_wheels_and_what_they_need(saved, tmp_path):  # noqa: F811
    done = write_wheelhouse(saved[0], tmp_path / "wheels", name="addresses", version="1.2.0")
    assert (done.name, done.version, done.kept) == ("en_addresses", "1.2.0", [])
    names = sorted(path.name for path in (tmp_path / "wheels").iterdir())
    assert names == sorted(done.wheels) and names[0] == "en_addresses-1.2.0-py3-none-any.whl"
    assert len(names) == 2 and names[1].startswith("spacy_rnn_tagger-")
    assert done.wheels[names[0]] == (tmp_path / "wheels" / names[0]).stat().st_size
    needed = {line.split(">")[0].split("<")[0] for line in done.requirements}
    assert {"spacy", "thinc", "numpy"} <= needed and "spacy-rnn-tagger" not in needed and "torch" not in needed
    lines = wheel_metadata(tmp_path / "wheels" / names[0]).get_all("Requires-Dist")
    assert {"spacy-rnn-tagger", "spacy"} <= {line.split(">")[0].split("<")[0] for line in lines}


def test_a_pipeline_without_our_components_needs_no_wheel_of_ours(plain, tmp_path):
    done = write_wheelhouse(plain, tmp_path / "wheels")
    assert list(done.wheels) == ["en_pipeline-0.0.0-py3-none-any.whl"]


def test_wheels_of_other_pipelines_stay(plain, tmp_path):
    folder = tmp_path / "wheels"
    write_wheelhouse(plain, folder, name="one")
    with pytest.raises(OutputError, match="is not empty; name another directory, or pass --force"):
        write_wheelhouse(plain, folder, name="two")
    before = (folder / "en_one-0.0.0-py3-none-any.whl").read_bytes()
    done = write_wheelhouse(plain, folder, name="two", force=True)
    assert done.kept == ["en_one-0.0.0-py3-none-any.whl"] and list(done.wheels) == ["en_two-0.0.0-py3-none-any.whl"]
    assert (folder / "en_one-0.0.0-py3-none-any.whl").read_bytes() == before
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds 'notes.txt', which are not wheels"):
        write_wheelhouse(plain, folder, force=True)


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(name="my-model"), "The pipeline's name 'my-model' cannot be one of a package"),
        (dict(name="modèle"), "'modèle' cannot be one"),
        (dict(name="model_"), "'model_' cannot be one"),
        (dict(version="first"), "The version 'first' cannot be one of a package"),
    ],
)
def test_names_and_versions(plain, tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        write_wheelhouse(plain, tmp_path / "wheels", **settings)
    assert not (tmp_path / "wheels").exists()


def test_no_pipeline(tmp_path):
    with pytest.raises(ValueError, match="Can't find model 'nowhere': name the directory of a trained pipeline"):
        write_wheelhouse("nowhere", tmp_path / "wheels")


def test_meta_that_spacy_refuses(plain, tmp_path):
    path = plain / "meta.json"
    path.write_text(path.read_text().replace('"license":""', '"license":["MIT"]'))
    assert '["MIT"]' in path.read_text()
    with pytest.raises(ValueError, match="its meta.json is not valid"):
        write_wheelhouse(plain, tmp_path / "wheels")


def test_a_build_that_fails_says_why_and_leaves_nothing(plain, tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, stdout="Processing x\nERROR: No space left on device\nmore\n")
    monkeypatch.setattr(wheelhouse.subprocess, "run", lambda *args, **kwargs: failed)
    code, printed = run("wheelhouse", plain, tmp_path / "wheels")
    assert code == 1 and "`pip wheel` ended with 1: No space left on device" in words_of(printed)
    assert not (tmp_path / "wheels").exists()
    monkeypatch.setattr(wheelhouse, "find_spec", lambda name: None)
    with pytest.raises(OSError, match="python -m ensurepip"):
        write_wheelhouse(plain, tmp_path / "wheels")


def test_a_package_that_pip_did_not_install(tmp_path, monkeypatch):
    def none(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(own_wheel, "distribution", none)
    with pytest.raises(ValueError, match="but pip did not install the package that runs from"):
        own_wheel.write_own_wheel(tmp_path)


CARDS = sorted((ROOT / "assets" / "cards").glob("*.json"))


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_cards_of_the_workflows(path):
    card = read_card(path)
    assert set(card) == {"description", "license", "sources", "notes"} and all(
        each["license"] for each in card["sources"]
    )


@pytest.mark.parametrize(
    "content,message",
    [
        ('{"licence": "MIT"}', "says 'licence', but may say only description, license, .* Did you mean 'license'"),
        ('{"performance": {}}', "says 'performance', but may say only"),
        ("[1]", "must be one JSON object"),
        ("{", "cannot be read"),
    ],
)
def test_cards_that_cannot_be(plain, tmp_path, content, message):
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        write_wheelhouse(plain, tmp_path / "wheels", card=tmp_path / "card.json")
    assert not (tmp_path / "wheels").exists()


def test_the_command_names_how_to_install(saved, tmp_path):  # noqa: F811
    """With a card, which becomes the page of the package."""
    card = {"description": "Streets of Delhi.", "license": "CC0", "sources": [{"name": "A map"}], "notes": "No rivers."}
    (tmp_path / "card.json").write_text(json.dumps(card))
    options = ("--name", "small", "--card", tmp_path / "card.json")
    code, printed = run("wheelhouse", saved[0], tmp_path / "wheels", *options)
    (wheel,) = (tmp_path / "wheels").glob("en_small-*.whl")
    page = str(wheel_metadata(wheel))
    assert "Streets of Delhi." in page and "A map" in page and "No rivers." in page and "License: CC0" in page
    assert code == 0 and f"pip install --find-links {tmp_path / 'wheels'} en_small" in words_of(printed)
    assert "pip takes from its index: " in words_of(printed)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_requirements_for_a_machine_without_an_index(saved, tmp_path):  # noqa: F811
    done = write_wheelhouse(saved[0], tmp_path / "wheels", with_requirements=True)
    assert done.requirements == [] and len(done.wheels) > 20 and not any(n.startswith("torch") for n in done.wheels)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "-q", "--no-index", "--find-links", str(tmp_path / "wheels")]
    subprocess.run([*pip, done.name], check=True)
    use = [python, "-c", f"import spacy; print(len(spacy.load('{done.name}')('A text.')))"]
    assert subprocess.run(use, check=True, capture_output=True, text=True, cwd=tmp_path).stdout == "3\n"
