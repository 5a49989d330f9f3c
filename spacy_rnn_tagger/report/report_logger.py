"""A logger of training to watch: a table with time left, a progress bar, JSON lines, and a page at the end."""

import sys
import time
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Optional, Tuple

from spacy.language import Language
from spacy.training.loggers import setup_table
from tqdm import tqdm
from wasabi import Printer

from ..pipeline.safe_output import reason
from ..training.optimizer_watch import OptimizerWatch
from ..training.stop_at_loss import Finalize, Logger, LogStep
from ..training.training_log import END, EVALUATION, START, EvaluationRecord, TrainingStart, write_event
from .training_page import show_duration, write_training_page

SPACING = 2


def make_report_logger(
    output_file: Optional[Path] = None,
    console_output: bool = True,
    progress_bar: bool = True,
    watch_optimizer: bool = True,
    also: Optional[Dict[str, Any]] = None,
) -> Logger:
    """Log training to the console, to a file of JSON lines, and at its end, however it ends, to an HTML page beside
    that file. No file is replaced: if there is one of the name already, a number is added.

    output_file (Optional[Path]): The file of JSON lines, such as "training/log.jsonl"; the page has its name with
        ".html". None for neither.
    console_output (bool): Whether to print a row for each evaluation.
    progress_bar (bool): Whether to draw a progress bar, if standard error is a terminal.
    watch_optimizer (bool): Whether to log the learning rate and the norm of the gradients.
    also (Optional[Dict[str, Logger]]): Further loggers by any names, such as `spacy.WandbLogger.v5`. The annotation is
        wider, since configs are checked before what is nested so deep is resolved.
    RETURNS (Logger): The logger.
    """

    def setup(nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr) -> Tuple[LogStep, Finalize]:
        others = [logger(nlp, stdout, stderr) for logger in (also or {}).values()]
        own = _Training(nlp, stdout, stderr, output_file, console_output, progress_bar, watch_optimizer)

        def log_step(info: Optional[Dict[str, Any]]) -> None:
            own.log_step(info)
            for other, _ in others:
                other(info)

        def finalize() -> None:
            _call_all([own.finalize, *(other for _, other in others)])

        return log_step, finalize

    return setup


def _call_all(functions: List[Callable[[], None]]) -> None:
    """Call all, even if one fails."""
    if functions:
        try:
            functions[0]()
        finally:
            _call_all(functions[1:])


