"""Entities as tags B-X, I-X and O, for sequence taggers that know only labels per token.

Ramshaw & Marcus (1995), https://aclanthology.org/W95-0107.
"""

from typing import Iterable, List, Sequence, Set

from .sentences import Entity


def to_tags(n_tokens: int, ents: Iterable[Entity]) -> List[str]:
    tags = ["O"] * n_tokens
    for start, end, label in ents:
        tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    return tags


def to_entities(tags: Sequence[str]) -> Set[Entity]:
    """Every I-X that continues nothing begins an entity, as in the CoNLL evaluation."""
    ents: Set[Entity] = set()
    start, open_label = 0, ""
    for i, tag in enumerate([*tags, "O"]):
        action, _, label = tag.partition("-")
        if action == "I" and label == open_label:
            continue
        if open_label:
            ents.add((start, i, open_label))
        start, open_label = i, label
    return ents
