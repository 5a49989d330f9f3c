"""Batches whose loss is not a number: named, skipped, counted, and the end of training if there are too many."""

import warnings
from typing import Any, Dict, Iterable, Optional

from spacy.pipeline import TrainablePipe
from spacy.training import Example
from thinc.api import Optimizer

MOST_IN_A_ROW, MOST_IN_ALL = 10, 100


class NotFinite(ValueError):
    """A loss or a gradient that is NaN or infinite."""


class FiniteUpdates(TrainablePipe):
    """A component whose `get_loss` raises `NotFinite` before it has changed anything.

    n_skipped (int): Batches that it has not learned from.
    n_skipped_now (int): Those of them since the last one that it has learned from.
    """

    n_skipped = 0
    n_skipped_now = 0

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch. One whose loss or gradient is not finite is skipped with a warning that names it.

        examples (Iterable[Example]): The batch.
        drop (float): The dropout rate.
        sgd (Optional[Optimizer]): The optimizer; gradients are only collected if it is None or False.
        losses (Optional[Dict[str, float]]): Record of the losses to add to.
        RETURNS (Dict[str, float]): The losses.
        RAISES (ValueError): If ten batches in a row, or a hundred in all, had to be skipped.
        """
        examples, losses = list(examples), {} if losses is None else losses
        try:
            losses = super().update(examples, drop=drop, sgd=sgd, losses=losses)
        except NotFinite as e:
            self._skip(examples, e)
        else:
            self.n_skipped_now = 0
        return losses

    def _skip(self, examples: Any, error: NotFinite) -> None:
        self.n_skipped += 1
        self.n_skipped_now += 1
        begin = " ".join(token.text for token in examples[0].reference[:8])
        batch = f"a batch of {len(examples)} docs, the first of which begins {begin!r}"
        if self.n_skipped_now >= MOST_IN_A_ROW or self.n_skipped >= MOST_IN_ALL:
            raise ValueError(
                f"component {self.name!r}: {error} in {batch}; {self.n_skipped} batches had to be skipped, the last "
                f"{self.n_skipped_now} in a row, so training has diverged. Lower the learn rate of "
                "[training.optimizer], set its grad_clip, or look for infinite values in vectors and class_weights."
            ) from error
        warnings.warn(
            f"component {self.name!r}: {error} in {batch}; it is skipped ({self.n_skipped} so far).", stacklevel=3
        )
