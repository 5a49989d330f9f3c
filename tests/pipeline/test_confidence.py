"""Probabilities of predictions, kept on docs: exact, never stale, and there after any journey."""

import json
import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span, Token

from spacy_rnn_tagger.pipeline import biluo
from spacy_rnn_tagger.pipeline.stored_scores import register_extensions

from ..conftest import make_examples, randomize, small_model, train

TEXTS = ["Anna Berg works in New York.", "", "They eat ham in London.", " ", "Anna", "I like London and New York."]
CONFIG = {"store_scores": True, "store_probs": True}


@pytest.fixture(params=["softmax", "crf"])
def decoder(request):
    return request.param


def add(nlp, factory, **config):
    return nlp.add_pipe(factory, config={"model": small_model(), **config})


@pytest.fixture
def trio(nlp, decoder):
    """Tags, morphology and entities, all storing what they can, trained enough to find entities and not to be sure of them."""
    add(nlp, "rnn_tagger", decoder=decoder, **CONFIG)
    add(nlp, "rnn_morphologizer", decoder=decoder, **CONFIG)
    add(nlp, "rnn_ner", decoder=decoder, **CONFIG)
    train(nlp, make_examples(nlp), steps=15)
    return nlp


def read(doc):
    """Everything that can be read from a doc, whatever pipeline there is."""
    for name in ("rnn_tagger", "rnn_morphologizer", "rnn_ner"):
        assert register_extensions(name) == []
    names = ("rnn_tagger_score", "rnn_morphologizer_score", "rnn_tagger_probs", "rnn_ner_probs", "rnn_ner_score")
    return [[token._.get(name) for name in names] for token in doc], [ent._.rnn_ner_score for ent in doc.ents]


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
    """Reading one probability does not look at the whole doc: the number of look-ups grows with the length, not its square."""
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


def through_docbin(docs, vocab):
    data = DocBin(docs=docs, store_user_data=True).to_bytes()
    return list(DocBin().from_bytes(data).get_docs(vocab))


def test_round_trips(trio):
    docs = list(trio.pipe(TEXTS))
    expected = [read(doc) for doc in docs]
    assert any(ents for _, ents in expected)
    other = spacy.blank("en").vocab
    for vocab in (trio.vocab, other):
        assert [read(Doc(vocab).from_bytes(doc.to_bytes())) for doc in docs] == expected
        assert [read(doc) for doc in through_docbin(docs, vocab)] == expected
    assert [read(doc.copy()) for doc in docs] == expected
    assert [read(pickle.loads(pickle.dumps(doc))) for doc in docs] == expected
    # Spans do not need the user data.
    without = DocBin(docs=docs).to_bytes()
    for doc, (_, ents) in zip(DocBin().from_bytes(without).get_docs(other), expected):
        assert [ent._.rnn_ner_score for ent in doc.ents] == ents
        assert all(token._.rnn_tagger_score is None for token in doc)
    assert docs[0].to_json()["text"] == TEXTS[0]


def test_batches_threads_and_processes_agree(trio, tmp_path):
    texts = TEXTS * 4
    expected = [read(trio(text)) for text in texts]

    def close(docs):
        for doc, (tokens, ents) in zip(docs, expected):
            assert read(doc)[1] == pytest.approx(ents, abs=1e-5)
            for mine, theirs in zip(read(doc)[0], tokens):
                assert mine[:2] == pytest.approx(theirs[:2], abs=1e-5)

    close(trio.pipe(texts, batch_size=7))
    close(trio.pipe(texts, batch_size=5, n_process=2))
    with ThreadPoolExecutor(4) as pool:
        assert [read(doc) for doc in pool.map(trio, texts)] == expected
    clone = pickle.loads(pickle.dumps(trio))
    assert [read(clone(text)) for text in texts] == expected
    trio.to_disk(tmp_path)
    assert [read(spacy.load(tmp_path)(text)) for text in texts[:6]] == expected[:6]


