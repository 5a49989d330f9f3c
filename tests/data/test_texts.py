"""Texts to be annotated."""

import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin

from spacy_rnn_tagger.data.texts import read_texts


@pytest.fixture
def read():
    nlp = spacy.blank("en")
    return lambda *paths: list(read_texts(list(paths), nlp.make_doc, nlp.vocab))


def words_of(docs):
    return [[token.text for token in doc] for doc in docs]


def test_plain_text_is_a_text_a_line(read, tmp_path):
    (tmp_path / "a.txt").write_text("Don't go.\n\n  \nAnna's here", encoding="utf8")
    assert words_of(read(tmp_path / "a.txt")) == [["Do", "n't", "go", "."], ["Anna", "'s", "here"]]
    (tmp_path / "b.txt").write_text("Bye\n")
    assert len(read(tmp_path)) == 3  # the folder
    assert words_of(read(tmp_path / "b.txt", tmp_path / "b.txt")) == [["Bye"], ["Bye"]]


def test_words_of_files_stay_and_annotation_goes(read, tmp_path):
    (tmp_path / "a.conll").write_text("Don't\tO\nAnna's\tB-PER\n\n")
    tokens = [{"text": "Anna's", "start": 0, "end": 6}]
    items = [
        {"text": "Anna's", "meta": {"id": 7}},
        {"text": "Anna's", "tokens": tokens, "spans": [], "meta": {"id": 8}},
    ]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, items)))
    DocBin(docs=[Doc(spacy.blank("en").vocab, words=["a", "b"], tags=["X", "Y"])]).to_disk(tmp_path / "c.spacy")
    docs = read(tmp_path / "a.conll", tmp_path / "b.jsonl", tmp_path / "c.spacy")
    assert words_of(docs) == [["Don't", "Anna's"], ["Anna", "'s"], ["Anna's"], ["a", "b"]]
    assert not any(doc.has_annotation("TAG") or doc.has_annotation("ENT_IOB") for doc in docs)
    assert [doc.user_data.get("meta", {}).get("id") for doc in docs] == [None, 7, 8, None]


def test_texts_beside_annotation_of_brat_are_not_lines(read, tmp_path):
    (tmp_path / "a.txt").write_text("Anna sings.\nBert too.")
    (tmp_path / "a.ann").write_text("T1\tPER 0 4\tAnna\n")
    assert len(read(tmp_path / "a.txt")) == len(read(tmp_path)) == 1


def test_files_that_cannot_be_read(read, tmp_path):
    with pytest.raises(ValueError, match="there is no file or folder"):
        read(tmp_path / "none.txt")
    (tmp_path / "bad.txt").write_bytes(b"fine\nna\xefve\n")
    with pytest.raises(ValueError, match="bad.txt, line 2"):
        read(tmp_path / "bad.txt")
