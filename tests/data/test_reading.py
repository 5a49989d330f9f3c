"""Lines, JSON and offsets, whatever their encoding, chunks and unit."""

import json
import tempfile
from itertools import islice
from pathlib import Path

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from spacy_rnn_tagger.data import ReadSettings, WriteSettings, convert, json_items
from spacy_rnn_tagger.data.encodings import read_lines
from spacy_rnn_tagger.data.offsets import OffsetEvidence, positions, to_characters
from spacy_rnn_tagger.data.reading import Reading
from spacy_rnn_tagger.data.records import CharSpan, split_at_tokens

some = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
VALUES = st.dictionaries(st.text("ab", max_size=2), st.text('a[]{},"\\\n é😀', max_size=9) | st.integers(), max_size=3)


def reading_of(content, folder):
    path = Path(folder) / "a.txt"
    path.write_bytes(content)
    return Reading(path, ReadSettings(), Vocab())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@some
@given(lines=st.lists(st.text("aé 北😀", max_size=5), max_size=6))
def test_lines(encoding, end, lines):
    lines = ["plain words first", *lines, "and last"]
    with tempfile.TemporaryDirectory() as folder:
        reading = reading_of(end.join(lines).encode(encoding), folder)
        assert list(read_lines(reading)) == list(enumerate(lines, 1)) and reading.encoding == encoding
        assert bool(reading.notes) == (encoding != "utf-8" or end != "\n")


@pytest.mark.parametrize("form", ["array", "indented", "lines"])
@some
@given(values=st.lists(VALUES, min_size=1, max_size=6), size=st.integers(1, 30))
def test_json_in_chunks(form, values, size):
    """However few characters are read at once; the lines are those on which the values begin."""
    texts = [json.dumps(value, ensure_ascii=False) for value in values]
    content = {
        "array": json.dumps(values, ensure_ascii=False),
        "indented": json.dumps(values, indent=1, ensure_ascii=False),
        "lines": "\n".join(texts),
    }[form]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_items, "CHUNK", size)
        found = list(json_items.read_items(reading_of(content.encode(), folder)))
    assert [value for _, value in found] == values
    if form == "lines":
        assert [line for line, _ in found] == list(range(1, len(values) + 1))
    if form == "array":
        assert {line for line, _ in found} == {1}


def test_a_long_array_is_not_read_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(json_items, "CHUNK", 100)
    read = []
    chunks = json_items._chunks
    monkeypatch.setattr(json_items, "_chunks", lambda reading: (read.append(c) or c for c in chunks(reading)))
    reading = reading_of(json.dumps([{"text": "x" * 20}] * 1000).encode(), tmp_path)
    assert len(list(islice(json_items.read_items(reading), 3))) == 3
    assert len(read) < 5


@pytest.mark.parametrize("unit", ["characters", "utf16", "bytes"])
@some
@given(words=st.lists(st.sampled_from(["Anna", "Zürich", "😀😀", "Москва", "x"]), min_size=1, max_size=6))
def test_units_of_offsets(unit, words):
    """The unit that fits is found, and gives the words back."""
    text = " ".join(words)
    sizes = {"characters": len, "utf16": lambda t: len(t.encode("utf-16-le")) // 2, "bytes": lambda t: len(t.encode())}
    size = sizes[unit]
    starts = [len(" ".join(words[:i])) + (i > 0) for i in range(len(words))]
    spans = [CharSpan(size(text[:s]), size(text[: s + len(w)]), "X") for s, w in zip(starts, words)]
    evidence = OffsetEvidence()
    evidence.add(text, spans)
    found, notes = evidence.decide()
    back = [to_characters(span, positions(text, found)) for span in spans]
    assert [text[span.start : span.end] for span in back] == words
    assert bool(notes) == (found != "characters")


@some
@given(text=st.text("ab \n", max_size=12), cuts=st.sets(st.integers(0, 12)))
def test_tokens_and_what_lies_between_are_the_text(text, cuts):
    places = [cut for cut in sorted(cuts) if cut <= len(text)]
    words, spaces = split_at_tokens(text, list(zip(places[::2], places[1::2])))
    assert "".join(word + " " * space for word, space in zip(words, spaces)) == text and all(words)


SCRIPTS = {
    "en": ("Anna doesn't live in Zürich.", ["Anna", "Zürich"]),
    "ru": ("Анна живёт в Москве.", ["Анна", "Москве"]),
    "ar": ("تعيش آنا في القاهرة.", ["آنا", "القاهرة"]),
    "hi": ("अन्ना दिल्ली में रहती है।", ["अन्ना", "दिल्ली"]),
    "zh": ("安娜住在北京。", ["安娜", "北京"]),
}


@pytest.mark.parametrize("lang", SCRIPTS)
def test_scripts_from_texts_to_docs(lang, tmp_path):
    text, names = SCRIPTS[lang]
    spans = [[text.index(name), text.index(name) + len(name), "NAME"] for name in names]
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text, "label": spans}), encoding="utf8")
    report = convert(tmp_path / "a.jsonl", tmp_path / "a.spacy", read=ReadSettings(lang=lang))
    assert not report.misaligned.n and not report.notes and report.labels == {"NAME": 2}
    doc = next(DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab()))
    assert doc.text == text and [ent.text for ent in doc.ents] == names
    assert [token.text for token in doc] == [token.text for token in spacy.blank(lang)(text)]


def test_thai_with_tokens_needs_no_tokenizer(tmp_path):
    (tmp_path / "a.conll").write_text("แอนนา\tB-PER\nอยู่\tO\nกรุงเทพ\tB-LOC\n", encoding="utf8")
    report = convert(tmp_path / "a.conll", tmp_path / "a.hf", write=WriteSettings(format="hf"))
    assert report.tokens == 3 and report.labels == {"PER": 1, "LOC": 1}
