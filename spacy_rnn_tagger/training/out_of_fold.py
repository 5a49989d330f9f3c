"""What models that were trained on the rest of a corpus think of each part of it: k folds, by document."""

import hashlib
import io
import json
import multiprocessing
import random
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import spacy
import srsly
from spacy.language import Language
from spacy.strings import get_string_id
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config_from_str, logger
from spacy.vocab import Vocab
from threadpoolctl import threadpool_limits

from ..errors import check_positive
from ..evaluation.calibration import calibrate
from ..evaluation.components import choose_components, get_tagger
from ..evaluation.judged_gold import JudgedGold, Place, average_judged, join_judged, judge_gold
from ..evaluation.progress import Progress, no_progress
from ..evaluation.scored_batches import annotate_before, score_batches
from ..pipeline.blank_pipeline import blank_pipeline
from ..pipeline.safe_output import Output, OutputKind
from .config_for_corpus import config_for_corpus
from .corpus import read_docs, sentences_of
from .recipe import EFFICIENCY

DEV_SHARE = 0.05
"""The share of the docs that a fold trains on which chooses its best model and its temperature."""
NEXT_ROUND = 1_000_003
"""Between the seeds of two rounds, so that no other seed is likely to have the same models."""
ANSWER = OutputKind("answer of a fold", False, lambda path: None)
TRAIN, DEV, CONFIG = "train.spacy", "dev.spacy", "config.cfg"


@dataclass(frozen=True)
class FoldSettings:
    """How the models of the folds are trained.

    lang (str): Code of the language.
    targets (Optional[Tuple[str, ...]]): The targets to look at, such as ("tag",); all that are annotated if None.
    optimize (str): The recipe: "efficiency" or "accuracy".
    vectors (Optional[str]): The pipeline with static vectors to use: installed, or a directory. None for no vectors.
    n_folds (int): Into how many parts the docs are split. Each model is trained on all parts but one.
    seed (int): Decides the parts, and the models' first weights.
    max_steps (int): Most updates of each model; 0 for as many as the recipe has for the size of the data.
    processes (int): How many models are trained at the same time, each by one thread.
    rounds (int): How often to split the docs anew and train models anew; probabilities are the means of all rounds,
        which are steadier than those of one.
    """

    lang: str = "en"
    targets: Optional[Tuple[str, ...]] = None
    optimize: str = EFFICIENCY
    vectors: Optional[str] = None
    n_folds: int = 4
    seed: int = 0
    max_steps: int = 0
    processes: int = 1
    rounds: int = 1

    def check(self) -> None:
        """Refuse values that are not allowed. RAISES (ValueError): On the first."""
        check_positive("doubts", folds=self.n_folds, processes=self.processes, rounds=self.rounds)
        if self.n_folds < 2:
            raise ValueError(
                "doubts: folds = 1 is not allowed; there must be at least 2, since a model judges what others are "
                "trained on."
            )
        if self.max_steps:
            check_positive("doubts", max_steps=self.max_steps)


def judge_out_of_fold(
    docs: Sequence[Doc], settings: FoldSettings, *, folder: Optional[Path] = None, progress: Progress = no_progress
) -> Dict[str, JudgedGold]:
    """Have each gold label of some docs judged by a model that was trained on other docs. Sentences, where docs have
    them, are learned and judged one by one. Docs with the same text are in the same part. Each model has the
    temperature that fits the docs that chose it.

    docs (Sequence[Doc]): The gold docs.
    settings (FoldSettings): How the models are trained.
    folder (Optional[Path]): Where the answer of each fold is kept as soon as it is there, so that a second run with the
        same docs and settings goes on from there; None to keep nothing.
    progress (Progress): Shows how many folds are done.
    RETURNS (Dict[str, JudgedGold]): What was found, by target.
    RAISES (ValueError): If a setting is not allowed, there are fewer different docs than folds, or there is nothing to
        learn.
    """
    settings.check()
    jobs: Dict[Path, Tuple[List[int], FoldSettings]] = {}
    with _kept(folder) as place:
        place = place / _identity(docs, settings)
        answers = [
            [place / f"{f'round-{number}-' if number else ''}fold-{i}.msgpack" for i in range(settings.n_folds)]
            for number in range(settings.rounds)
        ]
        for number, paths in enumerate(answers):
            its = replace(settings, seed=settings.seed + number * NEXT_ROUND)
            jobs.update((path, (fold, its)) for path, fold in zip(paths, split_folds(docs, its.n_folds, its.seed)))
        to_do = {path: job for path, job in jobs.items() if not path.exists()}
        for _ in progress(_run(docs, to_do, settings), len(to_do), f"training {len(to_do)} of {len(jobs)} models"):
            pass
        rounds = [_joined([srsly.read_msgpack(path) for path in paths]) for paths in answers]
    return {target: average_judged([each[target] for each in rounds if target in each]) for target in rounds[0]}


