"""What the component reads from gold docs and writes to predicted ones, one class per target."""

from ..writing import ABSTAIN
from .alignment import align_rows
from .base import Target, to_array
from .lookup import annotated_targets, make_target, unseen_labels
from .path import Path

__all__ = ["ABSTAIN", "Path", "Target", "align_rows", "annotated_targets", "make_target", "to_array", "unseen_labels"]
