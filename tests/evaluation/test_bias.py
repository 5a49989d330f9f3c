"""What label biases do to precision and recall."""

import numpy
import pytest
from spacy.training import Example

from spacy_rnn_tagger.evaluation.bias_curve import Point, best_point, bias_curve
from spacy_rnn_tagger.evaluation.bias_sweep import TOGETHER, sweep_biases
from spacy_rnn_tagger.evaluation.scored_batches import score_batches

from ..conftest import make_examples, randomize, train
from .test_calibration import add, decoder, undecided  # noqa: F401


def test_the_bias_of_a_label_that_is_an_alternative(nlp):
    pipe = add(nlp, "rnn_tagger", alternatives_key="maybe")
    train(nlp, make_examples(nlp), steps=60)
    text = "They eat ham ."
    batches = list(score_batches(pipe, [undecided(nlp, text, "PRP///.", _1="VBP VBZ", _2="VBZ NNP")]))
    off, on = bias_curve(pipe, batches, ["VBZ"], [0.0, 100.0])
    # Two tokens may be VBZ: VBP is right for the first, and NN is wrong for the second.
    assert (off.predicted, off.recall) == (0, 0.0)
    assert (on.predicted, on.precision, on.recall) == (4, 0.5, 1.0)
    (none,) = bias_curve(pipe, batches[:1], ["VBP"], [0.0])
    assert (none.predicted, none.precision, none.recall) == (1, 1.0, 1.0)


@pytest.mark.parametrize("factory, key", [("rnn_ner", "ents_per_type"), ("rnn_tagger", None)])
def test_bias_curves_are_what_the_scorer_says(nlp, decoder, factory, key):  # noqa: F811
    pipe = add(nlp, factory, decoder=decoder)
    train(nlp, make_examples(nlp), steps=1)
    randomize(pipe.model, scale=0.4)
    examples = make_examples(nlp)
    label = "GPE" if key else "NNP"
    pipe.label_bias = {pipe.labels[-1]: 0.25}
    batches = list(score_batches(pipe, examples, batch_size=3))
    recalls = []
    for point in bias_curve(pipe, batches, [label], [-8.0, 0.0, 1.0, 8.0]):
        pipe.label_bias = {pipe.labels[-1]: 0.25, label: point.bias}
        annotated = [Example(pipe(eg.predicted.copy()), eg.reference) for eg in examples]
        if key:
            scores = pipe.score(annotated)[key][label]
            wanted = [scores[name] for name in "prf"]
        else:
            pairs = [(x.tag_ == label, y.tag_ == label) for eg in annotated for x, y in zip(eg.x, eg.y)]
            hits, predicted, gold = (sum(map(f, pairs)) for f in (all, lambda p: p[0], lambda p: p[1]))
            wanted = [hits / predicted if predicted else 0.0, hits / gold, 2 * hits / (predicted + gold)]
            assert point.predicted == predicted
        assert [numpy.nan_to_num(value) for value in (point.precision, point.recall, point.f)] == pytest.approx(wanted)
        recalls.append(point.recall)
        pipe.label_bias = {pipe.labels[-1]: 0.25}
    assert recalls == sorted(recalls) and recalls[0] < recalls[-1]


def test_the_best_point_is_the_least_biased_of_equals():
    points = [Point(bias, 1, 1.0, 1.0, f) for bias, f in ((-2.0, 0.5), (-1.0, 0.5), (0.0, 0.4), (3.0, float("nan")))]
    assert best_point(points).bias == -1.0


def test_every_component_has_a_useful_sweep(nlp):
    """All labels together where there is an O, each by itself where every token has a label."""
    add(nlp, "rnn_tagger")
    add(nlp, "rnn_ner")
    examples = make_examples(nlp)
    train(nlp, examples, steps=3)

    def sweep(**settings):
        done = sweep_biases(nlp, lambda _: examples, biases=[0.0, 1.0], **settings)
        return {report.component: list(report.curves) for report in done.components}

    labels = {name: list(nlp.get_pipe(name).labels) for name in nlp.pipe_names}
    assert sweep() == {"rnn_tagger": labels["rnn_tagger"], "rnn_ner": [TOGETHER]}
    assert sweep(each=True) == labels
    assert sweep(labels=["GPE"]) == {"rnn_ner": ["GPE"]}
    assert sweep(labels=["GPE", "NN"]) == {"rnn_tagger": ["NN"], "rnn_ner": ["GPE"]}
    assert sweep(component="rnn_ner") == {"rnn_ner": [TOGETHER]}
    with pytest.raises(
        ValueError, match="components 'rnn_tagger', 'rnn_ner': --label names the label 'GPX'.*mean 'GPE'"
    ):
        sweep(labels=["GPX"])
    assert all(nlp.get_pipe(name).label_bias == {} for name in nlp.pipe_names)
