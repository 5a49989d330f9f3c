"""A component's scores for development data beside the gold: computed once, then decoded under one setting after another."""

from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.training import Example
from spacy.util import minibatch

from ..engines.crf_loss import MISSING
from .biluo import Segments
from .confidence import PathScores
from .rnn_tagger import RNNTagger
from .targets import ABSTAIN, Path, Target, make_target

UNKNOWN = MISSING - 1
"""Tag index of a token whose gold tag is none of the component's: it cannot be right."""


class ScoredBatch(NamedTuple):
    """Some development docs.

    scores: The component's scores.
    gold: (n_tokens,) gold tag indices of the concatenated docs, MISSING or UNKNOWN.
    kept: (n_tokens,) bool, where the component will not write.
    """

    scores: PathScores
    gold: NDArray[np.int32]
    kept: NDArray[np.bool_]


class Decisions(NamedTuple):
    """What a component decided on its own and gold can judge.

    rows: (n,) token rows, of spans their first.
    labels: (n,) label indices.
    right: (n,) bool, whether gold has just the same.
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
        docs = list(nlp.pipe(eg.predicted for eg in examples))
    return [Example(doc, eg.reference) for doc, eg in zip(docs, examples)]


def score_batches(pipe: RNNTagger, examples: Sequence[Example], batch_size: int = 256) -> Iterator[ScoredBatch]:
    """Score examples, and look up their gold.

    pipe (RNNTagger): The component.
    examples (Sequence[Example]): The examples, annotated by the components before it.
    batch_size (int): How many to score at once.
    YIELDS (ScoredBatch): The scores, batch by batch.
    """
    target = make_target(pipe.target, pipe.vocab)
    index: Dict[Optional[str], int] = {None: MISSING, **{tag: i for i, tag in enumerate(pipe.tags)}}
    for batch in minibatch(examples, size=batch_size):
        docs = [eg.predicted for eg in batch]
        gold = [index.get(tag, UNKNOWN) for eg in batch for tag in target.gold(eg)]
        yield ScoredBatch(pipe.path_scores(docs), np.asarray(gold, dtype=np.int32), np.concatenate(pipe.kept(docs)))


def judge(target: Target, labels: Sequence[str], batch: ScoredBatch, path: Path) -> Decisions:
    """Compare decoded paths with the gold. Tokens without gold are left out, and so are spans over any.

    target (Target): The target.
    labels (Sequence[str]): The labels.
    batch (ScoredBatch): The docs.
    path (array): (n_tokens,) tag indices that were decoded for them.
    RETURNS (Decisions): The decisions.
    """
    known = batch.gold != MISSING
    agrees = batch.gold == path
    spans = target.segments(path, labels)
    if spans is None:
        rows = np.flatnonzero(known & ~batch.kept & (path != ABSTAIN))
        return Decisions(rows, path[rows], agrees[rows], None)
    spans = spans.select(~batch.kept[spans.starts])
    spans = spans.select(_throughout(known, spans))
    # The gold has the same span if it has the same tag at each of its tokens.
    return Decisions(spans.starts, spans.labels, _throughout(agrees, spans), spans)


def count_gold(target: Target, labels: Sequence[str], tags: Sequence[str], batch: ScoredBatch) -> NDArray[np.int64]:
    """RETURNS (array): (n_labels,) how many tokens or spans of each label the gold has where the component may write."""
    index = {label: i for i, label in enumerate(labels)}
    columns = np.asarray([index[target.label_of(tag)] if target.begins(tag) else -1 for tag in tags])
    found = columns[batch.gold[(batch.gold >= 0) & ~batch.kept]]
    return np.bincount(found[found >= 0], minlength=len(labels))


def _throughout(mask: NDArray[np.bool_], spans: Segments) -> NDArray[np.bool_]:
    """(n_spans,) whether the mask holds at every token of a span."""
    counts = np.concatenate(([0], np.cumsum(mask)))
    inside: NDArray[np.bool_] = counts[spans.ends] - counts[spans.starts] == spans.ends - spans.starts
    return inside
