"""Training as `spacy train` does it, step by step and bit by bit, that can be stopped at any moment and goes on."""

import random
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import srsly
from spacy.cli._util import import_code, setup_gpu
from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training.initialize import init_nlp
from spacy.training.loop import (
    create_before_to_disk_callback,
    create_evaluation_callback,
    subdivide_batch,
    update_meta,
)
from spacy.util import load_config, registry, resolve_dot_names
from thinc.api import Config, constant, fix_random_seed, set_gpu_allocator
from wasabi import Printer

from ..errors import nearest
from ..pipeline.safe_output import PIPELINE, Output, OutputKind, mend
from .checkpoint import (
    Position,
    installed_versions,
    put_back,
    python_state,
    read_checkpoint,
    restore_random,
    set_python_state,
    write_checkpoint,
)

BEST, LAST, CHECKPOINT, CONFIG, START = "model-best", "model-last", "checkpoint.msgpack", "config.cfg", "start.json"
LONGER = ("training.max_steps", "training.max_epochs", "training.patience")
"""Settings that may be changed when a training goes on: they decide when it ends, and nothing before."""
WHERE = "rnn train"
Batches = Iterator[Tuple[int, List[Any]]]


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    output (str): Its folder.
    best (str): The pipeline with the best score on the development data.
    last (str): The pipeline of the last evaluation.
    score (float): The best score, the weighted sum of [training.score_weights].
    best_step (int): The step of the best pipeline.
    n_steps (int): How many steps were made.
    n_words (int): How many words were trained on, a word counting as often as it was seen.
    seconds (float): How long that took, earlier runs included.
    resumed_at (Optional[int]): The step with which this run began; None if it began anew.
    """

    output: str
    best: str
    last: str
    score: float
    best_step: int
    n_steps: int
    n_words: int
    seconds: float
    resumed_at: Optional[int]


def train(
    config: Path,
    output: Path,
    *,
    overrides: Optional[Mapping[str, Any]] = None,
    gpu: int = -1,
    code: Optional[Path] = None,
    force: bool = False,
) -> Trained:
    """Train a config as `spacy train` does, to the same weights, and keep what is needed to go on after each
    evaluation. "model-best" and "model-last" are at every moment a whole pipeline, the old one or the new one.

    config (Path): The config.
    output (Path): The folder for the pipelines, the config and the checkpoint.
    overrides (Optional[Mapping[str, Any]]): Settings by "section.key".
    gpu (int): The number of the GPU; -1 for the CPU.
    code (Optional[Path]): Python file with functions that the config needs.
    force (bool): Whether a training that lies in the folder may be replaced.
    RETURNS (Trained): What came of it.
    RAISES (ValueError): If the folder holds something else, or a training and `force` is False.
        OSError: If the disk is full; what was saved before stays.
    """
    given = load_config(config, overrides=dict(overrides or {}), interpolate=False)
    begin(given, output, gpu=gpu, code=code, force=force, inputs=[config])
    return resume(output)


def begin(
    config: Config,
    output: Path,
    *,
    gpu: int = -1,
    code: Optional[Path] = None,
    force: bool = False,
    inputs: Sequence[Path] = (),
) -> None:
    """Make the folder of a training that `resume` carries out.

    config (Config): The config.
    output (Path): The folder.
    gpu (int): The number of the GPU; -1 for the CPU.
    code (Optional[Path]): Python file with functions that the config needs.
    force (bool): Whether a training that lies in the folder may be replaced.
    inputs (Sequence[Path]): Files that must not be replaced.
    RAISES (ValueError): If the folder holds something else, or a training and `force` is False.
    """
    if not force and (Path(output) / START).is_file():
        raise ValueError(
            f"{WHERE}: {str(output)!r} holds a training already; go on with it by `python -m spacy rnn resume`, or "
            "name another folder, or pass --force to train anew."
        )
    start = {"gpu": gpu, "code": None if code is None else str(Path(code).resolve()), "folder": str(Path.cwd())}

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / CONFIG).write_text(config.to_str(interpolate=False), encoding="utf8")
        srsly.write_json(folder / START, {**start, "versions": installed_versions()})

    Output(output, TRAINING, force=force, inputs=inputs).write(make)


def resume(output: Path, *, overrides: Optional[Mapping[str, Any]] = None) -> Trained:
    """Go on with a training that was stopped, from its last evaluation. On a CPU, with the same data and versions, it
    ends with the same weights as one that was not stopped, to the bit.

    output (Path): The folder of the training.
    overrides (Optional[Mapping[str, Any]]): Settings by "section.key"; only those of when training ends.
    RETURNS (Trained): What came of it. A training that is complete stays as it is, unless it shall be longer.
    RAISES (ValueError): If no training lies there, or the data or the config have changed.
    """
    output = Path(output)
    if not (output / CONFIG).is_file() or not (output / START).is_file():
        raise ValueError(
            f"{WHERE}: {str(output)!r} holds no training that can go on: it lacks {CONFIG!r} or {START!r}, which "
            "`spacy rnn train` writes at its beginning (`spacy train` does not)."
        )
    for key in overrides or {}:
        if key not in LONGER:
            raise ValueError(
                f"{WHERE}: {key!r} cannot be changed when a training goes on, only {', '.join(LONGER)}: the weights so "
                f"far came of the old setting.{nearest(key, LONGER)}"
            )
    start = srsly.read_json(output / START)
    installed = installed_versions()
    for package, before in start["versions"].items():
        now = installed.get(package, "")
        if before != now:
            print(Printer(no_print=True).warn(f"{package} was {before or None}, and is {now or None} now"))
    if start["folder"] != str(Path.cwd()):
        sentence = f"This training began in {start['folder']!r}; relative paths of its config are now others"
        print(Printer(no_print=True).warn(sentence))
    config = load_config(output / CONFIG, overrides=dict(overrides or {}), interpolate=False)
    if overrides:
        place = Output(output / CONFIG, OutputKind("config", False, lambda path: None), force=True)
        place.write(lambda path: path.write_text(config.to_str(interpolate=False), encoding="utf8"))
    code = None if start["code"] is None else Path(start["code"])
    import_code(code)
    setup_gpu(start["gpu"], silent=True)
    for name in (BEST, LAST):
        mend(output / name)
    training = _Training(init_nlp(config, use_gpu=start["gpu"]), output, start["gpu"])
    training.restore()
    return training.run(sys.stdout, sys.stderr)


class _Training:
    """A training, at the step at which it stands.

    nlp (Language): The initialized pipeline.
    output (Path): Its folder.
    gpu (int): The number of the GPU; -1 for the CPU.
    """

    def __init__(self, nlp: Language, output: Path, gpu: int) -> None:
        config = nlp.config.interpolate()
        if config["training"]["seed"] is not None:
            fix_random_seed(config["training"]["seed"])
        if gpu >= 0 and config["training"]["gpu_allocator"]:
            set_gpu_allocator(config["training"]["gpu_allocator"])
        self.nlp, self.output = nlp, output
        self.settings: Dict[str, Any] = registry.resolve(config["training"], schema=ConfigSchemaTraining)
        names = [self.settings["train_corpus"], self.settings["dev_corpus"]]
        self.corpus, dev = resolve_dot_names(config, names)
        self.optimizer = self.settings["optimizer"]
        self.frozen = self.settings["frozen_components"]
        self.evaluate = create_evaluation_callback(nlp, dev, self.settings["score_weights"])
        self.before_to_disk = create_before_to_disk_callback(self.settings["before_to_disk"])
        dropout = self.settings["dropout"]
        self.dropouts: Any = constant(dropout) if isinstance(dropout, float) else dropout
        self.position = Position()
        self.resumed_at: Optional[int] = None
        self._batches: Optional[Batches] = None

    def restore(self) -> None:
        """Go to where the checkpoint stands, if there is one: read the data again, and let the batches that were
        trained on pass by."""
        if not (path := self.output / CHECKPOINT).exists():
            return
        content = read_checkpoint(path)
        self.position = position = content["position"]
        put_back(content, path, self.nlp, self.optimizer, self.frozen)
        self._batches = self._make_batches(list(position.epoch_states))
        for _ in range(position.step + 1):
            next(self._batches)
            next(self.dropouts)
        restore_random(content)
        self._describe(position.infos[-1])
        self.resumed_at = position.step + 1

    def run(self, stdout: IO[str], stderr: IO[str]) -> Trained:
        """Train to the end. RETURNS (Trained): What came of it. stdout (IO[str]): What the logger writes to. stderr
        (IO[str]): What the logger draws progress on."""
        say = Printer(no_print=True)
        position = self.position
        if self.resumed_at is not None:
            stdout.write(f"{say.info(f'Going on after step {position.step}, in {str(self.output)!r}')}\n")
        stdout.write(f"{say.info(f'Pipeline: {self.nlp.pipe_names}')}\n")
        with self.nlp.select_pipes(disable=self.frozen):
            log_step, finalize = self.settings["logger"](self.nlp, stdout, stderr)
        try:
            self._tell_again(log_step)
            if self.resumed_at is None or not self._is_over():
                for info in self._steps():
                    log_step(info)
        finally:
            finalize()
        if not position.is_complete:
            with self._averages():
                self._save_pipeline(LAST)
            position.is_complete = True
            self._save_checkpoint()
        return self._result()

    def _steps(self) -> Iterator[Optional[Dict[str, Any]]]:
        """Train. YIELDS (Optional[Dict[str, Any]]): What a logger is told after each step."""
        position, began = self.position, time.perf_counter() - self.position.seconds
        batches = self._batches or self._make_batches([])
        for epoch, batch in batches:
            position.step, position.is_complete = position.step + 1, False
            self._update(epoch, batch)
            position.words += sum(len(eg) for eg in batch)
            position.seconds = time.perf_counter() - began
            if position.step % self.settings["eval_frequency"]:
                yield None
            else:
                info = self._evaluate(epoch)
                # A logger may end training by what it adds to the results.
                yield info
                position.losses = {}
                self._save_checkpoint()
            if self._is_over():
                break

    def _update(self, epoch: int, batch: List[Any]) -> None:
        settings = self.settings
        if settings["before_update"]:
            settings["before_update"](self.nlp, {"step": self.position.step, "epoch": epoch})
        drop = next(self.dropouts)
        for part in subdivide_batch(batch, settings["accumulate_gradient"]):
            self.nlp.update(
                part,
                drop=drop,
                losses=self.position.losses,
                sgd=False,  # type: ignore[arg-type]
                exclude=self.frozen,
                annotates=settings["annotating_components"],
            )
        for name, component in self.nlp.pipeline:
            is_learning = name not in self.frozen and getattr(component, "is_trainable", False)
            if is_learning and getattr(component, "model", None) not in (True, False, None):
                component.finish_update(self.optimizer)  # type: ignore[attr-defined]
        self.optimizer.step_schedules()

    def _evaluate(self, epoch: int) -> Dict[str, Any]:
        """Score the averaged weights, and save them."""
        position = self.position
        with self._averages():
            score, scores = self.evaluate()
        position.results.append((score, position.step))
        info = {
            "epoch": epoch,
            "step": position.step,
            "score": score,
            "other_scores": scores,
            "losses": dict(position.losses),
            "checkpoints": position.results,
            "seconds": position.seconds,
            "words": position.words,
        }
        position.infos.append({key: value for key, value in info.items() if key != "checkpoints"})
        self._describe(info)
        is_best = score == max(position.results)[0]
        with self._averages():
            self._save_pipeline(*((LAST, BEST) if is_best else (LAST,)))
        return {**info, "output_path": str(self.output / LAST)}

    def _describe(self, info: Dict[str, Any]) -> None:
        """Write scores to the meta data of the pipeline."""
        with self.nlp.select_pipes(disable=self.frozen):
            update_meta(self.settings, self.nlp, info)

    def _save_pipeline(self, *names: str) -> None:
        nlp = self.before_to_disk(self.nlp)
        for name in names:
            Output(self.output / name, PIPELINE, force=True).write(nlp.to_disk)

    def _averages(self) -> Any:
        return self.nlp.use_params(self.optimizer.averages) if self.optimizer.averages else nullcontext()

    def _is_over(self) -> bool:
        settings, position = self.settings, self.position
        best = -max((score, -step) for score, step in position.results)[1]
        if settings["patience"] and position.step - best >= settings["patience"]:
            return True
        return bool(settings["max_steps"]) and position.step >= settings["max_steps"]

    def _save_checkpoint(self) -> None:
        write_checkpoint(self.output / CHECKPOINT, self.nlp, self.optimizer, self.frozen, self.position)

    def _tell_again(self, log_step: Callable[[Optional[Dict[str, Any]]], None]) -> None:
        """Tell a logger what happened before, so that its table, its file or its page is whole."""
        infos = {info["step"]: info for info in self.position.infos}
        for step in range(self.position.step + 1):
            info = infos.get(step)
            results = [(score, at) for score, at in self.position.results if at <= step]
            log_step(None if info is None else {**info, "checkpoints": results})

    def _make_batches(self, epoch_states: List[Any]) -> Batches:
        """The batches of `spacy.training.loop.create_train_batches`, with a record of the random numbers by which they
        were shuffled. Epochs that were begun before are shuffled as they were then."""
        settings, position, epoch = self.settings, self.position, 0
        is_stream = settings["max_epochs"] < 0
        examples = [] if is_stream else list(self.corpus(self.nlp))
        if not is_stream:
            self._check_data(len(examples), sum(len(eg.reference) for eg in examples))
        position.epoch_states = list(epoch_states)
        while settings["max_epochs"] < 1 or epoch != settings["max_epochs"]:
            if epoch < len(epoch_states):
                set_python_state(epoch_states[epoch])
            else:
                position.epoch_states.append(python_state())
            if is_stream:
                examples = self.corpus(self.nlp)
            else:
                random.shuffle(examples)
            for batch in settings["batcher"](examples):
                yield epoch, list(batch)
            epoch += 1

    def _check_data(self, n_docs: int, n_words: int) -> None:
        position = self.position
        if not n_docs:
            raise ValueError(f"{WHERE}: the training data, {self.settings['train_corpus']!r}, have no docs.")
        if position.n_docs >= 0 and (position.n_docs, position.n_words) != (n_docs, n_words):
            raise ValueError(
                f"{WHERE}: the training data have {n_docs:,} docs and {n_words:,} tokens, but the training in "
                f"{str(self.output)!r} began with {position.n_docs:,} and {position.n_words:,}; restore them, or train "
                "anew with --force."
            )
        position.n_docs, position.n_words = n_docs, n_words

    def _result(self) -> Trained:
        position = self.position
        score, step = max((info["score"], -info["step"]) for info in position.infos)
        return Trained(
            output=str(self.output),
            best=str(self.output / BEST),
            last=str(self.output / LAST),
            score=float(score),
            best_step=-step,
            n_steps=position.step + 1,
            n_words=position.words,
            seconds=position.seconds,
            resumed_at=self.resumed_at,
        )


def _objection(path: Path) -> Optional[str]:
    parts = {BEST, LAST, CHECKPOINT, CONFIG, START}
    others = sorted(each.name for each in path.iterdir() if each.name not in parts and not each.name.startswith("."))
    if not (path / START).is_file():
        return "holds no training of `spacy rnn train`"
    return f"holds {', '.join(map(repr, others[:3]))} beside a training" if others else None


TRAINING = OutputKind("training", True, _objection)
