"""Finding wrong gold, where it is known which is wrong: errors are put into 2 % of UD English-EWT's fine-grained tags
and of WNUT-17's entities, and the precision of the most doubtful labels is measured, as many as there are errors.

    python -m benchmarks.doubts ewt ewt-alike wnut17 --page docs/doubts.md
    python -m benchmarks.doubts dev --page docs/doubts.md

Errors that the corpora have of their own count as false alarms. Each run is kept under benchmarks/results/doubts, and
is not repeated; what each fold found is kept in training/doubts. The corpora are those of `spacy project run
ewt-corpus` and `wnut17-corpus`, the vectors those of the package en_core_web_md. `dev` shows the most doubtful tags of
EWT's development part to a model that was trained on its training part, with a judgement by eye of each.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

import numpy
import spacy
from numpy.typing import NDArray
from spacy.tokens import Doc

from scripts.report import write_section
from spacy_rnn_tagger.evaluation.doubts import RANKING, RANKINGS, find_in_judged, rank
from spacy_rnn_tagger.evaluation.judged_gold import JudgedGold
from spacy_rnn_tagger.training.corpus import read_docs
from spacy_rnn_tagger.training.out_of_fold import FoldSettings, judge_by_others, judge_out_of_fold

from .common.store import StoredRun, checksum, read_json
from .common.table import Table, mean_and_deviation
from .corruption import Corruption, corrupt_entities, corrupt_tags

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "doubts"
ANSWERS = ROOT / "training" / "doubts"
JUDGEMENTS = RESULTS / "judgements.json"
EWT, WNUT = ROOT / "corpus" / "ewt", ROOT / "corpus" / "wnut17"
SHARE = 0.02
DEV = "dev"


class Task(NamedTuple):
    """What is made wrong, and how the models that look for it are trained.

    title: What it is, for people.
    target: The target.
    data: The corpus.
    corrupt: Makes a share of the gold wrong, given a seed.
    n_folds: How many models.
    max_steps: Updates of each model.
    has_vectors: Whether they have static vectors.
    rounds: How often the corpus is split and models are trained.
    """

    title: str
    target: str
    data: Path
    corrupt: Callable[[Sequence[Doc], float, int], List[Corruption]]
    n_folds: int
    max_steps: int
    has_vectors: bool = False
    rounds: int = 1


TASKS = {
    "ewt": Task("EWT train, XPOS: any other tag", "tag", EWT / "en_ewt-ud-train.spacy", corrupt_tags, 2, 200),
    "ewt-alike": Task(
        "EWT train, XPOS: a tag of words with the same three last letters",
        "tag",
        EWT / "en_ewt-ud-train.spacy",
        partial(corrupt_tags, alike=True),
        2,
        200,
    ),
    "wnut17": Task("WNUT-17 train, entities", "ents", WNUT / "train.spacy", corrupt_entities, 2, 400, True, 3),
}


def measure(task: Task, seed: int, vectors: Optional[str]) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): How many of the errors each ranking finds, and what chance would find."""
    docs = list(read_docs(spacy.blank("en").vocab, task.data))
    errors = task.corrupt(docs, SHARE, seed)
    settings = FoldSettings(
        targets=(task.target,),
        n_folds=task.n_folds,
        seed=seed,
        max_steps=task.max_steps,
        vectors=vectors if task.has_vectors else None,
        rounds=task.rounds,
    )
    judged = judge_out_of_fold(docs, settings, folder=ANSWERS)[task.target]
    n = len(errors)
    everything = numpy.arange(judged.docs.shape[0])
    disagreements = rank(judged)
    return {
        "errors": dict(Counter(error.kind for error in errors)),
        "judged": everything.shape[0],
        "disagreements": disagreements.shape[0],
        "random": len(hits(judged, everything, errors)) / everything.shape[0],
        "random disagreement": len(hits(judged, disagreements, errors)) / disagreements.shape[0],
        "estimated": find_in_judged(docs, task.target, judged, n=1).n_errors,
        "found": {
            name: dict(Counter(error.kind for error in hits(judged, rank(judged, name)[:n], errors)))
            for name in RANKINGS
        },
    }


def hits(judged: JudgedGold, order: NDArray[numpy.int64], errors: Sequence[Corruption]) -> List[Corruption]:
    """RETURNS (List[Corruption]): The errors that have a token in common with one of some doubts, each once."""
    by_token = {(error.doc, i): error for error in errors for i in range(error.start, error.end)}
    found: Dict[Corruption, None] = {}
    for at in order.tolist():
        starts, ends = min(judged.starts[at], judged.other_starts[at]), max(judged.ends[at], judged.other_ends[at])
        for i in range(starts, ends):
            error = by_token.get((int(judged.docs[at]), i))
            if error is not None:
                found[error] = None
    return list(found)


def stored(name: str, seed: int) -> StoredRun:
    """RETURNS (StoredRun): The place of a run."""
    task = TASKS[name]
    settings = {"share": SHARE, "folds": task.n_folds, "steps": task.max_steps, "vectors": task.has_vectors}
    settings["rounds"] = task.rounds
    key = hashlib.md5(json.dumps(settings).encode(), usedforsecurity=False).hexdigest()[:10]
    identity = {**settings, "seed": seed}
    if task.data.exists():
        identity["data"] = checksum(task.data)
    return StoredRun(RESULTS / f"{name}-{key}-{seed}.json", identity)


