"""The whole house passes the formatter, the linter and the type checker."""

import pytest

from ..conftest import run_cli


@pytest.mark.parametrize(
    "command",
    [["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"]],
    ids=["format", "lint", "types"],
)
def test_style(command):
    done = run_cli("-m", *command)
    assert done.returncode == 0, done.stdout + done.stderr
