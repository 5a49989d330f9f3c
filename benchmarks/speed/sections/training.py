"""How long an epoch of training takes: blocks of steps of each pipeline in turns, by processor time; on sentences, and
on the docs that the corpus has."""

import statistics
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from spacy.tokens import Doc, DocBin

from ...accuracy.sentences import read_docs
from ...common.table import Table, thousands, times
from ...common.timer import CPU, Times, collected, frozen
from ..recipes import RECIPES
from ..setup import Setup
from ..steps import corpus_tokens, training_steps

# Owner of each pipeline, and the name of the recipe; the last is what the others are compared with.
TRAINED = (
    ("ours", "ewt"),
    ("ours", "ewt-array"),
    ("ours", "ewt-default-torch"),
    ("ours", "ewt-default"),
    ("spaCy", "ewt-peer-bilstm"),
    ("spaCy", "ewt-peer"),
)
BASE = TRAINED[-1][1]
STEPS = 10

# How many sentences of the corpus a doc is made of, by what docs are called then; None if it is read as it is.
DOCS = {"sentences": 1, "docs of 10 sentences": 10, "whole docs": None}


def measure_training(setup: Setup) -> Table:
    """Seconds of an epoch, from the processor time of steps and their tokens."""
    n_steps = 1 if setup.quick else STEPS
    pipelines = {name: setup.pipelines.load_stand_in(name) for _, name in TRAINED}
    n_tokens = corpus_tokens(pipelines[BASE])
    table = Table(
        "training",
        f"Training on {n_tokens:,} tokens of {RECIPES[BASE].corpus}: seconds of processor time for an epoch with one "
        f"thread, from {setup.rounds} × {n_steps} steps as `spacy train` takes them",
        ["what", "docs", "tokens/s", "seconds of an epoch", "time / spaCy's"],
        n_texts=2,
    )
    for docs, n_sents in DOCS.items():
        path = _in_docs(setup, n_sents) if n_sents and n_sents > 1 else None
        for nlp in pipelines.values():
            reader = nlp.config["corpora"]["train"]
            reader["gold_preproc"] = n_sents == 1
            reader["path"] = str(path) if path else "${paths.train}"
        found, tokens = _take_turns(pipelines, setup.rounds, n_steps)
        for who, name in TRAINED:
            rate, slower = found.rate(name), found.slowdown(name, BASE)
            table.add(
                f"{who}, {'+'.join(pipelines[name].pipe_names)}: {RECIPES[name].title}",
                docs,
                thousands(rate),
                f"{n_tokens / rate:.1f}",
                times(slower),
                **{
                    "recipe": name,
                    "docs": docs,
                    "tokens per second": rate,
                    "seconds of an epoch": n_tokens / rate,
                    "time / spaCy's": slower,
                },
            )
        table.notes.append(f"Batches of {docs} have {statistics.mean(tokens[BASE]):,.0f} tokens on average.")
    table.notes.append("Evaluations on the way are not counted.")
    return table


def _in_docs(setup: Setup, n_sents: int) -> Path:
    """RETURNS (Path): A file of the training data in docs of so many sentences, as `spacy convert --n-sents` makes."""
    sents = read_docs(setup.pipelines.training_data(RECIPES[BASE].corpus))[: setup.pipelines.limit or None]
    docs = [Doc.from_docs(sents[i : i + n_sents]) for i in range(0, len(sents), n_sents)]
    path = setup.pipelines.work / f"docs-of-{n_sents}.spacy"
    path.parent.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs).to_disk(path)
    return path


def _take_turns(pipelines: Dict[str, Any], rounds: int, n_steps: int) -> Tuple[Times, Dict[str, List[int]]]:
    """RETURNS (Tuple[Times, Dict[str, List[int]]]): Seconds per token of each round, as two steps need not have the
    same number of tokens; and the tokens of each step."""
    steps: Dict[str, Iterator[int]] = {}
    for name, nlp in pipelines.items():
        steps[name] = training_steps(nlp)
        next(steps[name])
    found = Times({name: 1 for name in steps}, {name: [] for name in steps})
    tokens: Dict[str, List[int]] = {name: [] for name in steps}
    names = list(steps)
    with frozen():
        for i in range(rounds):
            for name in reversed(names) if i % 2 else names:
                with collected():
                    began = CPU()
                    taken = [next(steps[name]) for _ in range(n_steps)]
                    found.seconds[name].append((CPU() - began) / sum(taken))
                tokens[name] += taken
    return found, tokens
