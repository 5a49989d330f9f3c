"""What docs/report.md says is so."""

import inspect
import re
import shutil

from thinc.api import Config

from spacy_rnn_tagger.evaluation.error_kinds import SPAN_KINDS
from spacy_rnn_tagger.report.report_logger import make_report_logger

from ..conftest import ROOT
from ..fixtures.commands import run, saved, words_of  # noqa: F401

PAGE = (ROOT / "docs" / "report.md").read_text(encoding="utf8")


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, flags=re.S)


def test_the_example_runs(saved, tmp_path, monkeypatch, capsys):  # noqa: F811
    shutil.copytree(saved[0], tmp_path / "training" / "model-best")
    (tmp_path / "corpus").mkdir()
    shutil.copy(saved[1], tmp_path / "corpus" / "dev.spacy")
    shutil.copy(saved[1], tmp_path / "corpus" / "train.spacy")
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[0], "report.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "tag tag_acc: 0." in printed and "ents ents_f: " in printed and "boundary" in printed
    (command,) = blocks("bash")
    (tmp_path / "report.html").unlink()
    code, printed = run(*command.split()[4:])
    assert code == 0 and (tmp_path / "report.html").exists(), printed


def test_options_and_kinds_are_those_of_the_command():
    helped = words_of(run("report", "--help")[1])
    for option in re.findall(r"`(--[a-z-]+)", PAGE):
        assert option in helped
    assert f"{', '.join(SPAN_KINDS)}, and the four schemes" in PAGE


def test_settings_of_the_logger():
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", PAGE, flags=re.M)
    defaults = {name: each.default for name, each in inspect.signature(make_report_logger).parameters.items()}
    assert [(name, {None: "null", True: "true"}[value]) for name, value in defaults.items()] == rows
    for block in blocks("ini"):
        section = Config().from_str("[training]\n" + block, interpolate=False)["training"]["logger"]
        assert section.pop("@loggers") == "spacy-rnn-tagger.report_logger.v1" and set(section) <= set(defaults)
