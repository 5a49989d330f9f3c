"""Sentence starts, from gold to scores."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_rnn_tagger.pipeline.targets import make_target

from ..conftest import make_examples, small_model, train
from ..fixtures.target_pipelines import add, doc_of, through_docbin


@pytest.mark.parametrize(
    "given,expected",
    [
        ([True, False, True, False], "SISI"),
        ([True, None, True, False], "S-SI"),  # None is unknown where others are known
        ([1, 0, 1, 0], "SISI"),  # 0 is the other way to say no
        ([True, None, None, None], "----"),  # just the first token's default
        ([1, -1, 0, 0], "SI--"),
        ([None] * 4, "----"),
    ],
)
def test_what_sentence_starts_mean(nlp, given, expected):
    y = Doc(nlp.vocab, words=list("abcd"), sent_starts=given)
    target = make_target("sents", nlp.vocab)
    gold = target.gold(Example(Doc(nlp.vocab, words=list("abcd")), y))
    assert "".join(tag or "-" for tag in gold) == expected
    assert target.is_annotated(y) == any(gold) and target.count_gold(Example(y, y)) == expected.count("S")


@pytest.mark.parametrize(
    "predicted,gold,starts,expected",
    [
        (["ab", "cd"], ["a", "b", "c", "d"], "SISI", "SS"),
        (["abc", "d"], ["a", "b", "c", "d"], "SISI", "-I"),  # a sentence starts within the token
        (["a", "b", "c", "d"], ["ab", "cd"], "SS", "SISI"),  # the rest of a first token is not one
        (["a", "bc", "d"], ["ab", "cd"], "SS", "S-I"),
        (["a", "b", "cd"], ["abc", "d"], "SI", "SII"),
    ],
)
def test_misaligned_sentence_starts(nlp, predicted, gold, starts, expected):
    y = doc_of(nlp, gold, sent_starts=[start == "S" for start in starts])
    tags = make_target("sents", nlp.vocab).gold(Example(doc_of(nlp, predicted), y))
    assert "".join(tag or "-" for tag in tags) == expected


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_sentences_are_learned_and_scored_as_by_the_senter(nlp, decoder, tmp_path):
    pipe = nlp.add_pipe("rnn_senter", config={"decoder": decoder, "model": small_model()})
    words = "I see . They eat ham . Ham is red .".split()
    y = Doc(nlp.vocab, words=words, sent_starts=[i in (0, 3, 7) for i in range(len(words))])
    examples = [Example(nlp.make_doc(y.text), reference) for reference in through_docbin(nlp, [y])]
    train(nlp, examples)
    doc = nlp(y.text)
    assert [sent.start for sent in doc.sents] == [0, 3, 7]
    scores = nlp.evaluate(examples)
    assert scores["sents_f"] == scores["sents_p"] == scores["sents_r"] == 1.0 and "sents_per_type" not in scores
    assert pipe.labels == pipe.tags == ("I", "S") and pipe.label_data == ["I", "S"]
    doc = Doc(nlp.vocab, words=words, sent_starts=[1, 1, -1, 0, 0, 0, 0, 0, 0, 0, 0])
    assert [t.is_sent_start for t in pipe(doc)][:4] == [True, True, False, True]
    pipe.overwrite = True
    assert [t.i for t in pipe(doc) if t.is_sent_start] == [0, 3, 7]
    nlp.to_disk(tmp_path)
    doc = spacy.load(tmp_path)(y.text)
    assert [sent.start for sent in doc.sents] == [0, 3, 7]


def test_the_first_token_starts_a_sentence_whatever_the_scores(nlp):
    pipe = add(nlp, "sents")
    train(nlp, make_examples(nlp), steps=1)
    pipe.model.get_ref("output_layer").set_param("b", numpy.asarray([50.0, -50.0], dtype="float32"))
    docs = [nlp.make_doc("I like ham"), nlp.make_doc(""), nlp.make_doc("a")]
    assert [path.tolist() for path in pipe.predict(docs)] == [[1, 0, 0], [], [1]]
    numpy.testing.assert_allclose(pipe.predict_proba(docs)[0][0], [0, 1])
    assert pipe.kbest(docs, 1)[0][0][0] == ["S", "I", "I"]


def test_sentence_labels_are_fixed(nlp):
    pipe = add(nlp, "sents")
    assert pipe.add_label("S") == 0
    with pytest.raises(ValueError, match="label = 'B' is unknown; allowed: 'I', 'S'"):
        pipe.add_label("B")
    with pytest.warns(UserWarning, match=r"without training data.*\[components.mine\]\)\.$"):
        nlp.initialize()  # needs no data, as the labels are known, so none are asked for
