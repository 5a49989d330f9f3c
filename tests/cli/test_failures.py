"""Every command ends with one sentence where it cannot do its work, and nothing is lost."""

import errno
import json
import os
import shutil

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import DocBin

from spacy_rnn_tagger.pipeline import safe_output
from spacy_rnn_tagger.pipeline.rnn_tagger import RNNTagger

from ..conftest import run_cli
from ..fixtures.commands import run, saved, words_of  # noqa: F401
from ..fixtures.small_pipelines import files

# The arguments of each command, for a pipeline, data, a folder and a file to write.
COMMANDS = {
    "summary": lambda model, dev, folder, file: ["summary", model, "--json", file],
    "calibrate": lambda model, dev, folder, file: [
        *("calibrate", model, dev, "-C", "rnn_ner", "-o", folder, "--json", file)
    ],
    "bias": lambda model, dev, folder, file: ["bias", model, dev, "-n", 2, "--json", file],
    "figure": lambda model, dev, folder, file: ["bias", model, dev, "-n", 2, "--figure", file.with_suffix(".svg")],
    "compress": lambda model, dev, folder, file: ["compress", model, folder, "-d", dev, "--json", file],
    "report": lambda model, dev, folder, file: [
        *("report", model, dev, "-o", file.with_suffix(".html"), "--json", file)
    ],
    "suggest": lambda model, dev, folder, file: [
        *("suggest", model, dev, "-o", file.with_suffix(".jsonl"), "--json", file)
    ],
    "wheelhouse": lambda model, dev, folder, file: ["wheelhouse", model, folder, "--json", file],
    "convert": lambda model, dev, folder, file: ["convert", dev, folder, "--split", 0.1, 0.1, "--json", file],
    "check": lambda model, dev, folder, file: ["check", dev, "--json", file],
    "init-config": lambda model, dev, folder, file: [
        *("init-config", dev, "--split-dev", 0.3, "-o", file.with_suffix(".cfg"), "--json", file)
    ],
}
OF_PIPELINES = [name for name in COMMANDS if name not in ("convert", "check", "init-config")]
"""Commands that read a pipeline; the others read data alone."""


@pytest.fixture
def place(saved):  # noqa: F811
    """A pipeline, data, and where to write, as COMMANDS take them."""
    model, dev, out = saved
    return model, dev, out, out.parent / "numbers.json"


def cut(name):
    def damage(model):
        path = model / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def remove(name):
    return lambda model: (model / name).unlink()


def replace(name, old, new):
    return lambda model: (model / name).write_text((model / name).read_text().replace(old, new))


