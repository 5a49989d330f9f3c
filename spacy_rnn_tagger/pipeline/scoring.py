"""Scores of a target, under the keys that spaCy's command line reports."""

from typing import Any, Callable, Dict, Iterable

from spacy.pipeline.morphologizer import morphologizer_score
from spacy.scorer import Scorer, get_ner_prf
from spacy.training import Example

Scores = Dict[str, Any]


def target_score(examples: Iterable[Example], *, target: str, **kwargs: Any) -> Scores:
    """Score the predictions for one target.

    examples (Iterable[Example]): Predicted and gold docs.
    target (str): Name of the target.
    RETURNS (Dict[str, Any]): `tag_acc`; `pos_acc`; `pos_acc`, `morph_acc` and more; or `ents_f`, `ents_p`, `ents_r`,
        `ents_per_type`. None where the gold docs have no annotation.
    """
    if target == "ents":
        return get_ner_prf(examples)
    if target == "morph":
        return morphologizer_score(examples)
    return Scorer.score_token_attr(examples, target)


def make_target_scorer() -> Callable[..., Scores]:
    """The scorer of `rnn_tagger`, which tells it its target."""
    return target_score
