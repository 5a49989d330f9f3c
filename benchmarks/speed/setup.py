"""What all tables are measured with."""

from dataclasses import dataclass
from typing import List

from .pipelines import Pipelines
from .texts import Words, count


@dataclass(frozen=True)
class Setup:
    """
    title (str): What the texts are.
    sentences (List[Words]): Their words.
    texts (List[str]): The same as plain texts.
    pipelines (Pipelines): The pipelines.
    rounds (int): How often each variant is timed.
    batch_size (int): Docs in a batch, where nothing else is said.
    quick (bool): Whether to show only that everything runs.
    """

    title: str
    sentences: List[Words]
    texts: List[str]
    pipelines: Pipelines
    rounds: int
    batch_size: int
    quick: bool

    @property
    def n_tokens(self) -> int:
        return count(self.sentences)

    def described(self) -> str:
        """RETURNS (str): The texts, for titles of tables."""
        return f"{len(self.sentences):,} sentences ({self.n_tokens:,} tokens) of {self.title}"
