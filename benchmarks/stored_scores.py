"""What it costs to keep the probabilities of predictions: the speed of a trained pipeline with them and without, in
turns, so that a busy machine slows both alike.

    python benchmarks/stored_scores.py training/wnut17/model-best corpus/wnut17/test.spacy
"""

import argparse
import sys
from itertools import islice
from pathlib import Path
from typing import Any, Dict, List, Optional

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Corpus

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common.timer import WALL, Task, measure
from spacy_rnn_tagger.pipeline.rnn_tagger import RNNTagger

VARIANTS: Dict[str, Dict[str, bool]] = {
    "plain": {},
    "store_scores": {"store_scores": True},
    "store_scores and store_probs": {"store_scores": True, "store_probs": True},
}


def make_task(nlp: Language, texts: List[Any], n_tokens: int, settings: Dict[str, bool], batch_size: int) -> Task:
    """One run of the whole pipeline. Tokenised docs are made anew before each."""
    names = [name for name, pipe in nlp.pipeline if isinstance(pipe, RNNTagger)]

    def prepare() -> List[Any]:
        return [Doc(nlp.vocab, words=text) if isinstance(text, list) else text for text in texts]

    def run(docs: List[Any]) -> None:
        for _ in nlp.pipe(docs, batch_size=batch_size, component_cfg={name: dict(settings) for name in names}):
            pass

    return Task(n_tokens, prepare, run)


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
    tasks = {name: make_task(nlp, texts, n_tokens, settings, args.batch_size) for name, settings in VARIANTS.items()}
    times = measure(tasks, args.rounds, WALL)
    print(
        f"{len(texts)} docs, {n_tokens} tokens, {args.rounds} rounds: "
        "median tokens per second, and the median of the rounds' ratios"
    )
    for name in tasks:
        print(f"{name:<30} {times.rate(name):>9,.0f} {times.slowdown(name, 'plain'):>6.2f}x")


if __name__ == "__main__":
    main()
