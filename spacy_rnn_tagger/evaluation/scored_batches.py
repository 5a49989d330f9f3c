"""A component's scores for development data beside the gold: computed once, then decoded under one setting after
another."""

from typing import Any, Collection, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.training import Example
from spacy.util import minibatch

from ..pipeline.biluo import Segments
from ..pipeline.confidence import PathScores
from ..pipeline.rnn_tagger import RNNTagger
from ..pipeline.targets import ABSTAIN, Path, Target
from .progress import Progress, no_progress

BATCH_SIZE = 256


class ScoredBatch(NamedTuple):
    """Some development docs.

    scores: The component's scores.
    right: (n_tokens, n_tags) bool, the tags of which each is right; none if the gold tag is none of the component's.
    known: (n_tokens,) bool, where gold says what is right.
    learnable: (n_tokens,) bool, where it also has only tags of the component, so that it has a likelihood.
    kept: (n_tokens,) bool, where the component will not write.
    """

    scores: PathScores
    right: NDArray[np.bool_]
    known: NDArray[np.bool_]
    learnable: NDArray[np.bool_]
    kept: NDArray[np.bool_]

    @property
    def gold(self) -> NDArray[np.bool_]:
        """(n_tokens, n_tags) bool, the tags of which one is right, all where there is no gold, as `crf_loss` takes
        them."""
        return self.right | ~self.learnable[:, None]

    def agrees(self, path: Path) -> NDArray[np.bool_]:
        """RETURNS (array): (n_tokens,) bool, whether a path has a right tag. path (array): (n_tokens,) tag indices."""
        return self.right[np.arange(path.shape[0]), path] & (path != ABSTAIN)


