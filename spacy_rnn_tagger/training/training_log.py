"""What happened in training: one JSON line for its beginning, each evaluation, and its end."""

from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import IO, Any, Dict, List, Optional

import srsly

START, EVALUATION, END = "start", "evaluation", "end"


@dataclass(frozen=True)
class TrainingStart:
    """How training began.

    pipeline (List[str]): The components.
    max_steps (int): After how many steps it ends at the latest; 0 for never.
    patience (int): After how many steps without a better score it ends; 0 for never.
    eval_frequency (int): Steps from one evaluation to the next.
    score_weights (Dict[str, float]): What the score is a weighted sum of.
    """

    pipeline: List[str]
    max_steps: int
    patience: int
    eval_frequency: int
    score_weights: Dict[str, float]


@dataclass(frozen=True)
class EvaluationRecord:
    """One evaluation, and the steps since the one before.

    epoch (int): Passes over the data that are complete.
    step (int): Updates of the weights before this one.
    seconds (float): Time since training began.
    words (int): Words of all batches so far.
    words_per_second (float): Words of the batches since the evaluation before, by the time since then, evaluation
        included.
    losses_per_word (Dict[str, float]): By component, the loss since the evaluation before, per word.
    scores (Dict[str, float]): What `nlp.evaluate` gives, as far as it is a number.
    label_f (Dict[str, Dict[str, float]]): F of each label, by score, such as "ents_per_type".
    score (float): The score that decides which pipeline is best.
    is_best (bool): Whether it is the best so far.
    learn_rate (Optional[float]): The learning rate of the last step.
    gradient_norm (Optional[float]): The mean norm of the gradients, before they are clipped.
    gradient_norm_max (Optional[float]): Its greatest value.
    """

    epoch: int
    step: int
    seconds: float
    words: int
    words_per_second: float
    losses_per_word: Dict[str, float]
    scores: Dict[str, float]
    label_f: Dict[str, Dict[str, float]]
    score: float
    is_best: bool
    learn_rate: Optional[float] = None
    gradient_norm: Optional[float] = None
    gradient_norm_max: Optional[float] = None


@dataclass(frozen=True)
class TrainingLog:
    """What happened in training.

    start (TrainingStart): How it began.
    evaluations (List[EvaluationRecord]): The evaluations, in order.
    end (str): Why it ended; empty if the log breaks off.
    """

    start: TrainingStart
    evaluations: List[EvaluationRecord] = field(default_factory=list)
    end: str = ""

    @property
    def best(self) -> Optional[EvaluationRecord]:
        """RETURNS (Optional[EvaluationRecord]): The first evaluation with the best score; None if there is none."""
        return max(self.evaluations, key=lambda each: each.score, default=None)


def write_event(file: IO[str], event: str, record: Any) -> None:
    """Write one line, so that it lies on disk whatever happens next.

    file (IO[str]): The file.
    event (str): "start", "evaluation" or "end".
    record (Any): A dataclass, or what to write under "why".
    """
    content = {"why": record} if isinstance(record, str) else asdict(record)
    file.write(srsly.json_dumps(_without_nan({"event": event, **content})) + "\n")
    file.flush()


def read_log(path: Path) -> TrainingLog:
    """Read what a logger wrote. A last line that was cut is left out.

    path (Path): The file of JSON lines.
    RETURNS (TrainingLog): What happened.
    RAISES (ValueError): If it is no such file.
    """
    lines = Path(path).read_text(encoding="utf8").splitlines()
    found = []
    for i, line in enumerate(lines):
        try:
            found.append(srsly.json_loads(line))
        except ValueError as e:
            if i + 1 < len(lines):
                raise ValueError(f"{str(path)!r} is no log of training: line {i + 1} is no JSON.") from e
    if not found or not isinstance(found[0], dict) or found[0].pop("event", None) != START:
        raise ValueError(f"{str(path)!r} is no log of training: it does not begin with a line of the event 'start'.")
    start = TrainingStart(**found[0])
    evaluations, end = [], ""
    for record in found[1:]:
        event = record.pop("event")
        if event == EVALUATION:
            evaluations.append(EvaluationRecord(**{**record, **_nan_for_none(record)}))
        elif event == END:
            end = record["why"]
    return TrainingLog(start, evaluations, end)


def _without_nan(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value


def _nan_for_none(record: Dict[str, Any]) -> Dict[str, Any]:
    losses = record["losses_per_word"]
    return {"losses_per_word": {name: float("nan") if loss is None else loss for name, loss in losses.items()}}
