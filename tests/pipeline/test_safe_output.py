"""Outputs lose nothing: what is refused before any work, and what lies on disk when writing fails or is stopped at any
step."""

import errno
import json
import os
import shutil
import sys
import warnings
from pathlib import Path

import pytest
import spacy

from spacy_rnn_tagger.pipeline import safe_output
from spacy_rnn_tagger.pipeline.safe_output import (
    FIGURE,
    NEW,
    OLD,
    PIPELINE,
    Output,
    OutputError,
    check_distinct,
    json_kind,
    leftovers,
    mend,
    save_pipeline,
)

JSON = json_kind("rnn test")
KINDS = [PIPELINE, JSON]


def write(path, kind, mark):
    """An output of a kind, of several files where it can have them."""
    if kind is PIPELINE:
        (path / "vocab").mkdir(parents=True)
        (path / "config.cfg").write_text(mark)
        (path / "vocab" / "strings.json").write_text(mark)
        (path / "meta.json").write_text(json.dumps({"pipeline": [], "mark": mark}))
    elif kind is JSON:
        path.write_text(json.dumps({"command": "rnn test", "mark": mark}))
    else:
        path.write_bytes(b"by Matplotlib " + mark.encode())


def read(path):
    """The mark of a complete output; None if there is none, or a part of one."""
    try:
        if path.is_file():
            return json.loads(path.read_text())["mark"]
        marks = {(path / "config.cfg").read_text(), (path / "vocab" / "strings.json").read_text()}
        marks.add(json.loads((path / "meta.json").read_text())["mark"])
        return marks.pop() if len(marks) == 1 else None
    except (OSError, ValueError):
        return None


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name.split()[0])
def kind(request):
    return request.param


def test_new_and_replaced(tmp_path, kind):
    path = tmp_path / "a" / "b" / "out"
    Output(path, kind).write(lambda place: write(place, kind, "first"))
    assert read(path) == "first"
    with pytest.raises(OutputError, match="or pass --force"):
        Output(path, kind)
    output = Output(path, kind, force=True)
    assert output.write(lambda place: write(place, kind, "second") or 7) == 7
    assert read(path) == "second" and output.written and [each.name for each in path.parent.iterdir()] == ["out"]


def refused(tmp_path):
    """What lies at the output, what else is said of it, and the refusal."""
    other = tmp_path / "other"

    def file(path):
        path.write_text("mine")

    def folder(path):
        path.mkdir()
        (path / "notes.txt").write_text("mine")

    def pipeline_and_notes(path):
        write(path, PIPELINE, "theirs")
        (path / "notes.txt").write_text("mine")

    def link(make):
        def made(path):
            make(other)
            path.symlink_to(other)

        return made

    def loop(path):
        path.symlink_to(path)

    def below_a_file(path):
        path.parent.rmdir()
        path.parent.write_text("mine")

    return [
        (PIPELINE, file, "is a file; name a directory"),
        (PIPELINE, folder, "is not empty and holds no pipeline"),
        (PIPELINE, pipeline_and_notes, "holds 'notes.txt' beside a pipeline"),
        (PIPELINE, link(folder), "is not empty and holds no pipeline"),
        (PIPELINE, link(file), "is a file; name a directory"),
        (PIPELINE, loop, "cannot be written"),
        (PIPELINE, below_a_file, "is a file, not a directory"),
        (JSON, file, "exists and was not written by `rnn test --json`"),
        (JSON, lambda path: path.write_text('{"lang": "en"}'), "exists and was not written by"),
        (JSON, lambda path: path.write_text("[1]"), "exists and was not written by"),
        (JSON, link(file), "exists and was not written by"),
        (JSON, folder, "is not a file; name a file"),
        (JSON, lambda path: os.mkfifo(path), "is not a file; name a file"),
        (FIGURE, file, "exists and was not drawn by Matplotlib"),
        (FIGURE, folder, "is not a file; name a file"),
    ]


def snapshot(folder):
    return {p.relative_to(folder): p.read_bytes() if p.is_file() else None for p in folder.rglob("*") if p.exists()}


