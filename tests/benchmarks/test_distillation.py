"""The table of the reports of distillations."""

import pytest
import srsly

from benchmarks import distillation


def report(score, rate, alone=True):
    def numbers(role, by, speed, **more):
        return {"role": role, "scores": {"ents_f": by}, "tokens_per_second": speed, "megabytes": 3.0, **more}

    pipelines = [
        numbers("teacher", 0.5, rate, agreement={}, ece={}),
        numbers("student", score, 100 * rate, agreement={"ents_f": 0.75}, ece={"a": 0.02, "b": 0.04}),
        *([numbers("gold alone", 0.25, 100 * rate, agreement={"ents_f": 0.5}, ece={"a": 0.1})] * alone),
    ]
    return {"n_tokens": 12_000, "pipelines": pipelines}


def cells(table):
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_seeds_of_one_name_are_rows_of_one_group(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("<!-- distillation: start -->\n<!-- distillation: end -->\n")
    for name, content in {"one-0": report(0.3, 10), "one-1": report(0.5, 30), "two-a-7": report(0.4, 5, False)}.items():
        srsly.write_json(tmp_path / f"{name}.json", content)
    assert distillation.main([str(tmp_path), "--page", str(page)]) == 0
    table = capsys.readouterr().out.strip()
    rows = cells(table)
    assert [row[:2] for row in rows] == [
        ["one; 12,000 tokens of raw text", "teacher"],
        ["", "student"],
        ["", "gold alone"],
        ["two-a; 12,000 tokens of raw text", "teacher"],
        ["", "student"],
    ]
    assert rows[0][2:] == ["–", "50.00 ± 0.00", "–", "–", "1", "3.0", "2"]
    assert rows[1][2:] == ["–", "40.00 ± 14.14", "75.00 ± 0.00", "3.00 ± 0.00", "100×", "3.0", "2"]
    assert rows[4][3] == "40.00", "one seed has no deviation"
    assert table in page.read_text()


def test_no_report_is_an_error(tmp_path, capsys):
    with pytest.raises(SystemExit):
        distillation.main([str(tmp_path)])
    assert "run `spacy project run distill`" in capsys.readouterr().err
