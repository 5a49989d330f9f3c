"""What docs/annotate.md says is so."""

import re
import runpy
import shutil

import pytest

from spacy_rnn_tagger.annotate.columns import columns_table

from ..conftest import ROOT
from ..fixtures.annotation_runs import here, model  # noqa: F401
from ..fixtures.commands import run as run_command
from ..fixtures.commands import words_of

PAGE = (ROOT / "docs" / "annotate.md").read_text(encoding="utf8")


def test_the_table_of_columns_is_current():
    assert PAGE.split("<!-- columns: start -->\n")[1].split("\n<!-- columns: end -->")[0] == columns_table()


def test_the_examples_run(here, model, tmp_path, monkeypatch, capsys):  # noqa: F811
    pytest.importorskip("pyarrow")
    shutil.copytree(model, tmp_path / "training" / "model-best")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("Anna Berg works in New York.\nThey eat ham.\n")
    monkeypatch.chdir(tmp_path)
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)):
        (tmp_path / f"{number}.py").write_text(block)
        runpy.run_path(str(tmp_path / f"{number}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "2 11 0" in printed and "texts/a.txt:1" in printed
    (command,) = [line for line in PAGE.splitlines() if line.endswith("training/model-best texts/ annotated")]
    code, shown = run_command(*command.split()[4:], "--force")
    assert code == 0, shown


def test_options_are_those_of_the_command():
    helped = words_of(run_command("annotate", "--help")[1])
    for option in re.findall(r"(?<=[ `])(--[a-z][a-z-]+)", PAGE):
        assert option in helped, option