@pytest.mark.parametrize("i", range(15))
def test_what_must_not_be_replaced(tmp_path, i):
    kind, make, message = refused(tmp_path)[i]
    path = tmp_path / "place" / "out"
    path.parent.mkdir()
    make(path)
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match=message):
        Output(path, kind, force=True)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "where, message",
    [
        ("model", "is the pipeline that is read"),
        ("model/new", "lies inside the pipeline that is read"),
        ("link", "is the pipeline that is read"),
        ("link/vocab/new", "lies inside the pipeline that is read"),
        ("model/../model", "is the pipeline that is read"),
        (".", "is or holds what is read"),
        ("data", "is or holds what is read"),
        ("data/dev.spacy", "is or holds what is read"),
    ],
)
def test_what_is_read_is_never_written_to(tmp_path, where, message, force, kind):
    write(tmp_path / "model", PIPELINE, "read")
    (tmp_path / "link").symlink_to(tmp_path / "model")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dev.spacy").write_text("data")
    with pytest.raises(OutputError, match=message):
        Output(tmp_path / where, kind, force=force, model=tmp_path / "model", inputs=[tmp_path / "data" / "dev.spacy"])


def test_a_link_is_followed_and_stays(tmp_path, kind):
    write(tmp_path / "real", kind, "old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    Output(tmp_path / "link", kind, force=True).write(lambda place: write(place, kind, "new"))
    assert (tmp_path / "link").is_symlink() and read(tmp_path / "real") == "new"


def test_outputs_of_one_command_are_apart(tmp_path):
    one = Output(tmp_path / "out", PIPELINE)
    check_distinct([one, Output(tmp_path / "out.json", JSON)])
    for other in ("out", "out/numbers.json"):
        with pytest.raises(OutputError, match="would be written over each other"):
            check_distinct([one, Output(tmp_path / other, JSON)])


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_place_that_cannot_be_written_to_is_refused_at_once(tmp_path, kind, number, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number), str(tmp_path))

    monkeypatch.setattr(safe_output.tempfile, "mkdtemp", refuse)
    with pytest.raises(OutputError, match=f"cannot be written: {os.strerror(number)}"):
        Output(tmp_path / "a" / "out", kind)
    assert not any(tmp_path.iterdir())


class Killed(BaseException):
    """The process ends here: nothing that it would do later happens."""


class Steps:
    """Counts what changes the disk, and fails at one step, before or after it is taken."""

    FUNCTIONS = [
        (os, "rename"),
        (os, "replace"),
        (os, "fsync"),
        (os, "rmdir"),
        (shutil, "rmtree"),
        (safe_output.tempfile, "mkdtemp"),
        (Path, "mkdir"),
        (Path, "write_text"),
    ]

    def __init__(self, monkeypatch, at, error, after, for_good):
        self.n, self.at, self.error, self.after, self.for_good = 0, at, error, after, for_good
        for owner, name in self.FUNCTIONS:
            monkeypatch.setattr(owner, name, self.watched(getattr(owner, name)))

    def watched(self, function):
        def call(*args, **kwargs):
            self.n += 1
            fails = self.n == self.at or (self.for_good and self.n > self.at)
            if fails and (self.n > self.at or not self.after):
                raise self.error
            result = function(*args, **kwargs)
            if fails:
                raise self.error
            return result

        return call


