"""How long an epoch of training takes: blocks of steps of each pipeline in turns, by processor time."""

import statistics
from typing import Dict, List

from ...common.table import Table, thousands, times
from ...common.timer import CPU, Times, collected, frozen
from ..recipes import RECIPES
from ..setup import Setup
from ..steps import corpus_tokens, training_steps

# Owner of each pipeline, and the name of the recipe; the last is what the others are compared with.
TRAINED = (("ours", "ewt"), ("ours", "ewt-default"), ("spaCy", "ewt-peer-bilstm"), ("spaCy", "ewt-peer"))
BASE = TRAINED[-1][1]
STEPS = 10


def measure_training(setup: Setup) -> Table:
    """Seconds of an epoch, from the processor time of steps and their tokens."""
    n_steps = 1 if setup.quick else STEPS
    pipelines = {name: setup.pipelines.load_stand_in(name) for _, name in TRAINED}
    steps = {name: training_steps(nlp) for name, nlp in pipelines.items()}
    # By tokens, as two steps need not have the same number.
    found = Times({name: 1 for name in steps}, {name: [] for name in steps})
    tokens: Dict[str, List[int]] = {name: [] for name in steps}
    for of_steps in steps.values():
        next(of_steps)
    names = list(steps)
    with frozen():
        for i in range(setup.rounds):
            for name in reversed(names) if i % 2 else names:
                with collected():
                    began = CPU()
                    taken = [next(steps[name]) for _ in range(n_steps)]
                    found.seconds[name].append((CPU() - began) / sum(taken))
                tokens[name] += taken
    n_tokens = corpus_tokens(pipelines[BASE])
    table = Table(
        "training",
        f"Training on {n_tokens:,} tokens of {RECIPES[BASE].corpus}: seconds of processor time for an epoch with one "
        f"thread, from {setup.rounds} × {n_steps} steps as `spacy train` takes them, all with the same batches of "
        f"{statistics.mean(tokens[BASE]):,.0f} tokens on average",
        ["what", "tokens/s", "seconds of an epoch", "time / spaCy's"],
    )
    for who, name in TRAINED:
        rate, slower = found.rate(name), found.slowdown(name, BASE)
        title = f"{who}, {'+'.join(pipelines[name].pipe_names)}: {RECIPES[name].title}"
        table.add(
            title,
            thousands(rate),
            f"{n_tokens / rate:.1f}",
            times(slower),
            **{
                "recipe": name,
                "tokens per second": rate,
                "seconds of an epoch": n_tokens / rate,
                "time / spaCy's": slower,
            },
        )
    table.notes.append("Evaluations on the way are not counted.")
    return table
