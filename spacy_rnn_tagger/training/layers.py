"""Which annotated layers of a corpus get a component, and which component."""

import re
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..errors import nearest
from ..evaluation.corpus_counts import PartCounts, TargetCounts
from ..evaluation.corpus_findings import is_trivial
from ..pipeline.settings import UNSAFE
from ..pipeline.targets import Target
from ..pipeline.targets.biluo_target import BiluoTarget
from ..pipeline.targets.extension import PREFIX as EXTENSION
from ..pipeline.targets.spans import PREFIX as SPANS

FACTORIES = {"tag": "rnn_tagger", "morph": "rnn_morphologizer", "ents": "rnn_ner", "sents": "rnn_senter"}
"""Targets that are a factory's own, or its default."""
SPANS_FACTORY, DEFAULT_KEY = "rnn_spans", "sc"


@dataclass(frozen=True)
class Layer:
    """An annotated layer, and the component that predicts it.

    target (str): The target, such as "ents".
    component (str): The component's name.
    factory (str): Its factory.
    settings (Dict[str, Any]): Settings of the factory that are not its defaults.
    n_labels (int): Labels in the training data.
    is_spans (bool): Whether they are of spans, not of tokens.
    score_weights (Dict[str, Optional[float]]): The scores of the target and their weights.
    reason (str): What the component is for, in one sentence.
    """

    target: str
    component: str
    factory: str
    settings: Dict[str, Any]
    n_labels: int
    is_spans: bool
    score_weights: Dict[str, Optional[float]]
    reason: str


def choose_layers(
    targets: Mapping[str, Target], train: PartCounts, dev: PartCounts, named: Optional[Sequence[str]] = None
) -> Tuple[List[Layer], Dict[str, str]]:
    """Choose the layers to predict.

    targets (Mapping[str, Target]): The annotated targets by name.
    train (PartCounts): The counts of the training data.
    dev (PartCounts): The counts of the development data.
    named (Optional[Sequence[str]]): The targets, or their factories, to predict; all that can be without code if None.
    RETURNS (Tuple[List[Layer], Dict[str, str]]): The layers, in the order of the pipeline, and why the other targets
        are left out.
    RAISES (ValueError): If nothing is left, a named target cannot be learned, or the development data have none of the
        layers.
    """
    objections = {name: _objection(target, train) for name, target in targets.items()}
    for name in objections:
        if name.startswith(EXTENSION) and objections[name] is None and named is None:
            objections[name] = (
                f"a custom attribute has to be registered: name {name} among the others in --components, and pass a "
                f"file with Token.set_extension({name[len(EXTENSION) :]!r}, default=None) to `spacy train` as --code"
            )
    if named is None:
        chosen = [name for name in targets if objections[name] is None and name != "pos"]
    else:
        chosen = _find_named(named, targets, objections)
    left_out = {name: reason for name, reason in objections.items() if reason is not None and name != "pos"}
    if not chosen:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items()) or "nothing is annotated"
        raise ValueError(f"The data in {train.name!r} have nothing to learn ({why}); `spacy rnn check` says more.")
    if not any(_is_scored(name, dev) for name in chosen):
        raise ValueError(
            f"The development data in {dev.name!r} are not annotated for any target to learn ({', '.join(chosen)}), so "
            "no best model could be chosen; annotate them, or name other data."
        )
    layers: Dict[str, Layer] = {}
    for name in sorted(chosen, key=_position):
        layer = _make_layer(name, targets[name], chosen, train, dev)
        while layer.component in layers:
            layer = replace(layer, component=f"{layer.component}_")
        layers[layer.component] = layer
    return list(layers.values()), left_out


def _objection(target: Target, train: PartCounts) -> Optional[str]:
    """Why a target cannot be learned, as a clause."""
    counts = train.targets.get(target.name, TargetCounts())
    if not counts.n_docs:
        return "the training data are not annotated for it"
    if counts.refused.n:
        first = " ".join(counts.refused.examples[0].split())
        return f"no component can learn its gold in {counts.refused.n} docs ({first})"
    if UNSAFE.search(target.name.partition(":")[2]):
        return "its key has characters that the name of a score in a config cannot have"
    if "" in counts.labels:
        return f"{counts.labels['']} of its labels are empty"
    if target.name == "sents" and is_trivial(target, train):
        return "every doc is one sentence"
    return "there is nothing to tell apart" if is_trivial(target, train) else None


