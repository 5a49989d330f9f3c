"""Every format gives back what it can hold."""

import tempfile
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span

from spacy_rnn_tagger.data import FORMATS, ReadSettings, WriteSettings, convert
from spacy_rnn_tagger.data.annotations import score_of, score_text
from spacy_rnn_tagger.data.confidences import entity_scores, keep_entity_scores, keep_token_scores, token_scores

from ..conftest import make_examples, randomize, small_model
from .generated_docs import NLP, make_docs, make_full_docs

few = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))


def through(docs, name, **read):
    """Docs written in a format and read again."""
    with tempfile.TemporaryDirectory() as folder:
        there, written, back = (Path(folder) / file for file in ("there.spacy", "written", "back.spacy"))
        DocBin(docs=docs, store_user_data=True).to_disk(there)
        write = WriteSettings(format=name, spans_key=read.get("spans_key"), confidences=True)
        convert(there, written, write=write)
        report = convert(written, back, read=ReadSettings(**read))
        assert report.files[0].format == name and not report.skipped and not report.misaligned.n
        return list(DocBin().from_disk(back).get_docs(NLP.vocab))


def spans_of(doc):
    return [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]


def texts_and_entities(docs):
    return [(doc.text, spans_of(doc)) for doc in docs]


def words_and_entities(docs):
    return [
        [
            (token.text, token.ent_iob_ if token.ent_type else "O" if token.ent_iob else "", token.ent_type_)
            for token in d
        ]
        for d in docs
    ]


def sentences(docs):
    return [[[token.text for token in sent] for sent in doc.sents] for doc in docs]


@pytest.mark.parametrize("name", ["doccano", "label-studio", "csv", "tsv", "parquet", "brat", "prodigy", "spacy-json"])
@few
@given(docs=make_docs())
def test_formats_of_texts(name, docs):
    assert texts_and_entities(through(docs, name)) == texts_and_entities(docs)


@pytest.mark.parametrize("name", ["doccano", "label-studio", "parquet", "brat", "prodigy", "hf", "spacy-json"])
@few
@given(docs=make_docs(known=False))
def test_texts_without_annotation_stay_without(name, docs):
    if name in ("doccano", "label-studio", "spacy-json", "hf") and not any(
        doc.has_annotation("ENT_IOB") for doc in docs
    ):
        docs[0].set_ents([], default="outside")  # else nothing tells the format
    assert [doc.has_annotation("ENT_IOB") for doc in through(docs, name, format=name)] == [
        doc.has_annotation("ENT_IOB") for doc in docs
    ]


@pytest.mark.parametrize("name", ["conll", "conllu", "prodigy", "spacy-json", "hf", "spacy"])
@few
@given(docs=make_full_docs())
def test_formats_of_words(name, docs):
    if name in ("prodigy", "spacy-json"):
        for doc in docs:  # unknown tokens have no place in these
            doc.set_ents(list(doc.ents), default="outside")
    found = through(docs, name)
    assert words_and_entities(found) == words_and_entities(docs)
    if name in ("conll", "conllu", "spacy-json", "spacy"):
        assert sentences(found) == sentences(docs)
        assert [[t.tag_ for t in doc] for doc in found] == [[t.tag_ for t in doc] for doc in docs]
    if name in ("conllu", "spacy-json", "spacy"):
        for old, new in zip(docs, found):
            assert new.text.rstrip() == old.text.rstrip()
            assert [(t.pos_, str(t.morph), t.lemma_, t.head.i, t.dep_) for t in new] == [
                (t.pos_, str(t.morph), t.lemma_, t.head.i, t.dep_) for t in old
            ]
    if name in ("prodigy", "spacy-json", "spacy"):
        assert [doc.text for doc in found] == [doc.text for doc in docs]


