"""What gold says is learned and served, or one sentence says why not: odd values, other vocabularies, what is
missing."""

import re
import warnings

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..conftest import make_examples, small_model, train
from ..fixtures.target_pipelines import add, doc_of, through_docbin

TARGETS = ["tag", "pos", "morph", "ents", "sents", "spans:layer", "_.kind"]
WORDS = "the dogs of cats ran".split()


def said(caught):
    """What the component has warned of."""
    return [str(w.message) for w in caught if str(w.message).startswith("component 'mine'")]


def initialize(nlp, *docs):
    """RETURNS (List[str]): What initializing with these gold docs warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nlp.initialize(lambda: [Example(Doc(nlp.vocab, words=[t.text for t in y]), y) for y in docs])
    return said(caught)


# Features "_"


def test_no_features_are_learned_as_by_the_morphologizer():
    learned = []
    for factory, config in (("morphologizer", {}), ("rnn_morphologizer", {"model": small_model()})):
        nlp = spacy.blank("en")
        pipe = nlp.add_pipe(factory, name="mine", config=config)
        gold = Doc(nlp.vocab, words=WORDS, morphs=["_", "Number=Plur", "_", "Number=Plur", "Tense=Past"])
        examples = [Example(Doc(nlp.vocab, words=WORDS), gold)]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            train(nlp, examples)
        assert not said(caught)
        scores = nlp.evaluate(examples)
        assert scores["morph_acc"] == 1.0 and scores["pos_acc"] is None
        learned.append(sorted(pipe.labels))
    assert learned == [["Number=Plur", "Tense=Past", "_"]] * 2


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_a_corpus_without_features_is_accepted(nlp, decoder):
    pipe = add(nlp, "morph", decoder=decoder)
    examples = [Example(Doc(nlp.vocab, words=WORDS), Doc(nlp.vocab, words=WORDS, morphs=["_"] * 5))]
    train(nlp, examples, steps=2)
    assert pipe.labels == ("_",) and nlp.evaluate(examples)["morph_acc"] == 1.0
    assert [str(token.morph) for token in pipe(Doc(nlp.vocab, words=WORDS))] == [""] * 5


# Other vocabularies


def annotation(doc):
    tokens = [(t.tag_, t.pos_, str(t.morph), t.is_sent_start, t.ent_iob_, t.ent_type_, t._.kind) for t in doc]
    return tokens, [(span.start, span.end, span.label_) for span in doc.spans.get("layer", ())]


def test_docs_of_another_vocabulary_are_learned_from_and_annotated(nlp, kind):
    """Every target takes gold, and docs that are served alone or beside others, of vocabularies that know neither the
    labels nor the words. The model spells words, for which it looks up their strings."""
    model = small_model()
    chars = {"@architectures": "spacy-rnn-tagger.CharRNN.v1", "width": 4, "char_width": 4, "rows": 50}
    model["tok2vec"]["embed"]["chars"] = chars
    for i, target in enumerate(TARGETS):
        nlp.add_pipe("rnn_tagger", name=f"pipe{i}", config={"target": target, "model": model, "overwrite": True})
    golds = [eg.reference for eg in make_examples(spacy.blank("en"))]
    for gold in golds:
        gold[0].tag_ = gold[0]._.kind = "RARE"  # strings that no other vocabulary knows
        gold.set_ents([Span(gold, 0, 1, label="RARE-TYPE")], default="outside")
        gold.spans["layer"] = [Span(gold, 0, 1, label="RARE-SPAN")]
    train(nlp, [Example(Doc(nlp.vocab, words=[t.text for t in y]), y) for y in golds], steps=15)
    texts = [y.text for y in golds] + ["Zyzzyva likes Qoph."]
    expected = [annotation(nlp(text)) for text in texts]
    for tokens, spans in expected[:-1]:
        assert (tokens[0][0], *tokens[0][-2:], spans) == ("RARE", "RARE-TYPE", "RARE", [(0, 1, "RARE-SPAN")])
        assert all(all(token[1:4]) for token in tokens[:1])
    blank = spacy.blank("en")
    for i, text in enumerate(texts):
        assert annotation(nlp(blank.make_doc(text))) == expected[i]
    for order in (1, -1):
        blank = spacy.blank("en")
        docs = [(blank if i % 2 else nlp).make_doc(text) for i, text in enumerate(texts)]
        assert [annotation(doc) for doc in nlp.pipe(docs[::order])] == expected[::order]


@pytest.mark.parametrize("target", ["ents", "spans:layer"])
@pytest.mark.parametrize("labels", [None, ["OTHER"]], ids=["learned", "unknown"])
def test_misaligned_gold_of_another_vocabulary_is_counted(nlp, target, labels):
    """A label of the gold docs' vocabulary alone is looked up where tokens have to be aligned, and may be
    none to learn."""
    pipe = add(nlp, target)
    other = spacy.blank("en")
    y = doc_of(other, ["ab", "c", "d"], ents=["B-ODD-ONE", "O", "B-OTHER"])
    y.spans["layer"] = list(y.ents)
    example = Example(doc_of(nlp, ["a", "b", "c", "d"]), y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pipe.initialize(lambda: [example], nlp=nlp, labels=labels)
        nlp.update([example], sgd=False)
    assert pipe.labels == ("ODD-ONE", "OTHER") if labels is None else ("OTHER",)
    assert [("'ODD-ONE'" in sentence) for sentence in said(caught)] == ([] if labels is None else [True, True])


# Gold that is left out, or is not there


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_spans_with_an_empty_label_are_left_out_with_one_warning(nlp, decoder):
    pipe = add(nlp, "spans:layer", decoder=decoder)
    y = doc_of(nlp, ["a", "b", "c"])
    y.spans["layer"] = [Span(y, 0, 1), Span(y, 1, 2, label="X")]
    examples = [Example(doc_of(nlp, ["a", "b", "c"]), y)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(nlp, examples, steps=2)
    (sentence,) = said(caught)
    assert "'spans:layer' that have an empty label are left out; give them labels." in sentence
    assert pipe.labels == ("X",) and pipe.target.gold(examples[0]) == [None, "U-X", "O"]
    y.spans["layer"] = [Span(y, 0, 1)]
    with pytest.raises(ValueError, match="in 1 docs, but none has a label .*; check the conversion of the data"):
        initialize(spacy_pipeline("spans:layer"), *through_docbin(nlp, [y]))


@pytest.mark.parametrize("target", ["tag", "pos", "morph", "_.kind"])
def test_alternatives_with_an_empty_label_are_left_out_with_one_warning(nlp, target, kind):
    pipe = add(nlp, target, alternatives_key="alternatives")
    y = doc_of(nlp, ["a", "b", "c"])
    label = {"pos": "NOUN", "morph": "Number=Sing"}.get(target, "X")
    y.spans["alternatives"] = [Span(y, 0, 2), Span(y, 1, 3, label=label)]
    examples = [Example(doc_of(nlp, ["a", "b", "c"]), y)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(nlp, examples, steps=2)
    assert ["that have an empty label are left out" in sentence for sentence in said(caught)] == [True]
    assert pipe.labels == (label,) and pipe.target.alternatives(examples[0]) == [None, {label}, {label}]


def spacy_pipeline(target, **config):
    nlp = spacy.blank("en")
    add(nlp, target, **config)
    return nlp


def test_alternatives_alone_are_annotation(nlp, kind):
    """A doc whose only gold is alternatives counts as annotated, for every target that takes them."""
    for target, label in (("tag", "NN"), ("pos", "NOUN"), ("morph", "POS=NOUN"), ("_.kind", "x")):
        other = spacy_pipeline(target, alternatives_key="alternatives")
        y = doc_of(nlp, ["a", "b"])
        y.spans["alternatives"] = [Span(y, 0, 2, label=label)]
        assert initialize(other, y) == [] and other.get_pipe("mine").labels == (label,)


@pytest.mark.parametrize(
    "target,config,setting",
    [
        ("tag", {"alternatives_key": "group"}, "alternatives_key"),
        ("_.kind", {"alternatives_key": "group"}, "alternatives_key"),
        ("ents", {"incorrect_spans_key": "group"}, "incorrect_spans_key"),
        ("spans:layer", {"incorrect_spans_key": "group"}, "incorrect_spans_key"),
    ],
)
def test_a_key_that_no_gold_doc_has_is_named_once(nlp, kind, target, config, setting):
    add(nlp, target, **config)
    golds = [eg.reference for eg in make_examples(nlp)]
    (sentence,) = initialize(nlp, *golds)
    assert f"{setting} = 'group', but no gold doc has the span group doc.spans['group']" in sentence
    golds[2].spans["group"] = []
    assert initialize(nlp, *golds) == []


def test_tags_that_are_all_hyphens_are_said_to_be_none(nlp, kind):
    def gold(tags):
        return doc_of(nlp, ["a", "b"], tags=tags, pos=["X", "X"])

    message = r"no annotation for its target 'tag' .*annotated targets: pos, morph.*\('-' alone is what `spacy convert`"
    with pytest.raises(ValueError, match=message):
        initialize(spacy_pipeline("tag"), gold(["-", "-"]))
    assert initialize(spacy_pipeline("pos"), gold(["-", "-"])) == []
    # A hyphen among others is a tag.
    other = spacy_pipeline("tag")
    assert initialize(other, gold(["-", "X"])) == [] and other.get_pipe("mine").labels == ("-", "X")


@pytest.mark.parametrize("target", ["ents", "spans:layer"])
def test_types_that_look_like_tags_of_a_scheme_are_named_once(nlp, target):
    add(nlp, target)
    y = doc_of(nlp, ["a", "b", "c", "d"], ents=["B-B-PER", "B-I-PER", "O", "B-ORG"])
    y.spans["layer"] = list(y.ents)
    (sentence,) = initialize(nlp, y, y)
    assert "the types 'B-PER', 'I-PER' look like tags of a scheme" in sentence and "ORG" not in sentence


def from_dict(nlp, text, entities):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # W030, which the message explains
        return Example.from_dict(nlp.make_doc(text), {"entities": entities})


@pytest.mark.parametrize("entities", [["B-PER", "I-PER", "O"], [(0, 3, "PER")]], ids=["IOB tags", "offsets"])
def test_entities_that_spacy_has_lost_are_one_message_that_says_how(nlp, entities):
    """The docs are annotated, without an entity in them: they are not said to be without annotation."""
    add(nlp, "ents")
    example = from_dict(nlp, "Anna Berg works", entities)
    with pytest.raises(ValueError) as caught:
        nlp.initialize(lambda: [example])
    message = str(caught.value)
    assert "annotated for its target 'ents' in 1 docs, but none has a label (1 docs, 3 tokens)" in message
    assert "no annotation" not in message and "annotated targets" not in message
    assert "(warning W030)" in message and "spacy.training.iob_to_biluo" in message


def test_entities_that_match_no_token_are_one_warning(nlp):
    pipe = add(nlp, "ents")
    y = doc_of(nlp, ["ab", "cd"], ents=["B-X", "B-Y"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nlp.initialize(lambda: [Example(doc_of(nlp, ["abc", "d"]), y)])
    (sentence,) = said(caught)
    assert re.search(
        r"2 of 2 gold labels \(100.0 %\) do not match the pipeline's tokens, .* cannot be learned", sentence
    )
    assert pipe.labels == ("X", "Y")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("n_docs", [0, 2])
def test_development_data_without_the_target_are_said_so_when_scored(nlp, kind, target, n_docs):
    pipe = add(nlp, target)
    examples = make_examples(nlp)
    train(nlp, examples, steps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipe.score([Example(pipe(nlp.make_doc(eg.text)), eg.reference) for eg in examples])
    bare = [Example(pipe(nlp.make_doc("I like")), nlp.make_doc("I like")) for _ in range(n_docs)]
    sentence = rf"component 'mine': none of the {n_docs} docs to be scored is annotated for its target '{target}'"
    with pytest.warns(UserWarning, match=re.escape(sentence)):
        scores = pipe.score(bare)
    assert all(scores[key] in (None, {}) for key in pipe.score_keys)
