"""Trainings with different settings and seeds, side by side, and what comes of them in one table."""

import hashlib
import itertools
import json
import os
import statistics
import time
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import srsly
from spacy.cli._util import import_code
from spacy.cli.train import train
from spacy.util import load_config

from ..errors import check_positive, nearest, unknown_name
from ..evaluation.progress import Progress, no_progress
from ..pipeline.safe_output import Output, OutputKind
from .local_pool import LocalPool, n_cores, one_thread_each
from .ray_connection import connect, import_ray

WHERE = "rnn sweep"
MARK, RECORD, CONFIG, LOG, BEST = "sweep.json", "result.json", "config.cfg", "log.txt", "model-best"
SEEDS = ("system.seed", "training.seed")
"""Settings over which scores are averaged."""
ENGINES = ("local", "ray")


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    settings (Dict[str, Any]): What differs from the config, by "section.key".
    folder (str): Where it lies: its config, its log, its pipeline.
    config (str): Its config.
    gpu (int): The number of the GPU; -1 for the CPU.
    code (Optional[str]): Python file with functions that the config needs.
    """

    settings: Dict[str, Any]
    folder: str
    config: str
    gpu: int = -1
    code: Optional[str] = None


@dataclass
class TrialResult:
    """What came of one training.

    settings (Dict[str, Any]): Its settings.
    folder (str): Where it lies.
    score (Optional[float]): The score of its best state on the development data; None if it failed.
    scores (Dict[str, float]): The scores of which this is the weighted sum.
    seconds (float): How long it took.
    error (str): Why it failed; empty if it did not.
    is_kept (bool): Whether it was there already.
    """

    settings: Dict[str, Any]
    folder: str
    score: Optional[float] = None
    scores: Dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""
    is_kept: bool = False


@dataclass
class SettingResult:
    """What came of the trainings that differ in nothing but their seeds.

    settings (Dict[str, Any]): Their settings.
    n (int): How many there are.
    n_failed (int): How many of them failed.
    score (Optional[float]): The mean of their scores; None if all failed.
    deviation (Optional[float]): The standard deviation of their scores; None if there are not two.
    scores (Dict[str, float]): The means of the scores it is made of.
    seconds (float): How long they took on average.
    best (str): The folder of the best of them.
    """

    settings: Dict[str, Any]
    n: int
    n_failed: int
    score: Optional[float]
    deviation: Optional[float]
    scores: Dict[str, float]
    seconds: float
    best: str


@dataclass
class SweepResult:
    """What came of a sweep.

    output (str): Its folder.
    settings (List[SettingResult]): The settings, the best first.
    trials (List[TrialResult]): All trainings, in the order of the space.
    """

    output: str
    settings: List[SettingResult]
    trials: List[TrialResult]


def sweep(
    config: Path,
    space: Mapping[str, Sequence[Any]],
    output: Path,
    *,
    overrides: Optional[Mapping[str, Any]] = None,
    processes: int = 0,
    engine: str = "local",
    address: str = "",
    gpu: int = -1,
    code: Optional[Path] = None,
    progress: Progress = no_progress,
) -> SweepResult:
    """Train a config with each combination of some settings. A training that is complete is kept, so that the same call
    goes on with a sweep that was interrupted; one with another config, other settings or other data is a new one, in a
    folder of its own.

    config (Path): The config.
    space (Mapping[str, Sequence[Any]]): The values to try, by "section.key", such as {"training.dropout": [0.1, 0.3],
        "system.seed": [0, 1, 2]}.
    output (Path): The folder of the trainings.
    overrides (Optional[Mapping[str, Any]]): Settings of all trainings, as `spacy train` takes them.
    processes (int): How many trainings at a time, each with one thread; 0 for as many as there are cores.
    engine (str): "local", or "ray" for the tasks of a Ray cluster, whose nodes see the same files.
    address (str): The address of the Ray cluster; if empty, one is started on this machine.
    gpu (int): The number of the GPU to train on; -1 for the CPU.
    code (Optional[Path]): Python file with functions that the config needs.
    progress (Progress): Shows how many trainings are done.
    RETURNS (SweepResult): What came of it.
    RAISES (ValueError): If a setting is unknown, or something else lies in the folder.

    EXAMPLE:
        >>> from spacy_rnn_tagger.training.sweep import sweep
        >>> done = sweep("config.cfg", {"training.dropout": [0.1, 0.3], "system.seed": [0, 1, 2]}, "sweep")
        >>> print(done.settings[0].settings, done.settings[0].score)
    """
    if engine not in ENGINES:
        raise unknown_name(WHERE, "engine", engine, ENGINES)
    if processes:
        check_positive(WHERE, processes=processes)
    trials = _make_trials(Path(config), space, Path(output), dict(overrides or {}), gpu, code)
    Output(Path(output), SWEEP, force=True, inputs=[Path(config)], option="OUTPUT")
    Path(output).mkdir(parents=True, exist_ok=True)
    _write_json(Path(output) / MARK, {"command": WHERE, "config": str(config), "space": dict(space)})
    found = {trial.folder: _read_result(trial) for trial in trials}
    todo = [trial for trial in trials if found[trial.folder] is None]
    if todo:
        n_workers = min(processes or n_cores(), len(todo))
        run = _run_on_ray if engine == "ray" else _run_here
        with closing(run(todo, n_workers, address)) as results:  # type: ignore[type-var]
            title = f"training {len(todo)} of {len(trials)}"
            for result in progress(results, len(todo), title):
                found[result.folder] = result
    results_in_order = [found[trial.folder] or TrialResult(trial.settings, trial.folder) for trial in trials]
    done = SweepResult(str(output), _summarize(results_in_order), results_in_order)
    _write_json(Path(output) / MARK, {"command": WHERE, "config": str(config), "space": dict(space), **asdict(done)})
    return done


def read_space(path: Path) -> Dict[str, List[Any]]:
    """The values to try, from a file.

    path (Path): A JSON or YAML file with lists of values by "section.key".
    RETURNS (Dict[str, List[Any]]): The values.
    RAISES (ValueError): If it is none.
    """
    try:
        content: Any = srsly.read_json(path) if path.suffix == ".json" else srsly.read_yaml(path)
    except Exception as e:  # each reader has errors of its own
        detail = " ".join(str(e).split())[:200]
        raise ValueError(f"{WHERE}: the space {str(path)!r} is no JSON or YAML: {detail}") from e
    if not isinstance(content, dict):
        raise ValueError(f"{WHERE}: the space {str(path)!r} must have values by 'section.key', not {content!r:.60}.")
    return {str(key): value for key, value in content.items()}


def train_one(trial: Trial) -> TrialResult:
    """Train once, as `spacy train` does, and write what came of it.

    trial (Trial): The training.
    RETURNS (TrialResult): What came of it.
    """
    folder = Path(trial.folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(trial.config, encoding="utf8")
    began = time.perf_counter()
    result = TrialResult(trial.settings, trial.folder)
    with (folder / LOG).open("w", encoding="utf8") as log, redirect_stdout(log), redirect_stderr(log):
        try:
            import_code(trial.code)
            train(folder / CONFIG, folder, use_gpu=trial.gpu)
            result.score, result.scores = _scores_of(folder)
        except (Exception, SystemExit) as e:
            print(f"{type(e).__name__}: {e}", flush=True)
            result.error = _reason(e, folder / LOG)
    result.seconds = time.perf_counter() - began
    _write_json(folder / RECORD, asdict(result))
    return result


def _make_trials(
    config: Path, space: Mapping[str, Sequence[Any]], output: Path, overrides: Dict[str, Any], gpu: int, code: Any
) -> List[Trial]:
    if not config.is_file():
        raise ValueError(f"{WHERE}: there is no config {str(config)!r}.")
    known = _keys_of(load_config(config))
    for key in [*space, *overrides]:
        if key not in known:
            raise ValueError(f"{WHERE}: the config has no setting {key!r}.{nearest(key, known)}")
    for key, values in space.items():
        if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not values:
            raise ValueError(f"{WHERE}: {key} must have a list of values to try, not {values!r:.60}.")
    trials = []
    for values in itertools.product(*space.values()):
        settings = dict(zip(space, values))
        full = load_config(config, overrides={**overrides, **settings}, interpolate=False)
        text = full.to_str(interpolate=False)
        folder = output / _identity(text, full)
        trials.append(Trial(settings, str(folder), text, gpu, None if code is None else str(code)))
    return trials


def _keys_of(config: Mapping[str, Any], before: str = "") -> List[str]:
    keys: List[str] = []
    for key, value in config.items():
        keys.append(f"{before}{key}")
        if isinstance(value, Mapping):
            keys += _keys_of(value, f"{before}{key}.")
    return keys


def _identity(text: str, config: Any) -> str:
    """A name for a config and the data that it names."""
    digest = hashlib.md5(text.encode("utf8"), usedforsecurity=False)
    for key, value in sorted(config.get("paths", {}).items()):
        path = Path(value) if isinstance(value, str) else None
        if path is not None and path.is_file():
            stat = path.stat()
            digest.update(f"{key} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()[:10]


def _read_result(trial: Trial) -> Optional[TrialResult]:
    """RETURNS (Optional[TrialResult]): What came of a training; None if it is not complete, or failed. trial (Trial):
    The training."""
    try:
        found = TrialResult(**json.loads((Path(trial.folder) / RECORD).read_text(encoding="utf8")))
    except (OSError, ValueError, TypeError):
        return None
    if found.error or not (Path(trial.folder) / BEST).is_dir():
        return None
    found.settings, found.folder, found.is_kept = trial.settings, trial.folder, True
    return found


def _make_trainer() -> Any:
    return train_one


def _run_here(trials: Sequence[Trial], n_workers: int, address: str) -> Iterator[TrialResult]:
    with LocalPool(_make_trainer, (), n_workers, one_thread_each(), what="training") as pool:
        yield from (result for _, result in pool.run(trials))


def _run_on_ray(trials: Sequence[Trial], n_workers: int, address: str) -> Iterator[TrialResult]:
    ray = import_ray(WHERE)
    is_ours = not ray.is_initialized()
    if is_ours:
        connect(ray, address, n_workers, WHERE)
    try:
        gpus = {"num_gpus": 1} if trials[0].gpu >= 0 else {}
        options = {"num_cpus": 1, "max_retries": 3, "runtime_env": {"env_vars": one_thread_each()}, **gpus}
        task = ray.remote(**options)(train_one)
        running = [task.remote(trial) for trial in trials]
        while running:
            done, running = ray.wait(running, num_returns=1)
            yield ray.get(done[0])
    finally:
        if is_ours:
            ray.shutdown()


def _scores_of(folder: Path) -> Tuple[float, Dict[str, float]]:
    """The score of the best state of a training, and those that it is made of."""
    performance = srsly.read_json(folder / BEST / "meta.json")["performance"]
    weights = load_config(folder / BEST / CONFIG)["training"]["score_weights"]
    scores = {key: float(performance.get(key) or 0.0) for key, weight in weights.items() if weight}
    return sum(weights[key] * score for key, score in scores.items()), scores


def _reason(error: BaseException, log: Path) -> str:
    """What a training says of its failure, in one line: spaCy prints it and then ends."""
    lines = [line for line in log.read_text(encoding="utf8").splitlines() if line.strip()]
    text = str(error) if isinstance(error, Exception) else " ".join(lines[-3:])
    return " ".join(text.split())[:300] or type(error).__name__


def _summarize(trials: Sequence[TrialResult]) -> List[SettingResult]:
    groups: Dict[str, List[TrialResult]] = {}
    for trial in trials:
        own = {key: value for key, value in trial.settings.items() if key not in SEEDS}
        groups.setdefault(json.dumps(own, sort_keys=True, default=str), []).append(trial)
    found = []
    for group in groups.values():
        done = [trial for trial in group if trial.score is not None]
        scores = [trial.score for trial in done if trial.score is not None]
        found.append(
            SettingResult(
                settings={key: value for key, value in group[0].settings.items() if key not in SEEDS},
                n=len(group),
                n_failed=len(group) - len(done),
                score=statistics.mean(scores) if scores else None,
                deviation=statistics.stdev(scores) if len(scores) > 1 else None,
                scores={
                    key: statistics.mean(each.scores[key] for each in done) for key in (done[0].scores if done else {})
                },
                seconds=statistics.mean(trial.seconds for trial in group),
                best=max(done, key=lambda each: each.score or 0.0).folder if done else "",
            )
        )
    return sorted(found, key=lambda each: -1.0 if each.score is None else each.score, reverse=True)


def _write_json(path: Path, content: Any) -> None:
    """Write a file that is there whole or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf8")
    os.replace(aside, path)


def _objection(path: Path) -> Optional[str]:
    names = sorted(each.name for each in path.iterdir())
    return None if not names or MARK in names else f"holds {', '.join(map(repr, names[:3]))}, and is no sweep"


SWEEP = OutputKind("sweep", True, _objection)
