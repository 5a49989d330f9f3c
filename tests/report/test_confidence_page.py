"""What docs/confidence.md says is so."""

import inspect
import re

import pytest

import spacy_rnn_tagger

from ..conftest import ROOT

PAGE = (ROOT / "docs" / "confidence.md").read_text(encoding="utf8")
TRAINING = (ROOT / "docs" / "training.md").read_text(encoding="utf8")


def code(text, i=0):
    return re.findall(r"```python\n(.*?)```", text, flags=re.S)[i]


def test_the_example_runs(capsys, tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(code(TRAINING), "training.md", "exec"), names)
    capsys.readouterr()
    exec(compile(code(PAGE, 1), "confidence.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("Agra Fort 0 9 FAC 0.9") and printed[1].startswith("Delhi 16 21 GPE 0.")
    assert [line.split()[:2] for line in printed[2:4]] == [["Agra", "PROPN"], ["Fort", "PROPN"]]
    assert names["html"].count("<mark") == 6 and (tmp_path / "confidence.html").read_text().count("<mark") == 2
    assert len(names["frame"]) >= 2 and names["frame"]["score"].notna().all()


@pytest.mark.parametrize("name", ["render", "to_json", "token_rows", "tokens_frame", "entity_rows", "entities_frame"])
def test_functions_and_columns_are_those_of_the_page(name):
    assert re.search(rf"`{name}\(", PAGE) and name in spacy_rnn_tagger.__all__
    described = inspect.getdoc(getattr(spacy_rnn_tagger, name))
    for parameter in inspect.signature(getattr(spacy_rnn_tagger, name)).parameters:
        assert f"{parameter} (" in described
        if name == "render" and parameter not in ("docs", "style"):
            assert f"{parameter}=" in PAGE


@pytest.mark.parametrize("name, columns", [("token_rows", "TOKEN_COLUMNS"), ("entity_rows", "ENTITY_COLUMNS")])
def test_columns(name, columns):
    from spacy_rnn_tagger.report import confidence_rows

    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}(")]
    assert re.findall(r"`(\w+)`", line) == list(getattr(confidence_rows, columns))
