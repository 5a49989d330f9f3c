"""The lowest versions that setup.cfg allows."""

import configparser
import re
import subprocess
import sys

import pytest

from ..conftest import ROOT, copy_project

CORE = [
    "tests/pipeline/test_released_pipelines.py",
    "tests/project/test_packaging.py::test_the_installed_package_is_tested",
    "tests/recurrence/test_packing.py",
    "tests/cli/test_summary.py",
    "tests/project/test_registry.py",
]
TOOLS = ["hypothesis", "pytest", "pytest-timeout", "pytest-xdist"]
NOT_TESTED = {"torch"}


def test_the_constraints_are_the_lower_bounds():
    setup = configparser.ConfigParser(interpolation=None, delimiters="=")
    setup.read(ROOT / "setup.cfg")
    bounds = dict(re.findall(r"^([\w.-]+)>=([\w.]+)", setup["options"]["install_requires"], flags=re.M))
    text = (ROOT / "constraints-lowest.txt").read_text(encoding="utf8")
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)$", text, flags=re.M))
    assert NOT_TESTED <= {*pinned} and bounds == {name: pinned[name] for name in bounds}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_core_works_with_the_lowest_versions(tmp_path):
    source, python = tmp_path / "source", str(tmp_path / "venv" / "bin" / "python")
    copy_project(source)
    commands = [
        [sys.executable, "-m", "venv", str(tmp_path / "venv")],
        [python, "-m", "pip", "install", "-q", "-c", "constraints-lowest.txt", ".[torch]", *TOOLS],
        [python, "-m", "pytest", "-q", "-n", "0", *CORE],
    ]
    for command in commands:
        done = subprocess.run(command, cwd=source, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