def test_spawned_workers(tmp_path, nlp):
    add(nlp, "rnn_ner", store_scores=True)
    train(nlp, make_examples(nlp), steps=15)
    nlp.to_disk(tmp_path / "model")
    script = tmp_path / "run.py"
    script.write_text(
        "import multiprocessing, spacy, sys\n"
        "if __name__ == '__main__':\n"
        "    multiprocessing.set_start_method('spawn')\n"
        "    nlp = spacy.load(sys.argv[1])\n"
        "    docs = list(nlp.pipe(['Anna Berg works in New York.'] * 4, n_process=2, batch_size=2))\n"
        "    print([e._.rnn_ner_score for d in docs for e in d.ents])\n"
    )
    done = subprocess.run([sys.executable, script, tmp_path / "model"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    scores = eval(done.stdout)
    assert len(scores) == 4 * len(nlp(TEXTS[0]).ents) > 0 and None not in scores


def test_errors_reach_the_handler_and_order_is_kept(nlp):
    tagger = add(nlp, "rnn_tagger", store_scores=True)
    train(nlp, make_examples(nlp), steps=5)
    annotate = tagger.target.annotate

    def fail(doc, *args, **kwargs):
        if "ham" in doc.text:
            raise ValueError("no ham")
        annotate(doc, *args, **kwargs)

    tagger.target.annotate = fail
    with pytest.raises(ValueError, match="no ham"):
        list(nlp.pipe(TEXTS))
    with pytest.raises(ValueError, match="no ham"):
        nlp(TEXTS[2])
    seen = []
    nlp.set_error_handler(lambda name, proc, docs, e: seen.append((name, [doc.text for doc in docs], str(e))))
    kept = [doc.text for doc in nlp.pipe(TEXTS, batch_size=2)]
    assert kept == TEXTS[:2] + TEXTS[3:] and seen == [("rnn_tagger", [TEXTS[2]], "no ham")]


def test_a_doc_that_cannot_be_predicted_takes_no_other_with_it(nlp):
    tagger = add(nlp, "rnn_tagger", store_scores=True)
    train(nlp, make_examples(nlp), steps=5)
    expected = read_all(nlp.pipe(TEXTS))
    predict = tagger.model._func

    def fail(model, docs, is_train):
        if any("ham" in doc.text for doc in docs):
            raise ValueError("no ham")
        return predict(model, docs, is_train)

    tagger.model._func = fail
    seen = []
    nlp.set_error_handler(lambda name, proc, docs, e: seen.extend(doc.text for doc in docs))
    assert read_all(nlp.pipe(TEXTS)) == expected[:2] + expected[3:] and seen == [TEXTS[2]]


def read_all(docs):
    return [[(token.tag_, token._.rnn_tagger_score) for token in doc] for doc in docs]


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


def test_extension_attributes_of_others_are_left_alone(nlp):
    Token.set_extension("theirs_score", default="theirs")
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


def test_scores_of_no_tokens(trio):
    doc = trio("")
    assert len(doc.spans["rnn_ner"]) == 0 == len(doc.spans["rnn_ner"].attrs["scores"])
    assert list(trio.pipe([])) == [] and list(trio.get_pipe("rnn_ner").pipe([])) == []


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


@pytest.fixture
def custom():
    Token.set_extension("mood", default=None, force=True)
    yield "_.mood"
    Token.remove_extension("mood")


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


def test_a_threshold_leaves_custom_attributes_unset(nlp, custom):
    tagger = add(nlp, "rnn_tagger", target=custom)
    examples = make_examples(nlp)
    for eg in examples:
        for i, token in enumerate(eg.reference):
            token._.mood = "even" if i % 2 else "odd"
    train(nlp, examples, steps=2)
    tagger.threshold = 1.0
    assert {token._.mood for token in nlp(TEXTS[0])} == {None}
