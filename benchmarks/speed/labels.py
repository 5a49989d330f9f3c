"""What a pipeline has written, to see that a faster way says the same."""

import hashlib
from typing import Any, Iterable, List

from spacy.tokens import Doc


def labels(docs: Iterable[Doc]) -> List[Any]:
    """RETURNS (List[Any]): All that is annotated here, token by token."""
    return [(t.tag_, t.pos_, str(t.morph), t.ent_iob_, t.ent_type_) for doc in docs for t in doc]


def checksum(docs: Iterable[Doc]) -> str:
    """A short text that is the same for the same labels."""
    return hashlib.md5(repr(labels(docs)).encode("utf8"), usedforsecurity=False).hexdigest()


def n_different(found: List[Any], others: List[Any]) -> int:
    """How many of the same tokens have other labels.

    RAISES (ValueError): If there are not as many.
    """
    if len(found) != len(others):
        raise ValueError(f"cannot compare the labels of {len(found)} tokens with those of {len(others)}")
    return sum(a != b for a, b in zip(found, others))
