"""Time one CRF loss with its gradient, against pytorch-crf (`pip install pytorch-crf==0.7.2`) on the same scores."""

import argparse
import sys
from pathlib import Path
from typing import Callable, Tuple

import numpy as np

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common.timer import WALL, Task, measure
from spacy_rnn_tagger.chain.crf_loss import crf_loss
from spacy_rnn_tagger.chain.decoding import best_paths
from spacy_rnn_tagger.chain.lattice import make_lattice

Step = Callable[[], float]
ROUNDS = 5  # at least


class Batch:
    """Random scores and gold tags of one batch, all sequences concatenated."""

    def __init__(self, n_tags: int, n_seqs: int, mean_length: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.lengths = rng.poisson(mean_length - 1, n_seqs) + 1
        n_tokens = int(self.lengths.sum())
        self.emissions = rng.normal(0, 2, (n_tokens, n_tags)).astype("float32")
        self.transitions = rng.normal(0, 0.5, (n_tags, n_tags)).astype("float32")
        self.start, self.end = rng.normal(0, 0.5, (2, n_tags)).astype("float32")
        self.gold = rng.integers(0, n_tags, n_tokens)


def make_ours(batch: Batch) -> Tuple[Step, Step]:
    """RETURNS (Tuple[Step, Step]): Loss with gradient, and decoding, from flat arrays to flat arrays."""
    params = {"transitions": batch.transitions, "start": batch.start, "end": batch.end}

    def loss() -> float:
        return crf_loss(make_lattice(batch.emissions, batch.lengths, **params), batch.gold).loss

    def decode() -> float:
        return float(best_paths(make_lattice(batch.emissions, batch.lengths, **params))[1].sum())

    return loss, decode


def make_theirs(batch: Batch) -> Tuple[Step, Step]:
    """RETURNS (Tuple[Step, Step]): The same by pytorch-crf. Its padding is made beforehand and not timed."""
    import torch
    from torchcrf import CRF

    n_steps, n_seqs, n_tags = int(batch.lengths.max()), len(batch.lengths), batch.emissions.shape[1]
    mask = np.arange(n_steps)[:, None] < batch.lengths[None, :]
    padded = np.zeros((n_seqs, n_steps, n_tags), dtype="float32")
    padded[mask.T] = batch.emissions
    gold = np.zeros((n_seqs, n_steps), dtype="int64")
    gold[mask.T] = batch.gold
    emissions = torch.from_numpy(padded.transpose(1, 0, 2).copy()).requires_grad_()
    tags, mask = torch.from_numpy(gold.T.copy()), torch.from_numpy(mask)
    crf = CRF(n_tags)
    with torch.no_grad():
        crf.transitions.copy_(torch.from_numpy(batch.transitions))
        crf.start_transitions.copy_(torch.from_numpy(batch.start))
        crf.end_transitions.copy_(torch.from_numpy(batch.end))

    def loss() -> float:
        emissions.grad = None
        crf.zero_grad()
        value = -crf(emissions, tags, mask=mask)
        value.backward()
        return float(value.detach())

    def decode() -> float:
        with torch.no_grad():
            return float(len(crf.decode(emissions, mask=mask)))

    return loss, decode


def task_of(step: Step) -> Task:
    return Task(1, lambda: None, lambda _: step())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--tags", type=int, nargs="+", default=[20, 150], help="numbers of tags to time")
    parser.add_argument("--batch", type=int, default=64, help="sequences per batch")
    parser.add_argument("--length", type=int, default=16, help="mean tokens per sequence")
    parser.add_argument("--seconds", type=float, default=3.0, help="time to spend on each row of the table")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch (NumPy's are set by its BLAS)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random scores")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(args.threads)
    print(f"batch {args.batch}, mean length {args.length}: median milliseconds")
    print(f"{'tags':>5} {'step':<16} {'ours':>9} {'pytorch-crf':>12} {'ratio':>7}")
    for n_tags in args.tags:
        batch = Batch(n_tags, args.batch, args.length, args.seed)
        names = ("loss + gradient", "decoding")
        ours, theirs = make_ours(batch), make_theirs(batch)
        if not np.isclose(ours[0](), theirs[0](), rtol=1e-4):
            raise SystemExit(f"The losses differ: {ours[0]()} and {theirs[0]()}")
        for name, mine, other in zip(names, ours, theirs):
            tasks = {"ours": task_of(mine), "theirs": task_of(other)}
            times = measure(tasks, ROUNDS, WALL, seconds=args.seconds)
            medians = {side: 1000 * times.median(side) for side in tasks}
            ratio = medians["theirs"] / medians["ours"]
            print(f"{n_tags:>5} {name:<16} {medians['ours']:>9.2f} {medians['theirs']:>12.2f} {ratio:>6.1f}x")


if __name__ == "__main__":
    main()
