"""Whole conversions: several files, parts and shards, what lies at the output, memory, and files with random damage."""

import json
import random
import tracemalloc
from dataclasses import fields
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span, Token
from spacy.vocab import Vocab

from spacy_rnn_tagger.data import (
    FORMATS,
    ReadSettings,
    WriteSettings,
    convert,
    encodings,
    format_report,
    json_items,
    recognizing,
)

from .generated_docs import NLP
from .test_splitting import make_texts

CONLL = "Anna\tB-PER\nsings\tO\n\nParis\tB-LOC\nis\tO\nnice\tO\n"


def docs_of(path):
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def write_texts(path, n, words=1):
    path.write_text("".join(json.dumps({"text": text * words, "spans": []}) + "\n" for text in make_texts(n)))
    return path


def test_several_files_of_several_formats(tmp_path):
    (tmp_path / "in" / "more").mkdir(parents=True)
    (tmp_path / "in" / "a.conll").write_text(CONLL)
    (tmp_path / "in" / "more" / "b.conll").write_text("-DOCSTART- O\n\n" + CONLL)
    (tmp_path / "in" / "c.jsonl").write_text('{"text": "Anna sings", "label": [[0, 4, "PER"]]}\n')
    (tmp_path / "in" / "notes.md").write_text("not data")
    report = convert(tmp_path / "in", tmp_path / "all.spacy")
    assert [(Path(file.path).name, file.format, file.docs) for file in report.files] == [
        ("a.conll", "conll", 2),
        ("c.jsonl", "doccano", 1),
        ("b.conll", "conll", 1),
    ]
    assert report.docs == 4 and report.labels == {"PER": 3, "LOC": 2} and report.sentences == 4
    assert [len(doc) for doc in docs_of(tmp_path / "all.spacy")] == [2, 3, 2, 5]
    columns = next(note for note in report.notes if "Columns are taken" in note)
    assert "a.conll and 1 other file: " in columns and columns in format_report(report)


@pytest.mark.parametrize("group, sizes", [(None, [5, 1]), (1, [2, 3, 1]), (2, [5, 1]), (9, [5, 1])])
def test_sentences_are_joined_within_documents(group, sizes, tmp_path):
    (tmp_path / "a.conll").write_text(f"-DOCSTART- O\n\n{CONLL}\n-DOCSTART- O\n\nx\tI-PER\n")
    convert(tmp_path / "a.conll", tmp_path / "a.spacy", read=ReadSettings(group=group))
    docs = docs_of(tmp_path / "a.spacy")
    assert [len(doc) for doc in docs] == sizes
    assert [token.is_sent_start for token in docs[0]] == [True, False, True, False, False][: sizes[0]]
    assert [(ent.text, ent.label_) for ent in docs[-1].ents] == [("x", "PER")]


def test_parts_and_shards(tmp_path):
    texts = write_texts(tmp_path / "a.jsonl", 40)
    write = WriteSettings(split=(0.1, 0.2), shard_docs=10)
    report = convert(texts, tmp_path / "out", write=write)
    assert {name: part.docs for name, part in report.parts.items()} == {"train": 28, "dev": 4, "test": 8}
    assert [len(docs_of(path)) for path in report.parts["train"].files] == [10, 10, 8]
    names = [Path(path).relative_to(tmp_path).as_posix() for path in report.parts["train"].files]
    assert names == [f"out/train/part-000{i}.spacy" for i in (1, 2, 3)]
    found = [doc.text for part in report.parts.values() for path in part.files for doc in docs_of(path)]
    assert sorted(found) == sorted(make_texts(40))
    convert(texts, tmp_path / "plain", write=WriteSettings(split=(0.1, 0.2)))
    assert sorted(path.name for path in (tmp_path / "plain").iterdir()) == ["dev.spacy", "test.spacy", "train.spacy"]
    again = convert(texts, tmp_path / "full", write=WriteSettings(shard_docs=20))
    assert [len(docs_of(path)) for path in again.parts["all"].files] == [20, 20]


@pytest.mark.parametrize(
    "split, message", [((0.5, 0.5), "leaves nothing"), ((-0.1, 0.5), "must be a rate"), ((0, 1), "a rate")]
)
def test_shares_that_are_not_allowed(split, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        convert(write_texts(tmp_path / "a.jsonl", 3), tmp_path / "out", write=WriteSettings(split=split))


def test_nothing_is_lost(tmp_path):
    """What lies at the output stays; a conversion that fails leaves nothing behind."""
    texts = write_texts(tmp_path / "a.jsonl", 3)
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ValueError, match="something lies at"):
        convert(texts, tmp_path / "mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine")
    with pytest.raises(ValueError, match="something lies at"):
        convert(texts, tmp_path / "folder", write=WriteSettings(shard_docs=1))
    before = sorted(tmp_path.rglob("*"))
    texts.write_text(texts.read_text() + '{"text": "Anna", "spans": [{"start": 1, "end": 2, "label": "X"}]}\n')
    for write in (WriteSettings(), WriteSettings(shard_docs=1), WriteSettings(format="brat")):
        with pytest.raises(ValueError, match="line 4"):
            convert(texts, tmp_path / "new", read=ReadSettings(misaligned="fail"), write=write)
        assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("name", ["hf", "spacy"])
