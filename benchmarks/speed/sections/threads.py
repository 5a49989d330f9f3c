"""The threads that libraries choose by themselves, against one thread, in processes that take turns."""

from contextlib import ExitStack
from typing import Any, Dict, Tuple

from ...common.table import Table, thousands, times
from ...common.timer import Times
from ..processes import Child
from ..setup import Setup

TRAINING_STEPS = 5
# What is served: whose, the name of the recipe, and its components.
SERVED: Tuple[Tuple[str, str, Tuple[str, ...]], ...] = (
    ("ours", "ewt", ("tok2vec", "rnn_tagger")),
    ("ours", "wnut17", ("tok2vec", "rnn_ner")),
    ("ours", "wnut17-crf", ("tok2vec", "rnn_ner")),
    ("spaCy", "ewt-peer", ("tok2vec", "tagger")),
    ("spaCy", "wnut17-peer", ("tok2vec", "ner")),
)
TRAINED = (("ours", "ewt"), ("spaCy", "ewt-peer"))


def measure_threads(setup: Setup) -> Table:
    """Tokens per second by the clock with one thread and with the default, and their ratio."""
    served, trained = (SERVED[:1], TRAINED[:1]) if setup.quick else (SERVED, TRAINED)
    serve = {f"{who}, `{'+'.join(pipes)}` ({name})": (name, pipes) for who, name, pipes in served}
    train = {f"{who}, training steps ({name})": name for who, name in trained}
    order: Dict[str, Any] = {
        "serve": {title: (str(setup.pipelines.path(name)), pipes) for title, (name, pipes) in serve.items()},
        "train": {title: str(setup.pipelines.stand_in(name)) for title, name in train.items()},
        "steps": 1 if setup.quick else TRAINING_STEPS,
        "sentences": setup.sentences,
        "batch_size": setup.batch_size,
    }
    names = [*serve, *train]
    # By tokens, as two training steps need not have the same number.
    found = Times({(name, one): 1 for name in names for one in (True, False)})
    with ExitStack() as stack:
        children = {one: stack.enter_context(Child("threads", order, one)) for one in (True, False)}
        ready = {one: child.answer() for one, child in children.items()}
        for i in range(setup.rounds):
            for name in names:
                for one in (True, False) if i % 2 else (False, True):
                    answer = children[one].ask(name)
                    found.seconds.setdefault((name, one), []).append(answer["seconds"] / answer["tokens"])
    table = Table(
        "threads",
        "Threads: tokens per second by the clock with OMP_NUM_THREADS=1, and with what libraries choose here "
        f"(PyTorch: {ready[False]['threads']}), on {setup.described()}, tokenised, in batches of {setup.batch_size}",
        ["what", "one thread", "default", "default / one"],
    )
    for name in names:
        rates = [found.rate((name, one)) for one in (True, False)]
        ratio = found.ratio((name, False), (name, True))
        table.add(name, *map(thousands, rates), times(ratio), **{"tokens per second": rates, "default / one": ratio})
    for name in serve:
        if name.startswith("ours") and len({answer["labels"][name] for answer in ready.values()}) > 1:
            table.check(f"of {name} with one thread and with more", 1, setup.n_tokens)
    table.notes.append(setup.pipelines.note(*(name for _, name, _ in served)))
    return table