class Decisions(NamedTuple):
    """What a component decided on its own and gold can judge.

    rows: (n,) token rows, of spans their first.
    labels: (n,) label indices.
    right: (n,) bool, whether gold has just the same, or among a token's alternatives.
    spans: The same as spans, if the target is spans.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    right: NDArray[np.bool_]
    spans: Optional[Segments]


def annotate_before(nlp: Language, name: str, examples: Iterable[Example]) -> List[Example]:
    """Run the components that come before one, as it would find their annotation in the pipeline.

    nlp (Language): The pipeline.
    name (str): The component.
    examples (Iterable[Example]): Examples with docs that are only tokenised.
    RETURNS (List[Example]): Examples with the same gold.
    """
    examples = list(examples)
    with nlp.select_pipes(disable=nlp.pipe_names[nlp.pipe_names.index(name) :]):
        docs = list(nlp.pipe(eg.predicted.copy() for eg in examples))  # the caller may use the examples again
    return [Example(doc, eg.reference) for doc, eg in zip(docs, examples)]


def score_folds(
    nlp: Language, name: str, examples: Iterable[Example], n_folds: int = 1, progress: Progress = no_progress
) -> List[List[ScoredBatch]]:
    """Score the examples of several folds: as many parts of the data, each of examples that follow each other.

    nlp (Language): The pipeline.
    name (str): The component.
    examples (Iterable[Example]): Examples with docs that are only tokenised.
    n_folds (int): How many folds; if there are fewer examples, as many as examples.
    progress (Progress): Shows how far it is.
    RETURNS (List[List[ScoredBatch]]): The batches of each fold.
    RAISES (ValueError): If the examples have no tokens.
    """
    examples = list(examples)
    if not any(len(eg.predicted) for eg in examples):
        raise ValueError(f"The data have no tokens ({len(examples)} docs).")
    pipe = nlp.get_pipe(name)
    assert isinstance(pipe, RNNTagger)
    examples = annotate_before(nlp, name, examples)
    n_folds = min(n_folds, len(examples))
    bounds = [round(i * len(examples) / n_folds) for i in range(n_folds + 1)]
    folds = [examples[start:end] for start, end in zip(bounds, bounds[1:])]
    n_batches = sum(-(-len(fold) // BATCH_SIZE) for fold in folds)
    scored = ((i, batch) for i, fold in enumerate(folds) for batch in score_batches(pipe, fold))
    batches: List[List[ScoredBatch]] = [[] for _ in folds]
    for i, batch in progress(scored, n_batches, f"{name}: scoring"):
        batches[i].append(batch)
    return batches


def score_batches(pipe: RNNTagger, examples: Sequence[Example], batch_size: int = BATCH_SIZE) -> Iterator[ScoredBatch]:
    """Score examples, and look up their gold.

    pipe (RNNTagger): The component.
    examples (Sequence[Example]): The examples, annotated by the components before it.
    batch_size (int): How many to score at once.
    YIELDS (ScoredBatch): The scores, batch by batch.
    """
    target = pipe.target
    tags = pipe.tags
    for batch in minibatch(examples, size=batch_size):
        docs = [eg.predicted for eg in batch]
        gold = _find_right_tags(batch, target, tags)
        yield ScoredBatch(pipe.path_scores(docs), *gold, np.concatenate(pipe.kept(docs)))


def judge(target: Target, labels: Sequence[str], batch: ScoredBatch, path: Path) -> Decisions:
    """Compare decoded paths with the gold. Tokens without gold are left out, and so are spans over any.

    target (Target): The target.
    labels (Sequence[str]): The labels.
    batch (ScoredBatch): The docs.
    path (array): (n_tokens,) tag indices that were decoded for them.
    RETURNS (Decisions): The decisions.
    """
    agrees = batch.agrees(path)
    spans = target.segments(path, labels)
    if spans is None:
        rows = np.flatnonzero(batch.known & ~batch.kept & (path != ABSTAIN))
        return Decisions(rows, path[rows], agrees[rows], None)
    spans = spans.select(~batch.kept[spans.starts])
    spans = spans.select(throughout(batch.known, spans))
    # The gold has the same span if it has the same tag at each of its tokens.
    return Decisions(spans.starts, spans.labels, throughout(agrees, spans), spans)


def count_gold(target: Target, tags: Sequence[str], batch: ScoredBatch, labels: Collection[str], path: Path) -> int:
    """How many tokens or spans of some labels the gold has where the component may write. A token with alternatives
    counts if one of them is of the labels, unless the path has another of them.

    target (Target): The target.
    tags (Sequence[str]): The tags.
    batch (ScoredBatch): The docs.
    labels (Collection[str]): The labels.
    path (array): (n_tokens,) tag indices that were decoded for them.
    RETURNS (int): How many.
    """
    theirs = np.asarray([target.begins(tag) and target.label_of(tag) in labels for tag in tags])
    by_others = batch.agrees(path) & ~theirs[path]
    return int(np.count_nonzero((batch.right & theirs).any(axis=1) & ~by_others & ~batch.kept))


def _find_right_tags(examples: Sequence[Example], target: Target, tags: Sequence[str]) -> Tuple[Any, Any, Any]:
    """RETURNS (Tuple[array, array, array]): What is `right`, `known` and `learnable`, as in `ScoredBatch`."""
    index = {tag: i for i, tag in enumerate(tags)}
    gold: List[Collection[str]] = []
    for eg in examples:
        own = target.gold(eg)
        sets = target.alternatives(eg) or [None] * len(own)
        gold.extend(several or ([] if tag is None else [tag]) for tag, several in zip(own, sets))
    right = np.zeros((len(gold), len(tags)), dtype=bool)
    for row, names in zip(right, gold):
        row[[index[name] for name in names if name in index]] = True
    n_names = np.asarray([len(names) for names in gold], dtype=np.int64)
    return right, n_names > 0, (n_names > 0) & (right.sum(axis=1) == n_names)


def throughout(mask: NDArray[np.bool_], spans: Segments) -> NDArray[np.bool_]:
    """(n_spans,) whether the mask holds at every token of a span."""
    counts = np.concatenate(([0], np.cumsum(mask)))
    inside: NDArray[np.bool_] = counts[spans.ends] - counts[spans.starts] == spans.ends - spans.starts
    return inside
