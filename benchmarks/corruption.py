"""Gold annotation with errors that are known, for benchmarks of finding wrong gold."""

import random
from collections import Counter
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from spacy.tokens import Doc, Span

SUFFIX = 3
"""Letters at the end of words that are taken to be alike."""


class Corruption(NamedTuple):
    """One place where gold was made wrong.

    doc: Index of the doc.
    start: First token of what was right or is wrong now.
    end: The token after the last.
    kind: "tag", or what was done to an entity: "type", "boundary", "removed" or "added".
    """

    doc: int
    start: int
    end: int
    kind: str


def corrupt_tags(docs: Sequence[Doc], share: float, seed: int, alike: bool = False) -> List[Corruption]:
    """Give some tokens another fine-grained tag, in place: each other tag is as likely, or, harder to find, as likely
    as it is among words with the same ending.

    docs (Sequence[Doc]): The docs.
    share (float): The share of the tokens.
    seed (int): Decides which.
    alike (bool): Whether the tags are those of words with the same ending.
    RETURNS (List[Corruption]): The places.
    """
    rng = random.Random(seed)
    tokens = [(i, token) for i, doc in enumerate(docs) for token in doc if token.tag_]
    tags = sorted({token.tag_ for _, token in tokens})
    by_ending: Dict[str, Counter[str]] = {}
    for _, token in tokens:
        by_ending.setdefault(token.lower_[-SUFFIX:], Counter())[token.tag_] += 1
    chosen = []
    for i, token in rng.sample(tokens, round(share * len(tokens))):
        weights = dict.fromkeys(tags, 1)
        found = by_ending[token.lower_[-SUFFIX:]]
        if alike and len(found) > 1:
            weights = {tag: found[tag] for tag in sorted(found)}
        weights.pop(token.tag_, None)
        chosen.append((i, token, rng.choices(list(weights), list(weights.values()))[0]))
    for _, token, tag in chosen:
        token.tag_ = tag
    return [Corruption(i, token.i, token.i + 1, "tag") for i, token, _ in chosen]


def corrupt_entities(docs: Sequence[Doc], share: float, seed: int) -> List[Corruption]:
    """Make some entities wrong, in place. Of the number of entities that the share makes, a quarter each get another
    type, get an end moved by one token, are removed, and are added: as long and of such a type as another one that is
    there, at a random place without entities.

    docs (Sequence[Doc]): The docs.
    share (float): The share of the entities.
    seed (int): Decides which.
    RETURNS (List[Corruption]): The places.
    """
    rng = random.Random(seed)
    places = [(i, ent.start, ent.end, ent.label_) for i, doc in enumerate(docs) for ent in doc.ents]
    labels = sorted({label for *_, label in places})
    gold: List[Dict[Tuple[int, int], str]] = [{(e.start, e.end): e.label_ for e in doc.ents} for doc in docs]
    n = round(share * len(places))
    kinds = ["type", "boundary", "removed", "added"] * (n // 4 + 1)
    rng.shuffle(places)
    done: List[Corruption] = []
    for kind in kinds[:n]:
        found: Optional[Corruption] = None
        while found is None:
            i, start, end, label = rng.choice(places) if kind == "added" else places.pop()
            found = _CHANGES[kind](rng, docs, gold, labels, (i, start, end, label))
        done.append(found)
    for i in sorted({each.doc for each in done}):
        docs[i].set_ents([Span(docs[i], *place, label=label) for place, label in sorted(gold[i].items())])
    return done


Place = Tuple[int, int, int, str]
Gold = List[Dict[Tuple[int, int], str]]


def _change_type(
    rng: random.Random, docs: Sequence[Doc], gold: Gold, labels: List[str], place: Place
) -> Optional[Corruption]:
    i, start, end, label = place
    gold[i][start, end] = rng.choice([other for other in labels if other != label])
    return Corruption(i, start, end, "type")


def _move_end(
    rng: random.Random, docs: Sequence[Doc], gold: Gold, labels: List[str], place: Place
) -> Optional[Corruption]:
    i, start, end, label = place
    taken = {at for first, last in gold[i] if (first, last) != (start, end) for at in range(first, last)}
    moved = [(start - 1, end), (start + 1, end), (start, end - 1), (start, end + 1)]
    legal = [
        (first, last)
        for first, last in moved
        if 0 <= first < last <= len(docs[i]) and taken.isdisjoint(range(first, last))
    ]
    if not legal:
        return None
    first, last = rng.choice(legal)
    del gold[i][start, end]
    gold[i][first, last] = label
    return Corruption(i, min(start, first), max(end, last), "boundary")


def _remove(
    rng: random.Random, docs: Sequence[Doc], gold: Gold, labels: List[str], place: Place
) -> Optional[Corruption]:
    i, start, end, _ = place
    del gold[i][start, end]
    return Corruption(i, start, end, "removed")


def _add(rng: random.Random, docs: Sequence[Doc], gold: Gold, labels: List[str], place: Place) -> Optional[Corruption]:
    _, start, end, label = place
    i = rng.randrange(len(docs))
    size = end - start
    if len(docs[i]) < size:
        return None
    first = rng.randrange(len(docs[i]) - size + 1)
    # Entities that were removed stay away from those that are added.
    taken = {
        at for ents in (gold[i], {(e.start, e.end): "" for e in docs[i].ents}) for a, b in ents for at in range(a, b)
    }
    if not taken.isdisjoint(range(first, first + size)):
        return None
    gold[i][first, first + size] = label
    return Corruption(i, first, first + size, "added")


_CHANGES: Dict[str, Callable[..., Optional[Corruption]]] = {
    "type": _change_type,
    "boundary": _move_end,
    "removed": _remove,
    "added": _add,
}
