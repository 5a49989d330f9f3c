"""Confidences as rows, frames and JSON are those that the components say themselves."""

import json
import subprocess
import sys
import warnings

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span, Token
from spacy.vocab import Vocab

import spacy_rnn_tagger
from spacy_rnn_tagger import entities_frame, entity_rows, to_json, token_rows, tokens_frame

from ..conftest import make_examples, randomize, small_model

TEXTS = ["Anna Berg works in New York.", "", "They eat ham in London."]
STORE = {"store_scores": True, "store_probs": True}


@pytest.fixture(scope="module")
def many():
    """A component for each kind of target, of random weights, all on one doc."""
    nlp = spacy.blank("en")
    for factory, config in (
        ("rnn_tagger", {}),
        ("rnn_morphologizer", {}),
        ("rnn_senter", {}),
        ("rnn_ner", {"decoder": "crf"}),
        ("rnn_spans", {"spans_key": "layer"}),
    ):
        nlp.add_pipe(factory, config={"model": small_model(), **STORE, **config})
    nlp.add_pipe("rnn_tagger", name="kinds", config={"model": small_model(), "target": "_.kind", **STORE})
    nlp.initialize(lambda: make_examples(nlp))
    for i, (_, pipe) in enumerate(nlp.pipeline):
        randomize(pipe.model, seed=i, scale=0.5)
    return nlp


@pytest.fixture
def doc(many):
    return many(TEXTS[0])


def test_rows_of_tokens(many, doc):
    rows = token_rows(doc)
    names = {"tag": "rnn_tagger", "morph": "rnn_morphologizer", "sents": "rnn_senter", "_.kind": "kinds"}
    spans = {"ents": "rnn_ner", "spans:layer": "rnn_spans"}
    assert [(row["token"], row["text"], row["start"], row["end"]) for row in rows] == [
        (token.i, token.text, token.idx, token.idx + len(token)) for token in doc for _ in range(6)
    ]
    assert {row["target"] for row in rows[:6]} == {*names, *spans}
    for row in rows:
        key = {**names, **spans}[row["target"]]
        token = doc[row["token"]]
        probs = token._.get(f"{key}_probs")
        assert row["score"] == pytest.approx(probs[row["label"]], abs=1e-6)
        if row["target"] in names:
            assert row["score"] == token._.get(f"{key}_score")
        others = sorted((p for label, p in probs.items() if label != row["label"] and p > 0), reverse=True)
        assert list(row["alternatives"].values()) == others[:5]
        assert all(probs[label] == p for label, p in row["alternatives"].items())
    labels = {row["target"]: row["label"] for row in rows if row["token"] == 0}
    assert labels["tag"] == doc[0].tag_ and labels["_.kind"] == doc[0]._.kind and labels["sents"] == "S"
    assert f"POS={doc[0].pos_}" in labels["morph"] and labels["ents"][0] in "OBU"
    assert [row["token"] for row in token_rows(doc, target="tag")] == list(range(len(doc)))
    assert {len(row["alternatives"]) for row in token_rows(doc, target="tag", most_alternatives=2)} == {2}


def test_rows_of_entities(many, doc):
    rows = entity_rows(doc)
    spans = [("ents", span, "rnn_ner") for span in doc.ents]
    spans += [("spans:layer", span, "rnn_spans") for span in doc.spans["layer"]]
    assert len(doc.ents) > 1 and len(doc.spans["layer"]) > 1 and len(rows) == len(spans)
    for row, (target, span, key) in zip(rows, spans):
        assert row["text"] == span.text == doc.text[row["start"] : row["end"]] and row["label"] == span.label_
        assert (row["token_start"], row["token_end"], row["target"]) == (span.start, span.end, target)
        assert row["score"] == span._.get(f"{key}_score") is not None
    assert {row["target"] for row in entity_rows(doc, target="spans:layer")} == {"spans:layer"}