@pytest.mark.parametrize("name", ["prodigy", "doccano", "label-studio", "csv", "tsv", "parquet", "spacy-json"])
@few
@given(data=st.data())
def test_overlapping_spans_with_scores(name, data):
    docs = data.draw(make_docs())
    for doc in docs:
        n = len(doc)
        places = data.draw(st.sets(st.tuples(st.integers(0, n - 1), st.integers(1, n), st.sampled_from("AB"))))
        spans = [Span(doc, start, end, label=label) for start, end, label in sorted(places) if start < end]
        doc.spans["sc"] = spans
        doc.spans["sc"].attrs["scores"] = [(i + 1) / 16 for i in range(len(spans))]
    # In `Doc.to_json` groups have keys of their own.
    read = {} if name == "spacy-json" else {"spans_key": "sc"}
    found = through(docs, name, **read)
    for old, new in zip(docs, found):
        group = new.spans["sc"]
        assert {(s.start_char, s.end_char, s.label_): p for s, p in zip(group, group.attrs.get("scores", []))} == {
            (s.start_char, s.end_char, s.label_): p for s, p in zip(old.spans["sc"], old.spans["sc"].attrs["scores"])
        }


@few
@given(text=st.text(st.sampled_from("ab \n\t\u00a0,\"'|😀"), max_size=20))
@pytest.mark.parametrize("name", ["doccano", "label-studio", "csv", "tsv", "parquet", "prodigy", "spacy-json"])
def test_any_text_comes_back(name, text):
    doc = NLP.make_doc("x" + text)
    doc.set_ents([Span(doc, 0, 1, label="A")], default="outside")
    assert texts_and_entities(through([doc], name)) == texts_and_entities([doc])


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("hf", "conll", "conllu")])
def test_ids_and_other_data_come_back(name):
    doc = Doc(NLP.vocab, words=["Anna"], spaces=[False])
    doc.set_ents([Span(doc, 0, 1, label="PER")], default="outside")
    doc.user_data["meta"] = {"id": "first"}
    other = Doc(NLP.vocab, words=["Berg"], spaces=[False])
    other.set_ents([], default="outside")
    found = {d.text: d.user_data.get("meta", {}).get("id") for d in through([doc, other], name)}
    assert found["Anna"] == "first" and found["Berg"] != "first"


def test_roots_of_conllu_are_written_as_its_standard_says(tmp_path):
    doc = Doc(NLP.vocab, words=["Anna", "sings"], heads=[1, 1], deps=["nsubj", "ROOT"], pos=["PROPN", "VERB"])
    DocBin(docs=[doc]).to_disk(tmp_path / "a.spacy")
    convert(tmp_path / "a.spacy", tmp_path / "a.conllu", write=WriteSettings(format="conllu"))
    lines = (tmp_path / "a.conllu").read_text().splitlines()
    assert lines[3:] == ["1\tAnna\t_\tPROPN\t_\t_\t2\tnsubj\t_\t_", "2\tsings\t_\tVERB\t_\t_\t0\troot\t_\t_", ""]


@pytest.mark.parametrize("name", ["conll", "conllu", "spacy"])
def test_a_doc_without_entity_annotation_stays_so_beside_one_that_has_some(name):
    docs = [Doc(NLP.vocab, words=["Anna"]) for _ in range(2)]
    docs[1].ents = [Span(docs[1], 0, 1, "PER")]
    assert words_and_entities(through(docs, name)) == words_and_entities(docs)


PROBABILITIES = st.none() | st.floats(0, 1) | st.floats(0, 1, width=32) | st.sampled_from([0.0, 1.0, 1e-12])


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].write is not None])
@few
@given(data=st.data())
def test_probabilities_come_back(name, data):
    """Probabilities of entities in every format; those of tokens where a format has a place for them."""
    full = name in ("conll", "conllu", "hf", "spacy-json", "spacy")
    docs = data.draw(make_full_docs() if full else make_docs())
    layers = {"conll": ["tag"], "conllu": ["tag", "pos", "morph"], "spacy-json": ["tag", "_.kind"], "spacy": ["tag"]}
    for doc in docs:
        keep_entity_scores(doc, [(ent, data.draw(PROBABILITIES)) for ent in doc.ents])
        for layer in layers.get(name, ()):
            keep_token_scores(doc, layer, [data.draw(PROBABILITIES) for _ in doc])
    found = through(docs, name, format=name)
    assert [in_float32(entity_scores(doc)) for doc in found] == [in_float32(entity_scores(doc)) for doc in docs]
    assert [in_float32(token_scores(doc)) for doc in found] == [in_float32(token_scores(doc)) for doc in docs]


