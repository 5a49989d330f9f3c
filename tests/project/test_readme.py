"""What README says is so."""

import re

from benchmarks import overview

from ..conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf8")
MOST_LINES, FIRST_SCREEN = 150, 40


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)


def test_it_is_one_page():
    lines = README.splitlines()
    assert len(lines) <= MOST_LINES
    first = "\n".join(lines[:FIRST_SCREEN])
    assert "pip install spacy-rnn-tagger" in first and "overview.svg" in first and first.count("```") == 6


def test_the_example_runs(capsys):
    (code,) = blocks("python")
    assert len(code.strip().splitlines()) <= 12
    exec(compile(code, "README.md", "exec"), {})
    assert "('Agra Fort', 'FAC', 0.9" in capsys.readouterr().out


def test_ci_runs_the_test_command():
    assert README.index("```bash") < 700
    assert blocks("bash")[1].strip() in (ROOT / ".ci" / "run").read_text()
    assert "spacy project run all" in blocks("bash")[0]


def test_the_comparison_is_what_the_command_writes():
    table = README.split("<!-- overview: start -->")[1].split("<!-- overview: end -->")[0].strip()
    assert table == overview.markdown(overview.read_rows())


def test_pages_that_users_need_are_named():
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert pages == set(re.findall(r"\(docs/(\w+\.md)\)", README))
