"""Shaded texts: what is shown, that nothing of a text is taken for HTML, and that it can be read."""

import re
import sys
from colorsys import hls_to_rgb
from html.parser import HTMLParser
from types import ModuleType

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.util import registry
from spacy.vocab import Vocab

from spacy_rnn_tagger import render
from spacy_rnn_tagger.data.confidences import keep_entity_scores, keep_token_scores
from spacy_rnn_tagger.report import shaded_text
from spacy_rnn_tagger.report.shaded_text import DARK, LIGHT, style_sheet

from ..conftest import make_examples, randomize, small_model

ATTACK = "<script>alert('x')</script> & \"quotes\" {braces} $tex$"


class Marks(HTMLParser):
    """The marks of a page with their attributes and text, and its whole text."""

    def __init__(self, html):
        super().__init__()
        self.marks, self.texts, self.tags, self.open = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        if tag == "mark":
            self.marks.append({**dict(attrs), "shown": []})

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)
            if "mark" in self.open:
                self.marks[-1]["shown"].append(data.strip())


def scored(words, label="PER", score=0.5, vocab=None):
    """A doc whose first word is an entity of a probability, and has a tag of one."""
    doc = Doc(vocab or Vocab(), words=words, tags=[label] * len(words))
    span = Span(doc, 0, 1, label=label)
    doc.set_ents([span], default="outside")
    keep_entity_scores(doc, [(span, score)])
    keep_token_scores(doc, "tag", [score] + [None] * (len(words) - 1))
    return doc


@pytest.fixture(scope="module")
def nlp():
    nlp = spacy.blank("en")
    for factory in ("rnn_tagger", "rnn_ner"):
        nlp.add_pipe(factory, config={"model": small_model(), "store_scores": True, "store_probs": True})
    nlp.initialize(lambda: make_examples(nlp))
    for i, (_, pipe) in enumerate(nlp.pipeline):
        randomize(pipe.model, seed=i + 3, scale=0.3)
    return nlp


def test_entities_are_shaded_by_their_probability(nlp):
    doc = nlp("Anna Berg works in New York.")
    marks = Marks(render(doc, jupyter=False)).marks
    assert len(marks) == len(doc.ents) > 1
    for mark, ent in zip(marks, doc.ents):
        score = ent._.rnn_ner_score
        assert mark["shown"][:2] == [ent.text, ent.label_] and float(mark["shown"][2]) == pytest.approx(score, abs=6e-3)
        assert f"--p:{score:.3f}" in mark["style"] and mark["title"].startswith(f"{ent.label_}: {score:.4f}\n")
        assert ("at most" in mark["title"]) == (len(ent) > 1)


def test_tokens_are_shaded_by_the_probability_of_their_tag(nlp):
    doc = nlp("Anna Berg works  in New York.\n")
    marks = Marks(render(doc, "tag", jupyter=False)).marks
    words = [token for token in doc if not token.is_space]
    assert [mark["shown"][:2] for mark in marks] == [[token.text, token.tag_] for token in words]
    for mark, token in zip(marks, words):
        assert f"--p:{token._.rnn_tagger_score:.3f}" in mark["style"]
        assert len(mark["title"].split("\n")) == 6  # the tag and five alternatives
    ents = Marks(render(doc, "tag", jupyter=False, target="ents")).marks
    assert [mark["shown"][1][0] for mark in ents] == [
        token.ent_iob_ if False else m["shown"][1][0] for token, m in zip(words, ents)
    ]


def test_text_labels_and_titles_are_no_html():
    vocab = Vocab()
    doc = scored([ATTACK, "x"], label=ATTACK, vocab=vocab)
    doc.user_data["title"] = ATTACK
    for style in ("ent", "tag"):
        for page in (False, True):
            found = Marks(render(doc, style, page=page, jupyter=False))
            assert "script" not in found.tags and found.marks[0]["shown"][:2] == [ATTACK, ATTACK]
            assert found.marks[0]["title"] == f"{ATTACK}: 0.5000" and ATTACK in found.texts


def test_what_has_no_probability_is_not_shaded():
    doc = scored(["Anna", "sings"])
    doc.set_ents([*doc.ents, Span(doc, 1, 2, label="X")], default="outside")
    one, other = Marks(render(doc, jupyter=False)).marks
    assert "rnn-unscored" not in one["class"] and "rnn-unscored" in other["class"] and "--p:0" in other["style"]
    assert other["shown"] == ["sings", "X"] and "no probability" in other["title"]
    with pytest.warns(UserWarning, match="spacy_rnn_tagger.render: no probabilities") as caught:
        render(spacy.blank("en")("plain"), jupyter=False)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "score, shown", [(1.0, "1"), (0.9951, ".99+"), (0.9949, ".99"), (0.5, ".50"), (0.004, ".00"), (0.0, ".00")]
)
def test_no_probability_is_shown_as_certain_that_is_not(score, shown):
    assert Marks(render(scored(["a"], score=score), jupyter=False)).marks[0]["shown"][-1] == shown