def table(found: Dict[str, List[Dict[str, Any]]]) -> Table:
    """RETURNS (Table): A row for each corpus and ranking. found (Dict): The runs by corpus."""
    title = (
        f"Errors in {SHARE:.0%} of the labels; the share of errors among the most doubtful labels, as many as there "
        "are errors, in percent; mean ± standard deviation over seeds."
    )
    head = ["corpus and error", "models", "ranking", "precision", "random label", "random disagreement"]
    head += ["errors", "seeds"]
    made = Table("doubts", title, head, n_texts=3)
    for name, runs in found.items():
        task = TASKS[name]
        models = f"{task.n_folds} folds, {task.rounds} rounds, {task.max_steps} steps"
        chance = [[100 * run[kind] for run in runs] for kind in ("random", "random disagreement")]
        for ranking in RANKINGS:
            precisions = [100 * sum(run["found"][ranking].values()) / sum(run["errors"].values()) for run in runs]
            made.add(
                task.title,
                models + (", vectors" if task.has_vectors else ""),
                f"**{ranking}**" if ranking == RANKING else ranking,
                mean_and_deviation(precisions, 1),
                *(mean_and_deviation(shares, 2) for shares in chance),
                mean_and_deviation([sum(run["errors"].values()) for run in runs], 0),
                str(len(runs)),
            )
    return made


def table_of_kinds(runs: List[Dict[str, Any]]) -> Table:
    """RETURNS (Table): How many errors of each kind are found. runs (List): The runs of one corpus."""
    title = "Errors in the entities of WNUT-17 by kind, all seeds together, by the default ranking."
    made = Table("doubts-kinds", title, ["error", "made", "found"])
    for kind in runs[0]["errors"]:
        found = sum(run["found"][RANKING].get(kind, 0) for run in runs)
        made.add(kind, f"{sum(run['errors'][kind] for run in runs):,}", f"{found:,}")
    return made


def most_doubtful(n: int, max_steps: int) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): The most doubtful tags of EWT's development part to a model that was trained on
    its training part. n (int): How many. max_steps (int): Updates of the model."""
    vocab = spacy.blank("en").vocab
    train, dev = (list(read_docs(vocab, EWT / f"en_ewt-ud-{part}.spacy")) for part in ("train", "dev"))
    settings = FoldSettings(targets=("tag",), max_steps=max_steps)
    judged = judge_by_others(train, dict(enumerate(dev)), settings)["tag"]
    return [asdict(doubt) for doubt in find_in_judged(dev, "tag", judged, n=n).doubts]


def table_of_dev(doubts: List[Dict[str, Any]], judgements: Dict[str, List[str]]) -> Table:
    """RETURNS (Table): The doubts with what is said of each by eye. doubts (List): The doubts. judgements (Dict): The
    verdict and the reason by place, "doc:token"."""
    head = ["in its sentence", "gold", "probability", "model", "probability", "by eye", "why"]
    made = Table("doubts-dev", "", head, n_texts=2, n_last_texts=2)
    for doubt in doubts:
        before, after = " ".join(doubt["before"].split())[-40:], " ".join(doubt["after"].split())[:40]
        verdict, why = judgements.get(f"{doubt['doc']}:{doubt['start']}", ["not judged", ""])
        cells = [f"{before} **{doubt['text']}** {after}", doubt["given"], f"{doubt['given_probability']:.1g}"]
        cells += [doubt["other"], f"{doubt['other_probability']:.3f}", verdict, why]
        made.add(*(cell.replace("|", "&#124;").strip() for cell in cells))
    return made


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.doubts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="+", choices=[*TASKS, DEV])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--vectors", default="en_core_web_md", help="pipeline with static vectors (en_core_web_md)")
    parser.add_argument("--dev-doubts", type=int, default=12, help="of the development part that are shown (12)")
    parser.add_argument("--dev-steps", type=int, default=500, help="updates of the model that judges it (500)")
    parser.add_argument("--report-only", action="store_true", help="train nothing; report the runs that are there")
    parser.add_argument("--page", type=Path, help="Markdown file whose marked parts are written anew")
    args = parser.parse_args(argv)
    names = [name for name in args.corpora if name != DEV]
    missing = [str(TASKS[name].data) for name in names if not TASKS[name].data.exists()]
    if missing and not args.report_only:
        parser.error(f"there is no {', '.join(missing)}; `spacy project run ewt-corpus` and `wnut17-corpus` make them")
    found: Dict[str, List[Dict[str, Any]]] = {}
    for name in names:
        for seed in args.seeds:
            run = stored(name, seed)
            metrics = run.read()
            if metrics is None and not args.report_only:
                lock = ANSWERS / f"{run.record.stem}.lock"
                metrics = run.complete(partial(measure, TASKS[name], seed, args.vectors), lock)
            if metrics is not None:
                found.setdefault(name, []).append(metrics)
    made = [table(found)] if found else []
    if "wnut17" in found:
        made.append(table_of_kinds(found["wnut17"]))
    if DEV in args.corpora:
        run = StoredRun(RESULTS / "dev.json", {"steps": args.dev_steps, "n": args.dev_doubts})
        metrics = run.read()
        if metrics is None and not args.report_only:
            lock = ANSWERS / "dev.lock"
            metrics = run.complete(lambda: {"doubts": most_doubtful(args.dev_doubts, args.dev_steps)}, lock)
        if metrics is not None:
            made.append(table_of_dev(metrics["doubts"], read_json(JUDGEMENTS) or {}))
    for each in made:
        print(each.markdown(), end="\n\n")
        if args.page is not None:
            write_section(args.page, each.name, each.markdown())
    return 0 if made else 1


if __name__ == "__main__":
    sys.exit(main())
