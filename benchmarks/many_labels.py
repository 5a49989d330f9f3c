"""Time entities of many types: their legal transitions as blocks, against one matrix of all pairs of tags."""

import argparse
import sys
from pathlib import Path
from typing import Callable, Dict, Sequence

import numpy as np

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common.table import Table
from benchmarks.common.table import times as times_of
from benchmarks.common.timer import WALL, Task, measure
from benchmarks.speed.machine import kernel, processor
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


def compare(types: Sequence[int], n_seqs: int, mean_length: int, seconds: float, seed: int) -> Table:
    """Time all steps in both forms, which take turns.

    types (Sequence[int]): Numbers of entity types.
    n_seqs (int): Sequences in the batch.
    mean_length (int): Mean tokens per sequence.
    seconds (float): Time to spend on each row of the table.
    seed (int): Seed of the random scores.
    RETURNS (Table): Median milliseconds and the ratio, one row for each number of types and step.
    RAISES (ValueError): If a step gives different results.
    """
    title = f"Median milliseconds of a batch of {n_seqs}, mean length {mean_length}, seed {seed}"
    table = Table("many_labels", title, ["step", "entity types", "tags", "matrix", "blocks", "ratio"])
    for n_types in types:
        for name, step in make_steps(n_types, n_seqs, mean_length, seed).items():
            tasks = {form: Task(1, lambda: None, lambda _, f=form, s=step: run_as(f, s), float) for form in FORMS}
            times = measure(tasks, 3, WALL, seconds=seconds)
            if not np.isclose(*times.results.values(), rtol=1e-4):
                raise ValueError(f"{name}: the results differ: {times.results}")
            medians = {form: 1000 * times.median(form) for form in FORMS}
            ratio = times.slowdown("matrix", "blocks")
            cells = (f"{n_types:,}", f"{1 + 4 * n_types:,}", *(f"{ms:,.2f}" for ms in medians.values()))
            table.add(name, *cells, times_of(ratio), n_types=n_types, ratio=ratio, **medians)
    table.notes.append(
        f"Lattices take blocks from {lattice.BLOCKS_FROM} tags on. {processor()}, NumPy's kernel {kernel()}."
    )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--types", type=int, nargs="+", default=[18, 75, 300], help="numbers of entity types to time")
    parser.add_argument("--batch", type=int, default=64, help="sequences per batch")
    parser.add_argument("--length", type=int, default=16, help="mean tokens per sequence")
    parser.add_argument("--seconds", type=float, default=3.0, help="time to spend on each row of the table")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random scores")
    args = parser.parse_args()
    print(compare(args.types, args.batch, args.length, args.seconds, args.seed).markdown())


if __name__ == "__main__":
    main()
