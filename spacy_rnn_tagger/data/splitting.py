"""Parts for training, development and test, without near-duplicates across them.

Texts are compared by MinHash (Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900) of the pieces of five characters
of their normalised text. Of a text only its signature is kept, 128 bytes.
"""

import random
import unicodedata
from typing import Dict, Iterable, List, NamedTuple, Tuple

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
BANDS, ROWS = 8, 4
"""Texts are compared if the hashes of one of 8 bands of 4 agree: nearly sure from a similarity of 0.8 on."""
SIMILAR = 0.7
"""The share of equal hashes, an estimate of the Jaccard index of the sets of pieces, from which two texts are
near-duplicates."""
PARTS = ("train", "dev", "test")
MULTIPLIER = np.uint64(6364136223846793005)


class Split(NamedTuple):
    """Which part each doc belongs to.

    parts: (n_docs,) the index in `PARTS`.
    near_duplicates: Number of docs that are nearly the same as an earlier one.
    """

    parts: NDArray[np.int8]
    near_duplicates: int


def split_texts(texts: Iterable[str], dev: float, test: float, seed: int = 0) -> Split:
    """Divide texts by chance; near-duplicates stay together.

    texts (Iterable[str]): The text of each doc. They are read once.
    dev (float): The share of development data.
    test (float): The share of test data.
    seed (int): Decides which texts. The same texts, shares and seed give the same parts.
    RETURNS (Split): The part of each text.
    """
    signatures = [signature(text) for text in texts]
    groups = group_similar(np.asarray(signatures, dtype="uint32").reshape((-1, BANDS * ROWS)))
    members: Dict[int, List[int]] = {}
    for i, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(i)
    order = sorted(members)
    random.Random(seed).shuffle(order)
    n = len(signatures)
    parts = np.zeros((n,), dtype="int8")
    # A part with a share gets at least one doc, if there are enough groups.
    room = {part: max(1, round(share * n)) for part, share in ((1, dev), (2, test)) if share > 0}
    left = len(order)
    for group in order:
        size = len(members[group])
        for part in room:
            if left > 1 and 0 < size <= room[part]:
                parts[members[group]] = part
                room[part] -= size
                left -= 1
                break
    return Split(parts, n - len(order))


def normalize(text: str) -> str:
    """RETURNS (str): A text in lower case, with letters and digits only, each number as 0, and one space between words.
    text (str): The text."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = "".join(
        "0" if c.isdigit() else c if c.isalpha() or unicodedata.combining(c) else " " for c in folded
    ).split()
    return " ".join("0" if set(word) == {"0"} else word for word in words)


def signature(text: str) -> NDArray[np.uint32]:
    """RETURNS (array): (32,) the MinHash of a text. text (str): The text."""
    codes = np.frombuffer(normalize(text).ljust(SHINGLE).encode("utf-32-le", "replace"), dtype="uint32").astype(
        "uint64"
    )
    n = codes.shape[0] - SHINGLE + 1
    hashes = np.zeros((n,), dtype="uint64")
    for i in range(SHINGLE):
        hashes = (hashes ^ codes[i : i + n]) * MULTIPLIER + np.uint64(1442695040888963407)
        hashes ^= hashes >> np.uint64(29)
    hashes = np.unique(hashes)
    factors, offsets = _permutations()
    return np.min((factors[:, None] * hashes[None, :] + offsets[:, None]) >> np.uint64(32), axis=1).astype("uint32")


def group_similar(signatures: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Find near-duplicates.

    signatures (array): (n, 32) the MinHash of each text.
    RETURNS (array): (n,) the index of the first text of each text's group.
    """
    n = signatures.shape[0]
    parents = np.arange(n)

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = int(parents[i])
        return i

    for band in range(BANDS):
        keys = np.zeros((n,), dtype="uint64")
        for column in signatures[:, band * ROWS : (band + 1) * ROWS].T:
            keys = (keys ^ column) * MULTIPLIER + np.uint64(1)
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        first = -1
        last = -2
        for i in same.tolist():
            # Texts of one bucket lie side by side; each is compared with the bucket's first.
            first = int(order[i]) if i != last + 1 else first
            last = i
            other = int(order[i + 1])
            a, b = root(first), root(other)
            if a != b and np.mean(signatures[first] == signatures[other]) >= SIMILAR:
                parents[max(a, b)] = min(a, b)
    return np.asarray([root(i) for i in range(n)], dtype="int64")


def _permutations() -> Tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    rng = random.Random(1997)
    factors = [rng.getrandbits(64) | 1 for _ in range(BANDS * ROWS)]
    offsets = [rng.getrandbits(64) for _ in range(BANDS * ROWS)]
    return np.asarray(factors, dtype="uint64"), np.asarray(offsets, dtype="uint64")