def _joined(answers: Sequence[Dict[str, Any]]) -> Dict[str, JudgedGold]:
    """What the models of one round think, by target."""
    parts: Dict[str, List[JudgedGold]] = {}
    for answer in answers:
        for target, content in answer.items():
            parts.setdefault(target, []).append(JudgedGold.from_dict(content))
    return {target: join_judged(found, found[0].is_spans) for target, found in parts.items()}


def split_folds(docs: Sequence[Doc], n_folds: int, seed: int = 0) -> List[List[int]]:
    """Split docs into parts of about the same number of tokens. Docs with the same text are in the same part.

    docs (Sequence[Doc]): The docs; those without tokens are left out.
    n_folds (int): How many parts.
    seed (int): Decides which docs.
    RETURNS (List[List[int]]): Indices of the docs of each part, in order.
    RAISES (ValueError): If there are fewer different docs than parts.
    """
    same: Dict[int, List[int]] = {}
    for i, doc in enumerate(docs):
        if len(doc):
            same.setdefault(get_string_id(doc.text), []).append(i)
    if len(same) < n_folds:
        raise ValueError(
            f"doubts: {len(same)} different docs are too few for {n_folds} folds; pass --folds {max(2, len(same))}, or "
            "make a doc of each sentence."
        )
    groups = list(same.values())
    random.Random(seed).shuffle(groups)
    folds: List[List[int]] = [[] for _ in range(n_folds)]
    sizes = [0] * n_folds
    for group in groups:
        smallest = sizes.index(min(sizes))
        folds[smallest] += group
        sizes[smallest] += sum(len(docs[i]) for i in group)
    return [sorted(fold) for fold in folds]


def judge_by_others(
    others: Sequence[Doc], held_out: Mapping[int, Doc], settings: FoldSettings
) -> Dict[str, JudgedGold]:
    """Train a model on some docs, and have it judge the gold labels of others.

    others (Sequence[Doc]): The gold docs to train on. A few of them choose the best state and the temperature.
    held_out (Mapping[int, Doc]): The gold docs to judge, by a number of each.
    settings (FoldSettings): How the model is trained.
    RETURNS (Dict[str, JudgedGold]): What was found, by target.
    """
    with tempfile.TemporaryDirectory(prefix="spacy-rnn-fold-") as name:
        folder = Path(name)
        _write_data(others, folder, settings)
        return _judge_by_model(folder, held_out, settings.max_steps)


