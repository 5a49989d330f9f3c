"""Scores of a target, under the keys that spaCy's command line reports."""

from typing import Any, Callable, Dict, Iterable

from spacy.pipeline.morphologizer import morphologizer_score
from spacy.pipeline.senter import senter_score
from spacy.pipeline.spancat import spancat_score
from spacy.scorer import Scorer, get_ner_prf
from spacy.training import Example

from .targets import extension, spans

Scores = Dict[str, Any]


def target_score(examples: Iterable[Example], *, target: str, **kwargs: Any) -> Scores:
    """Score the predictions for one target.

    examples (Iterable[Example]): Predicted and gold docs.
    target (str): Name of the target.
    RETURNS (Dict[str, Any]): `tag_acc`; `pos_acc`; `pos_acc`, `morph_acc` and more; `ents_f`, `ents_p`, `ents_r`,
        `ents_per_type`; `sents_f`, `sents_p`, `sents_r`; `spans_<key>_f` and so on; or `<extension>_acc`. None where
        the gold docs have no annotation. Scores per label are in the order of the labels, since spaCy gives them in
        that of a set.
    """
    scores = _score(examples, target)
    return {key: dict(sorted(score.items())) if isinstance(score, dict) else score for key, score in scores.items()}


def _score(examples: Iterable[Example], target: str) -> Scores:
    if target == "ents":
        return get_ner_prf(examples)
    if target == "morph":
        return morphologizer_score(examples)
    if target == "sents":
        return senter_score(examples)
    if target.startswith(spans.PREFIX):
        return spancat_score(examples, spans_key=target[len(spans.PREFIX) :])
    if target.startswith(extension.PREFIX):
        return _extension_score(examples, target[len(extension.PREFIX) :])
    return Scorer.score_token_attr(examples, target)


def _extension_score(examples: Iterable[Example], name: str) -> Scores:
    """Accuracy over the predicted tokens whose gold value is known and aligned."""
    right = total = 0
    for example in examples:
        target = extension.ExtensionTarget(example.reference.vocab, name)
        for token, gold in zip(example.predicted, target.gold(example)):
            if gold is not None:
                right += token._.get(name) == gold
                total += 1
    return {f"{name}_acc": right / total if total else None}


def make_target_scorer() -> Callable[..., Scores]:
    """The scorer of `rnn_tagger`, which tells it its target."""
    return target_score