def test_memory_does_not_grow_with_the_file(name, tmp_path, monkeypatch):
    for module in (encodings, json_items, recognizing):
        monkeypatch.setattr(module, "SAMPLE", 1024)
    peaks = []
    for n in (30, 120):
        texts = write_texts(tmp_path / f"{n}.jsonl", n)
        write = WriteSettings(format=name, shard_docs=10)
        convert(texts, tmp_path / f"first-{n}", write=write)
        tracemalloc.start()
        convert(texts, tmp_path / f"out-{n}", write=write)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def valid_file(name, folder):
    docs = []
    for text in make_texts(4):
        doc = NLP.make_doc(text)
        doc.set_ents([Span(doc, 0, 2, label="PER")], default="outside")
        docs.append(doc)
    there = folder / "there.spacy"
    DocBin(docs=docs).to_disk(there)
    convert(there, folder / "valid", write=WriteSettings(format=name))
    there.unlink()
    return folder / "valid"


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "brat"])
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_random_damage_ends_in_a_sentence(name, skip_bad, seed, tmp_path_factory):
    """Bytes are removed, doubled or replaced: the file is read, or refused by an error that names it."""
    folder = tmp_path_factory.mktemp("damaged")
    path = valid_file(name, folder)
    rng, content = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content))
        size = rng.choice([1, 1, 5, len(content) // 2])
        content[at : at + size] = rng.choice(
            [b"", bytes(rng.choices(b'\x00\t\n"[{,\xff0a', k=3)), content[at : at + 2 * size]]
        )
        content = content or bytearray(b"x")
    path.write_bytes(content)
    for format in (name, None):
        out = folder / f"{format}.spacy"
        try:
            report = convert(path, out, read=ReadSettings(format=format, skip_bad=skip_bad))
        except ValueError as e:
            assert str(path) in str(e) and "\n" not in str(e) and not out.exists()
        else:
            assert report.docs == len(docs_of(out)) and all(str(path) in sentence for sentence in report.skipped)


def test_probabilities_of_tokens_are_written(tmp_path):
    """As a pipeline keeps them: read by an attribute that whoever reads the file may have to register first."""
    doc = Doc(NLP.vocab, words=["Anna", "sings"])
    doc.user_data["._.", "spacy_rnn_tagger:probe", 0, None] = {"target": "tag", "scores": numpy.asarray([0.5, 0.25])}
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "a.spacy")

    def register(key):
        Token.set_extension(f"{key}_score", getter=lambda token: [0.5, 0.25][token.i])

    try:
        for name, said in (("spacy-json", '"scores": {"tag": 0.5}'), ("conllu", "Confidence[tag]=0.25")):
            write = WriteSettings(format=name, register_scores=register, confidences=True)
            convert(tmp_path / "a.spacy", tmp_path / name, write=write)
            assert said in (tmp_path / name).read_text()
    finally:
        Token.remove_extension("probe_score")


def test_columns_that_are_named(tmp_path):
    (tmp_path / "a.txt").write_text("Anna NNP x B-PER\nsings VBZ y O\n")
    read = ReadSettings(columns=["word", "_", "lemma", "ents"])
    convert(tmp_path / "a.txt", tmp_path / "a.spacy", read=read)
    doc = docs_of(tmp_path / "a.spacy")[0]
    assert [(t.tag_, t.lemma_, t.ent_type_) for t in doc] == [("", "x", "PER"), ("", "y", "")]
    (tmp_path / "b.txt").write_text("token\tpos_tag\tner\nAnna\tNNP\tB-PER\n#\tNN\tO\n")
    convert(tmp_path / "b.txt", tmp_path / "b.spacy")
    assert [(t.text, t.tag_, t.ent_type_) for t in docs_of(tmp_path / "b.spacy")[0]] == [
        ("Anna", "NNP", "PER"),
        ("#", "NN", ""),
    ]
    (tmp_path / "nbsp.txt").write_text("10\u00a0km B-Q\nis  O\n", encoding="utf8")
    convert(tmp_path / "nbsp.txt", tmp_path / "nbsp.spacy")
    assert [(t.text, t.ent_type_) for t in docs_of(tmp_path / "nbsp.spacy")[0]] == [("10\u00a0km", "Q"), ("is", "")]
    (tmp_path / "c.csv").write_text(
        'body;from;to;kind\n"Anna; sings";0;4;PER\n'.replace(";", ",").replace("Anna,", "Anna")
    )
    read = ReadSettings(columns=["text=body", "start=from", "end=to", "label=kind"], format="csv")
    assert convert(tmp_path / "c.csv", tmp_path / "c.spacy", read=read).labels == {"PER": 1}


def test_numbered_tags_have_names(tmp_path):
    (tmp_path / "a.json").write_text('[{"tokens": ["Anna", "B"], "ner_tags": [1, -100]}]')
    convert(tmp_path / "a.json", tmp_path / "a.spacy", read=ReadSettings(labels=["O", "B-PER"]))
    assert [(t.ent_type_, t.ent_iob) for t in docs_of(tmp_path / "a.spacy")[0]] == [("PER", 3), ("", 0)]


def test_all_settings_are_described():
    for settings_class in (ReadSettings, WriteSettings):
        for each in fields(settings_class):
            assert f"{each.name} (" in settings_class.__doc__
