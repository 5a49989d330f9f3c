"""Docs of one token up to 50,000, and a very long one among short ones."""

from typing import Dict, Tuple

from spacy.language import Language

from ...common.table import Table, thousands, times
from ...common.timer import Task, Times, measure
from ..labels import n_different
from ..serving import serving_task
from ..setup import Setup
from ..texts import cut
from .batches import OURS, PEER

LENGTHS = (1, 10, 100, 1000, 10_000, 50_000)
QUICK_LENGTHS = (1, 10, 100, 500)
N_SHORT = 63


def measure_lengths(setup: Setup) -> Table:
    """Tokens per second for each length, the number of tokens being the same."""
    lengths = QUICK_LENGTHS if setup.quick else LENGTHS
    n_tokens = lengths[-1]
    table = Table(
        "lengths",
        f"Doc lengths: tokens per second of one core on {n_tokens:,} tokens of {setup.title}, cut into docs, in "
        f"batches of {setup.batch_size}",
        ["tokens of a doc", *(f"`{'+'.join(pipes)}`" for _, pipes in (OURS, PEER)), "× spaCy"],
    )
    pipelines = {who: setup.pipelines.load(*pair) for who, pair in (("ours", OURS), ("spaCy", PEER))}
    tasks: Dict[Tuple[str, int], Task] = {}
    for length in lengths:
        docs = cut(setup.sentences, length, n_tokens)
        for who, nlp in pipelines.items():
            tasks[who, length] = serving_task(nlp, docs, setup.batch_size)
    found = measure(tasks, setup.rounds)
    for length in lengths:
        rates = [found.rate((who, length)) for who in pipelines]
        ratio = found.ratio(("ours", length), ("spaCy", length))
        table.add(
            f"{length:,}", *map(thousands, rates), times(ratio), **{"tokens per second": rates, "times spaCy": ratio}
        )
    _add_company(setup, table, pipelines, n_tokens)
    table.notes.append(setup.pipelines.note(OURS[0], PEER[0]))
    return table


def _add_company(setup: Setup, table: Table, pipelines: Dict[str, Language], n_tokens: int) -> None:
    """The longest doc with short ones in its batch, against the same doc alone."""
    long = cut(setup.sentences, n_tokens, n_tokens)
    company = [*long, *setup.sentences[:N_SHORT]]
    size = len(company)
    tasks: Dict[Tuple[str, str], Task] = {}
    for who, nlp in pipelines.items():
        tasks[who, "alone"] = serving_task(nlp, long, size)
        tasks[who, "in company"] = serving_task(nlp, company, size)
    found: Times = measure(tasks, setup.rounds)
    slower = {who: found.slowdown((who, "in company"), (who, "alone")) for who in pipelines}
    table.figures.append({"beside short docs": size - 1, "times as long": slower})
    table.notes.append(
        f"A doc of {n_tokens:,} tokens in one batch with {size - 1} sentences takes {slower['ours']:.2f} times as "
        f"long as alone (spaCy's own {slower['spaCy']:.2f} times)."
    )
    alone, together = found.results["ours", "alone"], found.results["ours", "in company"]
    table.check(
        "of ours with short docs beside the long one and without", n_different(alone, together[: len(alone)]), n_tokens
    )
