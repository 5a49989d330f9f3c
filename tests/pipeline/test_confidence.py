"""Probabilities of predictions: those of the paths that are decoded, whatever binds decoding."""

import numpy
import pytest
from spacy.tokens import Span

from spacy_rnn_tagger.pipeline import biluo
from spacy_rnn_tagger.pipeline.targets import ABSTAIN

from ..conftest import make_examples, randomize, train
from ..fixtures.scored_pipelines import CONFIG, TEXTS, add, read


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_span_scores_are_those_of_enumeration(nlp, decoder, make_docs, overwrite, temperature):
    ner = add(nlp, "rnn_ner", decoder=decoder, overwrite=overwrite, store_scores=True)
    train(nlp, make_examples(nlp), steps=1)
    ner.temperature = temperature
    for seed in range(3):
        randomize(ner.model, seed, scale=0.6)
        docs = make_docs([4, 0, 1, 3])
        docs[3].ents = [Span(docs[3], 1, 2, label="GPE")]
        paths = [ner.kbest([doc], 1000)[0] for doc in docs]
        for doc, listed in zip(ner.pipe(docs), paths):
            group = doc.spans["rnn_ner"]
            scores = group.attrs["scores"]
            assert scores.dtype == "float32" and len(scores) == len(group)
            found = [(span.start, span.end, span.label_) for span in group]
            preset = [] if overwrite or doc is not docs[3] else [(1, 2, "GPE")]
            assert sorted(found + preset) == [(ent.start, ent.end, ent.label_) for ent in doc.ents]
            for (start, end, label), score in zip(found, scores):
                wanted = biluo.tags_of(start, end, ner.labels.index(label))
                # No longer entity has these tags: B and L, or U, end it here.
                same = [log for tags, log in listed if all(tags[i] == ner.tags[t] for i, t in wanted.items())]
                total = sum(numpy.exp(same))
                assert score == pytest.approx(total, abs=1e-5)


def test_token_scores_are_the_marginals_of_the_written_tags(nlp, decoder, make_docs):
    tagger = add(nlp, "rnn_tagger", decoder=decoder, **CONFIG)
    train(nlp, make_examples(nlp), steps=1)
    randomize(tagger.model, scale=0.5)
    docs = make_docs([5, 0, 1, 8])
    marginals = tagger.predict_proba(docs)
    for doc, rows in zip(tagger.pipe(docs, batch_size=3), marginals):
        for token, row in zip(doc, rows):
            assert token._.rnn_tagger_score == pytest.approx(row[tagger.tags.index(token.tag_)], abs=1e-6)
            assert list(token._.rnn_tagger_probs) == list(tagger.tags)
            assert list(token._.rnn_tagger_probs.values()) == pytest.approx(row.tolist(), abs=1e-6)


def test_off_by_default_and_on_for_one_call(nlp, decoder):
    add(nlp, "rnn_tagger", decoder=decoder)
    ner = add(nlp, "rnn_ner", decoder=decoder)
    train(nlp, make_examples(nlp), steps=15)
    plain = nlp(TEXTS[0])
    assert not plain.user_data and not plain.spans
    assert read(plain)[1] == [None] * len(plain.ents) and plain[0]._.rnn_tagger_score is None
    cfg = {"rnn_tagger": {"store_scores": True}, "rnn_ner": {"store_scores": True}}
    doc = nlp(TEXTS[0], component_cfg=cfg)
    assert doc[0]._.rnn_tagger_score is not None and doc[0]._.rnn_tagger_probs is None
    assert doc.ents and None not in read(doc)[1]
    assert [t.tag_ for t in doc] == [t.tag_ for t in plain]
    assert [(e.start, e.end, e.label) for e in doc.ents] == [(e.start, e.end, e.label) for e in plain.ents]
    docs = list(nlp.pipe(TEXTS, batch_size=2, component_cfg=cfg))
    assert [d.text for d in docs] == TEXTS
    assert all(t._.rnn_tagger_score is not None for d in docs for t in d)
    assert all("rnn_ner" in d.spans for d in docs)
    ner.store_scores = True
    assert "rnn_ner" not in nlp(TEXTS[0], component_cfg={"rnn_ner": {"store_scores": False}}).spans


def test_components_do_not_collide(trio):
    doc = trio(TEXTS[0])
    tagger, morphologizer = trio.get_pipe("rnn_tagger"), trio.get_pipe("rnn_morphologizer")
    for token, row in zip(doc, tagger.predict_proba([trio.make_doc(TEXTS[0])])[0]):
        assert token._.rnn_tagger_score == pytest.approx(row[tagger.tags.index(token.tag_)], abs=1e-5)
    assert list(doc[0]._.rnn_tagger_probs) == list(tagger.tags)
    assert list(doc[0]._.rnn_morphologizer_probs) == list(morphologizer.tags)
    assert list(doc[0]._.rnn_ner_probs) == list(trio.get_pipe("rnn_ner").tags)


