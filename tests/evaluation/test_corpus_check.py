"""What is found in a corpus before training: one table of faults, and counts that hold for any spans."""

from collections import Counter

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span, Token

from spacy_rnn_tagger.evaluation import check_corpus
from spacy_rnn_tagger.evaluation.corpus_findings import LONG_DOC, RARE

NLP = spacy.blank("en")
NAMES = "Agra Basra Delhi Hanoi Izmir Kyoto Lagos Malmo Osaka Patna Quito Turin".split()
VECTOR = numpy.asarray([1.0, 2.0], dtype="float32")
ALWAYS = {"few-sentences"}


def gold(text, tags=None, ents=(), spans=None, kind=None, **annotation):
    """A doc whose words and spaces are those of a text, the tokens split at single spaces."""
    words = text.split(" ") if text else []
    doc = Doc(NLP.vocab, words=words, spaces=([True] * len(words))[1:] + [False] * bool(words), tags=tags, **annotation)
    if ents is not None:
        doc.set_ents([Span(doc, *ent) for ent in ents])
    for key, group in (spans or {}).items():
        doc.spans[key] = [Span(doc, *span) for span in group]
    for i, value in (kind or {}).items():
        doc.user_data[("._.", "check_kind", doc[i].idx, None)] = value
    return doc


def clean(verb="saw", **more):
    """Different sentences, tags and entities."""
    return [gold(f"He {verb} {name} .", ["PRP", "VBD", "NNP", "."], [(2, 3, "GPE")], **more) for name in NAMES]


def found(train, dev=None, nlp=NLP, **options):
    parts = {"train": iter(train), **({} if dev is None else {"dev": iter(dev)})}
    done = check_corpus(nlp, parts, **options)
    kinds = {(f.severity, f.kind, f.part, f.target) for f in done.findings if f.kind not in ALWAYS}
    return done, kinds


def test_a_clean_corpus_has_only_counts():
    done, kinds = found(clean(), clean("left"))
    assert kinds == set()
    train, dev = done.parts
    assert (train.n_docs, train.n_sentences, train.n_tokens, train.n_words, train.longest) == (12, 12, 48, 15, 4)
    assert train.lengths["1-10"] == 12 and sum(train.lengths.values()) == 12
    assert train.targets["tag"].labels == dict.fromkeys(["PRP", "VBD", "NNP", "."], 12)
    assert train.targets["ents"].labels == {"GPE": 12} and train.targets["ents"].n_tokens == 48
    assert set(dev.targets) == {"tag", "ents"}


def of(kind, severity="warning", part="train", target=""):
    return (severity, kind, part, target)


