"""Probabilities that docs keep: never stale, never those of others, and readable without the pipeline."""

import json
import warnings

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span, Token

from spacy_rnn_tagger.pipeline.stored_scores import register_extensions

from ..conftest import make_examples, small_model, train
from ..fixtures.scored_pipelines import CONFIG, TEXTS, add, read


def test_changed_annotation_has_no_score(trio):
    doc = trio(TEXTS[0])
    doc[0].tag_ = "IN"
    assert doc[0]._.rnn_tagger_score is None and doc[0]._.rnn_tagger_probs is None
    assert doc[1]._.rnn_tagger_score is not None and doc[0]._.rnn_morphologizer_score is not None
    doc[1].set_morph("Case=Dat")
    doc[2].pos_ = "X"
    assert [doc[i]._.rnn_morphologizer_score is None for i in range(4)] == [False, True, True, False]
    first, second = doc.ents
    assert first._.rnn_ner_score and second._.rnn_ner_score
    doc.ents = [Span(doc, first.start, first.end, label="GPE"), second]
    assert doc.ents[0]._.rnn_ner_score is None and doc.ents[1]._.rnn_ner_score is not None
    assert doc[0]._.rnn_ner_probs is None and doc[4]._.rnn_ner_probs is not None
    doc.ents = [Span(doc, second.start, second.end - 1, label=second.label_)]
    assert doc.ents[0]._.rnn_ner_score is None
    doc = trio(TEXTS[0])
    span = doc.spans["rnn_ner"][0]
    span.label_ = "OTHER"
    doc.spans["rnn_ner"][0] = span
    assert doc.spans["rnn_ner"][0].label_ == "OTHER" and doc.spans["rnn_ner"][0]._.rnn_ner_score is None
    assert doc.spans["rnn_ner"][1]._.rnn_ner_score is not None


def test_nothing_is_read_for_other_tokens(trio):
    doc = trio(TEXTS[0])
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[1], ["wor", "ks"], [doc[1], doc[1]])
    assert doc[0].text == "Anna Berg" and len(doc) == 7
    assert [token._.rnn_tagger_score is None for token in doc] == [True, True, True, False, False, False, False]
    assert [ent._.rnn_ner_score is None for ent in doc.ents] == [False, False]
    # spaCy leaves span groups at their old token numbers, where other words are now.
    assert doc.spans["rnn_ner"][0].text == "Anna Berg wor" and doc.spans["rnn_ner"][0]._.rnn_ner_score is None


def test_tokens_take_their_probabilities_into_other_docs(trio):
    docs = list(trio.pipe(TEXTS[:2]))
    expected = [read(doc)[0] for doc in docs]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        merged = Doc.from_docs(docs)
    assert read(merged)[0] == expected[0] + expected[1] and [None] * 5 not in expected[1]
    # Group attributes of spans are those of the first doc, which fit no longer.
    assert read(merged)[1] == [None] * len(merged.ents) != []
    part = merged[len(docs[0]) + 1 : len(docs[0]) + 4].as_doc(copy_user_data=True)
    assert read(part)[0] == expected[1][1:4]
    again = Doc.from_docs([part, docs[0]])
    assert read(again)[0] == expected[1][1:4] + expected[0]
    again[0].tag_ = again[4].tag_ = "X"
    assert [token._.rnn_tagger_score is None for token in again[:6]] == [True, False, False, False, True, False]


def test_probabilities_are_written_as_json_and_come_back(trio):
    doc = trio(TEXTS[0])
    names = ["rnn_tagger_score", "rnn_tagger_probs", "rnn_ner_score"]
    written = json.loads(json.dumps(doc.to_json(underscore=names)))
    spans = [(entry["start"], entry["end"], entry["label"], entry["score"]) for entry in written["_"]["rnn_ner_score"]]
    assert spans == [(ent.start_char, ent.end_char, ent.label_, ent._.rnn_ner_score) for ent in doc.ents] != []
    tokens = [(entry["start"], entry["score"]) for entry in written["_"]["rnn_tagger_score"]]
    assert tokens == [(token.idx, token._.rnn_tagger_score) for token in doc]
    assert [entry["probs"] for entry in written["_"]["rnn_tagger_probs"]] == [t._.rnn_tagger_probs for t in doc]
    back = Doc(trio.vocab).from_json(written)
    assert {name: back._.get(name) for name in names} == written["_"]
    assert trio.make_doc("New").to_json(underscore=names)["_"] == {name: [] for name in names}


def test_reading_every_token_takes_one_look_at_each(nlp):
    """Reading one probability does not look at the whole doc: the number of look-ups grows with the length, not its
    square."""
    looked = []

    class Counting(dict):
        def get(self, *args):
            looked.append(args)
            return super().get(*args)

    Token.set_extension("kind", default=None, force=True)
    tagger = add(nlp, "rnn_tagger", target="_.kind", store_scores=True)
    train(nlp, make_examples(nlp), steps=1)
    counts = []
    for n in (50, 100):
        doc = tagger(Doc(nlp.vocab, words=["a"] * n))
        doc.user_data = Counting(doc.user_data)
        looked.clear()
        assert None not in [token._.rnn_tagger_score for token in doc]
        counts.append(len(looked))
    assert counts[1] == 2 * counts[0] > 0