def _find_named(
    named: Sequence[str], targets: Mapping[str, Target], objections: Mapping[str, Optional[str]]
) -> List[str]:
    by_factory = {factory: target for target, factory in FACTORIES.items()}
    by_factory[SPANS_FACTORY] = SPANS + DEFAULT_KEY
    chosen = []
    for given in named:
        name = by_factory.get(given, given)
        if name not in targets:
            raise ValueError(
                f"--components names {given!r}, but the data are annotated for "
                f"{', '.join(map(repr, targets)) or 'nothing'}; name targets or their factories."
                + nearest(given, [*targets, *by_factory])
            )
        if objections[name] is not None:
            raise ValueError(f"--components names {given!r}, which cannot be learned: {objections[name]}.")
        chosen.append(name)
    return list(dict.fromkeys(chosen))


def _position(name: str) -> int:
    order = ["tag", "pos", "morph", "ents", "sents"]
    return order.index(name) if name in order else len(order)


def _is_scored(name: str, dev: PartCounts) -> bool:
    return bool(dev.targets.get(name, TargetCounts()).labels)


def _make_layer(name: str, target: Target, chosen: Sequence[str], train: PartCounts, dev: PartCounts) -> Layer:
    counts = train.targets[name]
    component, factory, settings = _component_of(name)
    total = sum(_importance(other) for other in chosen if _is_scored(other, dev))
    share = _importance(name) / total if _is_scored(name, dev) else None
    n_labels = len(counts.labels)
    where = f"{counts.n_docs:,} of {train.n_docs:,} docs"
    unscored = "" if share is not None else " The development data lack it, so it has no say in the best model."
    return Layer(
        target=name,
        component=component,
        factory=factory,
        settings=settings,
        n_labels=n_labels,
        is_spans=isinstance(target, BiluoTarget),
        score_weights=_score_weights(target, counts, share),
        reason=f"Target {name}: {n_labels:,} labels, annotated in {where}.{unscored}",
    )


def _component_of(name: str) -> Tuple[str, str, Dict[str, Any]]:
    """The name, factory and settings of the component for a target."""
    if name in FACTORIES:
        return FACTORIES[name], FACTORIES[name], {}
    if name.startswith(SPANS):
        key = name[len(SPANS) :]
        return _named_after(SPANS_FACTORY, key), SPANS_FACTORY, {"spans_key": key}
    rest = name[len(EXTENSION) :] if name.startswith(EXTENSION) else name
    return _named_after("rnn_tagger", rest), "rnn_tagger", {"target": name}


def _named_after(factory: str, rest: str) -> str:
    """A component's name is a section of the config, and a folder of the saved pipeline."""
    return f"{factory}_{re.sub('[^0-9A-Za-z_]', '_', rest)}"


def _importance(name: str) -> float:
    return 2.0 if name == "ents" or name.startswith(SPANS) else 1.0


def _score_weights(target: Target, counts: TargetCounts, share: Optional[float]) -> Dict[str, Optional[float]]:
    """The deciding score has the share, the others none; parts of speech and morphology have half of it each."""
    if share is None:
        return dict.fromkeys(target.score_keys)
    weights: Dict[str, Optional[float]] = dict.fromkeys(target.score_keys, 0.0)
    weights.update({key: None for key in target.score_keys if key.endswith(("_per_type", "_per_feat"))})
    deciding = [target.score_keys[0]]
    if target.name == "morph":
        has_pos = any("POS=" in label for label in counts.labels)
        has_feats = any(re.search(r"(^|\|)(?!POS=)\w", label) for label in counts.labels)
        deciding = ["pos_acc"] * has_pos + ["morph_acc"] * has_feats or deciding
    weights.update(dict.fromkeys(deciding, round(share / len(deciding), 3)))
    return weights