def test_colors_are_those_of_displacy(monkeypatch):
    hue = re.compile(r"--h:(\d+);")

    def hue_of(label, **more):
        return int(hue.search(render(scored(["a"], label=label), jupyter=False, **more))[1])

    assert hue_of("PERSON") == hue_of("person") == 249 != hue_of("ORG")  # #aa9cfc and #7aecec
    assert hue_of("ZZZ") == hue_of("ZZZ") != hue_of("ZZY")
    assert hue_of("ZZZ", colors={"zzz": "#00ff00"}) == 120
    registry.displacy_colors("probe_colors.v1", func={"PROBE": "#0000ff"})
    assert hue_of("PROBE") == 240


def luminance(lightness, saturation, hue):
    parts = hls_to_rgb(hue / 360, lightness / 100, saturation / 100)
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_shade_can_be_read(theme):
    """The contrast of letters and shade is at least 4.5, as WCAG 2.1 (1.4.3) asks, for every hue and probability."""
    ink = luminance(theme["ink"], 0, 0)
    for hue in range(0, 360, 5):
        shades = [theme["pale"] + (theme["full"] - theme["pale"]) * p / 10 for p in range(11)]
        found = [luminance(shade, theme["saturation"], hue) for shade in shades]
        assert min((max(ink, other) + 0.05) / (min(ink, other) + 0.05) for other in found) >= 4.5
    rules = style_sheet()
    assert "prefers-color-scheme:dark" in rules and f"--more:{theme['full'] - theme['pale']}%" in rules


def test_pages_and_files(tmp_path, nlp):
    docs = nlp.pipe(["Anna sings.", "New York."])
    path = tmp_path / "page.html"
    assert render(docs, output_path=path) is None
    page = path.read_text(encoding="utf8")
    assert page.startswith("<!DOCTYPE html>") and '<meta charset="utf-8">' in page and page.count("<figure") == 2
    assert page.count("<style>") == 1 and "displaCy" not in page
    with pytest.raises(ValueError, match="exists; name another file"):
        render(nlp("Paris"), output_path=path)
    assert path.read_text(encoding="utf8") == page
    render(nlp("Paris"), output_path=path, force=True)
    assert path.read_text(encoding="utf8").count("<figure") == 1
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(ValueError, match="was not written by spacy_rnn_tagger.render"):
        render(nlp("Paris"), output_path=tmp_path / "mine.html", force=True)
    assert (tmp_path / "mine.html").read_text() == "mine" and len(list(tmp_path.iterdir())) == 2


def test_notebooks_show_it(monkeypatch, nlp):
    shown = []
    module = ModuleType("IPython.display")
    module.HTML, module.display = str, shown.append
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    doc = nlp("Anna sings.")
    assert render(doc, jupyter=True) is None and len(shown) == 1
    assert shown[0].startswith('<span class="tex2jax_ignore"><style>')
    monkeypatch.setattr(shaded_text, "is_in_jupyter", lambda: True)
    assert render(doc) is None and len(shown) == 2
    assert render(doc, jupyter=False) and len(shown) == 2


def test_right_to_left():
    doc = scored(["Anna"], vocab=spacy.blank("ar").vocab)
    assert "direction: rtl" in render(doc, jupyter=False) and 'lang="ar"' in render(doc, page=True, jupyter=False)


def test_groups_of_spans():
    doc = scored(["New", "York", "Times"])
    doc.spans["sc"] = [Span(doc, 0, 2, label="GPE"), Span(doc, 2, 3, label="ORG")]
    doc.spans["sc"].attrs["scores"] = [0.25, 0.75]
    marks = Marks(render([doc, scored(["x"])], target="spans:sc", jupyter=False)).marks
    assert [mark["shown"] for mark in marks] == [["New York", "GPE", ".25"], ["Times", "ORG", ".75"]]
    doc.spans["sc"] = [Span(doc, 0, 2, label="GPE"), Span(doc, 0, 3, label="ORG")]
    with pytest.raises(ValueError, match="'New York' and 'New York Times' of 'spans:sc' overlap.*'spans_key': 'sc'"):
        render(doc, target="spans:sc", jupyter=False)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(style="entt"), "style = 'entt' is unknown; allowed: 'ent', 'tag'. Did you mean 'ent'?"),
        (dict(target="spans:x"), "target = 'spans:x' is unknown; allowed: 'ents'."),
        (dict(style="tag", target="tagg"), "Did you mean 'tag'?"),
        (dict(docs="Anna sings"), "docs must be a Doc or several, but 'A' is a str"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        render(arguments.pop("docs", scored(["a"])), **arguments, jupyter=False)