class _Training:
    """One training, watched."""

    def __init__(
        self,
        nlp: Language,
        stdout: IO[str],
        stderr: IO[str],
        output_file: Optional[Path],
        console_output: bool,
        progress_bar: bool,
        watch_optimizer: bool,
    ) -> None:
        training = nlp.config["training"]
        weights = {key: value for key, value in training["score_weights"].items() if value is not None}
        self.start = TrainingStart(
            pipeline=[name for name, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False)],
            max_steps=training["max_steps"],
            patience=training["patience"],
            eval_frequency=training["eval_frequency"],
            score_weights=weights,
        )
        self.stdout, self.stderr = stdout, stderr
        self.printer = Printer(no_print=True)
        self.console_output = console_output
        self.bar = tqdm(disable=None, leave=False, file=stderr, unit="step") if progress_bar else None
        self.watch = OptimizerWatch() if watch_optimizer else None
        self.began = self.last_time = time.perf_counter()
        self.last_words = 0
        self.best = (float("-inf"), 0)
        self.path, self.file = self._open(output_file)
        self.widths = self._print_head() if console_output else []
        if self.watch is not None:
            self.watch.start()

    def log_step(self, info: Optional[Dict[str, Any]]) -> None:
        """Log a step; with what is known after an evaluation, if there was one."""
        if info is not None:
            record = self._record(info)
            if self.file is not None:
                write_event(self.file, EVALUATION, record)
            if self.console_output:
                self._print_row(record)
            if self.bar is not None:
                self.bar.total = self._last_step()
                self.bar.set_description(f"epoch {info['epoch'] + 1}, best {100 * self.best[0]:.2f}", refresh=False)
                self.bar.set_postfix_str(f"{record.words_per_second:,.0f} words/s", refresh=False)
        if self.bar is not None:
            self.bar.update(1)

    def finalize(self) -> None:
        """Write why training ended, and the page."""
        if self.watch is not None:
            self.watch.stop()
        if self.bar is not None:
            self.bar.close()
        if self.file is None or self.path is None:
            return
        error = sys.exc_info()[1]  # spaCy calls this while an exception passes
        write_event(self.file, END, "Training ended" if error is None else f"Training was stopped by {reason(error)}")
        self.file.close()
        page = self.path.with_suffix(".html")
        try:
            write_training_page(self.path, page)
        except Exception as e:  # a page is not worth a pipeline
            self._write(self.printer.warn(f"The page {str(page)!r} could not be written: {reason(e)}"))
        else:
            self._write(self.printer.info(f"Saved the course of training to {str(page)!r}"))

    def _record(self, info: Dict[str, Any]) -> EvaluationRecord:
        # A training that goes on tells what it did before it was stopped, at the times of then.
        now = max(self.began + info["seconds"], time.perf_counter())
        words, seconds = info["words"] - self.last_words, now - self.last_time
        self.last_words, self.last_time = info["words"], now
        scores = info["other_scores"] or {}
        score = float(info["score"])
        is_best = score > self.best[0]
        if is_best:
            self.best = (score, info["step"])
        optimizer = self.watch.take() if self.watch is not None else None
        return EvaluationRecord(
            epoch=info["epoch"],
            step=info["step"],
            seconds=now - self.began,
            words=info["words"],
            words_per_second=words / max(seconds, 1e-9),
            losses_per_word={name: float(loss) / max(1, words) for name, loss in info["losses"].items()},
            scores={key: float(value) for key, value in scores.items() if isinstance(value, (int, float))},
            label_f={
                key: {str(label): float(prf["f"]) for label, prf in value.items()}
                for key, value in scores.items()
                if isinstance(value, dict) and value and all("f" in prf for prf in value.values())
            },
            score=score,
            is_best=is_best,
            **(optimizer._asdict() if optimizer is not None else {}),
        )

    def _last_step(self) -> Optional[int]:
        """The step at which training ends if nothing gets better any more; None if it does not end by itself."""
        ends = [self.start.max_steps] if self.start.max_steps > 0 else []
        if self.start.patience > 0:
            ends.append(self.best[1] + self.start.patience)
        return min(ends, default=None)

    def _print_head(self) -> List[int]:
        columns = ["E", "#", *(f"Loss {name}" for name in self.start.pipeline), *self.start.score_weights, "Score"]
        sizes = [3, 6, *(8 for _ in self.start.pipeline), *(6 for _ in self.start.score_weights), 7]
        head, widths, _ = setup_table(cols=[*columns, "words/s", "left"], widths=[*sizes, 7, 7])
        self._write(self.printer.row(head, widths=widths, spacing=SPACING))
        self._write(self.printer.row(["-" * width for width in widths], spacing=SPACING))
        return list(widths)

    def _print_row(self, record: EvaluationRecord) -> None:
        """A row of the table; losses are per word, and the best score so far has a star."""
        last = self._last_step()
        left = "-" if last is None else show_duration((last - record.step) * record.seconds / (record.step + 1))
        scores = [record.scores.get(key) for key in self.start.score_weights]
        row = [
            record.epoch,
            record.step,
            *(f"{record.losses_per_word.get(name, float('nan')):.4f}" for name in self.start.pipeline),
            *("-" if score is None else f"{100 * score:.2f}" for score in scores),
            f"{100 * record.score:.2f}{'*' if record.is_best else ' '}",
            f"{record.words_per_second:,.0f}",
            left,
        ]
        aligns = ["r" for _ in self.widths]
        self._write(self.printer.row(row, widths=self.widths, aligns=aligns, spacing=SPACING))

    def _open(self, wanted: Optional[Path]) -> Tuple[Optional[Path], Optional[IO[str]]]:
        if wanted is None:
            return None, None
        path = _free_path(Path(wanted))
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("x", encoding="utf8")
        write_event(file, START, self.start)
        self._write(self.printer.info(f"Logging to {str(path)!r}"))
        return path, file

    def _write(self, text: Any) -> None:
        if self.bar is not None:
            self.bar.clear()
        print(text, file=self.stdout, flush=True)


def _free_path(path: Path) -> Path:
    """The path, or one with a number, where neither a log nor a page lies."""
    path = path.with_suffix(".jsonl") if path.suffix in ("", ".html") else path
    candidate, n = path, 1
    while candidate.exists() or candidate.with_suffix(".html").exists():
        n += 1
        candidate = path.with_name(f"{path.stem}-{n}{path.suffix}")
    return candidate
