"""Probabilities on docs that were saved, copied, sent between processes, or kept when others failed."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin

from ..conftest import make_examples, train
from ..fixtures.scored_pipelines import TEXTS, add, read


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
    kept = read_all(nlp.pipe(TEXTS))
    assert [tags for tags, _ in kept] == [tags for tags, _ in expected[:2] + expected[3:]] and seen == [TEXTS[2]]
    # Another batch is another matrix product: the last digit of a float32 may differ.
    np.testing.assert_allclose(
        np.concatenate([scores for _, scores in kept]),
        np.concatenate([scores for _, scores in expected[:2] + expected[3:]]),
        rtol=1e-6,
    )


def read_all(docs):
    return [([token.tag_ for token in doc], [token._.rnn_tagger_score for token in doc]) for doc in docs]
