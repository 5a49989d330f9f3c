"""One table: what is printed, and the figures behind it. All benchmarks print by it."""

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

NOTHING = "–"


@dataclass
class Table:
    """
    name (str): Its name in files and on the command line.
    title (str): What was measured, and how; nothing is printed above the table if it is empty.
    head (List[str]): Headings of its columns.
    n_texts (int): How many of the first columns are text; the others are numbers.
    n_last_texts (int): How many of the last columns are text again.
    rows (List[List[str]]): Its cells.
    notes (List[str]): Sentences below it.
    figures (List[Dict[str, Any]]): All measurements.
    n_different (int): Tokens that were labelled differently where they should not have been.
    """

    name: str
    title: str
    head: List[str]
    n_texts: int = 1
    n_last_texts: int = 0
    rows: List[List[str]] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    figures: List[Dict[str, Any]] = field(default_factory=list)
    n_different: int = 0

    def add(self, *cells: str, **figures: Any) -> None:
        """Add a row, and what is behind it."""
        self.rows.append(list(cells))
        self.figures.append({self.head[0]: cells[0], **figures})

    def check(self, what: str, n_different: int, n_tokens: int) -> None:
        """Note whether labels that should be the same are the same.

        what (str): The ways that they were found, such as "with a warm and with a cold cache".
        n_different (int): Tokens with different labels.
        n_tokens (int): All tokens compared.
        """
        self.n_different += n_different
        found = f"differ at {n_different:,} of {n_tokens:,} tokens" if n_different else "are the same"
        self.notes.append(f"Labels {what} {found}.")

    def markdown(self) -> str:
        """RETURNS (str): The table as Markdown, without a line break at its end."""
        lines = [self.title, ""] if self.title else []
        if self.rows:
            n_numbers = len(self.head) - self.n_texts - self.n_last_texts
            aligned = ["---"] * self.n_texts + ["---:"] * n_numbers + ["---"] * self.n_last_texts
            lines += [line_of(cells) for cells in (self.head, aligned, *self.rows)]
            lines += [""] * bool(self.notes)
        return "\n".join([*lines, *self.notes]).rstrip()

    def write(self, folder: Path, machine: Dict[str, Any]) -> None:
        """Write NAME.md and NAME.json.

        folder (Path): Where to.
        machine (Dict[str, Any]): What it was measured on.
        """
        (folder / f"{self.name}.md").write_text(self.markdown() + "\n", encoding="utf8")
        content = {"title": self.title, "machine": machine, "figures": self.figures, "notes": self.notes}
        (folder / f"{self.name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf8")


def line_of(cells: Sequence[str]) -> str:
    """RETURNS (str): One line of a Markdown table. cells (Sequence[str]): Its cells."""
    return f"| {' | '.join(cells)} |"


def mean_and_deviation(values: Sequence[float], decimals: int, separator: str = ",") -> str:
    """RETURNS (str): The mean of some values, and their sample standard deviation if there are several. values
    (Sequence[float]): The values. decimals (int): How many decimals to show. separator (str): What groups thousands."""
    deviation = f" ± {statistics.stdev(values):{separator}.{decimals}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):{separator}.{decimals}f}{deviation}"


def thousands(value: Optional[float]) -> str:
    """A number without decimals."""
    return NOTHING if value is None else f"{value:,.0f}"


def times(value: Optional[float]) -> str:
    """A ratio."""
    return NOTHING if value is None else f"{value:.2f}×"