def test_alternatives_of_entities_are_bounds_of_their_probabilities(many):
    """The alternatives of one token are just its other tags; of several, no path is likelier."""
    doc = many("Anna Berg works in New York.")
    ner = many.get_pipe("rnn_ner")
    marginals = ner.predict_proba([many.make_doc(doc.text)])[0]
    for row in entity_rows(doc, target="ents"):
        n = row["token_end"] - row["token_start"]
        actions = "U" if n == 1 else "B" + "I" * (n - 2) + "L"
        expected = {"O": marginals[row["token_start"] : row["token_end"], 0].min()}
        for label in ner.labels:
            columns = [ner.tags.index(f"{action}-{label}") for action in actions]
            expected[label] = min(marginals[row["token_start"] + i, column] for i, column in enumerate(columns))
        own = expected.pop(row["label"])
        assert row["score"] <= own + 1e-6 and (n > 1 or row["score"] == pytest.approx(own, abs=1e-6))
        assert row["alternatives"] == pytest.approx({k: v for k, v in expected.items() if v > 0}, abs=1e-6)


def test_the_same_entity_of_another_layer_has_its_own_score(doc):
    """Entities and spans with the same tokens and label are not mixed up."""
    ent = doc.ents[0]
    doc.spans["layer"] = [Span(doc, ent.start, ent.end, label=ent.label_)]
    by_target = {row["target"]: row["score"] for row in entity_rows(doc) if row["start"] == ent.start_char}
    assert by_target["ents"] == ent._.rnn_ner_score
    assert by_target["spans:layer"] == doc.spans["layer"][0]._.rnn_spans_score != by_target["ents"]


def test_changed_annotation_has_no_score(doc):
    doc[0].tag_ = "X"
    rows = token_rows(doc, target="tag")
    assert rows[0]["label"] == "X" and rows[0]["score"] is None and rows[0]["alternatives"] is None
    assert rows[1]["score"] is not None
    doc.ents = [Span(doc, 0, 4, label="NEW")]
    assert [(row["label"], row["score"]) for row in entity_rows(doc, target="ents")] == [("NEW", None)]


def test_spans_of_spacys_spancat_have_their_scores():
    doc = Doc(Vocab(), words=["a", "b"])
    doc.spans["sc"] = [Span(doc, 0, 2, label="X"), Span(doc, 1, 2, label="Y")]
    doc.spans["sc"].attrs["scores"] = numpy.asarray([0.5, 0.75])
    assert [row["score"] for row in entity_rows(doc)] == [0.5, 0.75]
    doc.spans["sc"].append(Span(doc, 0, 1, label="Z"))
    assert [row["score"] for row in entity_rows(doc)] == [None] * 3


def test_rows_after_a_file(many, tmp_path):
    """Where no pipeline is loaded, and in another vocabulary."""
    docs = list(many.pipe(TEXTS))
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "a.spacy")
    for old, new in zip(docs, DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab())):
        assert token_rows(new) == token_rows(old) and entity_rows(new) == entity_rows(old)


def test_json_holds_what_rows_hold_and_spacy_reads_it(many, doc):
    content = json.loads(json.dumps(to_json(doc)))
    plain = doc.to_json()
    del plain["spans"]["rnn_ner"], plain["spans"]["rnn_spans"]
    assert content["ents"] != plain["ents"] and set(content["spans"]) == {"layer"}
    for target, items in (("ents", content["ents"]), ("spans:layer", content["spans"]["layer"])):
        rows = entity_rows(doc, target=target)
        assert [(item.pop("score"), item.pop("alternatives")) for item in items] == [
            (row["score"], row["alternatives"]) for row in rows
        ]
    found = {(token["id"], name): p for token in content["tokens"] for name, p in token.pop("scores").items()}
    others = {(t["id"], name): p for t in content["tokens"] for name, p in t.pop("alternatives").items()}
    rows = token_rows(doc)
    assert others == {(row["token"], row["target"]): row["alternatives"] for row in rows}
    assert found == {
        (row["token"], row["target"]): row["score"] for row in rows if row["target"] not in ("ents", "spans:layer")
    }
    assert content == plain
    back = Doc(many.vocab).from_json(to_json(doc, underscore=["rnn_ner_score"]))
    assert [(e.text, e.label_) for e in back.ents] == [(e.text, e.label_) for e in doc.ents]
    assert back._.rnn_ner_score == doc._.rnn_ner_score and [t.tag_ for t in back] == [t.tag_ for t in doc]


