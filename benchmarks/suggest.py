"""What suggested sentences are worth: simulated annotation, in rounds, of sentences that `suggest` chooses by one
strategy or another, from the same first sentences, with the same number of updates. Annotation costs tokens, so that
each round adds about as many tokens, whatever the strategy.

    python -m benchmarks.suggest ewt wnut17 --page docs/suggest.md --figure docs/figures/suggest.svg

Each run is kept under benchmarks/results/suggest, and is not repeated. The corpora are those of `spacy project run
ewt-corpus` and `wnut17-corpus`, the vectors those of the package en_core_web_md.
"""

import argparse
import copy
import hashlib
import itertools
import json
import random
import sys
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam, fix_random_seed, warmup_linear

from scripts.report import write_section
from spacy_rnn_tagger.evaluation.suggestions import DIVERSE, ENTROPY, RANDOM, UNCERTAINTY, suggest
from spacy_rnn_tagger.pipeline.blank_pipeline import blank_pipeline
from spacy_rnn_tagger.training.corpus import read_docs, sentences_of

from .common.store import StoredRun, checksum
from .common.table import NOTHING, Table, mean_and_deviation
from .partial_annotation import bare, batches

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "suggest"
TITLES = {
    RANDOM: "random",
    UNCERTAINTY: "uncertainty: least likely best path",
    ENTROPY: "entropy: largest entropies of the tags",
    DIVERSE: "diverse: of the least sure, those that are not alike",
}


class Task(NamedTuple):
    """What is annotated.

    title: What it is, for people.
    target: The target.
    train: Sentences to choose from.
    test: What each round is scored on.
    updates: Updates of the weights in each round.
    has_vectors: Whether words have static vectors.
    """

    title: str
    target: str
    train: Path
    test: Path
    updates: int
    has_vectors: bool = False


TASKS = {
    "ewt": Task(
        "UD English-EWT, XPOS accuracy",
        "tag",
        ROOT / "corpus" / "ewt" / "en_ewt-ud-train.spacy",
        ROOT / "corpus" / "ewt" / "en_ewt-ud-test.spacy",
        150,
    ),
    "wnut17": Task(
        "WNUT-17, entity F1",
        "ents",
        ROOT / "corpus" / "wnut17" / "train.spacy",
        ROOT / "corpus" / "wnut17" / "test.spacy",
        250,
        True,
    ),
}
MODEL = {
    "@architectures": "spacy-rnn-tagger.RNNTagger.v1",
    "tok2vec": {
        "@architectures": "spacy-rnn-tagger.RNNTok2Vec.v1",
        "embed": {
            "@architectures": "spacy-rnn-tagger.LexemeEmbed.v1",
            "width": 96,
            "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
            "rows": [5000, 1000, 2500, 2500],
            "include_static_vectors": False,
        },
        "encode": {"@architectures": "spacy-rnn-tagger.RNNEncoder.v1", "width": 96, "hidden_width": 64},
    },
}
"""The network of the efficiency recipe."""


def read(nlp: Language, path: Path) -> List[Doc]:
    """The sentences of a corpus that are not the same as another."""
    sentences = (part for doc in read_docs(nlp.vocab, path) for part in sentences_of(doc) if len(part))
    return list({doc.text: doc for doc in sentences}.values())


