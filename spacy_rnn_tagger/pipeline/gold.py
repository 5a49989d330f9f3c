"""Gold annotation of a batch as the arrays that losses take."""

from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.training import Example

from ..chain.gold_tags import MISSING
from ..pipeline import biluo
from .targets import Target


class WrongSpans(NamedTuple):
    """Incorrect spans of a batch, in the order in which `exclusion_loss` takes them.

    seqs: (n_segments,) the example of each.
    starts: (n_segments,) its first token.
    ends: (n_segments,) the token after its last.
    tags: (sum of the segments' lengths, n_tags) bool, the tags that would make each token part of it.
    """

    seqs: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    tags: NDArray[np.bool_]


def read_gold(examples: Sequence[Example], target: Target, tags: Sequence[str]) -> Tuple[NDArray[np.generic], Set[str]]:
    """The gold tags of a batch.

    examples (Sequence[Example]): The batch.
    target (Target): What to read.
    tags (Sequence[str]): The tags scored per token, in column order.
    RETURNS (Tuple[array, Set[str]]): (n_tokens,) column of each token's gold tag, MISSING where it has none; or, if any
        token has alternatives, (n_tokens, n_tags) bool, the columns of which one is right, all where it has none. And
        the gold tags that are none of the tags, which count as missing.
    """
    index: Dict[Optional[str], int] = {tag: i for i, tag in enumerate(tags)}
    index[None] = MISSING
    unknown: Set[str] = set()
    indices: List[int] = []
    allowed: Dict[int, List[int]] = {}
    for example in examples:
        offset = len(indices)
        gold = target.gold(example)
        unknown.update(tag for tag in gold if tag is not None and tag not in index)
        indices.extend([index.get(tag, MISSING) for tag in gold])
        for i, alternatives in enumerate(target.alternatives(example) or ()):
            if alternatives is not None:
                unknown |= alternatives - index.keys()
                # An unknown tag may be the right one, which leaves the token with no others to learn.
                allowed[offset + i] = [index[tag] for tag in alternatives] if alternatives <= index.keys() else []
    columns = np.asarray(indices, dtype=np.int32)
    return (_as_sets(columns, allowed, len(tags)) if allowed else columns), unknown


def read_incorrect(
    examples: Sequence[Example], target: Target, labels: Sequence[str], n_tags: int
) -> Tuple[Optional[WrongSpans], Set[str]]:
    """What must not be predicted for a batch.

    examples (Sequence[Example]): The batch.
    target (Target): What to read.
    labels (Sequence[str]): The labels.
    n_tags (int): Number of tags.
    RETURNS (Tuple[Optional[WrongSpans], Set[str]]): The incorrect spans, None if there are none. And their labels that
        are none of the labels, whose spans are left out.
    """
    index = {"": -1, **{label: i for i, label in enumerate(labels)}}
    rows: List[Tuple[int, int, int, int]] = []
    unknown: Set[str] = set()
    for i, example in enumerate(examples):
        for start, end, label in target.incorrect(example):
            if label in index:
                rows.append((i, start, end, index[label]))
            else:
                unknown.add(label)
    if not rows:
        return None, unknown
    seqs, starts, ends, indices = np.asarray(rows, dtype=np.int64).T
    return WrongSpans(seqs, starts, ends, biluo.span_tag_sets(starts, ends, indices, n_tags)), unknown


def _as_sets(columns: NDArray[np.int32], allowed: Dict[int, List[int]], n_tags: int) -> NDArray[np.bool_]:
    sets = (columns[:, None] == np.arange(n_tags)) | (columns == MISSING)[:, None]
    for row, alternatives in allowed.items():
        sets[row] = not alternatives
        sets[row, alternatives] = True
    return sets
