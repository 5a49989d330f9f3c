"""What the reader of a format is given: one file, the settings, and where it tells what it finds."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from spacy.tokens import Doc
from spacy.vocab import Vocab

from .settings import ReadSettings


class BadLine(ValueError):
    """A damaged place of a file, in one sentence.

    path (Path): The file.
    line (int): The line, from 1; 0 for the whole file.
    sentence (str): What is wrong there, and what would be right.
    """

    def __init__(self, path: Path, line: int, sentence: str) -> None:
        super().__init__(f"{path}, line {line}: {sentence}" if line else f"{path}: {sentence}")


@dataclass
class Reading:
    """One file that is read.

    path: The file, or a folder of a format that is one.
    settings: How it is read.
    vocab: The vocabulary of docs that are made at once.
    encoding: The encoding of a text file, as Python calls it.
    skipped: What was left out: the error by file and line.
    notes: Sentences about what was taken where there is a choice, each once.
    columns: The names of the columns that were taken.
    counts: Number of things of a kind that were left out, by a sentence with `{n}` for the number.
    untagged_is_outside: Whether a token without entity tag is outside of entities, as where only entities have tags.
    untagged_is_missing: Whether the file says that nothing is known of such a token.
    """

    path: Path
    settings: ReadSettings
    vocab: Vocab
    encoding: str = "utf-8"
    skipped: Dict[Tuple[str, int, str], str] = field(default_factory=dict)
    notes: Dict[str, None] = field(default_factory=dict)
    counts: Dict[str, int] = field(default_factory=dict)
    columns: List[str] = field(default_factory=list)
    untagged_is_outside: bool = False
    untagged_is_missing: bool = False

    def bad(self, line: int, sentence: str) -> None:
        """Tell of a damaged line, which is then left out if bad lines are skipped.

        line (int): The line, from 1.
        sentence (str): What is wrong there, and what would be right.
        RAISES (BadLine): If bad lines are not skipped.
        """
        error = BadLine(self.path, line, sentence)
        if not self.settings.skip_bad:
            raise error
        self.skipped[str(self.path), line, sentence] = str(error)

    def refuse(self, line: int, sentence: str) -> BadLine:
        """RETURNS (BadLine): The error for a file that cannot be read on. line (int): The line, 0 for the file.
        sentence (str): What is wrong."""
        return BadLine(self.path, line, sentence)

    def note(self, sentence: str) -> None:
        """Tell what was taken where there is a choice, or what was left out. sentence (str): The sentence."""
        self.notes[sentence] = None

    def count(self, sentence: str) -> None:
        """Count a kind of thing that is left out. sentence (str): The note, with `{n}` for the number."""
        self.counts[sentence] = self.counts.get(sentence, 0) + 1

    def field_names(self) -> Dict[str, str]:
        """RETURNS (Dict[str, str]): The names of fields by role, as `columns` gives them."""
        pairs = [column.split("=", 1) for column in self.settings.columns or []]
        return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}


@dataclass
class Writing:
    """One file that is written.

    path: The file, or a folder of a format that is one.
    spans_key: The key of the span group that is written; None for the entities.
    note: Is told what cannot be written.
    register_scores: See `WriteSettings`.
    confidences: See `WriteSettings`.
    """

    path: Path
    spans_key: Optional[str] = None
    note: Callable[[str], None] = lambda sentence: None
    register_scores: Optional[Callable[[str], Any]] = None
    confidences: bool = False


Reader = Callable[[Reading], Iterable[Any]]
Writer = Callable[[Iterable[Doc], Writing], None]