def test_a_token_whose_number_changed_has_its_own_score(nlp):
    """Not that of the one which had its number before."""
    tagger = add(nlp, "rnn_tagger", label_bias={"NN": 3.0}, **CONFIG)
    train(nlp, make_examples(nlp), steps=1)
    doc = tagger(Doc(nlp.vocab, words=["x", "y", "a", "a", "a", "zz"], spaces=[False] * 6))
    before = [token._.rnn_tagger_score for token in doc]
    assert len(set(before)) == 6
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
        retokenizer.split(doc[5], ["z", "z"], [doc[5], doc[5]])
    assert [token.text for token in doc] == ["xy", "a", "a", "a", "z", "z"] and doc[2].tag_ == "NN"
    assert [token._.rnn_tagger_score for token in doc] == [None, *before[2:5], None, None]


def test_scores_that_were_tampered_with_are_not_read(trio):
    doc = trio(TEXTS[0])
    attrs = doc.spans["rnn_ner"].attrs
    attrs["scores"] = attrs["scores"][:-1]
    assert [ent._.rnn_ner_score for ent in doc.ents] == [None] * len(doc.ents) != []
    del attrs["scores"]
    assert doc.ents[0]._.rnn_ner_score is None


def test_an_earlier_run_leaves_nothing_behind(trio):
    for pipe in trio.pipeline:
        pipe[1].overwrite = True
    doc = trio(TEXTS[0])
    off = {"store_scores": False, "store_probs": False}
    doc = trio(doc, component_cfg={name: off for name in trio.pipe_names})
    assert read(doc) == ([[None] * 5] * len(doc), [None] * len(doc.ents)) and doc.ents
    # A group of this name that is not ours stays.
    doc.spans["rnn_ner"] = [doc[0:1]]
    doc = trio(doc, component_cfg={name: off for name in trio.pipe_names})
    assert len(doc.spans["rnn_ner"]) == 1


def test_present_annotation_has_no_score(nlp, decoder):
    add(nlp, "rnn_tagger", decoder=decoder, **CONFIG)
    ner = add(nlp, "rnn_ner", decoder=decoder, **CONFIG)
    train(nlp, make_examples(nlp), steps=15)
    doc = nlp.make_doc(TEXTS[0])
    doc[2].tag_ = "NN"
    doc.set_ents([Span(doc, 4, 6, label="PERSON")], blocked=[doc[2:3]], default="missing")
    doc = nlp(doc)
    assert doc[2].tag_ == "NN" and [t._.rnn_tagger_score is None for t in doc] == [i == 2 for i in range(7)]
    scores = {(ent.start, ent.end): ent._.rnn_ner_score for ent in doc.ents}
    assert scores[4, 6] is None and scores.get((0, 2)) is not None
    assert [t._.rnn_ner_probs is None for t in doc] == [i in (2, 4, 5) for i in range(7)]
    ner.overwrite = True
    again = ner(doc)
    assert None not in [ent._.rnn_ner_score for ent in again.ents]
    assert not again[2].ent_type and again[2]._.rnn_ner_probs is None  # blocked


def test_extension_attributes_of_others_are_left_alone(nlp):
    Token.set_extension("theirs_score", default="theirs", force=True)
    try:
        tagger = add(nlp, "rnn_tagger", scores_key="theirs", store_scores=True)
        train(nlp, make_examples(nlp), steps=1)
        with pytest.warns(
            UserWarning, match=r"cannot be read through Token\._\.theirs_score, .* set scores_key"
        ) as caught:
            docs = list(nlp.pipe(TEXTS, batch_size=1))
        assert len([w for w in caught if "scores_key" in str(w.message)]) == 1
        assert docs[0][0]._.theirs_score == "theirs"
        assert len(docs[0].user_data["._.", "spacy_rnn_tagger:theirs", 0, None]["scores"]) == len(docs[0])
        # Other names, and the same component made again, are no conflict.
        assert register_extensions(tagger.name) == [] and register_extensions("theirs") == ["Token._.theirs_score"]
    finally:
        Token.remove_extension("theirs_score")


@pytest.mark.parametrize(
    "config,key,use",
    [
        ({"scores_key": "same"}, "same", "that of"),
        ({}, "other", "that of"),  # by its name
        ({"target": "spans:sc"}, "sc", "the group of the spans predicted by"),
    ],
)
def test_two_components_under_one_key_are_refused(nlp, config, key, use):
    nlp.add_pipe("rnn_tagger", name="other", config={"model": small_model(), **config})
    add(nlp, "rnn_ner", scores_key=key)
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match=f"scores_key = '{key}' is also {use} component '.*choose another"):
        nlp.get_pipe("rnn_ner").initialize(lambda: examples, nlp=nlp)
    nlp.get_pipe("rnn_ner").scores_key = "free"
    nlp.get_pipe("rnn_ner").initialize(lambda: examples, nlp=nlp)


def test_the_attributes_can_be_registered_without_a_pipeline(nlp):
    add(nlp, "rnn_ner", scores_key="elsewhere", store_scores=True)
    train(nlp, make_examples(nlp), steps=30)
    data = DocBin(docs=[nlp(TEXTS[0])]).to_bytes()
    Span.remove_extension("elsewhere_score")
    (doc,) = DocBin().from_bytes(data).get_docs(spacy.blank("en").vocab)
    assert not Span.has_extension("elsewhere_score")
    assert register_extensions("elsewhere") == []
    assert [ent._.elsewhere_score for ent in doc.ents] == doc.spans["elsewhere"].attrs["scores"].tolist() != []


def test_scores_of_spans_need_a_group_of_their_own(nlp):
    with pytest.raises(ValueError, match="scores_key = 'sc' is the group of the predicted spans"):
        add(nlp, "rnn_spans", scores_key="sc")
