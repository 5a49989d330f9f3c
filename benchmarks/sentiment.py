"""Text classification beside spaCy's own: the same data, batches, optimizer, number of epochs and choice of the best
epoch, for this package's classifier, `TextCatBOW` and `TextCatEnsemble` with spaCy's default settings.

    python benchmarks/sentiment.py corpus/sentiment --seeds 0 1 2

The best epoch is chosen on dev.spacy; the accuracy is on test.spacy, over all seeds mean and range.
"""

import argparse
import json
import random
import statistics
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, Dict, List, Optional

import spacy
from spacy.language import Language
from spacy.pipeline.textcat import single_label_bow_config, single_label_default_config
from spacy.training import Corpus, Example
from spacy.util import load_config, minibatch
from thinc.api import Adam, Config, fix_random_seed

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common.table import Table

CONFIG = Path(__file__).parent.parent / "configs" / "source_sentiment.cfg"

Row = Dict[str, Any]


def models(config: Path, poolings: List[str]) -> Dict[str, Any]:
    """Config of each model by its name in the table."""
    ours = load_config(config).interpolate()["components"]["textcat"]["model"]
    return {
        **{f"RNNTextClassifier, {pooling}": {**ours, "pooling": pooling} for pooling in poolings},
        "spacy.TextCatBOW.v3": Config().from_str(single_label_bow_config)["model"],
        "spacy.TextCatEnsemble.v2": Config().from_str(single_label_default_config)["model"],
    }


def accuracy(nlp: Language, examples: List[Example]) -> float:
    """Share of texts whose likeliest class is the gold one."""
    docs = nlp.pipe([eg.reference.text for eg in examples])
    return statistics.mean(
        max(doc.cats, key=doc.cats.__getitem__) == max(eg.reference.cats, key=eg.reference.cats.__getitem__)
        for doc, eg in zip(docs, examples)
    )


def measure(model: Any, data: Path, args: argparse.Namespace, seed: int) -> Row:
    fix_random_seed(seed)
    nlp = spacy.blank(args.lang)
    pipe = nlp.add_pipe("textcat", config={"model": model})
    train, dev, test = (list(Corpus(data / f"{part}.spacy")(nlp)) for part in ("train", "dev", "test"))
    nlp.initialize(lambda: train)
    optimizer = Adam(args.learn_rate, grad_clip=1.0, L2=0.01, L2_is_weight_decay=True, use_averages=True)
    best, weights = -1.0, b""
    start = perf_counter()
    for _ in range(args.epochs):
        random.shuffle(train)
        for batch in minibatch(train, size=16):
            nlp.update(batch, sgd=optimizer, drop=args.dropout)
        with nlp.use_params(optimizer.averages):
            score = accuracy(nlp, dev)
            if score > best:
                best, weights = score, pipe.model.to_bytes()
    seconds = perf_counter() - start
    pipe.model.from_bytes(weights)
    arrays = [node.get_param(p) for node in pipe.model.walk() for p in node.param_names if node.has_param(p)]
    size = sum(array.size for array in arrays)
    return {"dev": best, "test": accuracy(nlp, test), "parameters": size, "seconds": seconds, "n_test": len(test)}


def markdown(results: Dict[str, List[Row]]) -> str:
    table = Table("sentiment", "", ["model", "dev, %", "test, %", "range", "parameters", "s to train"])
    for name, rows in results.items():
        tests = [100 * row["test"] for row in rows]
        table.add(
            name,
            f"{100 * statistics.mean(row['dev'] for row in rows):.1f}",
            f"{statistics.mean(tests):.1f}",
            f"{min(tests):.1f} to {max(tests):.1f}",
            f"{rows[0]['parameters']:,}",
            f"{statistics.mean(row['seconds'] for row in rows):.0f}",
        )
    return table.markdown() + "\n"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with train.spacy, dev.spacy and test.spacy")
    parser.add_argument(
        "--config", type=Path, default=CONFIG, help="config whose textcat model is ours (source_sentiment.cfg)"
    )
    parser.add_argument("--poolings", nargs="+", choices=("last", "mean", "max"), default=["last", "mean", "max"])
    parser.add_argument("--lang", default="en")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--learn-rate", type=float, default=0.002)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--output", type=Path, help="folder for sentiment.json and sentiment.md")
    args = parser.parse_args(argv)
    results: Dict[str, List[Row]] = {}
    for name, model in models(args.config, args.poolings).items():
        results[name] = [measure(model, args.data, args, seed) for seed in args.seeds]
        print(markdown({name: results[name]}).splitlines()[-1], file=sys.stderr, flush=True)
    print(markdown(results))
    if args.output is not None:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "sentiment.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf8")
        (args.output / "sentiment.md").write_text(markdown(results), encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