def test_another_key(nlp):
    add(nlp, "rnn_ner", scores_key="certainty", store_scores=True)
    train(nlp, make_examples(nlp), steps=15)
    doc = nlp(TEXTS[0])
    assert [ent._.certainty_score for ent in doc.ents] == doc.spans["certainty"].attrs["scores"].tolist() != []


def test_present_tags_condition_the_others(nlp, make_docs):
    """A CRF that is told one tag is to decode the rest as all paths through that tag say."""
    tagger = add(nlp, "rnn_tagger", decoder="crf", store_scores=True)
    train(nlp, make_examples(nlp), steps=1)
    randomize(tagger.model, scale=1.0)
    (doc,) = make_docs([3])
    listed = tagger.kbest([doc], 1000)[0]
    worst = listed[-1][0][1]
    doc[1].tag_ = worst
    through = [(tags, log) for tags, log in listed if tags[1] == worst]
    total = sum(numpy.exp(log) for _, log in through)
    doc = tagger(doc)
    assert [token.tag_ for token in doc] == through[0][0] != listed[0][0]
    for i in (0, 2):
        share = sum(numpy.exp(log) for tags, log in through if tags[i] == doc[i].tag_) / total
        assert doc[i]._.rnn_tagger_score == pytest.approx(share, abs=1e-4)
    doc[1].tag_ = "UNHEARD-OF"
    for token in (doc[0], doc[2]):
        token.tag_ = ""
    assert [token.tag_ for token in tagger(doc)][1] == "UNHEARD-OF"


def test_present_parts_of_speech_bind_morphology(nlp, decoder):
    morphologizer = add(nlp, "rnn_morphologizer", decoder=decoder, overwrite=False)
    train(nlp, make_examples(nlp), steps=20)
    doc = nlp.make_doc("I like London.")
    doc[0].pos_ = "PROPN"
    paths = morphologizer.predict([doc])[0]
    assert "POS=PROPN" in morphologizer.tags[paths[0]]
    doc = morphologizer(doc)
    assert doc[0].pos_ == "PROPN" and str(doc[0].morph) == "Number=Sing"
    morphologizer.extend = True
    doc = nlp.make_doc("I like London.")
    doc[0].pos_ = "PROPN"
    doc[0].set_morph("Foreign=Yes")
    assert "Foreign=Yes" in str(morphologizer(doc)[0].morph) != "Foreign=Yes"


@pytest.mark.parametrize("name", ["rnn_tagger", "rnn_ner"])
def test_what_an_override_of_predict_decides_is_written_and_scored(nlp, name):
    """`pipe`, `__call__` and `predict` go one way."""
    pipe = add(nlp, name, **CONFIG)
    train(nlp, make_examples(nlp), steps=10)
    tag = "PRP" if name == "rnn_tagger" else "U-GPE"
    docs = list(nlp.pipe(TEXTS[::2]))
    expected = [probs[:, pipe.tags.index(tag)] for probs in pipe.predict_proba(map(nlp.make_doc, TEXTS[::2]))]

    class Stubborn(type(pipe)):
        def predict(self, docs):
            return [numpy.full(len(doc), self.tags.index(tag)) for doc in docs]

    pipe.__class__ = Stubborn
    for doc, probs in zip([nlp(TEXTS[0]), *nlp.pipe(TEXTS[2:3])], expected[:2], strict=True):
        if name == "rnn_tagger":
            assert {token.tag_ for token in doc} == {tag}
            assert numpy.allclose([token._.rnn_tagger_score for token in doc], probs)
        else:
            assert [(ent.text, ent.label_) for ent in doc.ents] == [(token.text, "GPE") for token in doc]
            assert numpy.allclose([ent._.rnn_ner_score for ent in doc.ents], probs, atol=1e-5)
    assert docs[0][0]._.get(f"{name}_probs") is not None


def test_scores_of_no_tokens(trio):
    doc = trio("")
    assert len(doc.spans["rnn_ner"]) == 0 == len(doc.spans["rnn_ner"].attrs["scores"])
    assert list(trio.pipe([])) == [] and list(trio.get_pipe("rnn_ner").pipe([])) == []


