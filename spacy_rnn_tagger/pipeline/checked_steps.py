"""Training steps that cannot go wrong without a word."""

import warnings
from typing import Any, Dict, Iterable, Optional

from spacy.pipeline.trainable_pipe import TrainablePipe
from spacy.training import Example
from thinc.api import Model, Optimizer

from ..models.storage.finite import check_step

ESSENTIAL = {"W", "weight_hh"}
"""Weights that no layer which has them by name can do without."""
MOST_IN_A_ROW, MOST_IN_ALL = 10, 100
"""Batches that may be skipped."""


class NotFinite(ValueError):
    """A loss or a gradient that is NaN or infinite. `get_loss` raises it before it has changed anything."""


class CheckedSteps(TrainablePipe):
    """A component that takes no step with weights or gradients that are not finite, skips batches whose loss is not,
    and warns of steps that change nothing.

    n_skipped (int): Batches that it has not learned from.
    n_skipped_now (int): Those of them since the last one that it has learned from.
    """

    n_skipped = 0
    n_skipped_now = 0
    _n_idle_steps = 0

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch of examples. One whose loss or gradient is not finite is skipped with a warning that names
        it.

        examples (Iterable[Example]): The batch.
        drop (float): The dropout rate.
        sgd (Optional[Optimizer]): The optimizer; gradients are only collected if it is None or False.
        losses (Optional[Dict[str, float]]): Record of the losses to add to.
        RETURNS (Dict[str, float]): The losses.
        RAISES (ValueError): If the component was neither initialized nor loaded, or ten batches in a row, or a hundred
            in all, had to be skipped.
        """
        self.require_weights()
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

    def require_weights(self) -> None:
        """Refuse to go on without weights.

        RAISES (ValueError): If the component was neither initialized nor loaded.
        """
        if any(not node.has_param(name) for node in self.model.walk() for name in ESSENTIAL & {*node.param_names}):
            raise ValueError(
                f"component {self.name!r} has no weights yet; call nlp.initialize with training examples, or load a "
                "trained pipeline."
            )

    def finish_update(self, sgd: Optimizer) -> None:
        """Take a training step.

        sgd (Optimizer): The optimizer.
        RAISES (ValueError): If a gradient or the weights are not finite. No weights are changed then.
        """
        check_step(f"component {self.name!r}", self.model)
        self._watch_rate(sgd)
        Model.finish_update(self.model, sgd)

    def _watch_rate(self, sgd: Optimizer) -> None:
        # One step at rate 0 is how Thinc's warm-up begins; `spacy train` goes on to the next rate after each.
        self._n_idle_steps = 0 if getattr(sgd, "learn_rate", 1.0) else self._n_idle_steps + 1
        if self._n_idle_steps == 2:
            warnings.warn(
                f"component {self.name!r} learns nothing: the optimizer's learn rate is 0 and stays there. Its "
                "schedule begins at 0 and is not stepped by nlp.update: call optimizer.step_schedules(), set "
                "optimizer.learn_rate, or train by a config with spacy-rnn-tagger.warmup_linear.v1.",
                stacklevel=4,
            )
