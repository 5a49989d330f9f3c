"""The checks and collections that precede training."""

import warnings
from itertools import islice
from typing import Any, Callable, Iterable, List, Optional, Sequence, Set

from spacy.tokens import Doc
from spacy.training import Example

from .targets import Target, annotated_targets, unseen_labels

GetExamples = Callable[[], Iterable[Example]]
N_SAMPLE = 10
DUMMY_WORDS = ["x", "y", "z"]
"""What `Language.initialize` shows if it is given no examples."""


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
            f"component {name!r}: [initialize.components.{name}.labels] must be a list of strings, as `spacy init "
            f"labels` writes it for this component, not a {type(given).__name__}; was it written for another component?"
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
        warn(
            name, f"gold spans for its target {target.name!r} that have an empty label are left out; give them labels."
        )
    for sentence in target.warnings_about(found):
        warn(name, sentence)
    for setting, key in target.gold_groups.items():
        if setting not in groups:
            warn(
                name,
                f"{setting} = {key!r}, but no gold doc has the span group doc.spans[{key!r}]; spacy.Corpus.v1 drops "
                "span groups where gold_preproc or max_length split a doc, spacy-rnn-tagger.corpus.v1 keeps them.",
            )
    labels = sorted(found) if given is None else [target.normalize_label(label) for label in given]
    if not found and not labels and set(present) <= set(target.fixed_labels):
        others = ", ".join(annotated_targets(first)) or "none"
        size = f"{n_docs} docs, {n_tokens} tokens"
        message = (
            f"component {name!r}: the training data have no annotation for its target {target.name!r} ({size}; "
            f"annotated targets: {others}); {target.describe_missing()}"
        )
        if [token.text for doc in first for token in doc] == DUMMY_WORDS and not n_annotated:
            message = (
                f"component {name!r}: the pipeline is initialized without training data, as `spacy assemble` does; "
                "take the "
                f'component from a trained pipeline (source = "..." in [components.{name}])'
                + ("." if present else f", or give its labels as labels in [initialize.components.{name}].")
            )
        elif n_annotated:
            message = (
                f"component {name!r}: the training data are annotated for its target {target.name!r} in {n_annotated} "
                f"docs, but none has a label ({size}); {target.describe_empty()}"
            )
        if not present:
            raise ValueError(message)
        warnings.warn(message, stacklevel=3)
    if given is not None and found:
        known = set(labels) | set(present)
        if not found & known:
            raise ValueError(
                f"component {name!r}: none of the {len(labels)} given labels ({_some(labels)}) occurs in the training "
                f"data ({_some(sorted(found))}); is it the label file of another component?"
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
