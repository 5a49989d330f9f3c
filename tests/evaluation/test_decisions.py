"""What gold can judge: decisions that were the component's own, where gold says what is right."""

import pytest
from spacy.tokens import Span
from spacy.training import Example

from spacy_rnn_tagger.evaluation.scored_batches import count_gold, judge, score_batches

from ..conftest import make_examples, small_model, train

TEXT = "Anna Berg works in New York."


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "factory,rows,label", [("rnn_tagger", [0, 1, 2, 3, 4, 5, 6], "NNP"), ("rnn_ner", [0, 4], "GPE")]
)
def test_present_annotation_and_missing_gold_are_not_judged(nlp, factory, rows, label, overwrite):
    pipe = nlp.add_pipe(factory, config={"model": small_model(), "overwrite": overwrite})
    train(nlp, make_examples(nlp), steps=40)
    tags, ents = "NNP NNP VBZ IN NNP NNP .".split(), ["B-PERSON", "L-PERSON", "O", "O", "B-GPE", "L-GPE", "O"]
    kept = [] if overwrite else [4] if factory == "rnn_tagger" else [4, 5]
    for missing in ([], [2], [0, 1]):
        gold = {
            "tags": ["" if i in missing else tag for i, tag in enumerate(tags)],
            "entities": ["-" if i in missing else ent for i, ent in enumerate(ents)],
        }
        example = Example.from_dict(nlp.make_doc(TEXT), gold)
        example.predicted[4].tag_ = "XX"
        example.predicted.ents = [Span(example.predicted, 4, 6, label="PERSON")]
        (batch,) = score_batches(pipe, [example])
        path = batch.scores.best()
        decisions = judge(pipe.target, pipe.labels, batch, path)
        assert decisions.rows.tolist() == [row for row in rows if row not in (*missing, *kept)]
        assert decisions.right.all()
        theirs = [4] if factory == "rnn_ner" else [0, 1, 4, 5]
        n_gold = len([row for row in theirs if row not in (*missing, *kept)])
        assert count_gold(pipe.target, pipe.tags, batch, [label], path) == n_gold
