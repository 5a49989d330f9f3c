"""The reader of .spacy files: what it splits, what it keeps, and what it says of other files."""

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span, Token

from spacy_rnn_tagger.training.corpus import create_corpus

WORDS = "New York is big . They like London .".split()
STARTS = [i in (0, 5) for i in range(len(WORDS))]


@pytest.fixture
def gold(nlp):
    Token.set_extension("kind", default=None, force=True)
    # Spaces that the tokenizer would not guess.
    doc = Doc(nlp.vocab, words=WORDS, spaces=[True] * len(WORDS), sent_starts=STARTS)
    doc.spans["places"] = [Span(doc, 0, 2, "GPE", span_id="a"), Span(doc, 7, 8, "GPE"), Span(doc, 4, 6, "X")]
    doc.spans["empty"] = []
    doc[7]._.kind = "city"
    return doc


def write(path, *docs):
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def spans_of(example, key):
    spans = example.reference.spans[key]
    return [(span.text, span.start, span.end, span.label_, span.id_) for span in spans]


@pytest.mark.parametrize("options", [{"gold_preproc": True}, {"max_length": 6}])
def test_sentences_keep_their_groups_and_attributes(nlp, gold, tmp_path, options):
    first, second = create_corpus(write(tmp_path / "gold.spacy", gold), **options)(nlp)
    assert [first.text, second.text] == ["New York is big . ", "They like London . "]
    assert spans_of(first, "places") == [("New York", 0, 2, "GPE", "a")]
    assert spans_of(second, "places") == [("London", 2, 3, "GPE", "")]
    assert spans_of(first, "empty") == spans_of(second, "empty") == []
    assert [token._.kind for token in second.reference] == [None, None, "city", None]


def test_gold_preproc_takes_the_gold_tokens_one_sentence_at_a_time(nlp, tmp_path):
    gold = Doc(
        nlp.vocab, words=["do", "n't", "gim", "me"], spaces=[False, True, False, False], sent_starts=[1, 0, 1, 0]
    )
    path = write(tmp_path / "gold.spacy", gold)
    assert [[t.text for t in eg.predicted] for eg in create_corpus(path, gold_preproc=True)(nlp)] == [
        ["do", "n't"],
        ["gim", "me"],
    ]
    (whole,) = create_corpus(path)(nlp)
    assert [token.text for token in whole.predicted] == [token.text for token in nlp.make_doc("don't gimme")]


def test_what_is_too_long_is_split_or_skipped(nlp, gold, tmp_path):
    path = write(tmp_path / "gold.spacy", gold, Doc(nlp.vocab, words=["a"] * 9), Doc(nlp.vocab, words=["a"] * 4))
    for max_length, lengths in ((0, [9, 9, 4]), (10, [9, 9, 4]), (6, [5, 4, 4]), (5, [4, 4]), (4, [])):
        assert [len(eg.reference) for eg in create_corpus(path, max_length=max_length)(nlp)] == lengths


def test_the_limit_is_one_of_all_files(nlp, tmp_path):
    for name in "ab":
        write(tmp_path / f"{name}.spacy", *[Doc(nlp.vocab, words=[name]) for _ in range(3)])
    for limit, words in ((0, "aaabbb"), (2, "aa"), (4, "aaab"), (9, "aaabbb")):
        assert "".join(eg.text.strip() for eg in create_corpus(tmp_path, limit=limit)(nlp)) == words


@pytest.mark.parametrize(
    "name,content,message",
    [
        ("data.conll", b"a\tO\n", r"'.*data.conll' is no .spacy file"),
        ("folder/data.json", b"[]", r"'.*folder' is no .spacy file, and no directory with any"),
        ("data.spacy", b"[]", r"Cannot read the training corpus '.*data.spacy' \(2 bytes\)"),
    ],
)
def test_other_files_are_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        list(create_corpus(path if name.startswith("data") else path.parent)(spacy.blank("en")))
