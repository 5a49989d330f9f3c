"""Tag schemes: how labels become the tags that a model scores per token, and which paths of tags are legal. They know
nothing of docs."""

from typing import List, Optional, Sequence

import numpy as np

from ...chain.constraints import Constraints
from .. import biluo
from ..biluo import Segments
from .path import Path


class TagScheme:
    """Each label is a tag, and every path is legal."""

    def make_tags(self, labels: Sequence[str]) -> List[str]:
        """The tags scored per token, in column order.

        labels (Sequence[str]): The labels.
        RETURNS (List[str]): The tags.
        """
        return list(labels)

    def label_of(self, tag: str) -> str:
        """The label that a tag belongs to; empty for a tag of no label."""
        return tag

    def begins(self, tag: str) -> bool:
        """Whether a path with this tag has decided for one more of the tag's label: once per span, not once per
        token."""
        return True

    def segments(self, path: Path, labels: Sequence[str]) -> Optional[Segments]:
        """The spans of a path.

        path (array): (n_tokens,) tag indices of one or more concatenated docs.
        labels (Sequence[str]): The labels.
        RETURNS (Optional[Segments]): The spans; None if the scheme is not about spans.
        """
        return None

    def make_constraints(self, labels: Sequence[str]) -> Optional[Constraints]:
        """The legal paths.

        labels (Sequence[str]): The labels.
        RETURNS (Optional[Constraints]): What is legal; None if all paths are.
        """
        return None


class BiluoScheme(TagScheme):
    """The tags O, and B, I, L and U of each label, under hard constraints (Ratinov & Roth 2009)."""

    def make_tags(self, labels: Sequence[str]) -> List[str]:
        return biluo.make_tags(labels)

    def label_of(self, tag: str) -> str:
        return tag[2:]

    def begins(self, tag: str) -> bool:
        return tag[0] in "BU"

    def segments(self, path: Path, labels: Sequence[str]) -> Segments:
        return biluo.segments_of(path, 1 + 4 * len(labels))

    def make_constraints(self, labels: Sequence[str]) -> Optional[Constraints]:
        return biluo.make_constraints(len(labels))


class StartScheme(TagScheme):
    """Each label is a tag, and the first token of a sequence has a fixed one.

    first_tag: The tag of first tokens.
    """

    first_tag: str

    def make_constraints(self, labels: Sequence[str]) -> Optional[Constraints]:
        starts = np.asarray([label == self.first_tag for label in labels])
        free = np.ones_like(starts)
        return Constraints(start=starts, end=free, follows=free[:, None] & free)
