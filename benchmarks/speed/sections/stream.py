"""New texts in a stream: every text once, from an empty table of lexemes on."""

from dataclasses import replace
from typing import List, Tuple

from spacy.tokens import Doc

from ...common.table import Table, thousands, times
from ...common.timer import Task, measure
from ..labels import n_different
from ..pipelines import clear_caches
from ..recipes import RECIPES
from ..serving import serving_task
from ..setup import Setup
from ..texts import Words, count, make_docs
from .components import JOBS

CACHE_MB = (32, 128)


def measure_stream(setup: Setup) -> Table:
    """Tokens per second of texts that were never seen before, as users of `annotate` have them."""
    texts = setup.pipelines.training_texts("ewt")[: 40 if setup.quick else None]
    table = Table(
        "stream",
        f"A stream of new texts: tokens per second of one core on {len(texts):,} sentences ({count(texts):,} tokens, "
        f"{len({word for words in texts for word in words}):,} distinct) of {RECIPES['ewt'].corpus}, tokenised, each "
        f"once, in batches of {setup.batch_size}, with an empty table of lexemes at the start",
        ["components", "variant", "tokens/s", "× spaCy"],
        n_texts=2,
    )
    different = compared = 0
    for job in JOBS[:2]:
        ours, peer = job.ours[0], job.peers[0]
        sizes = {f"ours, {RECIPES[ours].title}, `cache_mb = {mb}`": mb for mb in CACHE_MB}
        spacys = f"spaCy, {RECIPES[peer].title}"
        tasks = {who: _task(setup, ours, job.our_pipes, texts, mb) for who, mb in sizes.items()}
        tasks[spacys] = serving_task(setup.pipelines.load(peer, job.peer_pipes), texts, setup.batch_size)
        found = measure(tasks, max(1, setup.rounds // 2))
        for who in tasks:
            name, pipes = (ours, job.our_pipes) if who in sizes else (peer, job.peer_pipes)
            rate, ratio = found.rate(who), found.ratio(who, spacys)
            figures = {"recipe": name, "tokens per second": rate, "times spaCy": ratio}
            table.add("+".join(pipes), who, thousands(rate), times(ratio), variant=who, **figures)
        different += n_different(*(found.results[who] for who in sizes))
        compared += count(texts)
    table.check("with both sizes of the table", different, compared)
    table.notes.append(setup.pipelines.note(*(name for job in JOBS[:2] for name in (job.ours[0], job.peers[0]))))
    return table


def _task(setup: Setup, name: str, pipes: Tuple[str, ...], texts: List[Words], cache_mb: int) -> Task:
    nlp = setup.pipelines.load(name, pipes, {"components.tok2vec.model.cache_mb": cache_mb})
    task = serving_task(nlp, texts, setup.batch_size)

    def prepare() -> List[Doc]:
        clear_caches(nlp)
        return make_docs(nlp.vocab, texts)

    return replace(task, prepare=prepare)
