"""Stage two: configs of students, and their trainings."""

import json
import os
import shutil
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import srsly
from spacy.util import load_config, load_model_from_config
from thinc.api import Config

from ..annotate.inputs import hash_file
from ..errors import nearest
from ..training.resumable import BEST, CHECKPOINT, CONFIG, begin, resume
from .settings import WHERE, DistillSettings

READER = "spacy-rnn-tagger.soft_corpus.v1"
MARK, BEGUN = "training.json", "begun.json"
SHARED = ("gold_preproc", "max_length", "augmenter")
"""Settings of the student's own reader that the reader of answers takes over."""


def read_config(path: Path, overrides: Optional[Mapping[str, Any]] = None) -> Config:
    """The student's config.

    path (Path): The config.
    overrides (Optional[Mapping[str, Any]]): Settings by "section.key".
    RETURNS (Config): The config, with its references to other values.
    RAISES (ValueError): If there is no such setting, or no reader of training data that can be replaced, or the
        pipeline cannot be made.
    """
    config = load_config(path, interpolate=False)
    known = _keys_of(config)
    for key in overrides or {}:
        if key not in known:
            raise ValueError(f"{WHERE}: the config has no setting {key!r}.{nearest(key, known)}")
    config = load_config(path, overrides=dict(overrides or {}), interpolate=False)
    name = config.get("training", {}).get("train_corpus")
    if not isinstance(name, str) or not isinstance(_at(config, name), dict):
        raise ValueError(
            f"{WHERE}: the config {str(path)!r} names no corpus to train on: [training] train_corpus = {name!r}; write "
            "'corpora.train' there, and a section [corpora.train]."
        )
    # What is wrong with the pipeline shall be said before the teachers are asked.
    load_model_from_config(config, auto_fill=True)
    return config


def taught_config(
    config: Config, answers: Path, gold: Optional[Path], dev: Path, held_out: Sequence[Path], settings: DistillSettings
) -> Config:
    """A student's config with the reader of answers in place of its own. `spacy train` runs it as it is.

    config (Config): The student's config.
    answers (Path): The shards of answers.
    gold (Optional[Path]): Gold docs to train on.
    dev (Path): Gold docs to choose the best model by.
    held_out (Sequence[Path]): Docs whose sentences are not learned from.
    settings (DistillSettings): How gold and answers are mixed.
    RETURNS (Config): The config.
    """
    config = config.copy()
    config["paths"] = {**config.get("paths", {}), "train": None if gold is None else str(gold), "dev": str(dev)}
    config["paths"]["answers"] = str(answers)
    section, key = _parent(config, config["training"]["train_corpus"])
    own = section[key]
    section[key] = {
        "@readers": READER,
        "answers": "${paths.answers}",
        "gold": "${paths.train}",
        "gold_share": settings.gold_share,
        "weight": settings.weight,
        "temperature": settings.temperature,
        "min_confidence": settings.min_confidence,
        "held_out": [str(path) for path in held_out],
        "limit": 0,
        **{name: own.get(name) for name in SHARED if name in own},
    }
    section[key].setdefault("augmenter", None)
    return config


def gold_config(config: Config, gold: Path, dev: Path) -> Config:
    """RETURNS (Config): A student's config for gold docs alone. config (Config): The student's config. gold (Path):
    Gold docs to train on. dev (Path): Gold docs to choose the best model by."""
    config = config.copy()
    config["paths"] = {**config.get("paths", {}), "train": str(gold), "dev": str(dev)}
    return config


