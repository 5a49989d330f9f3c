"""Two processes: those of `nlp.pipe`, which send docs back to the first, and two that keep to themselves."""

import multiprocessing
from typing import Callable, Dict, List, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ...common.table import Table, thousands, times
from ...common.timer import WALL, Task, measure
from ..labels import labels, n_different
from ..setup import Setup
from ..texts import count, cut
from .batches import OURS, PEER

LENGTHS = (12, 200, 2000)
# How often the texts are repeated, so that starting a process counts for less.
REPEATED = 4
WAYS = {"one": 1, "`n_process = 2`": 2, "one, to a file": 1, "two files": 2}
BASES = {"`n_process = 2`": "one", "two files": "one, to a file"}


def measure_parallel(setup: Setup) -> Table:
    """Tokens per second of the wall's clock in one process, and how many times as many in two."""
    total = count(setup.sentences) * (1 if setup.quick else REPEATED)
    pipelines = {who: setup.pipelines.load(*pair) for who, pair in (("ours", OURS), ("spaCy", PEER))}
    named = {f"{who}, `{'+'.join(nlp.pipe_names)}`": nlp for who, nlp in pipelines.items()}
    table = Table(
        "parallel",
        f"Two processes: tokens per second by the clock in one, on texts cut out of {setup.title} ({total:,} tokens), "
        "tokenizer included; and how many times as many in two, with `n_process = 2`, or with two processes that each "
        "annotate half of the "
        "texts and keep the docs in a `DocBin`",
        ["pipeline", "tokens of a text", "one process", *(f"{way} / one" for way in BASES)],
    )
    different = 0
    for length in LENGTHS:
        texts = [" ".join(words) for words in cut(setup.sentences, length, total)]
        batch_size = max(1, setup.batch_size * LENGTHS[0] // length)
        n_tokens = sum(map(len, spacy.blank("en").pipe(texts)))
        tasks: Dict[Tuple[str, str], Task] = {}
        for name, nlp in {**named, "tokenizer alone": spacy.blank("en")}.items():
            for way, n in WAYS.items():
                tasks[name, way] = _task(nlp, texts, n_tokens, n, batch_size, way not in ("one", "`n_process = 2`"))
        found = measure(tasks, setup.rounds, WALL)
        for name in dict.fromkeys(name for name, _ in tasks):
            rate = found.rate((name, "one"))
            ratios = [found.ratio((name, way), (name, base)) for way, base in BASES.items()]
            table.add(
                name,
                f"{length:,}",
                thousands(rate),
                *map(times, ratios),
                **{"tokens per second": rate, "two / one": ratios},
            )
        ours = next(iter(named))
        different += n_different(*(found.results[ours, way] for way in ("one", "`n_process = 2`")))
    table.check("of ours in one process and in two", different, len(LENGTHS) * total)
    table.notes.append(
        "A worker of `nlp.pipe` sends every doc back as bytes, which the first process reads: what the tokenizer "
        "alone reaches with `n_process = 2` is as much as any pipeline can."
    )
    table.notes.append(setup.pipelines.note(OURS[0], PEER[0]))
    return table


def _task(nlp: Language, texts: List[str], n_tokens: int, n_process: int, batch_size: int, to_files: bool) -> Task:
    def pipe(texts: List[str]) -> List[Doc]:
        return list(nlp.pipe(texts, batch_size=batch_size, n_process=n_process))

    def keep(texts: List[str]) -> None:
        DocBin(docs=nlp.pipe(texts, batch_size=batch_size)).to_bytes()

    def apart(texts: List[str]) -> None:
        _in_processes(keep, [texts[i::n_process] for i in range(n_process)])

    return (
        Task(n_tokens, lambda: texts, apart, lambda _: None)
        if to_files
        else Task(n_tokens, lambda: texts, pipe, labels)
    )


def _in_processes(function: Callable[[List[str]], None], parts: List[List[str]]) -> None:
    """RAISES (RuntimeError): If one of them fails."""
    # With what this process has loaded, as those of `nlp.pipe` on Linux.
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=function, args=(part,)) for part in parts]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError(f"a process ended with one of the codes {[process.exitcode for process in processes]}")
