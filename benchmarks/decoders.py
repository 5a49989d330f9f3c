"""Softmax beside CRF: score, training time, speed and calibration on UD English-EWT (tags) and WNUT-17 (entities), over several
seeds, trained by `configs/` exactly as `spacy train` does.

    python benchmarks/decoders.py --seeds 0 1 2 3 4 --split test

Every finished run leaves a file in the output folder, and is not repeated as long as its settings stay the same; so the
benchmark can be stopped and started again at any time.
"""

import argparse
import hashlib
import json
import math
import statistics
import sys
import tempfile
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus, Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp
from spacy.util import load_config, registry

from spacy_rnn_tagger.pipeline.calibration import assess, calibrate
from spacy_rnn_tagger.pipeline.development import annotate_before, score_batches

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
    files: The .spacy file of each part.
    overrides: Settings that leave only this component.
    """

    config: str
    component: str
    score: str
    files: Dict[str, str]
    overrides: Dict[str, Any]


TASKS = {
    "ewt": Task(
        "ewt.cfg",
        "rnn_tagger",
        "tag_acc",
        {part: f"ewt/en_ewt-ud-{part}.spacy" for part in ("train", *SPLITS)},
        {
            "nlp.pipeline": ["tok2vec", "rnn_tagger"],
            "training.score_weights.tag_acc": 1.0,
            "training.score_weights.pos_acc": 0.0,
            "training.score_weights.morph_acc": 0.0,
        },
    ),
    "wnut17": Task(
        "wnut17.cfg",
        "rnn_ner",
        "ents_f",
        {part: f"wnut17/{part}.spacy" for part in ("train", *SPLITS)},
        {},
    ),
}
# Of the table: key in a run, title, factor, decimals.
COLUMNS = (
    ("score", "score, %", 100, 2),
    ("seconds_per_epoch", "s per epoch", 1, 1),
    ("tokens_per_second", "tokens/s", 1, 0),
    ("ece", "ECE, %", 100, 2),
    ("ece_calibrated", "ECE calibrated on dev, %", 100, 2),
)


class StepTimes:
    """A `[training.before_update]` callback that looks at the clock."""

    def __init__(self) -> None:
        self.seen: List[Any] = []

    def __call__(self, nlp: Language, info: Dict[str, Any]) -> None:
        self.seen.append((perf_counter(), info["step"], info["epoch"]))

    def seconds_per_epoch(self, eval_frequency: int) -> float:
        """Of a whole pass over the training data, without the evaluations; NaN if there was none."""
        n_steps = sum(epoch == 0 for _, _, epoch in self.seen)
        if n_steps == len(self.seen):
            return math.nan
        pairs = zip(self.seen, self.seen[1:])
        steps = [after - before for (before, step, _), (after, _, _) in pairs if step % eval_frequency]
        return n_steps * statistics.mean(steps) if steps else math.nan


def train(task: Task, settings: Dict[str, Any], output: Path) -> float:
    """Train as `spacy train` does. RETURNS (float): Seconds per epoch."""
    config = load_config(ROOT / "configs" / task.config, overrides=settings, interpolate=False)
    times = StepTimes()
    registry.callbacks.register(STEP_TIMES, func=lambda: times)
    config["training"]["before_update"] = {"@callbacks": STEP_TIMES}
    train_nlp(init_nlp(config), output, stdout=sys.stderr, stderr=sys.stderr)
    return times.seconds_per_epoch(config["training"]["eval_frequency"])


def speed(nlp: Language, examples: List[Example], repeats: int = 3) -> float:
    """Tokens a second of the pipeline on tokenised docs, the best of a few runs."""
    best = 0.0
    for _ in range(repeats):
        docs = [Doc(nlp.vocab, words=[token.text for token in eg.reference]) for eg in examples]
        began = perf_counter()
        for _ in nlp.pipe(docs, batch_size=256):
            pass
        best = max(best, sum(map(len, docs)) / (perf_counter() - began))
    return best


def evaluate(nlp: Language, task: Task, paths: Dict[str, Path], limit: int) -> Dict[str, Row]:
    """Score and calibration error on each part, before and after a temperature is fitted on dev."""
    pipe: Any = nlp.get_pipe(task.component)

    def read(part: str) -> List[Example]:
        return list(Corpus(paths[part], gold_preproc=True, limit=limit)(nlp))

    batches = {part: list(score_batches(pipe, annotate_before(nlp, task.component, read(part)))) for part in SPLITS}
    rows: Dict[str, Row] = {part: {"score": nlp.evaluate(read(part))[task.score]} for part in SPLITS}
    for part in SPLITS:
        rows[part].update(ece=assess(pipe, batches[part]).ece, tokens_per_second=speed(nlp, read(part)))
    calibrate(pipe, batches["dev"])
    for part in SPLITS:
        rows[part].update(ece_calibrated=assess(pipe, batches[part]).ece, temperature=pipe.temperature)
    return rows


def run(name: str, decoder: str, seed: int, args: argparse.Namespace) -> Row:
    """The metrics of one run, from its file if it is finished."""
    task = TASKS[name]
    paths = {part: args.corpus / file for part, file in task.files.items()}
    settings: Dict[str, Any] = {
        **task.overrides,
        f"components.{task.component}.decoder": decoder,
        "system.seed": seed,
        **{f"corpora.{part}.gold_preproc": True for part in ("train", "dev")},
        **{f"corpora.{part}.limit": args.limit for part in ("train", "dev")},
    }
    if args.max_steps:
        # The configs evaluate rarely, and the best model is one that was evaluated.
        settings.update({"training.max_steps": args.max_steps, "training.eval_frequency": max(1, args.max_steps // 4)})
    fingerprint = {
        "config": hashlib.md5((ROOT / "configs" / task.config).read_bytes()).hexdigest(),
        "data": {part: hashlib.md5(path.read_bytes()).hexdigest() for part, path in paths.items()},
        "settings": settings,
    }
    file = args.output / "runs" / f"{name}-{decoder}-{seed}.json"
    if file.exists():
        found: Row = json.loads(file.read_text(encoding="utf8"))
        if found["of"] == fingerprint:
            return found
    with tempfile.TemporaryDirectory() as folder:
        places = {f"paths.{part}": str(paths[part]) for part in ("train", "dev")}
        seconds = train(task, {**settings, **places}, Path(folder))
        rows = evaluate(spacy.load(Path(folder) / "model-best"), task, paths, args.limit)
    for row in rows.values():
        row["seconds_per_epoch"] = seconds
    file.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when complete, so that a run that was stopped leaves no half of a file.
    part_file = file.with_suffix(".part")
    part_file.write_text(json.dumps({"of": fingerprint, **rows}, indent=2) + "\n", encoding="utf8")
    part_file.rename(file)
    return {"of": fingerprint, **rows}


def markdown(results: Dict[str, List[Row]]) -> str:
    """A table of means and standard deviations over seeds."""
    lines = [
        "| corpus | decoder | seeds | " + " | ".join(title for _, title, _, _ in COLUMNS) + " |",
        "|---|---|---:|" + "---:|" * len(COLUMNS),
    ]
    for name, rows in results.items():
        cells = [_mean_and_deviation([factor * row[key] for row in rows], n) for key, _, factor, n in COLUMNS]
        corpus, decoder = name.split("-")
        lines.append("| " + " | ".join([corpus, decoder, str(len(rows)), *cells]) + " |")
    return "\n".join(lines) + "\n"


def _mean_and_deviation(values: List[float], decimals: int) -> str:
    deviation = f" ± {statistics.stdev(values):,.{decimals}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):,.{decimals}f}{deviation}"


def main(argv: Optional[List[str]] = None, report: Callable[[str], None] = print) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", nargs="+", choices=TASKS, default=list(TASKS), help="only these")
    parser.add_argument("--decoders", nargs="+", choices=DECODERS, default=list(DECODERS), help="only these")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="(0 1 2)")
    parser.add_argument("--split", choices=SPLITS, default="dev", help="what to report on; both are measured (dev)")
    parser.add_argument("--max-steps", type=int, default=0, help="training steps, 0 for those of the configs (0)")
    parser.add_argument("--limit", type=int, default=0, help="docs to read from each file, 0 for all (0)")
    parser.add_argument("--corpus", type=Path, default=ROOT / "corpus", help="folder of the converted corpora (corpus)")
    parser.add_argument("--output", type=Path, default=ROOT / "metrics" / "decoders", help="(metrics/decoders)")
    args = parser.parse_args(argv)
    missing = [args.corpus / file for name in args.corpora for file in TASKS[name].files.values()]
    missing = [path for path in missing if not path.exists()]
    if missing:
        parser.error(f"{missing[0]} is missing: run `spacy project run ewt-corpus` and `wnut17-corpus` first")
    results: Dict[str, List[Row]] = {}
    for seed, name, decoder in product(args.seeds, args.corpora, args.decoders):
        results.setdefault(f"{name}-{decoder}", []).append(run(name, decoder, seed, args)[args.split])
    table = markdown(results)
    report(table)
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / f"decoders-{args.split}.md").write_text(table, encoding="utf8")
    (args.output / f"decoders-{args.split}.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
