"""The whole house passes the formatter, the linter and the type checker."""

import pytest

from .conftest import ROOT, run_cli


@pytest.mark.parametrize(
    "command",
    [["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"]],
    ids=["format", "lint", "types"],
)
def test_style(command):
    done = run_cli("-m", *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_torch_stays_in_the_engine_tier():
    for path in (ROOT / "spacy_rnn_tagger").rglob("*.py"):
        text = path.read_text(encoding="utf8")
        tier = path.relative_to(ROOT / "spacy_rnn_tagger").parts[0]
        if tier != "engines":
            assert "import torch\n" not in text and "from torch" not in text, path
        else:
            assert "spacy" not in text.replace("spacy-rnn-tagger", ""), path
        if tier == "models":
            assert "spacy.pipeline" not in text and "..pipeline" not in text, path
