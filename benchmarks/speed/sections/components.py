"""Components alone, on docs that are tokenised already."""

from dataclasses import replace
from typing import Dict, List, NamedTuple, Tuple

from spacy.tokens import Doc

from ...common.table import NOTHING, Table, thousands, times
from ...common.timer import Task, measure
from ..labels import n_different
from ..pipelines import clear_caches
from ..recipes import RECIPES
from ..serving import serve, serving_task
from ..setup import Setup
from ..texts import make_docs

# When the lexeme cache is emptied: never; before the texts; before every batch of them, as if no word ever came again.
CACHES = ("warm", "cold", "always cold")


class Job(NamedTuple):
    """Pipelines that do the same, by the names of their recipes, and their components."""

    ours: Tuple[str, ...]
    our_pipes: Tuple[str, ...]
    peers: Tuple[str, ...]
    peer_pipes: Tuple[str, ...]


def _ways(corpus: str) -> Tuple[str, ...]:
    return (corpus, f"{corpus}-crf", f"{corpus}-2-layers", f"{corpus}-crf-2-layers")


JOBS = (
    Job(_ways("ewt"), ("tok2vec", "rnn_tagger"), ("ewt-peer", "ewt-peer-bilstm"), ("tok2vec", "tagger")),
    Job(_ways("wnut17"), ("tok2vec", "rnn_ner"), ("wnut17-peer", "wnut17-peer-bilstm"), ("tok2vec", "ner")),
    Job(
        ("ewt",),
        ("tok2vec", "rnn_tagger", "rnn_morphologizer"),
        ("ewt-peer", "ewt-peer-bilstm"),
        ("tok2vec", "tagger", "morphologizer"),
    ),
)


def measure_components(setup: Setup) -> Table:
    """Tokens per second of every variant, and how many times as fast as spaCy's own it is."""
    table = Table(
        "components",
        f"Components alone: tokens per second of one core on {setup.described()}, tokenised, in batches of "
        f"{setup.batch_size}; and how many times as fast as spaCy's own components with convolutions",
        ["components", "variant", *(head for cache in CACHES for head in (f"cache {cache}", "× spaCy"))],
        n_texts=2,
    )
    different = compared = 0
    for job in JOBS:
        tasks = {(name, "warm"): _task(setup, name, job.peer_pipes, "warm") for name in job.peers}
        tasks.update({(name, cache): _task(setup, name, job.our_pipes, cache) for name in job.ours for cache in CACHES})
        found = measure(tasks, setup.rounds)
        base = (job.peers[0], "warm")
        for names, pipes, who in ((job.ours, job.our_pipes, "ours"), (job.peers, job.peer_pipes, "spaCy")):
            for name in names:
                cells: List[str] = []
                figures: Dict[str, float] = {}
                for cache in CACHES:
                    key = (name, cache)
                    if key in tasks:
                        figures[f"{cache}: tokens per second"] = found.rate(key)
                        figures[f"{cache}: times spaCy"] = found.ratio(key, base)
                        cells += [thousands(found.rate(key)), times(found.ratio(key, base))]
                    else:
                        cells += [NOTHING, NOTHING]
                variant = f"{who}, {RECIPES[name].title}"
                table.add("+".join(pipes), variant, *cells, variant=variant, recipe=name, **figures)
        for name in job.ours:
            warm, *others = (found.results[name, cache] for cache in CACHES)
            different += sum(n_different(warm, other) for other in others)
            compared += len(others) * setup.n_tokens
    widths = [RECIPES[name].config()["components"]["tok2vec"]["model"]["encode"] for name in ("ewt", "ewt-peer-bilstm")]
    table.notes.append(
        f"A layer of ours has 2 × {widths[0]['hidden_width']} units, that of `spacy.TorchBiLSTMEncoder.v1` 2 × "
        f"{widths[1]['width'] // 2}: it is as wide as the convolutions."
    )
    table.check("with a warm, a cold and an always cold cache", different, compared)
    table.notes.append(setup.pipelines.note(*(name for job in JOBS for name in (*job.ours, *job.peers))))
    return table


def _task(setup: Setup, name: str, pipes: Tuple[str, ...], cache: str) -> Task:
    nlp = setup.pipelines.load(name, pipes)
    warm = serving_task(nlp, setup.sentences, setup.batch_size)

    def prepare_cold() -> List[Doc]:
        clear_caches(nlp)
        return make_docs(nlp.vocab, setup.sentences)

    def run_always_cold(docs: List[Doc]) -> List[Doc]:
        served: List[Doc] = []
        for start in range(0, len(docs), setup.batch_size):
            clear_caches(nlp)
            served += serve(nlp, docs[start : start + setup.batch_size], setup.batch_size)
        return served

    return {
        "warm": warm,
        "cold": replace(warm, prepare=prepare_cold),
        "always cold": replace(warm, run=run_always_cold),
    }[cache]
