"""A system that the table only names, with the reason."""

from pathlib import Path
from typing import Optional

from ..corpora import Data
from .base import System, Tagger, TrainingError


class Unavailable(System):
    def __init__(self, name: str, title: str, data: Data, reason: str):
        super().__init__(name, title, data)
        self.reason = reason

    def missing(self) -> Optional[str]:
        return self.reason

    def train(self, seed: int, folder: Path) -> None:
        raise TrainingError(self.reason)

    def load(self, folder: Path) -> Tagger:
        raise TrainingError(self.reason)
