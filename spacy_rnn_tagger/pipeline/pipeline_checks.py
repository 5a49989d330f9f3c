"""Checks of a component against the pipeline and the config that it is part of, before training."""

import warnings
from difflib import get_close_matches
from typing import Any, Dict, Optional, Set

from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2Vec, Tok2VecListener
from spacy.util import registry
from thinc.api import Model

from ..errors import nearest
from .targets import Target, spans


def check_scores_key(nlp: Language, name: str, key: str) -> None:
    """Refuse to keep scores where other components keep something.

    nlp (Language): The pipeline.
    name (str): The component.
    key (str): What it keeps its scores under.
    RAISES (ValueError): If another one keeps its scores, or the spans that it predicts, under the same.
    """
    for other, pipe in nlp.pipeline:
        for use, taken in (
            ("that of", getattr(pipe, "scores_key", None) == key),
            (
                "the group of the spans predicted by",
                getattr(getattr(pipe, "target", None), "name", None) == spans.PREFIX + key,
            ),
        ):
            if other != name and taken:
                raise ValueError(
                    f"component {name!r}: scores_key = {key!r} is also {use} component {other!r}, and each would "
                    "replace what the other has written; choose another."
                )


def check_score_weights(nlp: Language, name: str, target: Target) -> None:
    """Refuse a training config whose best model would be chosen by a score that nothing produces, and leave the scores
    of components that are not in the pipeline out of it.

    nlp (Language): The pipeline. Score weights are only looked at if its config names training data.
    name (str): The component.
    target (Target): Its target.
    RAISES (ValueError): With the line to add to the config.
    """
    weights: Dict[str, Optional[float]] = nlp.config["training"].get("score_weights", {})
    if not weights or not _is_training_config(nlp):
        return
    configured = dict(weights)  # messages are about what the user wrote
    weights = _leave_out_absent(nlp, weights)
    key = target.score_keys[0]
    expected = set(target.score_keys) | _expected_scores(nlp, name)
    given = ", ".join(f"{k} = {configured[k]}" for k, v in weights.items() if v) or "none"
    if not any(k in weights for k in target.score_keys):
        raise ValueError(
            f"component {name!r}: its target {target.name!r} is scored by {key}, which has no entry in "
            f"[training.score_weights] ({given}), so the best model would be chosen without it; add {key} = 1.0 there "
            f"(or 0.0 to leave it out on purpose).{nearest(key, configured)}"
        )
    for k, weight in weights.items():
        if weight and k not in expected and get_close_matches(k, target.score_keys, cutoff=0.6):
            raise ValueError(
                f"[training.score_weights] {k} = {configured[k]}: no component produces this score; component {name!r} "
                f"produces {', '.join(target.score_keys)}.{nearest(k, target.score_keys)}"
            )


def _expected_scores(nlp: Language, *besides: str) -> Set[str]:
    """The scores that the components of a pipeline produce, besides some of them."""
    expected: Set[str] = set()
    for pipe_name, pipe in nlp.pipeline:
        if pipe_name not in besides:
            defaults = nlp.get_pipe_meta(pipe_name).default_score_weights or {}
            expected.update(getattr(pipe, "score_keys", defaults))
    return expected


def _leave_out_absent(nlp: Language, given: Dict[str, Optional[float]]) -> Dict[str, Optional[float]]:
    """Take the scores out of the config that only components which the pipeline lacks would produce, as after an
    override of [nlp] pipeline. spaCy divides the weights by their sum, so the best score there can be stays 1.

    RETURNS (Dict[str, Optional[float]]): The weights that are left.
    """
    weights = dict(given)
    names = filter(nlp.has_factory, registry.factories.get_all())
    known = {key for name in names for key in nlp.get_factory_meta(name).default_score_weights or ()}
    absent = [key for key in weights if key in known - _expected_scores(nlp) and weights[key] is not None]
    if not absent:
        return weights
    lost = [f"{key} = {weights[key]}" for key in absent]
    # What a factory of the pipeline scores by default comes back if it is not there.
    weights.update(dict.fromkeys(absent))
    warnings.warn(
        f"[training.score_weights] {', '.join(lost)}: no component of the pipeline ({', '.join(nlp.pipe_names)}) "
        "produces these scores, so they are left out.",
        stacklevel=4,
    )
    nlp.config["training"]["score_weights"] = weights
    return weights


def check_listeners(nlp: Language, name: str, model: Model[Any, Any]) -> None:
    """Refuse a model that listens to a component which the pipeline lacks, or which gives vectors of another width.

    nlp (Language): The pipeline.
    name (str): The component.
    model (Model): Its model.
    RAISES (ValueError): With what to change in the config.
    """
    shared = {other: pipe.model for other, pipe in nlp.pipeline if isinstance(pipe, Tok2Vec)}
    for node in model.walk():
        if not isinstance(node, Tok2VecListener):
            continue
        upstream = next((n for n in shared if node.upstream_name in ("*", n)), None)
        if upstream is None:
            raise ValueError(
                f"component {name!r}: its model listens to {node.upstream_name!r}, but the pipeline has no such "
                f"shared component ({', '.join(nlp.pipe_names)}); add one, for instance tok2vec with a "
                "spacy-rnn-tagger.RNNTok2Vec.v1 as in configs/rnn_tagger_accuracy.cfg, or give the component a model "
                "of its own."
            )
        width, given = node.maybe_get_dim("nO"), shared[upstream].maybe_get_dim("nO")
        if width is not None and given is not None and width != given:
            raise ValueError(
                f"component {name!r}: its model listens for vectors of width {width}, but component {upstream!r} "
                f"gives vectors of width {given}; set [components.{name}.model.tok2vec] width = {given}."
            )


def _is_training_config(nlp: Language) -> bool:
    """Whether the pipeline was built from a config that names training data, as in `spacy train`."""
    config = nlp.config
    if config.get("paths", {}).get("train"):
        return True
    reader = config.get("corpora", {}).get("train", {})
    return bool(reader.get("path")) and not str(reader["path"]).startswith("${")
