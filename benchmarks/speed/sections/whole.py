"""Whole pipelines from raw text, the tokenizer included, in one process and in two."""

from typing import Dict, List, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from ...common.table import NOTHING, Table, thousands, times
from ...common.timer import WALL, Task, measure
from ..labels import labels, n_different
from ..setup import Setup

PROCESSES = (1, 2)
# How often the texts are repeated, so that starting a process counts for less.
REPEATED = 2
TOKENIZER = "tokenizer alone"
# Ours and spaCy's by the names of their recipes, and the components of each.
PAIRS: Tuple[Tuple[Tuple[str, Tuple[str, ...]], Tuple[str, Tuple[str, ...]]], ...] = (
    (("ewt", ("tok2vec", "rnn_tagger")), ("ewt-peer", ("tok2vec", "tagger"))),
    (
        ("ewt", ("tok2vec", "rnn_tagger", "rnn_morphologizer")),
        ("ewt-peer", ("tok2vec", "tagger", "morphologizer")),
    ),
    (("wnut17", ("tok2vec", "rnn_ner")), ("wnut17-peer", ("tok2vec", "ner"))),
)


def measure_whole(setup: Setup) -> Table:
    """Tokens per second of the wall's clock, and how many times as fast as spaCy's own in as many processes."""
    texts = setup.texts * (1 if setup.quick else REPEATED)
    blank = spacy.blank("en")
    n_tokens = sum(map(len, blank.pipe(texts)))
    heads = [head for n in PROCESSES for head in (f"{n} process{'es' * (n > 1)}", "× spaCy")]
    table = Table(
        "whole",
        f"Whole `nlp.pipe` from raw text, tokenizer included: tokens per second by the clock on {len(texts):,} texts "
        f"({n_tokens:,} tokens) of {setup.title}, in batches of {setup.batch_size}",
        ["pipeline", *heads],
    )
    different = 0
    for ours, theirs in PAIRS:
        named: Dict[str, Language] = {
            f"{who} `{'+'.join(pipes)}`": setup.pipelines.load(name, pipes)
            for who, (name, pipes) in (("ours,", ours), ("spaCy,", theirs))
        }
        tasks = {
            (name, n): _task(nlp, texts, n_tokens, n, setup.batch_size)
            for name, nlp in named.items()
            for n in PROCESSES
        }
        found = measure(tasks, setup.rounds, WALL)
        our_name, base = named
        for name in named:
            rates = [found.rate((name, n)) for n in PROCESSES]
            ratios = [found.ratio((name, n), (base, n)) for n in PROCESSES]
            cells = [cell for rate, ratio in zip(rates, ratios) for cell in (thousands(rate), times(ratio))]
            table.add(name, *cells, **{"processes": PROCESSES, "tokens per second": rates, "times spaCy": ratios})
        different += n_different(*(found.results[our_name, n] for n in PROCESSES))
    tasks = {(TOKENIZER, n): _task(blank, texts, n_tokens, n, setup.batch_size) for n in PROCESSES}
    found = measure(tasks, setup.rounds, WALL)
    rates = [found.rate((TOKENIZER, n)) for n in PROCESSES]
    cells = [cell for rate in rates for cell in (thousands(rate), NOTHING)]
    table.add(TOKENIZER, *cells, **{"processes": PROCESSES, "tokens per second": rates})
    table.check("of ours in one process and in two", different, len(PAIRS) * n_tokens)
    table.notes.append(setup.pipelines.note(*(name for pair in PAIRS for name, _ in pair)))
    return table


def _task(nlp: Language, texts: List[str], n_tokens: int, n_process: int, batch_size: int) -> Task:
    def run(texts: List[str]) -> List[Doc]:
        return list(nlp.pipe(texts, batch_size=batch_size, n_process=n_process))

    return Task(n_tokens, lambda: texts, run, labels)
