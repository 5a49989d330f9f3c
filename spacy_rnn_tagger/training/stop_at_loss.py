"""A stopping rule: end training once the loss is small enough."""

import sys
from typing import IO, Any, Callable, Dict, List, Optional, Tuple

from spacy.language import Language
from wasabi import Printer

from ..errors import unknown_name

LogStep = Callable[[Optional[Dict[str, Any]]], None]
Finalize = Callable[[], None]
Logger = Callable[[Language, IO[str], IO[str]], Tuple[LogStep, Finalize]]

WHERE = "spacy-rnn-tagger.stop_at_loss.v1"
UNITS = ("word", "step")


def make_stop_at_loss(logger: Logger, threshold: float, component: Optional[str] = None, per: str = "word") -> Logger:
    """Log with another logger, and end training at the first evaluation before which the mean loss was below a
    threshold. The best and the last model are saved as at any other end.

    logger (Logger): The logger that writes, such as `spacy.ConsoleLogger.v3`.
    threshold (float): The loss to get below.
    component (Optional[str]): Whose loss to watch; the sum of all components' if None.
    per (str): What the loss is a mean over: "word" (the cross-entropy of this package's taggers is a sum over words, in
        nats), or "step", an update of the weights (spaCy's `textcat` counts a mean of squares for each).
    RETURNS (Logger): The logger.
    RAISES (ValueError): If a setting is out of range.
    """
    if per not in UNITS:
        raise unknown_name(WHERE, "per", per, UNITS)
    if isinstance(threshold, bool) or not threshold > 0:
        raise ValueError(f"{WHERE}: threshold = {threshold!r} is not allowed; it must be above 0.")

    def setup(nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr) -> Tuple[LogStep, Finalize]:
        patience = nlp.config["training"]["patience"]
        if not patience:
            raise ValueError(
                f"{WHERE}: [training] patience = 0 switches off the rule by which training is ended here; set it, if "
                "only to a number of steps that is never reached."
            )
        if component is not None and component not in nlp.pipe_names:
            raise unknown_name(WHERE, "component", component, nlp.pipe_names)
        log_step, finalize = logger(nlp, stdout, stderr)
        last = {"word": 0, "step": -1}

        def log_and_stop(info: Optional[Dict[str, Any]]) -> None:
            log_step(info)
            if info is None:
                return
            now = {"word": info["words"], "step": info["step"]}
            losses = info["losses"]
            total = sum(losses.values()) if component is None else losses.get(component, float("inf"))
            mean = float(total) / max(1, now[per] - last[per])
            last.update(now)
            if mean < threshold:
                _end(info["checkpoints"], patience)
                message = f"Loss {mean:.4g} per {per} is below {threshold:g}: training ends at step {info['step']}"
                print(Printer(no_print=True).good(message), file=stdout, flush=True)

        return log_and_stop, finalize

    return setup


def _end(checkpoints: List[Tuple[float, int]], patience: int) -> None:
    """Use up the patience. spaCy's loop has no other door: it compares the step of the best of these results with the
    present one right after logging, and the list is its own. An exception would end it as a failure."""
    checkpoints.append((float("inf"), -patience))
