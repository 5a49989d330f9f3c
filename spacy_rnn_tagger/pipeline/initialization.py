"""The checks and collections that precede training."""

import warnings
from difflib import get_close_matches
from itertools import islice
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import nearest
from .targets import Target, annotated_targets, spans, unseen_labels

GetExamples = Callable[[], Iterable[Example]]
N_SAMPLE = 10


def take_sample(get_examples: GetExamples) -> List[Doc]:
    """A few docs to infer the model's dimensions from, preferably with tokens."""
    docs = [eg.x for eg in islice(get_examples(), 100)]
    return ([doc for doc in docs if len(doc)] or docs)[:N_SAMPLE]


def collect_labels(
    name: str,
    target: Target,
    get_examples: GetExamples,
    present: Sequence[str],
    given: Optional[Any],
) -> List[str]:
    """The labels to train on, and a report of gold that cannot be learned from.

    name (str): The component.
    target (Target): Its target.
    get_examples (Callable): Returns the gold examples.
    present (Sequence[str]): Labels added before.
    given (Optional[Any]): Labels of a file, instead of those found.
    RETURNS (List[str]): The labels, sorted if they were found.
    RAISES (ValueError): If there is nothing to learn, or the given labels are of something else.
    """
    if given is not None and (isinstance(given, (str, dict)) or not all(isinstance(label, str) for label in given)):
        raise ValueError(
            f"component {name!r}: [initialize.components.{name}.labels] must be a list of strings, as `spacy init labels` "
            f"writes it for this component, not a {type(given).__name__}; was it written for another component?"
        )
    found: Set[str] = set()
    lost = _Lost(target)
    n_docs = n_tokens = n_annotated = 0
    first: List[Doc] = []
    groups: Set[str] = set()
    for i, example in enumerate(get_examples()):
        n_docs += 1
        n_tokens += len(example.x)
        target.check(example, f"doc {i} ({example.reference.text[:60]!r})")
        n_annotated += target.is_annotated(example.reference)
        found |= target.labels_in(example)
        groups.update(group for group, key in target.gold_groups.items() if key in example.reference.spans)
        lost.add(i, example)
        if len(first) < N_SAMPLE:
            first.append(example.reference)
    if not n_annotated:
        found = set()
    if "" in found:
        found.remove("")
        warn(name, f"gold of its target {target.name!r} with an empty label is left out; {target.describe_missing()}")
    for sentence in target.warnings_about(found):
        warn(name, sentence)
    for setting, key in target.gold_groups.items():
        if setting not in groups:
            warn(
                name,
                f"{setting} = {key!r}, but no gold doc has the span group doc.spans[{key!r}]; spacy.Corpus.v1 drops span groups "
                "where gold_preproc or max_length split a doc, spacy-rnn-tagger.corpus.v1 keeps them.",
            )
    labels = sorted(found) if given is None else [target.normalize_label(label) for label in given]
    if not found and not labels and set(present) <= set(target.fixed_labels):
        others = ", ".join(annotated_targets(first)) or "none"
        size = f"{n_docs} docs, {n_tokens} tokens"
        message = (
            f"component {name!r}: the training data have no annotation for its target {target.name!r} ({size}; annotated "
            f"targets: {others}); {target.describe_missing()}"
        )
        if n_annotated:
            message = (
                f"component {name!r}: the training data are annotated for its target {target.name!r} in {n_annotated} docs, but "
                f"none has a label ({size}); {target.describe_empty()}"
            )
        if not present:
            raise ValueError(message)
        warnings.warn(message, stacklevel=3)
    if given is not None and found:
        known = set(labels) | set(present)
        if not found & known:
            raise ValueError(
                f"component {name!r}: none of the {len(labels)} given labels ({_some(labels)}) occurs in the training data "
                f"({_some(sorted(found))}); is it the label file of another component?"
            )
        if found - known:
            warnings.warn(
                f"component {name!r}: labels of the training data that the given labels lack will not be learned: "
                + ", ".join(unseen_labels(labels, found - known)),
                stacklevel=3,
            )
    lost.report(name)
    return labels


def warn(name: str, sentence: str) -> None:
    """Warn about a component."""
    warnings.warn(f"component {name!r}: {sentence}", stacklevel=4)


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
                    f"component {name!r}: scores_key = {key!r} is also {use} component {other!r}, and each would replace what the "
                    "other has written; choose another."
                )


def check_score_weights(nlp: Language, name: str, target: Target) -> None:
    """Refuse a training config whose best model would be chosen by a score that nothing produces.

    nlp (Language): The pipeline. Score weights are only looked at if its config names training data.
    name (str): The component.
    target (Target): Its target.
    RAISES (ValueError): With the line to add to the config.
    """
    if not _is_training_config(nlp):
        return
    weights: Dict[str, Optional[float]] = nlp.config["training"].get("score_weights", {})
    if not weights:
        return
    key = target.score_keys[0]
    expected = set(target.score_keys)
    for pipe_name, pipe in nlp.pipeline:
        if pipe_name != name:
            defaults = nlp.get_pipe_meta(pipe_name).default_score_weights or {}
            expected.update(getattr(pipe, "score_keys", defaults))
    given = ", ".join(f"{k} = {v}" for k, v in weights.items() if v) or "none"
    if not any(k in weights for k in target.score_keys):
        raise ValueError(
            f"component {name!r}: its target {target.name!r} is scored by {key}, which has no entry in "
            f"[training.score_weights] ({given}), so the best model would be chosen without it; add {key} = 1.0 there "
            f"(or 0.0 to leave it out on purpose).{nearest(key, weights)}"
        )
    for k, weight in weights.items():
        if weight and k not in expected and get_close_matches(k, target.score_keys, cutoff=0.6):
            raise ValueError(
                f"[training.score_weights] {k} = {weight}: no component produces this score; component {name!r} produces "
                f"{', '.join(target.score_keys)}.{nearest(k, target.score_keys)}"
            )


def _is_training_config(nlp: Language) -> bool:
    """Whether the pipeline was built from a config that names training data, as in `spacy train`."""
    config = nlp.config
    if config.get("paths", {}).get("train"):
        return True
    reader = config.get("corpora", {}).get("train", {})
    return bool(reader.get("path")) and not str(reader["path"]).startswith("${")


class _Lost:
    """Gold labels that cannot be learned: the two tokenisations differ, or the target never predicts such a thing."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.total = 0
        self.lost = 0
        self.docs: List[str] = []

    def add(self, index: int, example: Example) -> None:
        n_gold = self.target.count_gold(example)
        self.total += n_gold
        if not n_gold or not self.target.may_lose(example):
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # W030, which the report replaces
            n_lost = n_gold - self.target.count_aligned(example)
        if n_lost > 0:
            self.lost += n_lost
            if len(self.docs) < 5:
                self.docs.append(f"doc {index} ({n_lost} of {n_gold}): {example.text[:60]!r}")

    def report(self, name: str) -> None:
        if self.lost:
            warnings.warn(
                f"component {name!r}: {self.lost} of {self.total} gold labels ({100 * self.lost / self.total:.1f} %) "
                f"{self.target.why_lost} and cannot be learned, such as\n  " + "\n  ".join(self.docs),
                stacklevel=4,
            )


def _some(labels: Sequence[str]) -> str:
    return ", ".join(map(repr, labels[:5])) + (", ..." if len(labels) > 5 else "")
