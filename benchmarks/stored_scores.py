"""What it costs to keep the probabilities of predictions: the speed of a trained pipeline with them and without, in turns, so
that a busy machine slows both alike.

    python benchmarks/stored_scores.py training/wnut17/model-best corpus/wnut17/test.spacy
"""

import argparse
import statistics
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, Dict, List, Optional

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus

from spacy_rnn_tagger.pipeline.rnn_tagger import RNNTagger

VARIANTS: Dict[str, Dict[str, bool]] = {
    "plain": {},
    "store_scores": {"store_scores": True},
    "store_scores and store_probs": {"store_scores": True, "store_probs": True},
}


def seconds(nlp: Language, texts: List[Any], settings: Dict[str, bool], batch_size: int) -> float:
    """The time of one run of the whole pipeline. Tokenised docs are made anew beforehand."""
    docs = [Doc(nlp.vocab, words=text) if isinstance(text, list) else text for text in texts]
    names = [name for name, pipe in nlp.pipeline if isinstance(pipe, RNNTagger)]
    began = perf_counter()
    for _ in nlp.pipe(docs, batch_size=batch_size, component_cfg={name: dict(settings) for name in names}):
        pass
    return perf_counter() - began


def main(argv: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="trained pipeline")
    parser.add_argument("data", type=Path, help=".spacy file")
    parser.add_argument("--limit", type=int, default=0, help="docs to read, 0 for all (0)")
    parser.add_argument("--rounds", type=int, default=9, help="runs of each variant (9)")
    parser.add_argument("--batch-size", type=int, default=256, help="docs in a batch (256)")
    parser.add_argument(
        "--text", action="store_true", help="let the pipeline tokenise, instead of using the data's tokens"
    )
    args = parser.parse_args(argv)
    nlp = spacy.load(args.model)
    examples = list(islice(Corpus(args.data, gold_preproc=True)(nlp), args.limit or None))
    texts: List[Any] = [eg.text if args.text else [token.text for token in eg.reference] for eg in examples]
    n_tokens = sum(len(eg.reference) for eg in examples)
    times: Dict[str, List[float]] = {name: [] for name in VARIANTS}
    for settings in VARIANTS.values():
        seconds(nlp, texts, settings, args.batch_size)
    for _ in range(args.rounds):
        for name, settings in VARIANTS.items():
            times[name].append(seconds(nlp, texts, settings, args.batch_size))
    print(
        f"{len(texts)} docs, {n_tokens} tokens, {args.rounds} rounds: median tokens per second, and the median of the rounds' ratios"
    )
    for name, values in times.items():
        ratio = statistics.median(value / plain for value, plain in zip(values, times["plain"]))
        print(f"{name:<30} {n_tokens / statistics.median(values):>9,.0f} {ratio:>6.2f}x")


if __name__ == "__main__":
    main()
