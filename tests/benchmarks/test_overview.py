"""The table of README and its figure."""

import pytest
import srsly

from benchmarks import overview

FIGURES = [
    {"recipe": recipe, "warm: tokens per second": rate, "warm: times spaCy": rate / 20_000}
    for recipe, rate in (
        ("ewt", 150_000.0),
        ("ewt-peer", 20_000.0),
        ("ewt-peer-bilstm", 60_000.0),
        ("wnut17", 120_000.0),
        ("wnut17-peer", 20_000.0),
        ("wnut17-peer-bilstm", 40_000.0),
        # Of a later job, with more components.
        ("ewt", 1.0),
    )
]


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(overview, "SPEED", tmp_path / "kept" / "components.json")
    srsly.write_json(tmp_path / "components.json", {"figures": FIGURES})
    page = tmp_path / "page.md"
    page.write_text("before <!-- overview: start -->old<!-- overview: end --> after")
    return page


def test_the_table(page, tmp_path, capsys):
    assert overview.main(["--page", str(page), "--speed", str(tmp_path / "components.json")]) == 0
    ours, spacys = capsys.readouterr().out.splitlines()[2:4]
    assert ours.split("|")[3:5] == [" 150,000 ", " 7.50× "] and " 120,000 | 6.00× " in ours
    assert spacys.split("|")[4] == " 1.00× " and "94." in spacys
    text = page.read_text()
    assert ours in text and "old" not in text and text.startswith("before") and text.endswith("after")
    page.write_text("<!-- overview: start --><!-- overview: end -->")
    assert overview.main(["--page", str(page)]) == 0 and ours in page.read_text()


def test_the_figure(page, tmp_path):
    pytest.importorskip("matplotlib")
    arguments = ["--page", str(page), "--speed", str(tmp_path / "components.json")]
    image = tmp_path / "overview.svg"
    assert overview.main([*arguments, "--figure", str(image)]) == 0
    first = image.read_bytes()
    assert overview.main([*arguments, "--figure", str(image)]) == 0 and image.read_bytes() == first


def test_what_was_not_measured(page, tmp_path, capsys):
    assert overview.main(["--page", str(page), "--speed", str(tmp_path / "none.json")]) == 1
    assert "run python -m benchmarks.speed --only components" in capsys.readouterr().err and "old" in page.read_text()