DAMAGES = {
    "config cut": cut("config.cfg"),
    "config cut in a line": replace("config.cfg", "[training]", "s"),
    "config of no section": replace("config.cfg", "[nlp]", ""),
    "config of an unknown variable": replace("config.cfg", "seed = 0", "seed = ${nowhere.at_all}"),
    "config gone": remove("config.cfg"),
    "meta cut": cut("meta.json"),
    "meta gone": remove("meta.json"),
    "weights cut": cut("rnn_ner/model"),
    "weights gone": remove("rnn_ner/model"),
    "settings cut": cut("rnn_ner/cfg"),
    "strings cut": cut("vocab/strings.json"),
    "unknown factory": replace("config.cfg", '"rnn_ner"', '"rnn_nerr"'),
    "unknown architecture": replace("config.cfg", "RNNTagger.v1", "RNNTagger.v9"),
    "unknown setting": replace("config.cfg", "max_tokens", "max_takens"),
    "not a pipeline": lambda model: [shutil.rmtree(model), model.mkdir()],
    "a file": lambda model: [shutil.rmtree(model), model.write_text("no pipeline")],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_pipeline(place, damage):
    DAMAGES[damage](place[0])
    before = sorted(place[0].parent.rglob("*"))
    for name in OF_PIPELINES:
        code, printed = run(*COMMANDS[name](*place))
        assert code in (1, 2) and "Traceback" not in printed, (name, printed)
        assert str(place[0].name) in printed
        assert sorted(place[0].parent.rglob("*")) == before, name


@pytest.mark.parametrize("name", OF_PIPELINES)
def test_a_pipeline_that_is_not_there(place, name):
    code, printed = run(*COMMANDS[name](place[0].parent / "nowhere", *place[1:]))
    assert code == 2 and "Can't find model" in words_of(printed) and not place[2].exists() and not place[3].exists()


@pytest.mark.parametrize("name", ["calibrate", "bias", "compress", "report"])
def test_data_that_cannot_be_used(place, name, tmp_path):
    def refusal(data):
        code, printed = run(*COMMANDS[name](place[0], data, *place[2:]))
        assert code == 2 and "Traceback" not in printed and not place[2].exists() and not place[3].exists()
        return words_of(printed)

    (tmp_path / "broken.spacy").write_bytes(b"no docs")
    assert "truncated, or not a .spacy file" in refusal(tmp_path / "broken.spacy")
    DocBin().to_disk(tmp_path / "empty.spacy")
    assert "have no tokens" in refusal(tmp_path / "empty.spacy")
    assert "does not exist" in refusal(tmp_path / "nowhere.spacy")


@pytest.mark.parametrize("name", ["calibrate", "bias"])
def test_components_that_are_not_there(place, name, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "other")
    for model, more, message in (
        (
            place[0],
            ["-C", "rnn_nerr"],
            "component = 'rnn_nerr' is unknown; allowed: 'rnn_tagger', 'rnn_ner'. Did you mean 'rnn_ner'?",
        ),
        (tmp_path / "other", [], "no component of spacy-rnn-tagger: sentencizer"),
    ):
        code, printed = run(*COMMANDS[name](model, *place[1:]), *more)
        assert code == 2 and message in words_of(printed)


@pytest.mark.parametrize("name", OF_PIPELINES)
def test_outputs_are_checked_before_any_work(place, name, monkeypatch):
    """A file or folder of other things, --force or not; a place inside the pipeline; a place that cannot be written
    to."""

    def no_work(*args, **kwargs):
        raise AssertionError("the pipeline is loaded")

    monkeypatch.setattr(spacy, "load", no_work)
    model, dev, folder, file = place
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    for suffix in (".json", ".svg", ".cfg", ".html", ".jsonl"):
        file.with_suffix(suffix).write_text("mine")
    for suffix in (".svg", ".cfg", ".html", ".jsonl"):
        folder.with_suffix(suffix).mkdir()
    (folder.parent / "link").symlink_to(folder)
    (folder.parent / "link.json").symlink_to(file)
    for suffix in (".svg", ".cfg", ".html", ".jsonl"):
        (folder.parent / "link").with_suffix(suffix).symlink_to(file)
    before = files(folder.parent)
    for to_folder, to_file in (
        (folder, file),
        (folder.parent / "link", folder.parent / "link.json"),
        (model, model / "meta.json"),
        (model / "new", model / "new.json"),
        (file / "new", file / "new.json"),
        (file, folder),
    ):
        for force in ([], ["--force"]):
            code, printed = run(*COMMANDS[name](model, dev, to_folder, to_file), *force)
            assert code == 2 and "Traceback" not in printed, printed
            assert files(folder.parent) == before

    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))

    monkeypatch.setattr(safe_output.tempfile, "mkdtemp", refuse)
    code, printed = run(*COMMANDS[name](model, dev, folder.parent / "new", folder.parent / "new.json"))
    assert code == 2 and "cannot be written: Read-only file system" in words_of(printed)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()], ids=["full", "ctrl-c"]
)
@pytest.mark.parametrize("name", ["calibrate", "compress"])
def test_saving_that_fails_keeps_what_was_there(place, name, error, monkeypatch):
    """At the first file, in the middle and at the last; the pipeline that is replaced is of the same kind."""
    model, dev, folder, file = place
    shutil.copytree(model, folder)
    before = files(folder.parent)
    arguments = COMMANDS[name](*place)
    to_disk, calls = RNNTagger.to_disk, []
    for at in range(1, 4):

        def failing(self, path, at=at, **kwargs):
            calls.append(path)
            if len(calls) == at:
                raise error
            return to_disk(self, path, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            calls.clear()
            if at < 3:
                patch.setattr(RNNTagger, "to_disk", failing)
            else:
                patch.setattr(safe_output.os, "fsync", lambda fd: failing_fsync(error))
            code, printed = run(*arguments, "--force")
        assert code == (1 if isinstance(error, OSError) else 130)
        assert ("No space left" if code == 1 else "Stopped.") in words_of(
            printed
        ) and "is as it was before" in words_of(printed)
        assert "Traceback" not in printed and files(folder.parent) == before


def failing_fsync(error):
    raise error


def test_work_that_is_stopped(place, monkeypatch):
    def stop(self, *args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Language, "pipe", stop)
    before = files(place[0].parent)
    for name in ("calibrate", "bias", "compress", "report"):
        code, printed = run(*COMMANDS[name](*place))
        assert code == 130 and "Stopped." in printed and files(place[0].parent) == before


def test_commands_are_listed():
    listed = run_cli("-m", "spacy", "rnn", "--help")
    assert listed.returncode == 0 and {*COMMANDS} - {"figure"} <= set(listed.stdout.split())


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "figure"])
def test_help_shows_an_example_and_the_options_that_all_have(name):
    printed = words_of(run(name, "--help")[1])
    assert f"Example: python -m spacy rnn {name}" in printed and "--json" in printed and "--force" in printed


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "figure"])
def test_commands_end_with_what_to_do_next_and_write_numbers(place, name):
    code, printed = run(*COMMANDS[name](*place))
    assert code == 0 and "Next:" in printed, printed
    numbers = json.loads(place[3].read_text())
    assert numbers.pop("command") == f"rnn {name}" and numbers