def train(nlp: Language, docs: Sequence[Doc], args: argparse.Namespace, task: Task, seed: int) -> Adam:
    """Train a component from its first weights on some sentences."""
    model: Any = copy.deepcopy(MODEL)
    model["tok2vec"]["embed"]["include_static_vectors"] = task.has_vectors
    fix_random_seed(seed)
    if "rnn_tagger" in nlp.pipe_names:
        nlp.remove_pipe("rnn_tagger")
    nlp.add_pipe("rnn_tagger", config={"target": task.target, "model": model})
    examples = [Example(bare(doc), doc) for doc in docs]
    nlp.initialize(lambda: examples)
    rates = warmup_linear(0.004, task.updates // 10, task.updates)
    optimizer = Adam(rates, grad_clip=1.0, L2=0.01, L2_is_weight_decay=True, use_averages=True)
    endless = batches(examples, args.batch_size, len, random.Random(seed))
    for batch in itertools.islice(endless, task.updates):
        nlp.update(batch, sgd=optimizer, drop=0.4)
        optimizer.step_schedules()
    return optimizer


def simulate(task: Task, strategy: str, seed: int, args: argparse.Namespace) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): Tokens, sentences and score of each round."""
    nlp = blank_pipeline("en", args.vectors if task.has_vectors else None)
    pool, test = read(nlp, task.train), [Example(bare(doc), doc) for doc in read(nlp, task.test)]
    by_text = {doc.text: doc for doc in pool}
    order = random.Random(seed).sample(pool, len(pool))
    sums = itertools.accumulate(map(len, order))
    known = [doc for doc, total in zip(order, sums) if total <= args.budgets[0]]
    rounds = []
    for following in [*args.budgets[1:], 0]:
        optimizer = train(nlp, known, args, task, seed)
        pipe = nlp.get_pipe("rnn_tagger")
        n_tokens = sum(map(len, known))
        with nlp.use_params(optimizer.averages):
            score = nlp.evaluate([Example(bare(eg.reference), eg.reference) for eg in test])[pipe.score_keys[0]]
            rounds.append({"tokens": n_tokens, "sentences": len(known), "score": score})
            if following:
                names = {doc.text for doc in known}
                rest = [bare(doc) for doc in pool if doc.text not in names]
                chosen, _ = suggest(nlp, rest, n_tokens=following - n_tokens, strategy=strategy, seed=seed)
                known += [by_text[each.text] for each in chosen.chosen]
        print(f"{task.title}, {strategy}, seed {seed}: {rounds[-1]}", file=sys.stderr, flush=True)
    return {"rounds": rounds}


def stored(name: str, strategy: str, seed: int, args: argparse.Namespace) -> StoredRun:
    """RETURNS (StoredRun): The place of a run."""
    task = TASKS[name]
    settings = {"budgets": args.budgets, "updates": task.updates, "batch_size": args.batch_size}
    key = hashlib.md5(json.dumps(settings).encode(), usedforsecurity=False).hexdigest()[:10]
    identity = {**settings, "strategy": strategy, "seed": seed}
    if task.train.exists() and task.test.exists():
        identity["data"] = [checksum(task.train), checksum(task.test)]
    return StoredRun(RESULTS / name / f"{strategy}-{key}-{seed}.json", identity)


def measured(args: argparse.Namespace) -> Dict[str, Dict[str, List[List[Dict[str, Any]]]]]:
    """RETURNS (Dict): The rounds of each seed, by corpus and strategy."""
    found: Dict[str, Dict[str, List[List[Dict[str, Any]]]]] = {}
    for seed, name, strategy in itertools.product(args.seeds, args.corpora, args.strategies):
        run = stored(name, strategy, seed, args)
        metrics = run.read()
        if metrics is None and not args.report_only:
            lock = ROOT / "training" / "suggest" / f"{run.record.stem}.lock"
            metrics = run.complete(partial(simulate, TASKS[name], strategy, seed, args), lock)
        if metrics is not None:
            found.setdefault(name, {}).setdefault(strategy, []).append(metrics["rounds"])
    return found


def tables(found: Dict[str, Dict[str, List[List[Dict[str, Any]]]]], args: argparse.Namespace) -> Iterator[Table]:
    """One table for each corpus: a row for each strategy, the score of each round."""
    for name, by_strategy in found.items():
        title = (
            f"{TASKS[name].title} in percent after each round, mean ± standard deviation over "
            f"{max(map(len, by_strategy.values()))} seeds; {TASKS[name].updates} updates of {args.batch_size} tokens "
            f"each{', static vectors' if TASKS[name].has_vectors else ''}."
        )
        head = ["strategy", *(f"{budget:,} tokens" for budget in args.budgets), "sentences at the end"]
        table = Table(f"suggest-{name}", title, head)
        for strategy, runs in by_strategy.items():
            cells = [mean_and_deviation([100 * rounds[i]["score"] for rounds in runs], 2) for i in range(len(runs[0]))]
            table.add(TITLES[strategy], *cells, mean_and_deviation([rounds[-1]["sentences"] for rounds in runs], 0))
        yield table


def draw(found: Dict[str, Dict[str, List[List[Dict[str, Any]]]]], path: Path) -> None:
    """One panel for each corpus; the bars are standard deviations over seeds. RAISES (ImportError): Without
    matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "spacy-rnn-tagger"  # the same figure, byte for byte, from the same numbers
    import numpy
    from matplotlib import pyplot

    fig, axes = pyplot.subplots(1, len(found), figsize=(5 * len(found), 3.5), squeeze=False)
    for axis, (name, by_strategy) in zip(axes[0], found.items()):
        for strategy, runs in by_strategy.items():
            scores = numpy.asarray([[100 * each["score"] for each in rounds] for rounds in runs])
            tokens = numpy.asarray([[each["tokens"] for each in rounds] for rounds in runs]).mean(axis=0)
            bars = scores.std(axis=0, ddof=1) if len(runs) > 1 else numpy.zeros(tokens.shape)
            axis.errorbar(tokens, scores.mean(axis=0), bars, marker="o", capsize=3, label=strategy)
        axis.set(xscale="log", xlabel="annotated tokens", title=f"{TASKS[name].title}, %")
        axis.set_xticks(tokens, [f"{count:,.0f}" for count in tokens], fontsize=7)
        axis.minorticks_off()
    axes[0][0].legend(fontsize=7)
    fig.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.suggest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="+", choices=TASKS)
    parser.add_argument("--strategies", nargs="+", choices=TITLES, default=[RANDOM, UNCERTAINTY, DIVERSE])
    parser.add_argument("--budgets", type=int, nargs="+", default=[4000, 8000, 16000], help="in tokens")
    parser.add_argument("--vectors", default="en_core_web_md", help="pipeline with static vectors (en_core_web_md)")
    parser.add_argument("--batch-size", type=int, default=300, help="tokens in a batch (300)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--report-only", action="store_true", help="train nothing; report the runs that are there")
    parser.add_argument("--page", type=Path, help="Markdown file whose marked parts are written anew")
    parser.add_argument("--figure", type=Path, help="an .svg or .png file to draw; needs matplotlib")
    args = parser.parse_args(argv)
    if args.budgets != sorted(set(args.budgets)):
        parser.error(f"--budgets {args.budgets} is not allowed; each must be larger than the one before it")
    missing = [str(path) for name in args.corpora for path in TASKS[name][2:4] if not path.exists()]
    if missing and not args.report_only:
        parser.error(f"there is no {', '.join(missing)}; `spacy project run ewt-corpus` and `wnut17-corpus` make them")
    found = measured(args)
    for table in tables(found, args):
        print(table.markdown(), end="\n\n")
        if args.page is not None:
            write_section(args.page, table.name, table.markdown())
    if args.figure is not None and found:
        draw(found, args.figure)
    return 0 if found else print(NOTHING) or 1


if __name__ == "__main__":
    sys.exit(main())
