"""How long one call on one short text takes."""

import statistics
from itertools import cycle, islice
from typing import Any, Dict, List, Tuple

from spacy.language import Language

from ...common.table import Table, times
from ...common.timer import Clock, Task, collected, measure
from ..setup import Setup
from .whole import PAIRS

LENGTH = 12
SPARE = "The train to Delhi was late, so we ran home."
# Calls in a round.
CALLS = 200


def measure_latency(setup: Setup) -> Table:
    """Milliseconds of the median call."""
    n_calls = 10 if setup.quick else CALLS
    table = Table(
        "latency",
        f"Latency of `nlp(text)` on a text of {LENGTH} tokens: milliseconds, the median of {n_calls * setup.rounds:,} "
        f"calls on texts of {setup.title}; and how many times as fast as spaCy's own",
        ["pipeline", "ms", "× spaCy"],
    )
    for ours, theirs in PAIRS:
        tasks: Dict[str, Task] = {}
        for who, (name, pipes) in (("ours,", ours), ("spaCy,", theirs)):
            nlp = setup.pipelines.load(name, pipes)
            tasks[f"{who} `{'+'.join(pipes)}`"] = _task(nlp, short_texts(nlp, setup.texts), n_calls)
        found = measure(tasks, setup.rounds, take=median_call)
        base = list(tasks)[1]
        for name in tasks:
            milliseconds = 1000 * statistics.median(found.seconds[name])
            ratio = found.ratio(name, base)
            table.add(name, f"{milliseconds:.2f}", times(ratio), **{"ms": milliseconds, "times spaCy": ratio})
    table.notes.append(setup.pipelines.note(*(name for pair in PAIRS for name, _ in pair)))
    return table


def short_texts(nlp: Language, texts: List[str]) -> List[str]:
    """The texts of the right length, or one that is known to be."""
    return [text for text in texts if len(text) < 20 * LENGTH and len(nlp.make_doc(text)) == LENGTH] or [SPARE]


def _task(nlp: Language, texts: List[str], n_calls: int) -> Task:
    return Task(LENGTH, lambda: list(islice(cycle(texts), n_calls)), nlp)


def median_call(task: Task, clock: Clock) -> Tuple[float, Any]:
    """RETURNS (Tuple[float, Any]): The median time of one call on each of what was prepared."""
    prepared = task.prepare()
    seconds = []
    with collected():
        for text in prepared:
            began = clock()
            task.run(text)
            seconds.append(clock() - began)
    return statistics.median(seconds), None
