"""One attack, and what became of it."""

import random
import re
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, Iterable, Iterator, List

OURS = "ours"
PEERS = ("spaCy", "TorchBiLSTMEncoder")
"""Their `tagger` and `ner` with spaCy's own encoder, and with PyTorch's LSTM by `spacy.TorchBiLSTMEncoder.v1`."""
MOST_SHOWN = 5
OWN_FOLDER = re.compile(re.escape(tempfile.gettempdir()) + r"/tmp\w+/")
"""The folder of a run, which says nothing to readers and is another one each time."""


@dataclass
class Count:
    """How often something was tried, and how often it went wrong.

    tries (int): How often it was tried.
    failures (int): How often it went wrong.
    first (List[str]): What went wrong first.
    """

    tries: int = 0
    failures: int = 0
    first: List[str] = field(default_factory=list)

    def add(self, is_good: bool, what: str = "") -> None:
        """Count one try. is_good (bool): Whether it went well. what (str): What went wrong, if it did."""
        self.tries += 1
        if not is_good:
            self.failures += 1
            if len(self.first) < MOST_SHOWN:
                self.first.append(OWN_FOLDER.sub("", " ".join(what.split()))[:300])

    def attempt(self, work: Callable[[], Any], what: str = "") -> Any:
        """Count one try that goes well if nothing is raised.

        work (Callable[[], Any]): The try.
        what (str): What is tried.
        RETURNS (Any): What it returns; None if it raised.
        """
        try:
            result = work()
        except Exception as e:
            self.add(False, f"{what}: {type(e).__name__}: {e}")
            return None
        self.add(True)
        return result


@dataclass
class Attack:
    """An attack, on us and on others.

    part (str): The part of the table, such as "Files".
    name (str): What is done.
    demand (str): What must come of it.
    counts (Dict[str, Count]): By whom it is done to: "ours", and those of `PEERS` that it can be done to.
    """

    part: str
    name: str
    demand: str
    counts: Dict[str, Count] = field(default_factory=dict)

    def count(self, who: str) -> Count:
        """RETURNS (Count): What became of it. who (str): Whom it is done to."""
        return self.counts.setdefault(who, Count())

    def as_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): The same for JSON."""
        return asdict(self)


def from_dict(record: Dict[str, Any]) -> Attack:
    """RETURNS (Attack): What `as_dict` made a record of. record (Dict[str, Any]): The record."""
    return Attack(**{**record, "counts": {who: Count(**count) for who, count in record["counts"].items()}})


@contextmanager
def quiet() -> Iterator[None]:
    """Without warnings, of which attacks make many."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def sample(items: Iterable[Any], n: int, rng: random.Random) -> List[Any]:
    """RETURNS (List[Any]): Some of many items, all if they are few. items (Iterable[Any]): The items. n (int): How many
    at most. rng (Random): The chance."""
    items = list(items)
    return items if len(items) <= n else rng.sample(items, n)
