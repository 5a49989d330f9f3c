"""Shards of every format, and what their rows hold."""

import json

import numpy as np
import pyarrow.parquet
import pytest
import spacy
from spacy.tokens import DocBin
from spacy.util import import_file

from spacy_rnn_tagger.annotate import AnnotateSettings, annotate
from spacy_rnn_tagger.annotate.columns import COLUMNS, arrow_schema
from spacy_rnn_tagger.annotate.layers import layers_of
from spacy_rnn_tagger.data.building import META

from ..fixtures.annotation_runs import (
    TEXTS,
    expected_rows,
    here,  # noqa: F401
    model,  # noqa: F401
    rows_of,
    run,
    spacy_model,  # noqa: F401
)


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS), encoding="utf8")
    return path


def test_formats_say_the_same(here, model, texts, tmp_path):  # noqa: F811
    for name in ("jsonl", "parquet", "spacy", "conllu"):
        run(model, texts, tmp_path / name, format=name, scores=True, with_text=True)
    expected = rows_of(tmp_path / "jsonl")
    table = pyarrow.parquet.read_table(tmp_path / "parquet" / "shard-000000.parquet")
    rows = table.to_pylist()
    assert list(rows[0]) == list(expected[0])
    for row, other in zip(rows, expected, strict=True):
        assert json.loads(json.dumps(row)) == other
    docs = list(DocBin().from_disk(tmp_path / "spacy" / "shard-000000.spacy").get_docs(spacy.blank("en").vocab))
    assert [doc.user_data[META]["id"] for doc in docs] == [row["id"] for row in expected]
    assert [doc.text for doc in docs] == [row["text"] for row in expected]
    assert [[token.tag_ for token in doc] for doc in docs] == [row["tag"] for row in expected]
    assert [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in docs] == [
        [(each["start"], each["end"], each["label"]) for each in row["ents"]] for row in expected
    ]
    lines = (tmp_path / "conllu" / "shard-000000.conllu").read_text(encoding="utf8").splitlines()
    tags = [line.split("\t")[4] for line in lines if line[:1].isdigit()]
    # CoNLL-U has no tokens of whitespace, as between "Anna" and "Berg" of the last text.
    assert tags == [tag for row in expected[:-1] for tag in row["tag"]] + [expected[-1]["tag"][i] for i in (0, 2)]


def test_probabilities_are_those_of_the_components(here, model, texts, tmp_path):  # noqa: F811
    run(model, texts, tmp_path / "out", scores=True)
    nlp = spacy.load(model)
    for _, pipe in nlp.pipeline:
        pipe.store_scores = True
    for row, doc in zip(rows_of(tmp_path / "out"), nlp.pipe(TEXTS), strict=True):
        np.testing.assert_allclose(row["tag_score"], [token._.rnn_tagger_score for token in doc], rtol=1e-5)
        scores = [ent._.rnn_ner_score for ent in doc.ents]
        np.testing.assert_allclose([each["score"] for each in row["ents"]], scores, rtol=1e-5)


def test_any_pipeline_can_annotate(here, spacy_model, texts, tmp_path):  # noqa: F811
    run(spacy_model, texts, tmp_path / "out", scores=True)
    found = rows_of(tmp_path / "out")
    names = [f"{texts}:{i}" for i in range(1, len(TEXTS) + 1)]
    for row, expected in zip(found, expected_rows(spacy_model, TEXTS, names), strict=True):
        assert {key: row[key] for key in expected} == expected
    assert list(found[0]) == ["id", "token_start", "token_end", "tag", "sents", "ents", "spans_places", "cats"]
    nlp = spacy.load(spacy_model)
    for row, doc in zip(found, nlp.pipe(TEXTS), strict=True):
        assert row["sents"] == [{"start": s.start_char, "end": s.end_char} for s in doc.sents]
        places = [{"start": s.start_char, "end": s.end_char, "label": s.label_} for s in doc.spans["places"]]
        assert row["spans_places"] == places
        assert {each["label"] for each in row["cats"]} == {"GOOD", "BAD"}
        np.testing.assert_allclose([e["score"] for e in row["cats"]], [doc.cats[e["label"]] for e in row["cats"]], 1e-4)


def test_columns_are_those_of_the_documentation(spacy_model, model):  # noqa: F811
    said = {name.strip("`") for column in COLUMNS for name in column.name.split(", ")}
    for place in (spacy_model, model):
        layers = layers_of(spacy.load(place), scores=True)
        for field in arrow_schema(layers, AnnotateSettings(with_text=True, scores=True)):
            name = "spans_<key>" if field.name.startswith("spans_") else field.name
            assert name in said or (name.endswith("_score") and name[:-6] in said)


def test_a_text_that_fails_takes_no_other_with_it(here, model, texts, tmp_path):  # noqa: F811
    code = tmp_path / "code.py"
    code.write_text(
        "from spacy.language import Language\n"
        "@Language.component('picky')\n"
        "def picky(doc):\n"
        "    if 'ham' in doc.text:\n"
        "        raise ValueError('no\\nham')\n"
        "    return doc\n"
    )
    import_file("picky", code)
    nlp = spacy.load(model)
    nlp.add_pipe("picky")
    nlp.to_disk(tmp_path / "picky")
    settings = AnnotateSettings(format="jsonl")
    done = annotate(tmp_path / "picky", texts, tmp_path / "out", settings=settings, processes=1, code=code)
    assert done.n_rejected == 1 and done.n_rows == len(TEXTS) - 1
    (line,) = (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "file": str(texts),
        "line": 2,
        "reason": "the pipeline failed: ValueError: no ham",
    }


def test_long_texts(here, model, spacy_model, tmp_path):  # noqa: F811
    """spaCy's limit of a million characters holds for its parser and ner alone."""
    (tmp_path / "a.txt").write_text("They eat ham. " * 75_000 + "\nAnna\n")
    assert run(model, tmp_path / "a.txt", tmp_path / "ours").n_rejected == 0
    done = run(spacy_model, tmp_path / "a.txt", tmp_path / "theirs")
    assert (done.n_rows, done.n_rejected) == (1, 1)
    reason = (tmp_path / "theirs" / "rejected.jsonl").read_text()
    assert "the text has 1,050,000 characters, more than 1,000,000" in reason
    done = run(model, tmp_path / "a.txt", tmp_path / "limited", max_characters=10)
    assert (done.n_rows, done.n_rejected) == (1, 1)
