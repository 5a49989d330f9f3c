"""What a component thinks of gold labels, against sums over all paths that there are."""

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_rnn_tagger.evaluation.doubts import find_in_judged, rank, sentence_around
from spacy_rnn_tagger.evaluation.judged_gold import NOTHING, JudgedGold, join_judged, judge_gold

from ..conftest import make_examples, randomize, small_model


def untrained(factory, decoder="crf", **config):
    """A pipeline of random weights, which finds anything anywhere."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(factory, config={"model": small_model(), "decoder": decoder, **config})
    nlp.initialize(lambda: make_examples(nlp))
    randomize(pipe.model, seed=3, scale=1.0)
    return nlp, pipe


def paths_of(pipe, doc):
    """Every legal path with its probability."""
    n = len(pipe.tags) ** len(doc)
    return pipe.kbest([doc], n)[0]


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
def test_spans_have_the_sum_of_the_paths_that_have_them(decoder):
    nlp, pipe = untrained("rnn_ner", decoder)
    doc = Doc(nlp.vocab, words=["Anna", "likes", "New", "York"])
    doc.set_ents([Span(doc, 0, 1, "PERSON"), Span(doc, 2, 4, "GPE")])
    example = Example(Doc(nlp.vocab, words=[t.text for t in doc]), doc)
    paths = paths_of(pipe, example.predicted)
    assert sum(numpy.exp(log) for _, log in paths) == pytest.approx(1, abs=1e-4)

    def summed(start, end, tags):
        return sum(numpy.exp(log) for path, log in paths if path[start:end] == tags)

    def likely(start, end, label):
        tags = {0: [f"U-{label}"]}.get(
            end - start - 1, [f"B-{label}", *[f"I-{label}"] * (end - start - 2), f"L-{label}"]
        )
        return summed(start, end, tags if label else ["O"] * (end - start))

    judged = judge_gold(pipe, [example], [(7, 10)])
    assert set(judged.docs.tolist()) == {7} and judged.n_left_out == 0 and judged.probabilities is None
    names = [*judged.labels, ""]
    rows = list(zip(judged.starts - 10, judged.ends - 10, judged.given, judged.given_probability))
    assert [(s, e, names[g]) for s, e, g, _ in rows if g != NOTHING] == [(0, 1, "PERSON"), (2, 4, "GPE")]
    for start, end, label, probability in rows:
        assert probability == pytest.approx(likely(start, end, names[label]), abs=1e-4)
    best = paths[0][0]
    found = [(s.start, s.end, s.label_) for s in spans_in(best, example.predicted)]
    for i, (start, end, label, _) in enumerate(rows):
        others = [(*each, likely(*each)) for each in found if each[0] < end and each[1] > start]
        if label != NOTHING:
            others = [each for each in others if each[:3] != (start, end, names[label])]
            others.append((start, end, "", likely(start, end, "")))
        expected = max(others, key=lambda each: each[3])
        other = (judged.other_starts[i] - 10, judged.other_ends[i] - 10, names[judged.other[i]])
        assert other == expected[:3] and judged.other_probability[i] == pytest.approx(expected[3], abs=1e-4)


def spans_in(tags, doc):
    return spacy.training.biluo_tags_to_spans(doc, tags)


def test_tokens_have_their_marginals():
    nlp, pipe = untrained("rnn_tagger")
    examples = make_examples(nlp)[:2]
    examples[0].reference[1].tag_ = ""
    judged = judge_gold(pipe, examples, [(0, 0), (1, 5)])
    probs = pipe.predict_proba([eg.predicted for eg in examples])
    expected = [(0, 0), (0, 2), (0, 3), *((1, 5 + i) for i in range(len(examples[1].reference)))]
    assert list(zip(judged.docs.tolist(), judged.starts.tolist())) == expected  # without the token that has no tag
    for i, (doc, token) in enumerate(expected):
        row = probs[doc][token - 5 * doc]
        given = pipe.tags.index(examples[doc].reference[token - 5 * doc].tag_)
        assert judged.given[i] == given and judged.given_probability[i] == pytest.approx(row[given], abs=1e-5)
        others = [p if j != given else -1 for j, p in enumerate(row)]
        assert judged.other[i] == int(numpy.argmax(others))
        assert judged.other_probability[i] == pytest.approx(max(others), abs=1e-5)
    kept = judged.probabilities
    assert kept.sizes.sum() == len(kept.values) and (kept.values >= 1e-3).all()
    assert kept.sizes[0] == (probs[0][0] >= 1e-3).sum()


def test_labels_that_the_component_does_not_know_are_left_out():
    nlp, pipe = untrained("rnn_tagger")
    examples = make_examples(nlp)
    examples[0].reference[0].tag_ = "NEW"
    judged = judge_gold(pipe, examples, [(i, 0) for i in range(4)])
    assert judged.n_left_out == 1 and (judged.docs[0], judged.starts[0]) == (0, 1)
    nlp, pipe = untrained("rnn_ner")
    examples = make_examples(nlp)
    examples[0].reference.ents = [Span(examples[0].reference, 0, 1, "NEW")]
    assert judge_gold(pipe, examples, [(i, 0) for i in range(4)]).n_left_out == 1


def test_parts_with_other_labels_are_joined():
    def part(labels, doc, given, other):
        return JudgedGold(
            True,
            labels,
            *(numpy.asarray([each]) for each in (doc, 0, 1, given)),
            numpy.asarray([0.1], dtype="float32"),
            *(numpy.asarray([each]) for each in (0, 1, other)),
            numpy.asarray([0.8], dtype="float32"),
            None,
            1,
        )

    joined = join_judged([part(["A", "B"], 4, 1, NOTHING), part(["B", "C"], 2, NOTHING, 1)], True)
    assert joined.labels == ["A", "B", "C"] and joined.docs.tolist() == [2, 4] and joined.n_left_out == 2
    assert joined.given.tolist() == [NOTHING, 1] and joined.other.tolist() == [2, NOTHING]
    assert JudgedGold.from_dict(joined.to_dict()).given.tolist() == [NOTHING, 1]


def test_kinds_and_contexts():
    vocab = spacy.blank("en").vocab
    doc = Doc(vocab, words="Anna met Bert . She left for New York".split(), sent_starts=[1, 0, 0, 0, 1, 0, 0, 0, 0])
    names = ["PER", "LOC"]
    rows = [  # start, end, given, its probability, alternative
        (0, 1, 0, 0.1, (0, 1, 1, 0.8)),
        (2, 3, 0, 0.2, (2, 3, NOTHING, 0.7)),
        (7, 9, 1, 0.3, (8, 9, 1, 0.6)),
        (4, 5, NOTHING, 0.05, (4, 5, 0, 0.9)),
        (1, 2, 0, 0.6, (1, 2, 1, 0.3)),  # as the model has it
    ]
    columns = [*zip(*(row[:3] for row in rows)), *zip(*(row[4] for row in rows))]
    starts, ends, given_labels, other_starts, other_ends, other, likely = map(numpy.asarray, columns)
    own = numpy.asarray([row[3] for row in rows])
    zeros = numpy.zeros_like(starts)
    judged = JudgedGold(
        True, names, zeros, starts, ends, given_labels, own, other_starts, other_ends, other, likely, None, 0
    )
    found = find_in_judged([doc], "ents", judged, ranking="self-confidence")
    assert found.n_judged == 5 and found.n_disagreements == found.n_confident == 4 and found.n_errors is None
    assert [doubt.kind for doubt in found.doubts] == ["missing", "type", "spurious", "boundary"]
    assert [(doubt.before, doubt.text, doubt.after) for doubt in found.doubts] == [
        ("", "She", " left for New York"),
        ("", "Anna", " met Bert ."),
        ("Anna met ", "Bert", " ."),
        ("She left for ", "New York", " "),
    ]
    assert found.doubts[3].other_text == "York" and found.doubts[2].other == "" and found.doubts[0].given == ""
    assert rank(judged, "margin").tolist() == [3, 0, 1, 2]
    assert rank(judged, "turns").tolist() == rank(judged, "self-confidence").tolist() == [3, 0, 1, 2]
    # As many times the first row, less and less likely: its kind comes once in each turn.
    again = [0, 1, 2, 3, 4, 0, 0, 0]
    numbers = [part[again] if isinstance(part, numpy.ndarray) else part for part in judged[2:-2]]
    more = JudgedGold(True, names, *numbers, None, 0)
    more = more._replace(given_probability=numpy.asarray([0.1, 0.2, 0.3, 0.05, 0.6, 0.01, 0.001, 0.0001]))
    assert rank(more, "self-confidence").tolist() == [7, 6, 5, 3, 0, 1, 2]
    assert rank(more, "turns").tolist() == [7, 3, 1, 2, 6, 5, 0]
    with pytest.raises(ValueError, match="ranking = 'margins' is unknown.*Did you mean 'margin'"):
        rank(judged, "margins")
    without = Doc(vocab, words=["a"] * 100)
    assert sentence_around(without, 50, 52).start == 25 and len(sentence_around(without, 0, 1)) == 26