def in_float32(value):
    """Probabilities as pipelines of this package store them."""
    if isinstance(value, dict):
        return {key: in_float32(each) for key, each in value.items()}
    if isinstance(value, list):
        return [in_float32(each) for each in value]
    return None if value is None else numpy.float32(value)


@given(score=st.floats(0, 1))
def test_a_written_probability_is_the_same(score):
    assert score_of(score_text(score)) in (score, float(str(numpy.float32(score))))
    short = float(numpy.float32(score))
    assert numpy.float32(score_of(score_text(short))) == numpy.float32(short) and len(score_text(short)) <= 15
    assert score_text(score_of(score_text(score))) == score_text(score)
    assert score_of("_") is None and score_text(None) == "_"


@pytest.mark.parametrize("text", ["x", "1.5", "-0.1", "nan", ""])
def test_what_is_no_probability(text):
    with pytest.raises(ValueError):
        score_of(text)


def test_probabilities_that_a_pipeline_stored_are_written_on_request(nlp, tmp_path):
    nlp.add_pipe("rnn_tagger", config={"model": small_model(), "store_scores": True})
    nlp.add_pipe("rnn_ner", config={"model": small_model(), "store_scores": True})
    nlp.initialize(lambda: make_examples(nlp))
    for i, (_, pipe) in enumerate(nlp.pipeline):
        randomize(pipe.model, seed=i + 3)
    docs = list(nlp.pipe(["Anna Berg works in New York.", "I like ham."]))
    assert any(doc.ents for doc in docs)
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "a.spacy")
    for name in ("conll", "conllu", "hf", "spacy-json"):
        for asked in (True, False):
            write = WriteSettings(format=name, confidences=asked)
            report = convert(tmp_path / "a.spacy", tmp_path / f"{name}-{asked}", write=write)
            left_out = any("pass --confidences" in note for note in report.notes)
            assert left_out == (not asked and name in ("conll", "conllu"))
            convert(tmp_path / f"{name}-{asked}", tmp_path / f"{name}-{asked}.spacy", read=ReadSettings(format=name))
            for old, new in zip(docs, DocBin().from_disk(tmp_path / f"{name}-{asked}.spacy").get_docs(NLP.vocab)):
                scores = {(ent.start, ent.end, ent.label_): numpy.float32(ent._.rnn_ner_score) for ent in old.ents}
                assert in_float32(entity_scores(new)) == ({} if left_out else scores)
                tags = {} if left_out or name == "hf" else {"tag": [t._.rnn_tagger_score for t in old]}
                assert in_float32(token_scores(new)) == in_float32(tags)


def test_old_and_foreign_probabilities_of_conllu(tmp_path):
    """Without brackets a probability is that of the entity, else of the tag."""
    row = "{}\t{}\t_\tPROPN\tNNP\t_\t_\t_\t_\t{}\n"
    (tmp_path / "a.conllu").write_text(
        row.format(1, "Anna", "NE=B-PER|Score=0.5")
        + row.format(2, "Berg", "NE=I-PER|Score=0.5")
        + row.format(3, "sings", "NE=O|Confidence=0.25")
    )
    convert(tmp_path / "a.conllu", tmp_path / "a.spacy")
    (doc,) = DocBin().from_disk(tmp_path / "a.spacy").get_docs(NLP.vocab)
    assert entity_scores(doc) == {(0, 2, "PER"): 0.5} and token_scores(doc) == {"tag": [None, None, 0.25]}
