"""The benchmark of partial annotation: what it hides, and that it runs."""

import json
import random

import pytest
from spacy.tokens import DocBin
from spacy.training import Example

from benchmarks import partial_annotation as partial

from ..conftest import make_examples


@pytest.fixture
def docs(nlp):
    return [eg.reference for eg in make_examples(nlp)] * 10


@pytest.mark.parametrize("target", ["tag", "pos", "ents"])
def test_annotation_is_hidden_and_never_changed(docs, target):
    found, n_tokens = partial.spread(docs, target, 0.2, random.Random(0))
    assert len(found) == len(docs) and 30 < n_tokens < 50  # of 190
    known = 0
    for doc, gold in zip(found, docs):
        if target == "ents":
            assert {(e.start, e.end, e.label_) for e in doc.ents} <= {(e.start, e.end, e.label_) for e in gold.ents}
            assert all(not t.ent_iob or t.ent_iob == gold[t.i].ent_iob for t in doc)
            known += sum(t.ent_iob != 0 for t in doc)
        else:
            values = [(getattr(t, f"{target}_"), getattr(gold[t.i], f"{target}_")) for t in doc]
            assert all(a in ("", b) for a, b in values)
            known += sum(a != "" for a, _ in values)
    assert known == n_tokens


@pytest.mark.parametrize("target", ["tag", "ents"])
def test_whole_sentences_are_complete(docs, target):
    found, n_tokens = partial.complete(docs, target, 0.2, random.Random(0))
    assert sum(map(len, found)) == n_tokens and 38 <= n_tokens < 45
    texts = {doc.text: doc for doc in docs}
    for doc in found:
        assert doc.has_annotation("ENT_IOB" if target == "ents" else "TAG", require_complete=True)
        gold = texts[doc.text]
        assert [e.text for e in doc.ents] == [e.text for e in gold.ents] or target == "tag"


def test_one_table_over_the_seeds(docs, tmp_path, capsys):
    path = tmp_path / "toy.spacy"
    DocBin(docs=docs).to_disk(path)
    args = [path, path, "--target", "ents", "--seeds", 0, 1, "--updates", 2, "--annotations", "spread", "complete"]
    assert partial.main([str(arg) for arg in [*args, "--output", tmp_path]]) == 0
    table = (tmp_path / "partial_ents_annotated.md").read_text()
    assert table in capsys.readouterr().out and len(table.splitlines()) == 4
    rows = json.loads((tmp_path / "partial_ents_annotated.json").read_text())["results"]
    assert [name for name, *_ in rows] == ["spread", "complete"] and all(len(by_seed) == 2 for *_, by_seed in rows)
    assert all(row["score"] is not None for *_, by_seed in rows for row in by_seed)


def test_batches_count_annotated_tokens_or_all(docs):
    found, n_known = partial.spread(docs, "tag", 0.2, random.Random(0))
    examples = [Example(partial.bare(doc), doc) for doc in found]
    assert sum(partial.n_annotated(eg, "tag") for eg in examples) == n_known
    sizes = []
    for length in (lambda eg: partial.n_annotated(eg, "tag"), len):
        batch = next(partial.batches(examples, 12, length, random.Random(0)))
        assert 6 <= sum(map(length, batch)) <= 15
        sizes.append(len(batch))
    assert sizes[0] > 2 * sizes[1]


def test_a_corpus_that_is_not_there(capsys):
    with pytest.raises(SystemExit):
        partial.main(["no.spacy", "no.spacy"])
    assert "there is no no.spacy" in capsys.readouterr().err