@pytest.mark.parametrize("exists", [True, False], ids=["replaced", "new"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "error, for_good",
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), False),
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), False),
        (KeyboardInterrupt(), False),
        (Killed(), True),
    ],
    ids=["full", "refused", "ctrl-c", "killed"],
)
def test_at_every_step_the_old_or_the_new_one_is_complete(tmp_path, kind, error, for_good, after, exists):
    """Whatever step fails. Afterwards either one lies at its place, or, if the process was killed just between two
    renames, a later run says where the old one lies."""
    for at in range(1, 60):
        folder = tmp_path / str(at)
        folder.mkdir()
        path = folder / "out"
        if exists:
            write(path, kind, "old")
        output = Output(path, kind, force=True)
        with pytest.MonkeyPatch.context() as patch:
            steps = Steps(patch, at, error, after, for_good)
            failure = None
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # what lay there before could not be deleted
                    output.write(lambda place: write(place, kind, "new"))
            except (OSError, KeyboardInterrupt, Killed) as e:
                failure = e
        if steps.n < at:
            assert failure is None and read(path) == "new"
            break
        found = read(path)
        if found is None and exists:  # only a killed process leaves that, and nothing is lost
            assert isinstance(failure, Killed) and [read(left / OLD) for left in leftovers(path)] == ["old"], at
        else:
            assert found in (("old", "new") if exists else (None, "new")), at
        assert found == "new" or not output.written
        if isinstance(failure, OSError) and found != "new":  # what was begun is gone
            assert not [each for each in folder.iterdir() if each != path and any(each.iterdir())], at
    else:
        raise AssertionError("writing has more steps than were tried")


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_is_replaced_in_one_step_where_that_can_be(tmp_path, monkeypatch, can_exchange):
    """Each folder has its content whole at every moment: the old one or the new one."""
    path = tmp_path / "out"
    write(path, PIPELINE, "old")
    seen, exchange = [], safe_output.exchange

    def watched(one, other):
        seen.append((read(one), read(other)))
        done = can_exchange and exchange(one, other)
        seen.append((read(one), read(other)))
        return done

    monkeypatch.setattr(safe_output, "exchange", watched)
    Output(path, PIPELINE, force=True).write(lambda place: write(place, PIPELINE, "new"))
    if can_exchange and sys.platform == "linux":
        assert seen == [("new", "old"), ("old", "new")]
    assert read(path) == "new" and sorted(tmp_path.iterdir()) == [path]
    assert not exchange(tmp_path / "nowhere", path) and read(path) == "new"


def test_what_a_killed_process_left_is_mended(tmp_path):
    path = tmp_path / "out"
    write(path, PIPELINE, "whole")
    for name in (".out-1", ".out-2"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / NEW, PIPELINE, "begun")
    mend(path)
    assert read(path) == "whole" and sorted(tmp_path.iterdir()) == [path]
    (tmp_path / ".out-3").mkdir()
    path.rename(tmp_path / ".out-3" / OLD)
    mend(path)
    assert read(path) == "whole" and sorted(tmp_path.iterdir()) == [path]


def test_a_save_that_was_killed_between_its_renames_is_found_by_the_next(tmp_path, monkeypatch):
    """Where folders cannot change places in one step."""
    monkeypatch.setattr(safe_output, "exchange", lambda one, other: False)
    path = tmp_path / "out"
    write(path, PIPELINE, "old")
    output = Output(path, PIPELINE, force=True)
    with pytest.MonkeyPatch.context() as patch:
        rename = os.rename

        def killed(source, target):
            if Path(source).name == NEW or Path(source).name == OLD:
                raise Killed
            rename(source, target)

        patch.setattr(os, "rename", killed)
        with pytest.raises(Killed):
            output.write(lambda place: write(place, PIPELINE, "new"))
    assert not path.exists()
    (left,) = leftovers(path)
    assert read(left / OLD) == "old" and read(left / NEW) == "new"
    with pytest.raises(OutputError, match=f"what lay there before lies in {str(left / OLD)!r}"):
        Output(path, PIPELINE, force=True)
    (left / OLD).rename(path)
    assert read(path) == "old" and Output(path, PIPELINE, force=True)


def test_what_cannot_be_deleted_is_named(tmp_path, monkeypatch):
    path = tmp_path / "out"
    write(path, PIPELINE, "old")

    def refuse(path, **kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "rmtree", refuse)
        with pytest.warns(
            UserWarning, match="is complete, but what lay there before could not be deleted: Permission denied"
        ):
            Output(path, PIPELINE, force=True).write(lambda place: write(place, PIPELINE, "new"))
    assert read(path) == "new"


def test_any_saved_pipeline_can_be_replaced(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("rnn_senter", name="mine")
    nlp.disable_pipe("sentencizer")
    nlp.initialize()
    save_pipeline(nlp, tmp_path / "out")
    with pytest.raises(OutputError, match="pass --force"):
        save_pipeline(nlp, tmp_path / "out")
    save_pipeline(nlp, tmp_path / "out", force=True)
    assert spacy.load(tmp_path / "out").component_names == ["sentencizer", "mine"]
