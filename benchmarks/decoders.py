"""Softmax beside CRF: score, training time, speed and calibration on UD English-EWT (tags) and WNUT-17 (entities), over
several seeds, trained by `configs/` as `spacy train` does.

    python benchmarks/decoders.py --seeds 0 1 2 --split test

Only the shared `tok2vec` and the component itself are trained, for the steps of the config, or fewer (EWT: 2,000 of
6,000), over which the learn rate falls. Times are those of the processor, so they hardly depend on what else runs;
tokens per second are measured in turns, decoder by decoder, and the median counts. Calibration is that of the pipelines
as they are saved, with the label bias that the config of WNUT-17 fits on the development part; the temperature is
fitted on it too.

Every finished run leaves its model and a file with its metrics, and is not repeated as long as its settings stay the
same; so the benchmark can be stopped and started again at any time.
"""

import os

# With one thread, the processor's time is that of the work. Read when NumPy and PyTorch are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import math
import statistics
import sys
from itertools import product
from pathlib import Path
from time import process_time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus, Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp
from spacy.util import load_config, registry

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common import store, timer
from benchmarks.common.table import Table, mean_and_deviation
from spacy_rnn_tagger.evaluation.calibration import assess, calibrate
from spacy_rnn_tagger.evaluation.scored_batches import annotate_before, score_batches

ROOT = Path(__file__).parent.parent
DECODERS = ("softmax", "crf")
SPLITS = ("dev", "test")
STEP_TIMES = "spacy-rnn-tagger.benchmark_step_times"

Row = Dict[str, Any]


class Task(NamedTuple):
    """A corpus with its config.

    config: File in configs/.
    component: The component to compare.
    score: Key of its score.
    steps: How long to train; 0 for what the config says.
    files: The .spacy file of each part.
    weights: Weights of the other scores of the config, which nothing produces.
    """

    config: str
    component: str
    score: str
    steps: int
    files: Dict[str, str]
    weights: Dict[str, float]


TASKS = {
    "ewt": Task(
        "ewt.cfg",
        "rnn_tagger",
        "tag_acc",
        2000,
        {part: f"ewt/en_ewt-ud-{part}.spacy" for part in ("train", *SPLITS)},
        {"tag_acc": 1.0, "pos_acc": 0.0, "morph_acc": 0.0},
    ),
    "wnut17": Task(
        "wnut17.cfg",
        "rnn_ner",
        "ents_f",
        0,
        {part: f"wnut17/{part}.spacy" for part in ("train", *SPLITS)},
        {},
    ),
}
# Columns of the table: key in a run, title, factor, decimals.
COLUMNS = (
    ("score", "score, %", 100, 2),
    ("seconds_per_epoch", "training, s per epoch", 1, 1),
    ("tokens_per_second", "tokens/s", 1, 0),
    ("ece", "ECE, %", 100, 2),
    ("ece_calibrated", "ECE calibrated on dev, %", 100, 2),
)


class StepTimes:
    """A `[training.before_update]` callback that looks at the processor's clock."""

    def __init__(self) -> None:
        self.seen: List[Any] = []

    def __call__(self, nlp: Language, info: Dict[str, Any]) -> None:
        self.seen.append((process_time(), info["step"], info["epoch"]))

    def seconds_per_epoch(self, eval_frequency: int) -> float:
        """Seconds of a whole pass over the training data, without the evaluations; NaN if there was none."""
        n_steps = sum(epoch == 0 for _, _, epoch in self.seen)
        if n_steps == len(self.seen):
            return math.nan
        pairs = zip(self.seen, self.seen[1:])
        steps = [after - before for (before, step, _), (after, _, _) in pairs if step % eval_frequency]
        return n_steps * statistics.mean(steps) if steps else math.nan


