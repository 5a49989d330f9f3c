"""Tags of every scheme are recognised, and stand for the same entities."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import biluo_to_iob, offsets_to_biluo_tags

from spacy_rnn_tagger.data.schemes import OTHER_NAMES, SCHEMES, TagEvidence, decode_tags, encode_tags

from .generated_docs import NLP, make_spans

N = 9
REAL = [scheme for scheme in SCHEMES if scheme not in ("mixed", "plain")]


@pytest.mark.parametrize("scheme", [*REAL, *OTHER_NAMES])
@settings(max_examples=25, deadline=None)
@given(spans=make_spans(N))
def test_round_trip(scheme, spans):
    tags = encode_tags(spans, N, scheme)
    assert {tag[0] for tag in tags} <= {"O", *SCHEMES[OTHER_NAMES.get(scheme, scheme)]}
    entities = decode_tags(tags, scheme)
    assert entities.spans == spans and not entities.faults and not entities.missing


@settings(max_examples=25, deadline=None)
@given(spans=make_spans(N, ["A", "B"]))
def test_plain_labels_join_neighbours(spans):
    joined: list = []
    for start, end, label in spans:
        if joined and joined[-1][1:] == (start, label):
            start = joined.pop()[0]
        joined.append((start, end, label))
    assert decode_tags(encode_tags(spans, N, "plain"), "plain").spans == joined


@settings(max_examples=25, deadline=None)
@given(spans=make_spans(N))
def test_the_tags_are_those_of_spacy(spans):
    doc = Doc(NLP.vocab, words=["x"] * N)
    found = [Span(doc, *span[:2], label=span[2]) for span in spans]
    biluo = offsets_to_biluo_tags(doc, [(s.start_char, s.end_char, s.label_) for s in found])
    assert encode_tags(spans, N, "biluo") == biluo and encode_tags(spans, N, "iob2") == biluo_to_iob(biluo)


@pytest.mark.parametrize("scheme", REAL)
@settings(max_examples=25, deadline=None)
@given(sentences=st.lists(make_spans(N), min_size=1, max_size=4))
def test_the_scheme_that_is_recognised_gives_the_same_entities(scheme, sentences):
    evidence = TagEvidence()
    tags = [encode_tags(spans, N, scheme) for spans in sentences]
    for each in tags:
        evidence.add(each)
    found, notes = evidence.decide()
    assert [decode_tags(each, found).spans for each in tags] == sentences
    if found != scheme and any(sentences):
        # Without long or short entities, some schemes write the same tags.
        assert notes or found in ("iob1", "iob2", "iobes", "bmes")
    assert not any(decode_tags(each, found).faults for each in tags)


@settings(max_examples=100, deadline=None)
@given(
    tags=st.lists(
        st.sampled_from(["O", "-", *(f"{p}-{x}" for p in "BILUMESW" for x in "AB"), "A", "E-mail"]), max_size=N
    ),
    scheme=st.sampled_from(list(SCHEMES)),
)
def test_no_tag_is_lost(tags, scheme):
    """Whatever the scheme, each entity tag lies in an entity of its label, and no other token does."""
    entities = decode_tags(tags, scheme)
    labels = {i: label for start, end, label in entities.spans for i in range(start, end)}
    for i, tag in enumerate(tags):
        label = tag if scheme == "plain" or tag[1:2] != "-" or tag[0] not in "BILUMESW" else tag[2:]
        assert labels.get(i) == (None if tag in ("O", "-") else label)
    assert entities.missing == [i for i, tag in enumerate(tags) if tag == "-"]


def test_entities_end_with_their_sentence():
    assert decode_tags(["B-A", "I-A"], "iob2", [True, True]).spans == [(0, 1, "A"), (1, 2, "A")]
    assert decode_tags(["B-A", "I-A"], "iob2", [True, False]).spans == [(0, 2, "A")]
