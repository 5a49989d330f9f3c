"""A share of the training docs as development data."""

from collections import Counter
from typing import Callable, Iterable, Set, Tuple

from spacy.strings import get_string_id
from spacy.tokens import Doc, DocBin


def split_corpus(read: Callable[[], Iterable[Doc]], share: float) -> Tuple[DocBin, DocBin]:
    """Split docs into training and development data. Docs with the same text stay together, and the same docs are
    always split in the same way, whatever their order.

    read (Callable[[], Iterable[Doc]]): Returns the docs; called twice.
    share (float): The share of the docs to develop on, more than 0 and less than 1; a little more where texts repeat.
    RETURNS (Tuple[DocBin, DocBin]): Training and development data, with all annotation and user data.
    RAISES (ValueError): If the share is out of range, or there are not two different texts.
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1:
        raise ValueError(f"split_corpus: share = {share!r} is not allowed; it must be more than 0 and less than 1.")
    held_out = _choose(Counter(get_string_id(doc.text) for doc in read() if len(doc)), share)
    train, dev = DocBin(store_user_data=True), DocBin(store_user_data=True)
    for doc in read():
        (dev if get_string_id(doc.text) in held_out else train).add(doc)
    return train, dev


def _choose(times: "Counter[int]", share: float) -> Set[int]:
    """The hashes of some texts, as good as at random."""
    if len(times) < 2:
        raise ValueError(
            f"split_corpus: {times.total()} docs with words and {len(times)} different texts are too few to split; "
            "give development data of their own, or make a doc of each sentence."
        )
    wanted = share * times.total()
    chosen: Set[int] = set()
    n = 0
    for key in sorted(times)[:-1]:
        if n >= wanted:
            break
        chosen.add(key)
        n += times[key]
    return chosen