def test_docs_without_probabilities(many):
    doc = Doc(Vocab(), words=["Anna", "sings"], tags=["NNP", "VBZ"], pos=["PROPN", "VERB"])
    doc.ents = [Span(doc, 0, 1, label="PER")]
    hint = "no probabilities are stored .*'store_scores': True.* store_scores = true"
    for function, n in ((token_rows, 4), (entity_rows, 1)):
        with pytest.warns(UserWarning, match=f"spacy_rnn_tagger.{function.__name__}: {hint}") as caught:
            rows = function(doc)
        assert len(caught) == 1 and caught[0].filename == __file__ and len(rows) == n
        assert [(row["score"], row["alternatives"]) for row in rows] == [(None, None)] * n
    with pytest.warns(UserWarning, match=hint):
        content = to_json(doc)
    assert content["ents"] == [{"start": 0, "end": 4, "label": "PER", "score": None}] and "spans" not in content
    assert all("scores" not in token for token in content["tokens"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert token_rows(Doc(Vocab())) == entity_rows(many("")) == []
    with pytest.raises(ValueError, match="target = 'span:x' is unknown; allowed: 'ents'"):
        entity_rows(many(TEXTS[0]), target="span:x")
    with pytest.raises(ValueError, match="target = 'tagg' is unknown.*Did you mean 'tag'"):
        token_rows(many(TEXTS[0]), target="tagg")
    with pytest.raises(ValueError, match="most_alternatives = 0"):
        token_rows(many(TEXTS[0]), most_alternatives=0)


def test_probabilities_of_all_tags_alone_are_enough(nlp):
    """With `store_probs` but not `store_scores`, the score of a label is its probability."""
    tagger = nlp.add_pipe("rnn_tagger", config={"model": small_model(), "store_probs": True})
    nlp.initialize(lambda: make_examples(nlp))
    doc = nlp("I like ham.")
    probs = tagger.predict_proba([nlp.make_doc("I like ham.")])[0]
    assert [row["score"] for row in token_rows(doc)] == pytest.approx(probs.max(axis=1).tolist(), abs=1e-6)


@pytest.mark.parametrize("frame, rows_of", [(tokens_frame, token_rows), (entities_frame, entity_rows)])
def test_frames_are_the_rows_of_several_docs(frame, rows_of, many):
    pytest.importorskip("pandas")
    docs = list(many.pipe(TEXTS))
    found = frame(iter(docs))
    expected = [{"doc": n, **row} for n, doc in enumerate(docs) for row in rows_of(doc)]
    assert found.to_dict("records") == expected and list(found.columns) == list(expected[0])
    assert found["score"].dtype == float and frame(docs[0]).equals(frame([docs[0]]))
    empty = frame([])
    assert len(empty) == 0 and list(empty.columns) == list(expected[0]) and empty["score"].dtype == float
    unscored = [many.make_doc(text) for text in TEXTS]
    for doc in unscored:
        doc.set_ents([Span(doc, 0, 1, label="X")] if len(doc) else [], default="outside")
    with pytest.warns(UserWarning, match=f"{frame.__name__}: no probabilities") as caught:
        found = frame(unscored)
    assert len(caught) == 1 and caught[0].filename == __file__ and found["score"].isna().all()


def test_a_frame_without_pandas_says_what_to_install(monkeypatch, many):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="tokens_frame needs pandas: pip install 'spacy-rnn-tagger\\[data\\]'"):
        tokens_frame(many(TEXTS[0]))


def test_the_package_is_light_until_something_is_used():
    code = "import spacy_rnn_tagger, sys; assert not {'spacy', 'thinc', 'numpy', 'torch', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {*spacy_rnn_tagger.__all__, *spacy_rnn_tagger._PLACES} <= set(dir(spacy_rnn_tagger))
    for name in spacy_rnn_tagger.__all__:
        assert getattr(spacy_rnn_tagger, name)
    with pytest.raises(AttributeError, match="has no attribute 'rendr'"):
        spacy_rnn_tagger.rendr  # noqa: B018


def teardown_module():
    Token.set_extension("kind", default=None, force=True)
