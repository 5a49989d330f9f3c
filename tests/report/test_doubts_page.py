"""The page of doubtful labels in a real browser."""

import pytest
import spacy
from spacy.tokens import Doc

from spacy_rnn_tagger.evaluation.doubts import Doubt, TargetDoubts
from spacy_rnn_tagger.report.doubts_page import KINDS, render_doubts
from spacy_rnn_tagger.training.doubts import CorpusDoubts
from spacy_rnn_tagger.training.out_of_fold import FoldSettings

from ..fixtures.browser import accessibility_problems, open_browser, problems, show

WORDS = "Anna Berg </script> lives in <b>New York</b> , she says".split()


def doubt(kind, given, other, start=0, end=1, other_start=0, other_end=1):
    probabilities = (0.0123456, 0.9)
    return Doubt(
        *("ents", 0, start, end, WORDS[start], kind, given, probabilities[0], other, other_start, other_end),
        *(WORDS[other_start], probabilities[1], True, "", ""),
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    doubts = [
        doubt("type", "PER", "GPE"),
        doubt("boundary", "PER", "PER", other_end=2),
        doubt("missing", "", "PER"),
        doubt("spurious", "PER", ""),
        *(doubt("label", "GPE", "ORG", 5, 7, 5, 7) for _ in range(12)),
    ]
    target = TargetDoubts("ents", 1234, 3, 40, 7, None, doubts)
    done = CorpusDoubts(1, len(WORDS), FoldSettings(rounds=3), "margin", [target])
    path = tmp_path_factory.mktemp("pages") / "doubts.html"
    doc = Doc(spacy.blank("en").vocab, words=WORDS)
    path.write_text(render_doubts(done, [doc], {0: {"source": "a.spacy", "doc_in_source": 2}}), encoding="utf8")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


def texts(browser, selector):
    return [each.text for each in browser.find_elements("css selector", selector)]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_loaded_logged_or_cut(browser, page, theme, width):
    problems(browser)
    show(browser, page, width=width, theme=theme)
    assert problems(browser) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert accessibility_problems(browser) == []


def test_doubts_stand_in_their_words(browser, page):
    show(browser, page)
    assert texts(browser, ".cards .value") == ["1,234", "40"]
    items = browser.find_elements("css selector", "#doubts-0 ol > li")
    assert len(items) == 10 and texts(browser, ".found") == ["16 in all."]
    marks = [[mark.text for mark in item.find_elements("css selector", "mark")] for item in items[:5]]
    assert [[mark.replace("\n", " ") for mark in each] for each in marks] == [
        ["Anna GPE instead of PER"],
        ["Anna PER", "Anna Berg PER"],
        ["Anna PER"],
        ["Anna PER"],
        ["<b>New York</b> ORG instead of GPE"],
    ]
    assert "the worst 16 of 40; --n sets how many" in browser.find_element("css selector", ".explorer").text
    assert items[0].find_element("css selector", ".where").text == "a.spacy, doc 3"
    assert items[0].find_element("css selector", ".numbers").text == "probability of gold 0.0123"
    assert items[0].find_element("css selector", ".who").text == "models 0.90"


def test_doubts_are_filtered_by_kind(browser, page):
    show(browser, page)
    choices = browser.find_elements("css selector", "#doubts-0 .kind option")
    assert [each.text for each in choices] == ["all", *KINDS.values()]
    for choice in choices[1:]:
        choice.click()
        kind = choice.get_attribute("value")
        assert set(texts(browser, "#doubts-0 .what")) == {kind}
    assert texts(browser, "#doubts-0 .found") == ["1 of 16."]
