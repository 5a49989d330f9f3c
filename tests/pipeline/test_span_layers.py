"""Layers of spans, from gold to scores."""

import pytest
import spacy
from spacy.tokens import Span, SpanGroup
from spacy.training import Example

from spacy_rnn_tagger.pipeline.targets import make_target

from ..conftest import make_examples, small_model, train
from ..fixtures.target_pipelines import add, doc_of, through_docbin


def spans_doc(nlp, words, **groups):
    doc = doc_of(nlp, words) if isinstance(words, list) else nlp.make_doc(words)
    for key, spans in groups.items():
        doc.spans[key] = [Span(doc, *span) for span in spans]
    return doc


def show(group):
    return [(span.start, span.end, span.label_) for span in group]


def test_overlapping_layers_are_several_components(nlp, tmp_path):
    for key in ("inner", "outer"):
        nlp.add_pipe("rnn_tagger", name=key, config={"target": f"spans:{key}", "model": small_model()})
    text = "Bank of England in London"
    gold = {"inner": [(2, 3, "GPE"), (4, 5, "GPE")], "outer": [(0, 3, "ORG")]}
    references = through_docbin(nlp, [spans_doc(nlp, text, **gold), spans_doc(nlp, "I eat ham", inner=[], outer=[])])
    examples = [Example(nlp.make_doc(y.text), y) for y in references]
    train(nlp, examples, steps=60)
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, spacy.load(tmp_path)):
        doc = pipeline(text)
        assert show(doc.spans["inner"]) == gold["inner"] and show(doc.spans["outer"]) == gold["outer"]
        assert doc.spans["outer"].name == "outer" and len(pipeline("I eat ham").spans["inner"]) == 0
    scores = nlp.evaluate(examples)
    assert all(scores[f"spans_{key}_{x}"] == 1.0 for key in ("inner", "outer") for x in "fpr")
    assert scores["spans_inner_per_type"]["GPE"]["f"] == 1.0
    pipe = nlp.get_pipe("inner")
    assert pipe.labels == ("GPE",) and pipe.tags == ("O", "B-GPE", "I-GPE", "L-GPE", "U-GPE")
    assert pipe.predict_proba([doc])[0].shape == (5, 5) and len(pipe.kbest([doc], 3)[0]) == 3


def test_gold_spans_that_overlap_are_refused_by_name(nlp):
    add(nlp, "spans:x")
    good = spans_doc(nlp, "New York is big", x=[(0, 2, "GPE")])
    bad = spans_doc(nlp, "Bank of England", x=[(2, 3, "GPE"), (0, 3, "ORG")])
    examples = [Example(nlp.make_doc(y.text), y) for y in (good, bad)]
    message = (
        r"in doc 1 \('Bank of England'\), the gold spans 'Bank of England' \(tokens 0 to 2, label 'ORG'\) and "
        r"'England' "
        r"\(tokens 2 to 2, label 'GPE'\) of doc.spans\['x'\] overlap, .* a key of its own"
    )
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: examples)
    nlp.initialize(lambda: examples[:1])
    with pytest.raises(ValueError, match="in doc 'Bank of England', the gold spans"):
        nlp.update(examples, sgd=False)
    both = spans_doc(nlp, "New York", x=[(0, 2, "GPE"), (0, 2, "ORG")])  # one place, two labels
    with pytest.raises(ValueError, match="gold spans 'New York' .* and 'New York' .* overlap"):
        make_target("spans:x", nlp.vocab).gold(Example(nlp.make_doc("New York"), both))
    twice = spans_doc(nlp, "New York", x=[(0, 2, "GPE"), (0, 2, "GPE")])
    assert make_target("spans:x", nlp.vocab).gold(Example(nlp.make_doc("New York"), twice)) == ["B-GPE", "L-GPE"]


@pytest.mark.parametrize(
    "predicted,gold,spans,expected",
    [
        (["a", "b", "c"], ["a", "b", "c"], [(0, 2, "X")], ["B-X", "L-X", "O"]),
        (["ab", "c"], ["a", "b", "c"], [(0, 2, "X")], ["U-X", "O"]),
        (["ab", "c"], ["a", "b", "c"], [(1, 3, "X")], [None, None]),
        (["a", "b", "c"], ["ab", "c"], [(0, 1, "X")], ["B-X", "L-X", "O"]),
        (["a", "bc", "d"], ["ab", "cd"], [(0, 1, "X")], [None, None, "O"]),
        (["ab", "c"], ["a", "b", "c"], [(0, 1, "X"), (1, 2, "Y")], [None, "O"]),
        (["a", "\n", "b"], ["a", "\n", "b"], [(0, 2, "X")], [None, None, "O"]),
        (["a", "b"], ["a", "b"], [], ["O", "O"]),
        (["a", "b"], ["a", "b"], None, [None, None]),
    ],
)
def test_misaligned_spans(nlp, predicted, gold, spans, expected):
    y = spans_doc(nlp, gold, **({} if spans is None else {"k": spans}))
    target = make_target("spans:k", nlp.vocab)
    eg = Example(doc_of(nlp, predicted), y)
    assert target.gold(eg) == expected and target.is_annotated(y) == (spans is not None)
    assert target.count_aligned(eg) == sum(tag is not None and tag[0] in "BU" for tag in expected)


def test_spans_that_are_there_stay(nlp):
    pipe = add(nlp, "spans:layer")
    train(nlp, make_examples(nlp))
    text = "Anna Berg works in New York."
    doc = nlp(text)
    assert show(doc.spans["layer"]) == [(0, 2, "PERSON"), (4, 6, "GPE")]
    doc = spans_doc(nlp, text, layer=[(1, 4, "GPE"), (2, 3, "ODD")], other=[(0, 7, "ALL")])
    doc.spans["layer"].attrs["source"] = "rules"
    other = doc.spans["other"]
    doc = pipe(doc)
    # The present spans overlap, which is theirs to do; nothing found crosses them.
    assert show(doc.spans["layer"]) == [(1, 4, "GPE"), (2, 3, "ODD"), (4, 6, "GPE")]
    assert doc.spans["layer"].attrs == {"source": "rules"}
    assert isinstance(doc.spans["layer"], SpanGroup) and show(other) == show(doc.spans["other"]) == [(0, 7, "ALL")]
    pipe.overwrite = True
    assert show(pipe(doc).spans["layer"]) == [(0, 2, "PERSON"), (4, 6, "GPE")]
    assert set(doc.spans) == {"layer", "other"}


def test_docs_without_the_key_are_neither_learned_nor_scored(nlp):
    pipe = add(nlp, "spans:layer")
    examples = make_examples(nlp)
    train(nlp, examples, steps=1)
    bare = Example(nlp.make_doc("Some words"), nlp.make_doc("Some words"))
    assert nlp.update([bare], sgd=False)["mine"] == 0.0
    assert pipe.score([Example(pipe(nlp.make_doc("Some words")), nlp.make_doc("Some words"))])["spans_layer_f"] is None
