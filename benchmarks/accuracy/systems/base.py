"""What the comparison asks of a system."""

import importlib.metadata
import inspect
import platform
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Callable, ClassVar, Dict, List, Optional, Tuple

from ..corpora import Data
from ..sentences import Sentence

Tagger = Callable[[List[Sentence]], List[Sentence]]


class TrainingError(RuntimeError):
    """A system that could not be trained; the message says why."""


class System(ABC):
    """One row of the table.

    name (str): Its name on the command line and in file names.
    title (str): Its name in the table.
    data (Data): The corpus.
    """

    # Distributions that it needs.
    requires: ClassVar[Tuple[str, ...]] = ()
    # Whether every seed gives the same model.
    deterministic: ClassVar[bool] = False
    # What the reader of the table should know.
    note: str = ""

    def __init__(self, name: str, title: str, data: Data):
        self.name, self.title, self.data = name, title, data

    def missing(self) -> Optional[str]:
        """RETURNS (Optional[str]): Why it cannot run here, or None if it can."""
        absent = [name for name in self.requires if not _installed(name)]
        return f"not installed: `pip install {' '.join(absent)}`" if absent else None

    def versions(self) -> Dict[str, str]:
        """What it ran with."""
        return {"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in self.requires}}

    def recipe(self) -> str:
        """All that decides its result beside data, seed and installed versions."""
        return inspect.getsource(sys.modules[type(self).__module__])

    @abstractmethod
    def train(self, seed: int, folder: Path) -> None:
        """Train on `data` and leave the model, and nothing else, in an empty folder.

        RAISES (TrainingError): If that failed.
        """

    @abstractmethod
    def load(self, folder: Path) -> Tagger:
        """RETURNS (Tagger): The trained model, as a function that gives each sentence's tokens with predicted
        labels."""


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
