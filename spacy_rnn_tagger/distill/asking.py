"""Stage one: the answers of teachers about raw text, written once, in shards."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import numpy as np
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_config

from ..annotate import AnnotateSettings, AnnotationRun, Progress, annotate
from ..annotate.models import find_model
from ..annotate.shards import MANIFEST, measure
from ..chain.decoding import decode
from ..data.building import META
from ..data.formats.docbin import write_docbin
from ..data.reading import Writing
from ..pipeline.targets import Target, annotated_targets, make_target
from ..pipeline.teacher_answers import answered_targets, answers_of, drop_answers, keep_answers
from ..training.corpus import read_docs
from .combining import COMBINE, Rows
from .settings import WHERE, DistillSettings, Workers

MARK = "combined.json"
RULES = ("entity_ruler", "span_ruler", "attribute_ruler")
"""spaCy's factories that find some things, and whose silence says nothing."""
BY_COMBINATION = ("tag", "pos", "morph", "ents")
"""Targets that several teachers' answers are combined about."""


@dataclass
class Answers:
    """What teachers have answered.

    folder: The shards to learn from.
    runs: What was done for each teacher.
    n_docs: Documents.
    n_tokens: Their tokens.
    n_left_out: Documents that not all teachers have annotated, or not with the same tokens.
    """

    folder: Path
    runs: List[AnnotationRun]
    n_docs: int = 0
    n_tokens: int = 0
    n_left_out: int = 0


def ask(
    teachers: Sequence[str],
    raw: Sequence[str],
    output: Path,
    settings: DistillSettings,
    *,
    workers: Optional[Workers] = None,
    force: bool = False,
    progress: Callable[[str, Progress], None] = lambda teacher, progress: None,
) -> Answers:
    """Have teachers annotate raw text, each once. The same call goes on with what was interrupted.

    teachers (Sequence[str]): Pipelines: directories, or names of installed packages.
    raw (Sequence[str]): Files, folders and patterns, as `annotate` takes them.
    output (Path): The folder for the answers.
    settings (DistillSettings): How many answers are kept, and how several teachers' become one.
    workers (Optional[Workers]): Who does the work.
    force (bool): Whether to start anew where answers of other texts or teachers lie.
    progress (Callable[[str, Progress], None]): Is told how far each teacher is.
    RETURNS (Answers): The answers.
    RAISES (ValueError): If a teacher or an input cannot be read.
    """
    workers = workers or Workers()
    asked = AnnotateSettings(format="spacy", answers=settings.answers, shard_tokens=settings.shard_tokens)
    folders = [
        output / f"{i}-{Path(teacher).resolve().name if Path(teacher).is_dir() else teacher}".replace(" ", "_")
        for i, teacher in enumerate(teachers, 1)
    ]
    runs = [
        annotate(
            teacher,
            list(raw),
            folder,
            settings=asked,
            processes=workers.processes,
            gpu=workers.gpu,
            code=workers.code,
            force=force,
            progress=lambda state, teacher=teacher: progress(teacher, state),  # type: ignore[misc]
        )
        for teacher, folder in zip(teachers, folders)
    ]
    answers = Answers(folders[0], runs, runs[0].n_rows, runs[0].n_tokens)
    if len(teachers) > 1:
        answers.folder = output / "combined"
        _combine_all(teachers, folders, answers, settings)
    return answers


