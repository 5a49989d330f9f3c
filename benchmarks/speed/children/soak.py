"""Serve docs of random lengths, batch after batch.

Its order: model (str), pipes (List[str]), words (List[str]) of the texts, zone (bool), whether to serve inside memory
zones and with new words, docs (int), first (int). Its answer: MB in memory after the first docs, and after all.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Any, Iterator, List

import numpy as np

from ..pipelines import load
from ..processes import read_order, reply
from ..resident import settled_mb

LONGEST = 60
# Docs in a memory zone.
AT_ONCE = 1000
# One token in so many is a new word.
NEW = 20


def main() -> None:
    order = read_order()
    nlp = load(Path(order["model"]), order["pipes"])
    texts = random_texts(order["words"], order["docs"], order["zone"])
    readings: List[float] = []
    n_served = 0
    while n_served < order["docs"]:
        n = min(AT_ONCE, order["docs"] - n_served, *[order["first"] - n_served] * (n_served < order["first"]))
        zone: Any = nlp.memory_zone() if order["zone"] else nullcontext()
        with zone:
            for _ in nlp.pipe(next(texts) for _ in range(n)):
                pass
        n_served += n
        if n_served in (order["first"], order["docs"]):
            readings.append(settled_mb())
    reply(readings)


def random_texts(words: List[str], n: int, new_words: bool) -> Iterator[str]:
    """Texts of 1 to `LONGEST` words."""
    rng = np.random.default_rng(0)
    n_new = 0
    for _ in range(n):
        chosen = [words[i] for i in rng.integers(len(words), size=rng.integers(1, LONGEST + 1))]
        if new_words:
            for i in np.flatnonzero(rng.integers(NEW, size=len(chosen)) == 0):
                chosen[i] = f"word{n_new}"
                n_new += 1
        yield " ".join(chosen)


if __name__ == "__main__":
    main()
