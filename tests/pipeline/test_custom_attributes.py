"""Custom attributes of tokens, from gold to scores."""

import pytest
import spacy
from spacy.tokens import Token
from spacy.training import Example

from spacy_rnn_tagger.pipeline.targets import make_target

from ..conftest import make_examples, train
from ..fixtures.target_pipelines import add, doc_of, through_docbin


def test_an_extension_is_learned_scored_and_kept(nlp, kind, tmp_path):
    pipe = add(nlp, "_.kind")
    examples = make_examples(nlp)
    references = through_docbin(nlp, [eg.reference for eg in examples], store_user_data=True)
    examples = [Example(nlp.make_doc(y.text), y) for y in references]
    train(nlp, examples)
    assert pipe.score_keys == ("kind_acc",) and nlp.evaluate(examples)["kind_acc"] == 1.0
    nlp.to_disk(tmp_path)
    doc = nlp.make_doc("I like London.")
    doc[0]._.kind = "mine"
    assert [t._.kind for t in spacy.load(tmp_path).get_pipe("mine")(doc)] == ["mine", "verb", "propn", "punct"]
    pipe.overwrite = True
    assert [t._.kind for t in pipe(doc)] == ["pron", "verb", "propn", "punct"]
    docs = list(nlp.pipe(["I like London."] * 3, n_process=2, batch_size=1))
    assert all([t._.kind for t in doc] == ["pron", "verb", "propn", "punct"] for doc in docs)


def test_an_extension_lost_on_the_way_is_named(nlp, kind):
    add(nlp, "_.kind")
    lost = through_docbin(nlp, [eg.reference for eg in make_examples(nlp)])
    with pytest.raises(ValueError, match=r"target '_.kind' .* no doc has user data .*store_user_data=True"):
        nlp.initialize(lambda: [Example(nlp.make_doc(y.text), y) for y in lost])
    Token.set_extension("kind", default="none", force=True)  # a default is no gold
    with pytest.raises(ValueError, match="no doc has user data"):
        nlp.initialize(lambda: [Example(nlp.make_doc(y.text), y) for y in lost])


def test_an_extension_that_is_not_registered(nlp, kind):
    pipe = add(nlp, "_.kind")
    examples = make_examples(nlp)
    train(nlp, examples, steps=1)
    Token.remove_extension("kind")
    Token.set_extension("kinds", default=None)
    message = (
        r"no custom attribute 'kind'; register it .* Token.set_extension\('kind', default=None\). Did you mean 'kinds'"
    )
    try:
        for use in (
            lambda: pipe(nlp.make_doc("I")),
            lambda: pipe.update(examples),
            lambda: nlp.initialize(lambda: examples),
        ):
            with pytest.raises(ValueError, match=message):
                use()
        Token.set_extension("kind", getter=lambda token: "x")
        with pytest.raises(ValueError, match="is computed, by a getter without a setter"):
            pipe(nlp.make_doc("I"))
    finally:
        Token.remove_extension("kinds")
        Token.set_extension("kind", default=None, force=True)


def test_an_extension_with_a_setter_of_its_own(nlp, kind):
    pipe = add(nlp, "_.kind")
    examples = make_examples(nlp)
    train(nlp, examples)

    def put(token, value):
        token.doc.user_data[("mine", token.i)] = value

    Token.set_extension("kind", getter=lambda t: t.doc.user_data.get(("mine", t.i)), setter=put, force=True)
    doc = pipe(nlp.make_doc("I like London."))
    assert doc.user_data[("mine", 1)] == "verb"
    assert make_target("_.kind", nlp.vocab).gold(Example(doc, doc)) == ["pron", "verb", "propn", "punct"]


def test_an_extension_that_is_no_string(nlp, kind):
    add(nlp, "_.kind")
    examples = make_examples(nlp)
    examples[2].reference[1]._.kind = 3
    with pytest.raises(
        ValueError, match=r"must be a string, but it is 3 \(of type int\) for token 1 \('eat'\) of doc 2"
    ):
        nlp.initialize(lambda: examples)


@pytest.mark.parametrize(
    "predicted,gold,values,expected",
    [
        (["ab", "c"], ["a", "b", "c"], ["x", "x", "y"], ["x", "y"]),
        (["ab", "c"], ["a", "b", "c"], ["x", "y", "z"], [None, "z"]),
        (["a", "b", "c"], ["ab", "c"], ["x", "y"], ["x", "x", "y"]),
        (["a", "b"], ["a", "b"], ["x", ""], ["x", None]),
        (["a", "b"], ["a", "b"], [None, "x"], [None, "x"]),
        (["a", "b"], ["a", "b"], [None, None], [None, None]),
    ],
)
def test_misaligned_extensions(nlp, kind, predicted, gold, values, expected):
    x, y = doc_of(nlp, predicted), doc_of(nlp, gold)
    for token, value in zip(y, values):
        if value is not None:
            token._.kind = value
    target = make_target("_.kind", nlp.vocab)
    assert target.gold(Example(x, y)) == expected
    # Half right, over the aligned tokens whose gold is known.
    known = [i for i, value in enumerate(expected) if value is not None]
    for i in known[::2]:
        x[i]._.kind = expected[i]
    pipe = add(nlp, "_.kind")
    assert pipe.score([Example(x, y)])["kind_acc"] == (len(known[::2]) / len(known) if known else None)
