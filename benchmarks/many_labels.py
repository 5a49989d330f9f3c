"""Time entities of many types: their legal transitions as blocks, against one matrix of all pairs of tags."""

import argparse
import statistics
import time
from typing import Callable, Dict, List

import numpy as np

from spacy_rnn_tagger.chain import lattice
from spacy_rnn_tagger.chain.crf_loss import crf_loss
from spacy_rnn_tagger.chain.decoding import viterbi
from spacy_rnn_tagger.pipeline import biluo

Step = Callable[[], float]
# From how many tags on a lattice takes blocks, to make it take what a column of the table says.
FORMS = {"matrix": 2**62, "blocks": 0}


def make_steps(n_types: int, n_seqs: int, mean_length: int, seed: int) -> Dict[str, Step]:
    """Random scores of one batch, and what there is to do with them.

    n_types (int): Number of entity types.
    n_seqs (int): Sequences in the batch.
    mean_length (int): Mean tokens per sequence.
    seed (int): Seed of the random scores.
    RETURNS (Dict[str, Callable]): The steps by name; each returns a number that must not depend on the form of the
        transitions.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.poisson(mean_length - 1, n_seqs) + 1
    n_tags = 1 + 4 * n_types
    emissions = rng.normal(0, 2, (int(lengths.sum()), n_tags)).astype("float32")
    transitions = rng.normal(0, 0.5, (n_tags, n_tags)).astype("float32")
    start, end = rng.normal(0, 0.5, (2, n_tags)).astype("float32")
    constraints = biluo.make_constraints(n_types)
    scores = {"transitions": transitions, "start": start, "end": end}
    gold = viterbi(emissions, lengths, constraints)

    def loss() -> float:
        return crf_loss(lattice.make_lattice(emissions, lengths, constraints=constraints, **scores), gold).loss

    def decode_crf() -> float:
        return float(viterbi(emissions, lengths, constraints, **scores).sum())

    def decode_softmax() -> float:
        return float(viterbi(emissions, lengths, constraints).sum())

    return {"crf: loss + gradient": loss, "crf: decoding": decode_crf, "softmax: decoding": decode_softmax}


def run_as(form: str, step: Step) -> float:
    """RETURNS (float): What a step returns where lattices take transitions of one form, a key of `FORMS`."""
    usual = lattice.BLOCKS_FROM
    lattice.BLOCKS_FROM = FORMS[form]
    try:
        return step()
    finally:
        lattice.BLOCKS_FROM = usual


def time_forms(step: Step, seconds: float) -> Dict[str, float]:
    """Median milliseconds of a step by form. The forms take turns, so that a busy machine disturbs both alike."""
    times: Dict[str, List[float]] = {form: [] for form in FORMS}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or min(map(len, times.values())) < 3:
        for form, measured in times.items():
            began = time.perf_counter()
            run_as(form, step)
            measured.append(1000 * (time.perf_counter() - began))
    return {form: statistics.median(measured) for form, measured in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--types", type=int, nargs="+", default=[18, 75, 300], help="numbers of entity types to time")
    parser.add_argument("--batch", type=int, default=64, help="sequences per batch")
    parser.add_argument("--length", type=int, default=16, help="mean tokens per sequence")
    parser.add_argument("--seconds", type=float, default=3.0, help="time to spend on each row of the table")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random scores")
    args = parser.parse_args()
    print(f"batch {args.batch}, mean length {args.length}: median milliseconds")
    print(f"lattices take blocks from {lattice.BLOCKS_FROM} tags on")
    print(f"{'types':>5} {'tags':>5} {'step':<21} {'matrix':>9} {'blocks':>9} {'ratio':>7}")
    for n_types in args.types:
        for name, step in make_steps(n_types, args.batch, args.length, args.seed).items():
            results = [run_as(form, step) for form in FORMS]
            if not np.isclose(*results, rtol=1e-4):
                raise SystemExit(f"{name}: the results differ: {results}")
            medians = time_forms(step, args.seconds)
            ratio = medians["matrix"] / medians["blocks"]
            row = f"{n_types:>5} {1 + 4 * n_types:>5} {name:<21} {medians['matrix']:>9.2f} {medians['blocks']:>9.2f}"
            print(f"{row} {ratio:>6.1f}x")


if __name__ == "__main__":
    main()
