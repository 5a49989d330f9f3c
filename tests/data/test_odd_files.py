"""Damaged and odd files are read or refused with just the sentences that docs/data.md promises."""

from importlib.util import find_spec

import pytest

from spacy_rnn_tagger.data import FORMATS
from spacy_rnn_tagger.data.schemes import SCHEMES

from .odd_files import BEGIN, END, PAGE, READ, REFUSED, outcome, row


def promised():
    return PAGE.read_text(encoding="utf8").partition(BEGIN)[2].partition(END)[0].splitlines()[2:]


@pytest.mark.parametrize("case", [*READ, *REFUSED], ids=lambda case: case.what)
def test_the_page_says_what_the_command_says(case):
    if case.settings.get("lang") == "th" and find_spec("pyvi"):
        pytest.skip("the tokenizer is installed")
    state, *said = outcome(case)
    assert state == ("read" if case in READ else "refused") and said
    assert row(case) in promised()
    if state == "refused":
        assert len(said) == 1 and said[0].endswith((".", "?", "...", "pyvi"))


def test_the_page_is_current():
    assert [line.split(" | ")[0] for line in promised()] == [f"| {case.what}" for case in [*READ, *REFUSED]]
    text = PAGE.read_text(encoding="utf8")
    assert all(
        f"`{name}`" in text for name in [*FORMATS, *(scheme for scheme in SCHEMES if scheme not in ("mixed", "plain"))]
    )
