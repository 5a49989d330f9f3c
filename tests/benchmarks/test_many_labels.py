"""The benchmark of many entity types: both forms give the same, and the table says what was compared."""

import pytest

from benchmarks import many_labels


def test_both_forms_are_timed_and_agree():
    table = many_labels.compare([2, 5], n_seqs=3, mean_length=4, seconds=0.0, seed=0)
    assert [row[:3] for row in table.rows] == [
        [step, types, tags]
        for types, tags in (("2", "9"), ("5", "21"))
        for step in ("crf: loss + gradient", "crf: decoding", "softmax: decoding")
    ]
    assert all(figures["matrix"] > 0 and figures["blocks"] > 0 for figures in table.figures)
    assert table.markdown().count("|") == 7 * (2 + len(table.rows))


def test_different_results_are_refused(monkeypatch):
    monkeypatch.setattr(many_labels, "run_as", lambda form, step: {"matrix": 1.0, "blocks": 2.0}[form])
    with pytest.raises(ValueError, match="the results differ"):
        many_labels.compare([2], n_seqs=1, mean_length=2, seconds=0.0, seed=0)