def _combine_all(teachers: Sequence[str], folders: Sequence[Path], answers: Answers, settings: DistillSettings) -> None:
    mark: Dict[str, Any] = {
        "command": WHERE,
        "combine": settings.combine,
        "answers": settings.answers,
        "of": [measure(folder / MANIFEST)[1] for folder in folders],
    }
    found = _read_json(answers.folder / MARK)
    if {key: found.get(key) for key in mark} != mark:
        new = answers.folder.with_name(f".{answers.folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        silent = [_is_rules(teacher) for teacher in teachers]
        counts = {"docs": 0, "tokens": 0, "left_out": 0}
        for shard in sorted(folders[0].glob("shard-*.spacy")):
            vocab = spacy.blank("xx").vocab
            groups = [list(read_docs(vocab, folder / shard.name)) for folder in folders]
            docs = list(_same_docs(groups, counts))
            combine_docs(docs, silent, settings)
            write_docbin((doc[0] for doc in docs), Writing(new / shard.name))
        (new / MARK).write_text(json.dumps({**mark, **counts}, indent=2) + "\n", encoding="utf8")
        shutil.rmtree(answers.folder, ignore_errors=True)
        os.rename(new, answers.folder)
        found = {**mark, **counts}
    answers.n_docs, answers.n_tokens, answers.n_left_out = (found[key] for key in ("docs", "tokens", "left_out"))


def _same_docs(groups: Sequence[List[Doc]], counts: Dict[str, int]) -> Iterator[List[Doc]]:
    """The docs that all teachers have annotated with the same tokens, each as one list."""
    by_id = [{doc.user_data.get(META, {}).get("id"): doc for doc in docs} for docs in groups[1:]]
    for doc in groups[0]:
        name = doc.user_data.get(META, {}).get("id")
        others = [docs[name] for docs in by_id if name in docs]
        words = [token.text for token in doc]
        if len(others) < len(by_id) or any([token.text for token in other] != words for other in others):
            counts["left_out"] += 1
            continue
        counts["docs"] += 1
        counts["tokens"] += len(doc)
        yield [doc, *others]


def combine_docs(groups: Sequence[Sequence[Doc]], silent: Sequence[bool], settings: DistillSettings) -> None:
    """Write what several teachers say together to the first doc of each group: the combined probabilities as answers,
    and the likeliest legal tags as annotation.

    groups (Sequence[Sequence[Doc]]): For each document, the doc of each teacher, with the same tokens.
    silent (Sequence[bool]): For each teacher, whether it is rules, whose silence about a token says nothing.
    settings (DistillSettings): How they are combined, and how many answers are kept.
    """
    everything = [doc for group in groups for doc in group]
    known = {*annotated_targets(everything), *(name for doc in everything for name in answered_targets(doc))}
    combined: Dict[str, Any] = {}
    for name in (name for name in BY_COMBINATION if name in known and not (name == "pos" and "morph" in known)):
        target = make_target(name, everything[0].vocab)
        labels = sorted({label for group in groups for doc in group for label in _labels_of(doc, target)} - {""})
        if not labels:
            continue
        tags = target.make_tags(labels)
        answers = [
            np.concatenate([_rows_of(group[i], target, tags, rules) for group in groups])
            for i, rules in enumerate(silent)
        ]
        combined[name] = (target, labels, tags, COMBINE[settings.combine](answers))
    bounds = np.concatenate(([0], np.cumsum([len(group[0]) for group in groups])))
    for i, group in enumerate(groups):
        drop_answers(group[0])
        for name, (target, labels, tags, rows) in combined.items():
            own = rows[bounds[i] : bounds[i + 1]]
            if len(own):
                given = own.any(axis=1)
                keep_answers(group[0], name, tags, np.where(given[:, None], own, np.nan), settings.answers)
                _annotate(group[0], target, labels, own)


def _labels_of(doc: Doc, target: Target) -> List[str]:
    found = list(target.labels_in(Example(doc, doc)))
    for key, record in list(doc.user_data.items()):
        if isinstance(key, tuple) and str(key[1]).endswith(f":teacher:{target.name}"):
            found += [target.label_of(tag) for tag in record["tags"]]
    return found


def _rows_of(doc: Doc, target: Target, tags: Sequence[str], rules: bool) -> Rows:
    """(n_tokens, n_tags) what one teacher says: probabilities if it has some, else its labels."""
    rows = answers_of(doc, target.name, tags)
    if rows is not None:
        return rows
    rows = np.zeros((len(doc), len(tags)), dtype="float32")
    index = {tag: i for i, tag in enumerate(tags)}
    if not target.is_annotated(doc):
        return rows
    for i, tag in enumerate(target.gold(Example(doc, doc))):
        if tag in index and not (rules and not target.label_of(tag)):
            rows[i, index[tag]] = 1.0
    return rows


def _annotate(doc: Doc, target: Target, labels: Sequence[str], rows: Rows) -> None:
    """Write the likeliest legal tags; a token about which nothing was said is outside of all spans, or without tag."""
    scores = np.log(np.maximum(rows, 1e-6))
    path = decode(scores.astype("float32"), [len(doc)], target.make_constraints(labels))
    target.annotate(doc, path, labels, overwrite=True, extend=False)


def _is_rules(teacher: str) -> bool:
    """Whether a pipeline is nothing but rules."""
    configs = sorted(find_model(teacher).rglob("config.cfg"))
    config = load_config(configs[0]) if configs else {}
    factories = [each.get("factory") for each in config.get("components", {}).values()]
    return bool(factories) and all(factory in (*RULES, "sentencizer") for factory in factories)


def _read_json(path: Path) -> Dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
