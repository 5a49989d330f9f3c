"""The source distribution and the wheel."""

import configparser
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

import spacy_rnn_tagger
from spacy_rnn_tagger.pipeline.own_wheel import write_own_wheel

from ..conftest import ROOT, copy_project


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """A wheel built from the sdist built from the source, as `python -m build` does."""
    folder, source = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("source")
    copy_project(source)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_wheel_holds_the_package_and_its_entry_points(dist):
    (wheel,) = dist.glob("*.whl")
    assert wheel.name.endswith("py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        info = next(n for n in names if n.endswith("entry_points.txt")).rpartition("/")[0]
        points = configparser.ConfigParser(delimiters="=")
        points.optionxform = str
        points.read_string(archive.read(f"{info}/entry_points.txt").decode())
        # `spacy package` finds the requirement of a trained pipeline through this file.
        assert archive.read(f"{info}/top_level.txt").decode().split() == ["spacy_rnn_tagger"]
    source = {p.relative_to(ROOT).as_posix() for p in (ROOT / "spacy_rnn_tagger").rglob("*.py")}
    assert source | {"spacy_rnn_tagger/py.typed"} <= set(names)
    assert not [n for n in names if n.startswith(("tests", "scripts", "benchmarks"))]
    setup = configparser.ConfigParser(interpolation=None, delimiters="=")
    setup.optionxform = str
    setup.read(ROOT / "setup.cfg")
    for group, lines in setup["options.entry_points"].items():
        for line in filter(None, lines.splitlines()):
            name, value = (part.strip() for part in line.split("="))
            assert points[group][name] == value


def test_the_wheel_made_from_installed_files_is_the_built_one(dist, tmp_path):
    """Whether the package was installed from a wheel or, as an editable one, from its source."""
    (built,) = dist.glob("*.whl")
    made = write_own_wheel(tmp_path)
    assert made.name == built.name
    with zipfile.ZipFile(made) as ours, zipfile.ZipFile(built) as theirs:
        assert ours.testzip() is None and sorted(ours.namelist()) == sorted(theirs.namelist())
        lines = [
            archive.read(n).decode().splitlines()
            for archive in (ours, theirs)
            for n in archive.namelist()
            if n.endswith("/RECORD")
        ]
    # The lists of files with their checksums are equal but for the metadata, into which README goes.
    mine, others = ({line for line in each if "METADATA" not in line and "WHEEL" not in line} for each in lines)
    assert mine == others
    (tmp_path / "again").mkdir()
    assert write_own_wheel(tmp_path / "again").read_bytes() == made.read_bytes()


def test_sdist_holds_what_the_build_and_the_tests_need(dist, tmp_path):
    """All that is tracked, and nothing else but what setuptools adds."""
    copy_project(tmp_path)
    tracked = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert tracked <= names
    assert {name for name in names - tracked if ".egg-info/" not in name} <= {"PKG-INFO"}


def test_the_installed_package_is_tested():
    """Not the checkout in the working directory, unless that is what is installed, as an editable package."""
    elsewhere = [path for path in sys.path if Path(path).resolve() != ROOT]
    (installed, *_) = distributions(name="spacy-rnn-tagger", path=elsewhere)
    package = Path(str(installed.locate_file("spacy_rnn_tagger")))
    expected = package if package.exists() else ROOT / "spacy_rnn_tagger"
    assert Path(spacy_rnn_tagger.__file__).parent.samefile(expected)