FAULTS = {
    "no docs": ([], None, {of("no-tokens", "error")}),
    "no words": ([gold("", ents=None), gold("\n \n", ents=None)], None, {of("no-tokens", "error")}),
    "no annotation": ([gold("He left .", ents=None)], None, {of("no-annotation", "error")}),
    "an empty doc": ([*clean(), gold("", ents=None)], None, {of("empty-docs")}),
    "a long doc": ([*clean(), gold("a " * LONG_DOC + "a", ["PRP"] * (LONG_DOC + 1))], None, {of("long-docs")}),
    "a copy": ([*clean(), clean()[3]], None, {of("duplicates")}),
    "nearly a copy": ([*clean(), gold("he saw Turin !", ["PRP", "VBD", "NNP", "."])], None, {of("near-duplicates")}),
    "trained on dev": (clean(), clean(), {of("shared", "error", "dev")}),
    "a leak": (clean(), [*clean("left"), clean()[0]], {of("shared", part="dev")}),
    "nearly a leak": (
        clean(),
        [*clean("left"), gold("he saw TURIN .", ["PRP", "VBD", "NNP", "."], [(2, 3, "GPE")])],
        {of("nearly-shared", part="dev")},
    ),
    "two minds": (
        [*clean(), gold("He saw Turin .", ["PRP", "VBD", "NNP", "."], [(2, 3, "PER")] * 1)],
        None,
        {of("duplicates"), of("contradictory", target="ents"), of("rare-labels", target="ents")},
    ),
    "a label of dev": (
        clean(),
        [*clean("left"), gold("He met Ann .", ["PRP", "VBD", "NNPP", "."], [(2, 3, "GPEE")])],
        {of("unseen-labels", part="dev", target="tag"), of("unseen-labels", part="dev", target="ents")},
    ),
    "dev without a layer": (
        clean(),
        [gold("A b", ["PRP", "."], None)],
        {
            of("unscored", part="dev", target="ents"),
        },
    ),
    "rare": (
        [*clean(), gold("He met Ann .", ["PRP", "VBD", "NNP", "."], [(2, 3, "PER")])],
        None,
        {of("rare-labels", target="ents")},
    ),
    "missing tags": (
        [*clean(), *(gold(f"Oh {name} !", ents=[(1, 2, "GPE")]) for name in NAMES)],
        None,
        {of("missing", target="tag")},
    ),
    "a space inside": (
        [*clean(), gold("He saw Rome \n .", ["PRP", "VBD", "NNP", "", "."], [(2, 4, "GPE")])],
        None,
        {of("whitespace", target="ents")},
    ),
    "overlap": (
        clean(spans={"sc": [(0, 3, "A"), (2, 4, "B")]}),
        None,
        {of("refused", "error", target="spans:sc")},
    ),
    "scheme": (
        [gold(f"He saw {name} .", ents=[(2, 3, "B-GPE")]) for name in NAMES],
        None,
        {of("scheme-labels", target="ents")},
    ),
    "an empty label": (
        clean(spans={"sc": [(0, 1, "")]}),
        None,
        {of("empty-labels", "error", target="spans:sc"), of("missing", target="spans:sc")},
    ),
    "one label": (
        [gold(f"He saw {name} .", ["X"] * 4, None) for name in NAMES],
        None,
        {of("one-label", target="tag")},
    ),
    "one sentence": (
        clean(sent_starts=[True, False, False, False]),
        None,
        {of("one-sentence-docs", target="sents")},
    ),
    "no string": (clean(kind={0: 7}), None, {of("refused", target="_.check_kind")}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(fault):
    train, dev, expected = FAULTS[fault]
    done, kinds = found(train, dev)
    assert kinds == expected
    for finding in done.findings:
        assert finding.message and finding.advice.endswith((".", "?")) and finding.advice[0].isupper()
    assert bool(done.errors) == any(severity == "error" for severity, *_ in expected)


def test_misaligned_gold_is_shown_where_it_is():
    parts = Doc(
        NLP.vocab, words="He saw Rome .".split(), spaces=[True, False, False, False], tags=["PRP", "VBD", "NNP", "."]
    )
    parts.set_ents([Span(parts, 2, 3, "GPE")])
    assert [token.text for token in NLP(parts.text)] == ["He", "sawRome", "."]
    done, kinds = found([*clean(), parts])
    assert kinds == {of("misaligned", target="tag"), of("misaligned", target="ents")}
    of_tags, of_ents = (f for f in done.findings if f.kind == "misaligned")
    assert of_tags.message.startswith("2 of 52 labels") and of_tags.examples == ["doc 12: 'saw' in 'He sawRome.'"]
    assert of_ents.examples == ["doc 12: 'Rome' (tokens 2 to 2, label 'GPE') in 'He sawRome.'"]
    assert [f.kind for f in found([parts])[0].errors] == ["misaligned", "misaligned"]  # at least half of them


def test_only_some_targets():
    assert found(clean(spans={"sc": [(0, 3, "A"), (2, 4, "B")]}), targets=["ents"])[1] == set()
    assert found(clean(), targets=["ents", "pos"])[1] == {of("no-annotation", "error", target="pos")}
    with pytest.raises(ValueError, match="target = 'tags' is unknown; .* Did you mean 'tag'"):
        found(clean(), targets=["tags"])


def test_vectors():
    nlp = spacy.blank("en")
    assert not found(clean(), nlp=nlp)[0].has_vectors
    nlp.vocab.set_vector("xyz", VECTOR)
    assert found(clean(), nlp=nlp)[1] == {of("vectors", "error")}
    for word in ("He", "."):
        nlp.vocab.set_vector(word, VECTOR)
    done, kinds = found(clean(), nlp=nlp)
    assert kinds == {of("vectors")} and done.parts[0].with_vector == 24
    assert done.findings[-1].examples[0] == "'saw' (12)"
    nlp.vocab.set_vector("saw", VECTOR)
    assert found(clean(), nlp=nlp)[1] == set()


def test_custom_attributes_are_counted_and_stay_as_they_are():
    done, kinds = found(clean(kind={0: "a", 1: "b"}))
    assert done.parts[0].targets["_.check_kind"].labels == {"a": 12, "b": 12} and kinds == {
        of("missing", target="_.check_kind")
    }
    assert not Token.has_extension("check_kind")


WORDS = st.lists(st.sampled_from(["a", "B", "7", "\n", "\t\n"]), min_size=1, max_size=8)
PLACES = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 3), st.sampled_from("XYZ")), max_size=4)


@given(st.lists(st.tuples(WORDS, PLACES), max_size=6))
@settings(max_examples=60, deadline=None)
def test_spans_are_counted_as_they_are(drawn):
    docs, labels, ragged, overlapping = [], Counter(), 0, 0
    for words, places in drawn:
        doc = Doc(NLP.vocab, words=words)
        spans = {(s, min(s + n, len(words)), label) for s, n, label in places if s < len(words)}
        doc.spans["sc"] = [Span(doc, *span) for span in spans]
        docs.append(doc)
        if not "".join(words).strip():
            continue
        labels.update(label for _, _, label in spans)
        times = Counter(i for start, end, _ in spans for i in range(start, end))
        if max(times.values(), default=0) > 1:
            overlapping += 1
        else:
            ragged += sum(words[s].isspace() or words[e - 1].isspace() for s, e, _ in spans)
    done, kinds = found(docs)
    counts = done.parts[0].targets.get("spans:sc")
    assert done.parts[0].n_docs == len(docs)
    if counts is None:
        assert not labels
        return
    assert Counter(counts.labels) == labels and list(counts.labels.values()) == sorted(labels.values(), reverse=True)
    assert (counts.ragged.n, counts.refused.n, counts.misaligned.n) == (ragged, overlapping, 0)
    assert (of("refused", "error", target="spans:sc") in kinds) == bool(overlapping)
    assert (of("rare-labels", target="spans:sc") in kinds) == any(n < RARE for n in labels.values())
