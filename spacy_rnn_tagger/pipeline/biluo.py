"""The BILUO scheme: one label becomes the tags Begin, In, Last and Unit; everything else is Out.

Ratinov & Roth (2009), https://aclanthology.org/W09-1119.
"""

from functools import lru_cache
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from ..chain.constraints import Constraints

OUT, BEGIN, IN, LAST, UNIT = range(5)


class Segments(NamedTuple):
    """The entities of concatenated paths.

    starts: (n,) first tokens.
    ends: (n,) the tokens after the last.
    labels: (n,) label indices.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    labels: NDArray[np.int64]

    def select(self, keep: NDArray[np.bool_]) -> "Segments":
        """RETURNS (Segments): Some of them. keep (array): (n,) bool."""
        return Segments(self.starts[keep], self.ends[keep], self.labels[keep])


def make_tags(labels: Sequence[str]) -> List[str]:
    """The tags of some labels: O, then B, I, L and U of each label in turn."""
    return ["O", *(f"{action}-{label}" for label in labels for action in "BILU")]


@lru_cache(maxsize=32)
def actions_and_labels(n_tags: int) -> Tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each tag of `make_tags`, what it does (OUT to UNIT) and the index of its label (-1 for O)."""
    index = np.arange(n_tags) - 1
    actions = np.where(index < 0, OUT, index % 4 + 1)
    labels = np.where(index < 0, -1, index // 4)
    actions.flags.writeable = labels.flags.writeable = False
    return actions, labels


@lru_cache(maxsize=16)
def make_constraints(n_labels: int) -> Constraints:
    """The legal paths: an entity opened by B goes on with I of the same label until its L; O, B and U stand outside.

    They depend on nothing but the number of labels, so a few are kept; the arrays are shared and read-only.
    """
    actions, labels = actions_and_labels(1 + 4 * n_labels)
    opening = np.isin(actions, (OUT, BEGIN, UNIT))
    closed = np.isin(actions, (OUT, LAST, UNIT))
    same = labels[:, None] == labels[None, :]
    follows = np.where(closed[:, None], opening[None, :], ~opening[None, :] & same)
    for array in (opening, closed, follows):
        array.flags.writeable = False
    return Constraints(start=opening, end=closed, follows=follows)


def spans_of(path: NDArray[np.int64], n_tags: int) -> List[Tuple[int, int, int]]:
    """The entities of one legal path.

    path (array): (n_tokens,) tag indices.
    n_tags (int): Number of tags.
    RETURNS (List[Tuple[int, int, int]]): Start token, end token (exclusive) and label index of each.
    """
    return list(zip(*(array.tolist() for array in segments_of(path, n_tags))))


def segments_of(path: NDArray[np.int64], n_tags: int) -> Segments:
    """The entities of legal paths, as arrays.

    path (array): (n_tokens,) tag indices of one path, or of several concatenated ones.
    n_tags (int): Number of tags.
    RETURNS (Segments): The entities, in order.
    """
    actions, labels = actions_and_labels(n_tags)
    acts = actions[path]
    starts = np.flatnonzero((acts == BEGIN) | (acts == UNIT))
    ends = np.flatnonzero((acts == LAST) | (acts == UNIT)) + 1
    return Segments(starts, ends, labels[path[starts]])


def tags_of(start: int, end: int, label: int) -> Dict[int, int]:
    """The tag index of each token of one entity."""
    first = 1 + 4 * label
    if end - start == 1:
        return {start: first + UNIT - 1}
    tags = {i: first + IN - 1 for i in range(start, end)}
    tags[start] = first + BEGIN - 1
    tags[end - 1] = first + LAST - 1
    return tags


def span_tags(starts: NDArray[np.int64], ends: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tags of many entities, as `segment_probabilities` takes them.

    starts (array): (n_spans,) start tokens.
    ends (array): (n_spans,) end tokens, exclusive.
    labels (array): (n_spans,) label indices.
    RETURNS (array): (sum of the spans' lengths,) tag indices of the concatenated spans.
    """
    sizes = ends - starts
    return np.repeat(4 * labels, sizes) + _span_actions(sizes)


def span_tag_sets(
    starts: NDArray[np.int64], ends: NDArray[np.int64], labels: NDArray[np.int64], n_tags: int
) -> NDArray[np.bool_]:
    """The tags of many entities as sets, as `exclusion_loss` takes them.

    starts (array): (n_spans,) start tokens.
    ends (array): (n_spans,) end tokens, exclusive.
    labels (array): (n_spans,) label indices; -1 for any label.
    n_tags (int): Number of tags.
    RETURNS (array): (sum of the spans' lengths, n_tags) bool, the tags of each token of the concatenated spans.
    """
    sizes = ends - starts
    tag_actions, tag_labels = actions_and_labels(n_tags)
    wanted = np.repeat(labels, sizes)[:, None]
    return (tag_actions == _span_actions(sizes)[:, None]) & ((wanted == -1) | (tag_labels == wanted))


def _span_actions(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """What the tokens of concatenated entities of some lengths do."""
    firsts = np.cumsum(sizes) - sizes
    actions = np.full((int(sizes.sum()),), IN, dtype=np.int64)
    actions[firsts] = BEGIN
    actions[firsts + sizes - 1] = LAST
    actions[firsts[sizes == 1]] = UNIT
    return actions