@pytest.mark.parametrize("threshold", [0.0, 0.4])
@pytest.mark.parametrize("name", ["rnn_tagger", "rnn_ner"])
def test_predictions_that_were_changed_are_scored_as_they_are_now(nlp, name, threshold):
    """Code around `predict` may put other paths into what it gives."""
    pipe = add(nlp, name, threshold=threshold)
    train(nlp, make_examples(nlp), steps=10)
    docs = [nlp.make_doc(text) for text in TEXTS[::2]]
    changed, tag = pipe.predict(docs), pipe.tags.index("PRP" if name == "rnn_tagger" else "U-GPE")
    unchanged = pipe.predict(docs).confidences(pipe.target, pipe.labels, scores=True, probs=False)
    changed[1] = numpy.full_like(changed[1], tag)
    found = changed.confidences(pipe.target, pipe.labels, scores=True, probs=True)
    for i, probs in enumerate(pipe.predict_proba(docs)):
        wanted = probs[:, tag] if i == 1 else unchanged[i].scores
        written = ... if name == "rnn_ner" else changed[i] != ABSTAIN
        numpy.testing.assert_allclose(found[i].scores[written], wanted[written], atol=1e-5)
        numpy.testing.assert_allclose(found[i].marginals, probs, atol=1e-6)


def test_constraints_are_made_once_and_cannot_be_changed(nlp):
    assert biluo.make_constraints(3) is biluo.make_constraints(3) is not biluo.make_constraints(4)
    with pytest.raises(ValueError, match="read-only"):
        biluo.make_constraints(3).follows[0, 0] = False
    ner = add(nlp, "rnn_ner")
    train(nlp, make_examples(nlp), steps=1)
    assert ner.predict_proba([nlp.make_doc("a b")])[0].shape == (2, 9)
    ner.add_label("NEW")
    assert ner.predict_proba([nlp.make_doc("a b")])[0].shape == (2, 13)
    assert ner.labels == ("GPE", "PERSON", "NEW")


def test_sentence_starts_and_custom_attributes_have_scores(nlp, decoder, custom):
    senter = add(nlp, "rnn_senter", decoder=decoder, **CONFIG)
    tagger = add(nlp, "rnn_tagger", target=custom, decoder=decoder, **CONFIG)
    examples = make_examples(nlp)
    for eg in examples:
        for i, token in enumerate(eg.reference):
            token.is_sent_start = i == 0
            token._.mood = "even" if i % 2 else "odd"
    train(nlp, examples, steps=5)
    doc = nlp.make_doc(TEXTS[0])
    starts, moods = senter.predict_proba([doc])[0], tagger.predict_proba([doc])[0]
    nlp(doc)
    for token, start, mood in zip(doc, starts, moods):
        assert token._.rnn_senter_score == pytest.approx(
            start[senter.tags.index("S" if token.is_sent_start else "I")], abs=1e-6
        )
        assert token._.rnn_tagger_score == pytest.approx(mood[tagger.tags.index(token._.mood)], abs=1e-6)
    doc[2]._.mood = "other"
    doc[3].is_sent_start = not doc[3].is_sent_start
    assert doc[2]._.rnn_tagger_score is None and doc[3]._.rnn_tagger_score is not None
    assert doc[3]._.rnn_senter_score is None and doc[2]._.rnn_senter_score is not None
    again = nlp.make_doc(TEXTS[0])
    again[1]._.mood = "even"
    again[2].is_sent_start = True
    nlp(again)
    assert again[1]._.mood == "even" and again[1]._.rnn_tagger_score is None and again[0]._.rnn_tagger_score is not None
    assert again[2].is_sent_start and again[2]._.rnn_senter_score is None


def test_spans_of_a_group_have_scores(nlp, decoder):
    spancat = add(nlp, "rnn_spans", decoder=decoder, store_scores=True)
    examples = make_examples(nlp)
    for eg in examples:
        eg.reference.spans["sc"] = list(eg.reference.ents)
    train(nlp, examples, steps=15)
    doc = nlp(TEXTS[0])
    assert len(doc.spans["sc"]) and [s.text for s in doc.spans["sc"]] == [s.text for s in doc.spans["rnn_spans"]]
    for span, score in zip(doc.spans["sc"], doc.spans["rnn_spans"].attrs["scores"]):
        assert span._.rnn_spans_score == pytest.approx(score) and 0 < score <= 1
        assert Span(doc, span.start, span.end, label="other")._.rnn_spans_score is None
    spancat.threshold = 1.0
    assert len(nlp(TEXTS[0]).spans["sc"]) == 0


def test_a_threshold_leaves_custom_attributes_unset(nlp, custom):
    tagger = add(nlp, "rnn_tagger", target=custom)
    examples = make_examples(nlp)
    for eg in examples:
        for i, token in enumerate(eg.reference):
            token._.mood = "even" if i % 2 else "odd"
    train(nlp, examples, steps=2)
    tagger.threshold = 1.0
    assert {token._.mood for token in nlp(TEXTS[0])} == {None}
