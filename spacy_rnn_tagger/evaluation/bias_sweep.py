"""Precision and recall of a pipeline's components on development data, for one label bias after another."""

from dataclasses import dataclass
from itertools import chain
from typing import Callable, Dict, Iterable, List, Optional, Sequence

import numpy as np
from spacy.language import Language
from spacy.training import Example

from ..errors import check_labels
from ..pipeline.rnn_tagger import RNNTagger
from .bias_curve import Point, best_point, bias_curve
from .components import choose_components, get_tagger
from .progress import Progress, no_progress
from .scored_batches import score_folds

TOGETHER = "all labels"
BIASES: List[float] = np.linspace(-3.0, 3.0, 13).tolist()


@dataclass(frozen=True)
class ComponentBiases:
    """The curves of one component.

    component (str): Its name.
    curves (Dict[str, List[Point]]): The points of each curve by label, or under `TOGETHER` if all labels have the same
        bias.
    by_label (bool): Whether each label was biased by itself because a bias of all labels would change nothing.
    """

    component: str
    curves: Dict[str, List[Point]]
    by_label: bool

    def best(self) -> Dict[str, Point]:
        """RETURNS (Dict[str, Point]): The point with the best F of each curve."""
        return {title: best_point(points) for title, points in self.curves.items()}


@dataclass(frozen=True)
class BiasSweep:
    """The curves of a pipeline.

    components (List[ComponentBiases]): The curves of each component.
    """

    components: List[ComponentBiases]


def sweep_biases(
    nlp: Language,
    corpus: Callable[[Language], Iterable[Example]],
    component: Optional[str] = None,
    *,
    labels: Sequence[str] = (),
    each: bool = False,
    biases: Sequence[float] = BIASES,
    progress: Progress = no_progress,
) -> BiasSweep:
    """Decode development data with one label bias after another. Without labels, all labels of a component that finds
    entities or spans get the same bias. Where every token gets one of the labels anyway, that would change nothing, and
    each is biased by itself. The pipeline is not changed.

    nlp (Language): The pipeline.
    corpus (Callable[[Language], Iterable[Example]]): Reads the data, such as `spacy.training.Corpus(path)`.
    component (Optional[str]): Name of a component; all of this package's if None, or those that have the labels.
    labels (Sequence[str]): Labels to bias one by one.
    each (bool): Whether to bias all labels one by one.
    biases (Sequence[float]): The biases, in nats.
    progress (Progress): Shows how far it is.
    RETURNS (BiasSweep): The curves.
    RAISES (ValueError): If there is no such component or label.
    """
    names = choose_components(nlp, component)
    known = list(dict.fromkeys(chain.from_iterable(get_tagger(nlp, name).labels for name in names)))
    check_labels(f"component{'s' * (len(names) > 1)} {', '.join(map(repr, names))}", "--label", labels, known)
    found = []
    for name in names:
        pipe = get_tagger(nlp, name)
        own = [label for label in labels if label in pipe.labels]
        if labels and not own:
            continue
        by_label = bool(each or own) or is_exhaustive(pipe)
        groups = {label: [label] for label in own or pipe.labels} if by_label else {TOGETHER: list(pipe.labels)}
        batches = list(chain.from_iterable(score_folds(nlp, name, corpus(nlp), 1, progress)))
        titles = progress(list(groups), len(groups), f"{name}: decoding")
        curves = {title: list(bias_curve(pipe, batches, groups[title], biases)) for title in titles}
        found.append(ComponentBiases(name, curves, by_label and not (each or own)))
    return BiasSweep(found)


def is_exhaustive(pipe: RNNTagger) -> bool:
    """RETURNS (bool): Whether every token gets one of the labels, so that the same bias on all of them changes nothing.
    pipe (RNNTagger): A component."""
    return all(map(pipe.target.begins, pipe.tags))
