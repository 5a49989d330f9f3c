"""What was read and written, and what was done where the data leave a choice."""

from dataclasses import dataclass, field
from typing import Dict, List, Optional

EXAMPLES = 5


@dataclass
class FileReport:
    """One input.

    path (str): The file.
    format (str): The name of its format.
    encoding (str): The encoding of its text.
    scheme (Optional[str]): The scheme of its entity tags; None if it has none.
    offsets (Optional[str]): The unit of its offsets; None if it has none.
    columns (List[str]): The columns that were taken.
    docs (int): Number of docs.
    """

    path: str
    format: str
    encoding: str = "utf-8"
    scheme: Optional[str] = None
    offsets: Optional[str] = None
    columns: List[str] = field(default_factory=list)
    docs: int = 0


@dataclass
class Finding:
    """One place of a file.

    path (str): The file.
    line (int): The line, from 1.
    text (str): What stands there, in its context.
    label (str): The label.
    done (str): What is wrong, or what was done.
    """

    path: str
    line: int
    text: str
    label: str
    done: str


@dataclass
class Findings:
    """Places of one kind.

    n (int): Number of places.
    first (List[Finding]): The first five.
    """

    n: int = 0
    first: List[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Count a place. finding (Finding): The place."""
        self.n += 1
        if len(self.first) < EXAMPLES:
            self.first.append(finding)


@dataclass
class PartReport:
    """One part of what is written.

    docs (int): Number of docs.
    tokens (int): Number of tokens.
    files (List[str]): The files.
    """

    docs: int = 0
    tokens: int = 0
    files: List[str] = field(default_factory=list)


@dataclass
class ConversionReport:
    """What `convert` did.

    files (List[FileReport]): The inputs.
    output_format (str): The name of the format that was written.
    docs (int): Number of docs.
    sentences (int): Number of sentences in docs that have them.
    tokens (int): Number of tokens.
    labels (Dict[str, int]): Number of entities, or spans where a span group was asked for, by label.
    tags (Dict[str, int]): Number of tokens by tag.
    groups (Dict[str, None]): The keys of span groups.
    misaligned (Findings): Spans that do not begin and end at tokens.
    overlapping (Findings): Spans that overlap longer ones, so that they cannot be entities.
    ill_formed (Findings): Tags that do not fit their scheme.
    skipped (List[str]): Damaged lines that were left out, a sentence each.
    notes (List[str]): What was taken where there is a choice, and what was left out.
    parts (Dict[str, PartReport]): What was written: "all", or "train", "dev" and "test".
    near_duplicates (Optional[int]): Docs that are nearly the same as an earlier one, and therefore in its part; None
        without a split.
    """

    files: List[FileReport]
    output_format: str
    docs: int = 0
    sentences: int = 0
    tokens: int = 0
    labels: Dict[str, int] = field(default_factory=dict)
    tags: Dict[str, int] = field(default_factory=dict)
    groups: Dict[str, None] = field(default_factory=dict)
    misaligned: Findings = field(default_factory=Findings)
    overlapping: Findings = field(default_factory=Findings)
    ill_formed: Findings = field(default_factory=Findings)
    skipped: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    parts: Dict[str, PartReport] = field(default_factory=dict)
    near_duplicates: Optional[int] = None

    def note(self, sentence: str) -> None:
        """Add a note, once. sentence (str): The note."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def format_report(report: ConversionReport, most: int = 20) -> str:
    """The report for people.

    report (ConversionReport): The report.
    most (int): How many labels, tags and inputs are shown.
    RETURNS (str): Lines.
    """
    lines = []
    for file in report.files[:most]:
        more = [("scheme", file.scheme), ("offsets in", file.offsets), ("columns", " ".join(file.columns))]
        kinds = ", ".join(f"{name} {value}" for name, value in more if value)
        lines.append(f"{file.path}: {file.format}{', ' + kinds if kinds else ''}; {count(file.docs, 'doc')}")
    if len(report.files) > most:
        lines.append(f"... and {len(report.files) - most:,} more")
    sentences = f", {count(report.sentences, 'sentence')}" if report.sentences else ""
    lines.append(f"Read: {count(report.docs, 'doc')}{sentences}, {count(report.tokens, 'token')}")
    lines += [_counts("Labels", report.labels, most), _counts("Tags", report.tags, most)]
    for title, found in (
        ("Spans that match no token boundaries", report.misaligned),
        ("Overlapping spans", report.overlapping),
        ("Ill-formed tags", report.ill_formed),
    ):
        if found.n:
            lines.append(f"{title}: {found.n:,}")
            lines += [f"  {each.path}, line {each.line}: {each.text}: {each.done}" for each in found.first]
            lines += [f"  ... and {found.n - len(found.first):,} more"] if found.n > len(found.first) else []
    if report.skipped:
        lines.append(f"Damaged lines that were skipped: {len(report.skipped):,}")
        lines += [f"  {sentence}" for sentence in report.skipped]
    lines += [f"Note: {note}" for note in report.notes]
    if report.near_duplicates is not None:
        lines.append(f"Docs nearly the same as an earlier one, kept in its part: {report.near_duplicates:,}")
    for name, part in report.parts.items():
        where = part.files[0] if len(part.files) == 1 else f"{len(part.files):,} files"
        lines.append(f"Wrote {name}: {count(part.docs, 'doc')}, {count(part.tokens, 'token')}, {where}")
    return "\n".join(line for line in lines if line)


def count(n: int, noun: str) -> str:
    """RETURNS (str): A number with its noun, in the plural where needed. n (int): The number. noun (str): The noun."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _counts(title: str, counts: Dict[str, int], most: int) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f", and {len(ranked) - most:,} more" if len(ranked) > most else ""
    shown = ", ".join(f"{label} {n:,}" for label, n in ranked[:most])
    return f"{title}: {shown}{more}" if ranked else ""
