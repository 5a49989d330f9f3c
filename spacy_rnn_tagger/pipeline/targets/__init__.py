"""What the component reads from gold docs and writes to predicted ones, one class per target."""

from .base import Target
from .lookup import annotated_targets, make_target, unseen_labels

__all__ = ["Target", "annotated_targets", "make_target", "unseen_labels"]