def make_settings(task: Task, decoder: str, seed: int, args: argparse.Namespace) -> Row:
    """What to override in the config of a task."""
    config = load_config(ROOT / "configs" / task.config)
    steps = args.max_steps or task.steps or config["training"]["max_steps"]
    return {
        "nlp.pipeline": ["tok2vec", task.component],
        f"components.{task.component}.decoder": decoder,
        "system.seed": seed,
        "training.max_steps": steps,
        # The best model is one that was evaluated.
        "training.eval_frequency": min(config["training"]["eval_frequency"], max(1, steps // 4)),
        "training.optimizer.learn_rate.total_steps": steps,
        **{f"training.score_weights.{score}": weight for score, weight in task.weights.items()},
        **{f"corpora.{part}.gold_preproc": True for part in ("train", "dev")},
        **{f"corpora.{part}.limit": args.limit for part in ("train", "dev")},
    }


def train(task: Task, settings: Row, output: Path) -> float:
    """Train as `spacy train` does. RETURNS (float): Processor seconds per epoch."""
    config = load_config(ROOT / "configs" / task.config, overrides=settings, interpolate=False)
    times = StepTimes()
    registry.callbacks.register(STEP_TIMES, func=lambda: times)
    config["training"]["before_update"] = {"@callbacks": STEP_TIMES}
    train_nlp(init_nlp(config), output, stdout=sys.stderr, stderr=sys.stderr)
    return times.seconds_per_epoch(config["training"]["eval_frequency"])


def read(nlp: Language, path: Path, limit: int) -> List[Example]:
    return list(Corpus(path, gold_preproc=True, limit=limit)(nlp))


def evaluate(nlp: Language, task: Task, paths: Dict[str, Path], limit: int) -> Dict[str, Row]:
    """Score and calibration error on each part, before and after a temperature is fitted on dev."""
    pipe: Any = nlp.get_pipe(task.component)
    rows: Dict[str, Row] = {part: {"score": nlp.evaluate(read(nlp, paths[part], limit))[task.score]} for part in SPLITS}
    batches = {
        part: list(score_batches(pipe, annotate_before(nlp, task.component, read(nlp, paths[part], limit))))
        for part in SPLITS
    }
    for part in SPLITS:
        rows[part]["ece"] = assess(pipe, batches[part]).ece
    calibrate(pipe, batches["dev"])
    for part in SPLITS:
        rows[part].update(ece_calibrated=assess(pipe, batches[part]).ece, temperature=pipe.temperature)
    return rows


def run(name: str, decoder: str, seed: int, args: argparse.Namespace) -> Row:
    """The metrics of one run, from its file if it is finished."""
    task = TASKS[name]
    paths = {part: args.corpus / file for part, file in task.files.items()}
    settings = make_settings(task, decoder, seed, args)
    identity = {
        "config": store.checksum(ROOT / "configs" / task.config),
        "data": {part: store.checksum(path) for part, path in paths.items()},
        "settings": settings,
    }
    file, model = places(args, name, decoder, seed)

    def measure() -> Row:
        model.mkdir(parents=True, exist_ok=True)
        data = {f"paths.{part}": str(paths[part]) for part in ("train", "dev")}
        seconds = train(task, {**settings, **data}, model)
        return {"seconds_per_epoch": seconds, **evaluate(spacy.load(model / "model-best"), task, paths, args.limit)}

    found = store.StoredRun(file, {"of": identity}, [model / "model-best"]).complete(measure, model / "lock")
    assert found is not None
    return found


def places(args: argparse.Namespace, name: str, decoder: str, seed: int) -> Tuple[Path, Path]:
    """RETURNS (Tuple[Path, Path]): The file with the metrics of a run, and the folder of its models."""
    title = f"{name}-{decoder}-{seed}"
    return args.output / "runs" / f"{title}.json", args.models / title


def measure_speeds(pipelines: Sequence[Language], path: Path, args: argparse.Namespace) -> List[float]:
    """Tokens per second of processor time of several pipelines on tokenised docs, in turns: the medians."""
    words = [[token.text for token in eg.reference] for eg in read(pipelines[0], path, args.limit)]

    def task_of(nlp: Language) -> timer.Task:
        def prepare() -> List[Doc]:
            return [Doc(nlp.vocab, words=part) for part in words]

        return timer.Task(sum(map(len, words)), prepare, lambda docs: list(nlp.pipe(docs, batch_size=256)))

    tasks = {str(i): task_of(nlp) for i, nlp in enumerate(pipelines)}
    times = timer.measure(tasks, args.rounds)
    return [times.rate(name) for name in tasks]


def compare(name: str, seed: int, args: argparse.Namespace) -> Dict[str, Row]:
    """The metrics of all decoders on one corpus, with one seed."""
    runs = {decoder: run(name, decoder, seed, args) for decoder in args.decoders}
    if any(set(args.decoders) - row.get("tokens_per_second", {}).keys() for row in runs.values()):
        pipelines = [spacy.load(places(args, name, decoder, seed)[1] / "model-best") for decoder in runs]
        speeds = measure_speeds(pipelines, args.corpus / TASKS[name].files["dev"], args)
        for decoder in runs:
            runs[decoder]["tokens_per_second"] = dict(zip(runs, speeds))
            store.write_json(places(args, name, decoder, seed)[0], runs[decoder])
    return {
        decoder: {
            **row[args.split],
            "seconds_per_epoch": row["seconds_per_epoch"],
            "tokens_per_second": row["tokens_per_second"][decoder],
        }
        for decoder, row in runs.items()
    }


def markdown(results: Dict[str, List[Row]], split: str) -> str:
    """A table of means and standard deviations over seeds."""
    table = Table("decoders", "", ["corpus", "decoder", "seeds", *(title for _, title, _, _ in COLUMNS)], n_texts=2)
    for name, rows in results.items():
        cells = [mean_and_deviation([factor * row[key] for row in rows], n) for key, _, factor, n in COLUMNS]
        corpus, decoder = name.split("-")
        table.add(f"{corpus}, {split}", decoder, str(len(rows)), *cells)
    return table.markdown() + "\n"


def main(argv: Optional[List[str]] = None, report: Callable[[str], None] = print) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", nargs="+", choices=TASKS, default=list(TASKS), help="only these")
    parser.add_argument("--decoders", nargs="+", choices=DECODERS, default=list(DECODERS), help="only these")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="(0 1 2)")
    parser.add_argument("--split", choices=SPLITS, default="dev", help="what to report on; both are measured (dev)")
    parser.add_argument("--max-steps", type=int, default=0, help="training steps, 0 for the usual ones (0)")
    parser.add_argument("--rounds", type=int, default=9, help="runs of each pipeline to measure its speed (9)")
    parser.add_argument("--limit", type=int, default=0, help="docs to read from each file, 0 for all (0)")
    parser.add_argument("--corpus", type=Path, default=ROOT / "corpus", help="folder of the converted corpora (corpus)")
    parser.add_argument("--output", type=Path, default=ROOT / "metrics" / "decoders", help="(metrics/decoders)")
    parser.add_argument("--models", type=Path, default=ROOT / "training" / "decoders", help="(training/decoders)")
    args = parser.parse_args(argv)
    missing = [args.corpus / file for name in args.corpora for file in TASKS[name].files.values()]
    missing = [path for path in missing if not path.exists()]
    if missing:
        parser.error(f"{missing[0]} is missing: run `spacy project run ewt-corpus` and `wnut17-corpus` first")
    results: Dict[str, List[Row]] = {}
    for seed, name in product(args.seeds, args.corpora):
        for decoder, row in compare(name, seed, args).items():
            results.setdefault(f"{name}-{decoder}", []).append(row)
    table = markdown(results, args.split)
    report(table)
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "decoders.md").write_text(table, encoding="utf8")
    (args.output / "decoders.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
