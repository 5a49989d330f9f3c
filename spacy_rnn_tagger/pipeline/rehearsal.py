"""Training against forgetting."""

from typing import List, Sequence

from spacy.tokens import Doc
from thinc.api import Model, set_dropout_rate
from thinc.types import Floats2d

Scorer = Model[List[Doc], List[Floats2d]]


def rehearse(model: Scorer, teacher: Scorer, docs: Sequence[Doc], drop: float) -> float:
    """Add the gradients to a model that pull its probabilities of tags towards those of an earlier state of it.

    model (Model[List[Doc], List[Floats2d]]): The model.
    teacher (Model[List[Doc], List[Floats2d]]): The earlier state. Tags that were added since are left alone.
    docs (Sequence[Doc]): Docs, not all of them empty.
    drop (float): The dropout rate of the model.
    RETURNS (float): The sum of the squared differences of the probabilities.
    """
    set_dropout_rate(model, drop)
    scores, backprop = model.begin_update(list(docs))
    loss = 0.0
    gradients = []
    for ours, theirs in zip(scores, teacher.predict(list(docs))):
        gradient = model.ops.alloc2f(*ours.shape)
        width = theirs.shape[1]
        gradient[:, :width] = model.ops.softmax(ours[:, :width])
        gradient[:, :width] -= model.ops.softmax(theirs)
        gradients.append(gradient)
        loss += float((gradient**2).sum())  # type: ignore[call-overload]
    backprop(gradients)
    return loss
