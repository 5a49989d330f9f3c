"""What a training step of the whole component costs with a CRF, beside softmax: embedding, encoder, loss, gradients,
optimizer.

python benchmarks/decoder_step.py --tags 20 150
"""

import argparse
import sys
from itertools import chain
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import numpy as np
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam, fix_random_seed

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common.timer import WALL, Task, measure

DECODERS = ("softmax", "crf")
ROUNDS = 5  # at least

Sentence = Tuple[List[str], List[str]]


def make_batch(n_tags: int, n_words: int, n_docs: int, mean_length: int, rng: Any) -> List[Sentence]:
    """Random words with random tags."""
    sentences = []
    tags = [f"T{i}" for i in range(n_tags)]
    for length in (rng.poisson(mean_length - 1, n_docs) + 1).tolist():
        words = [f"w{n}" for n in rng.zipf(1.3, length) % n_words]
        gold = [tags[n] for n in rng.integers(0, n_tags, length)]
        sentences.append((words, gold))
    return sentences


def make_step(decoder: str, batches: List[List[Sentence]], class_weights: bool, seed: int) -> Callable[[], None]:
    """RETURNS (Callable): Trains on the next batch each time it is called."""
    fix_random_seed(seed)
    nlp = spacy.blank("en")
    config = {"decoder": decoder, "class_weights": "auto" if class_weights else None}
    pipe: Any = nlp.add_pipe("rnn_tagger", config=config)
    examples = [
        [Example(Doc(nlp.vocab, words=words), Doc(nlp.vocab, words=words, tags=tags)) for words, tags in batch]
        for batch in batches
    ]
    pipe.initialize(lambda: chain.from_iterable(examples), nlp=nlp)
    optimizer = Adam(0.001, grad_clip=1.0, L2=0.01, L2_is_weight_decay=True, use_averages=True)
    state = {"at": 0}

    def step() -> None:
        pipe.update(examples[state["at"] % len(examples)], drop=0.1, sgd=optimizer)
        state["at"] += 1

    return step


def main(argv: Optional[List[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tags", type=int, nargs="+", default=[20, 150], help="numbers of tags to time (20 150)")
    parser.add_argument("--batch", type=int, default=64, help="docs in a batch (64)")
    parser.add_argument("--length", type=int, default=16, help="mean tokens in a doc (16)")
    parser.add_argument("--words", type=int, default=5000, help="size of the vocabulary (5000)")
    parser.add_argument("--seconds", type=float, default=15.0, help="time to spend on each row of the table (15)")
    parser.add_argument("--class-weights", action="store_true", help="with class_weights = auto")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    print(f"batch {args.batch}, mean length {args.length}: median milliseconds, and the median of the turns' ratios")
    print(f"{'tags':>5} {'softmax':>9} {'crf':>9} {'ratio':>7}")
    for n_tags in args.tags:
        rng = np.random.default_rng(args.seed)
        batches = [make_batch(n_tags, args.words, args.batch, args.length, rng) for _ in range(8)]
        steps = {decoder: make_step(decoder, batches, args.class_weights, args.seed) for decoder in DECODERS}
        tasks = {decoder: Task(1, lambda: None, lambda _, step=step: step()) for decoder, step in steps.items()}
        times = measure(tasks, ROUNDS, WALL, seconds=args.seconds)
        ratio = times.slowdown("crf", "softmax")
        medians = [1000 * times.median(decoder) for decoder in DECODERS]
        print(f"{n_tags:>5} {medians[0]:>9.1f} {medians[1]:>9.1f} {ratio:>6.2f}x", flush=True)


if __name__ == "__main__":
    main()