def _judge_by_model(folder: Path, held_out: Mapping[int, Doc], max_steps: int) -> Dict[str, JudgedGold]:
    """Train a model by the config and data of a folder, and have it judge docs that it does not know."""
    config = load_config_from_str((folder / CONFIG).read_text(encoding="utf8"), interpolate=False)
    training = config["training"]
    # Probabilities are judged, not decisions, which are what tuned biases serve.
    training["before_to_disk"] = None
    training["logger"] = {"@loggers": "spacy.ConsoleLogger.v3", "progress_bar": None, "console_output": False}
    for corpus, file in (("train", TRAIN), ("dev", DEV)):
        config["paths"][corpus] = str(folder / file)
        config["corpora"][corpus]["gold_preproc"] = True
    if max_steps and max_steps < training["max_steps"]:
        rate = training["optimizer"]["learn_rate"]
        training["max_steps"] = rate["total_steps"] = max_steps
        rate["warmup_steps"] = min(rate["warmup_steps"], max_steps // 10)
        training["eval_frequency"] = max(1, min(training["eval_frequency"], max_steps // 2))
    level = logger.level
    logger.setLevel("ERROR")
    try:
        with threadpool_limits(1):
            train(init_nlp(config), folder, stdout=io.StringIO(), stderr=io.StringIO())
            nlp = spacy.load(folder / "model-best")
            dev = [Example(_bare(part, nlp.vocab), part) for part in read_docs(nlp.vocab, folder / DEV)]
            examples, places = [], []
            for number, doc in held_out.items():
                for part, at in parts_of(doc):
                    examples.append(Example(_bare(part, nlp.vocab), part))
                    places.append((number, at))
            names = choose_components(nlp, None)
            return {get_tagger(nlp, name).target.name: _judge(nlp, name, dev, examples, places) for name in names}
    finally:
        logger.setLevel(level)


def parts_of(doc: Doc) -> Iterator[Tuple[Doc, int]]:
    """YIELDS (Tuple[Doc, int]): The sentences of a doc as docs, and the token that each begins with; the whole doc if
    it has no sentences. doc (Doc): The doc."""
    at = 0
    for part in sentences_of(doc):
        yield part, at
        at += len(part)


def _judge(
    nlp: Language, name: str, dev: Sequence[Example], examples: Sequence[Example], places: Sequence[Place]
) -> JudgedGold:
    pipe = get_tagger(nlp, name)
    batches = list(score_batches(pipe, annotate_before(nlp, name, dev)))
    if any(batch.learnable.any() for batch in batches):
        calibrate(pipe, batches)
    return judge_gold(pipe, annotate_before(nlp, name, examples), places)


def _run(
    docs: Sequence[Doc], jobs: Mapping[Path, Tuple[List[int], FoldSettings]], settings: FoldSettings
) -> Iterator[Path]:
    """Do the folds that have no answer yet. YIELDS (Path): An answer that is there now."""
    if settings.processes == 1 or len(jobs) == 1:
        for path, (fold, its) in jobs.items():
            _write_answer(path, _work(docs, fold, its))
            yield path
        return
    # Processes of their own begin without threads of this one, as spawned ones do on all systems.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(settings.processes, len(jobs)), mp_context=context) as pool:
        data = DocBin(docs=docs, store_user_data=True).to_bytes()
        running = [pool.submit(_work_on_bytes, path, data, *job) for path, job in jobs.items()]
        try:
            for job in as_completed(running):
                yield job.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _work_on_bytes(path: Path, data: bytes, fold: List[int], settings: FoldSettings) -> Path:
    _write_answer(path, _work(list(DocBin().from_bytes(data).get_docs(Vocab())), fold, settings))
    return path


def _work(docs: Sequence[Doc], fold: List[int], settings: FoldSettings) -> Dict[str, JudgedGold]:
    """Train on all docs but those of one fold, and judge these."""
    held_out = set(fold)
    others = [i for i, doc in enumerate(docs) if len(doc) and i not in held_out]
    return judge_by_others([docs[i] for i in others], {i: docs[i] for i in fold}, settings)


def _write_data(docs: Sequence[Doc], folder: Path, settings: FoldSettings) -> None:
    """Write a config, and the sentences of docs to train on and to choose the best model by."""
    n_dev = max(1, round(DEV_SHARE * len(docs)))
    chosen = set(random.Random(settings.seed).sample(range(len(docs)), n_dev))
    parts: Dict[str, List[Doc]] = {TRAIN: [], DEV: []}
    for i, doc in enumerate(docs):
        parts[DEV if i in chosen else TRAIN].extend(part for part, _ in parts_of(doc))
    for name, sentences in parts.items():
        DocBin(docs=sentences, store_user_data=True).to_disk(folder / name)
    nlp = blank_pipeline(settings.lang, settings.vectors)
    targets = None if settings.targets is None else list(settings.targets)
    made = config_for_corpus(nlp, parts, vectors=settings.vectors, optimize=settings.optimize, targets=targets)
    config = load_config_from_str(made.text, interpolate=False)
    config["system"]["seed"] = settings.seed
    config.to_disk(folder / CONFIG, interpolate=False)


def _write_answer(path: Path, answer: Dict[str, JudgedGold]) -> None:
    content = {target: judged.to_dict() for target, judged in answer.items()}
    Output(path, ANSWER, force=True).write(lambda place: srsly.write_msgpack(place, content))


def _identity(docs: Sequence[Doc], settings: FoldSettings) -> str:
    """A name for the docs and what decides the answers of their folds."""
    chosen = {name: value for name, value in asdict(settings).items() if name not in ("processes", "rounds")}
    found = hashlib.md5(json.dumps(chosen, sort_keys=True).encode("utf8"), usedforsecurity=False)
    found.update(DocBin(docs=docs, store_user_data=True).to_bytes())
    return found.hexdigest()[:16]


@contextmanager
def _kept(folder: Optional[Path]) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="spacy-rnn-folds-") as name:
        yield Path(name)


def _bare(doc: Doc, vocab: Vocab) -> Doc:
    """RETURNS (Doc): The tokens of a doc alone. doc (Doc): The doc. vocab (Vocab): The vocabulary of the new one."""
    return Doc(vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