def finishing_config(config: Config, student: Path, gold: Path, dev: Path, settings: DistillSettings) -> Config:
    """A config that goes on with a student on gold docs alone, at a low learn rate.

    config (Config): The student's config.
    student (Path): The pipeline that was taught.
    gold (Path): Gold docs to train on.
    dev (Path): Gold docs to choose the best model by.
    settings (DistillSettings): How long and how fast it learns.
    RETURNS (Config): The config.
    """
    config = gold_config(config, gold, dev)
    taught = load_config(student / CONFIG)
    config["components"] = {name: {"source": str(student)} for name in taught["nlp"]["pipeline"]}
    config["nlp"]["pipeline"] = list(taught["nlp"]["pipeline"])
    steps = settings.gold_steps
    config["training"].update(max_steps=steps, max_epochs=0, eval_frequency=max(1, steps // 10), patience=max(1, steps))
    config["training"]["optimizer"]["learn_rate"] = {
        "@schedules": "warmup_linear.v1",
        "warmup_steps": max(1, steps // 10),
        "total_steps": steps,
        "initial_rate": settings.gold_rate,
    }
    # What these callbacks learn, the student has learned already.
    config["initialize"]["before_init"] = None
    return config


def train_once(
    config: Config, folder: Path, inputs: Sequence[Path], *, gpu: int = -1, force: bool = False
) -> Tuple[Path, bool]:
    """Train a config, unless its pipeline is there already. A training that was stopped goes on, and ends with the same
    pipeline.

    config (Config): The config.
    folder (Path): Where it lies when it is complete.
    inputs (Sequence[Path]): Files and folders on which it depends.
    gpu (int): The number of the GPU; -1 for the CPU.
    force (bool): Whether a pipeline of another config or of other data may be replaced.
    RETURNS (Tuple[Path, bool]): The best pipeline; whether it was trained now.
    RAISES (ValueError): If another pipeline lies there, and `force` is False, or the training has saved none.
    """
    text = config.to_str(interpolate=False)
    identity = {"config": text, "inputs": {str(path): _hash(path) for path in inputs}}
    mark = _read_json(folder / MARK)
    if mark == identity and (folder / BEST).is_dir():
        return folder / BEST, False
    if folder.exists() and not force:
        raise ValueError(
            f"{WHERE}: {str(folder)!r} holds a student of another config or of other data; name another OUTPUT, or "
            "pass --force to train anew."
        )
    new = folder.with_name(f".{folder.name}.new")
    if _read_json(new / BEGUN) != identity:
        shutil.rmtree(new, ignore_errors=True)
        new.parent.mkdir(parents=True, exist_ok=True)
        begin(config, new, gpu=gpu)
        (new / BEGUN).write_text(json.dumps(identity), encoding="utf8")
    resume(new)
    if not (new / BEST).is_dir():
        raise ValueError(f"{WHERE}: the training of {str(folder)!r} has saved no pipeline; see what it printed.")
    # What a training needs to go on is larger than the student.
    (new / CHECKPOINT).unlink(missing_ok=True)
    os.replace(new / BEGUN, new / MARK)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(new, folder)
    return folder / BEST, True


def score_of(model: Path) -> float:
    """RETURNS (float): The score by which a training chose its best pipeline. model (Path): The pipeline."""
    performance = srsly.read_json(model / "meta.json")["performance"]
    weights = load_config(model / CONFIG)["training"]["score_weights"]
    return float(sum(weight * (performance.get(key) or 0.0) for key, weight in weights.items() if weight))


def _hash(path: Path) -> str:
    if path.is_dir():
        # Shards have their checksums in one file.
        marks = [path / name for name in ("manifest.json", "combined.json") if (path / name).is_file()]
        files = marks or sorted(each for each in path.rglob("*") if each.is_file())
        return " ".join(hash_file(file) for file in files)
    return hash_file(path)


def _parent(config: Config, dotted: str) -> Tuple[Any, str]:
    *parents, key = dotted.split(".")
    section: Any = config
    for parent in parents:
        section = section[parent]
    return section, key


def _at(config: Config, dotted: str) -> Any:
    try:
        section, key = _parent(config, dotted)
        return section[key]
    except (KeyError, TypeError):
        return None


def _keys_of(config: Mapping[str, Any], before: str = "") -> List[str]:
    keys: List[str] = []
    for key, value in config.items():
        keys.append(f"{before}{key}")
        if isinstance(value, Mapping):
            keys += _keys_of(value, f"{before}{key}.")
    return keys


def _read_json(path: Path) -> Dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
