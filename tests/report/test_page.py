"""Pages as files: what they hold, how large they are, what they may replace."""

import json
import re

import pytest

from spacy_rnn_tagger.evaluation.report import NamedPipeline, evaluate_pipeline
from spacy_rnn_tagger.evaluation.report_numbers import Confused
from spacy_rnn_tagger.pipeline.safe_output import OutputError
from spacy_rnn_tagger.report.charts import line_chart, round_ticks, short_number
from spacy_rnn_tagger.report.confusion import NOTHING, OTHER, confusion_table
from spacy_rnn_tagger.report.page import render_report, write_report

from ..fixtures.report_cases import pipeline_of_all_targets, random_corpus, spacy_pipeline


@pytest.fixture(scope="module")
def report():
    return evaluate_pipeline(NamedPipeline("ours", pipeline_of_all_targets()), random_corpus(), n_samples=20)


def test_a_page_is_complete_in_itself(report):
    html = render_report(report)
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", html) and "@import" not in html
    assert "default-src 'none'" in html
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    numbers = json.loads(data)
    assert len(numbers["lists"]["errors-0"]) == report.tasks[0].n_errors
    assert any("</script> " in item["words"] for items in numbers["lists"].values() for item in items)


def test_a_page_replaces_pages_only(report, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    for force in (False, True):
        with pytest.raises(OutputError, match="is no page of spacy-rnn-tagger"):
            write_report(report, path, force=force)
    path.unlink()
    write_report(report, path)
    with pytest.raises(OutputError, match="exists; name another file, or pass --force"):
        write_report(report, path)
    write_report(report, path, force=True)
    assert path.read_text(encoding="utf8") == render_report(report)


def test_without_confidence_and_training_data_the_page_says_so():
    html = render_report(evaluate_pipeline(NamedPipeline("theirs", spacy_pipeline()), random_corpus(), n_samples=2))
    assert "says how sure it is" in html and 'id="slider-' not in html and "Training data are not given" in html


def test_confusion_of_many_labels(report):
    (task,) = (task for task in report.tasks if task.target == "ents")
    table = confusion_table(task, n_labels=1)
    shown = task.labels[0].label
    assert table.n_left_out == len(task.labels) - 1 and table.columns == [shown, OTHER, NOTHING]
    assert [name for name, _ in table.rows] == [shown, OTHER, NOTHING]
    assert sum(cell.n for _, cells in table.rows for cell in cells) == sum(each.n for each in task.confusion)
    cells = {(gold, column): cell for gold, row in table.rows for column, cell in zip(table.columns, row)}
    expected = sum(each.n for each in task.confusion if each.gold == shown and each.predicted not in (shown, ""))
    assert cells[shown, OTHER].n == expected and Confused(shown, "", cells[shown, NOTHING].n) in task.confusion
    assert cells[NOTHING, NOTHING].n == 0 and cells[NOTHING, NOTHING].style == ""
    assert cells[shown, shown].style.startswith("hit") and cells[shown, OTHER].style.startswith("miss")


@pytest.mark.parametrize(
    "low,high,expected",
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (3, 97, [0, 20, 40, 60, 80, 100]), (5, 5, [5, 6]), (0, 0, [0, 0.2])],
)
def test_ticks_are_round(low, high, expected):
    assert round_ticks(low, high) == pytest.approx(expected)


def test_lines_lie_between_the_axes():
    chart = line_chart("loss", [("a", [(0, 10), (100, float("nan")), (200, 2)]), ("b", [])], "step", from_zero=True)
    assert [line.name for line in chart.lines] == ["a"]
    assert chart.lines[0].path == f"M{chart.left},{chart.top}L{chart.right},{chart.lines[0].last[1]:g}"
    assert chart.top < chart.lines[0].last[1] < chart.bottom and chart.y_ticks[0].text == "0"
    assert line_chart("loss", [("a", [(0, float("inf"))])], "step") is None


def test_short_numbers():
    assert [short_number(n) for n in (0.5, 200, 1200, 2e6)] == ["0.5", "200", "1.2k", "2M"]
