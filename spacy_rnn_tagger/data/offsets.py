"""Offsets of spans: characters, as Python counts them, or UTF-16 code units, as JavaScript and Java do, or bytes of
UTF-8."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Set, Tuple

from .records import CharSpan

Edges = Tuple[Set[int], Set[int]]
UNITS = ("characters", "utf16", "bytes")
TITLES = {"characters": "characters", "utf16": "UTF-16 code units", "bytes": "bytes of UTF-8"}
NO_SPACES = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0xA4CF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF))
"""Scripts in which words are not parted by spaces: Thai, Lao, Burmese, Khmer, Chinese, Japanese; and Korean, whose
words have endings."""


@dataclass
class OffsetEvidence:
    """How many spans of a file fit words, by the unit that their offsets may have.

    spans: Number of spans in texts in which the units differ.
    fits: How many of them fit in each unit.
    """

    spans: int = 0
    fits: Counter = field(default_factory=Counter)

    def add(self, text: str, spans: Sequence[CharSpan], edges: Optional[Edges] = None) -> None:
        """Count the spans of one text.

        text (str): The text.
        spans (Sequence[CharSpan]): Its spans, in the file's unit.
        edges (Optional[Tuple[Set[int], Set[int]]]): Where the tokens that the file gives begin and end, in characters;
            None if it gives none.
        """
        if text.isascii():
            return
        maps = {unit: positions(text, unit) for unit in UNITS}
        for span in spans:
            self.spans += 1
            for unit in UNITS:
                self.fits[unit] += _fits(text, to_characters(span, maps[unit]), edges)

    def decide(self) -> Tuple[str, List[str]]:
        """RETURNS (Tuple[str, List[str]]): The unit, and a sentence if it was taken although offsets should be
        characters."""
        counts = ", ".join(f"{self.fits[unit]:,} as {TITLES[unit]}" for unit in UNITS)
        best = max(UNITS, key=lambda unit: self.fits[unit])
        if not self.spans or self.fits["characters"] == self.spans or self.fits[best] == self.fits["characters"]:
            return "characters", []
        story = f"spans in texts beyond ASCII {self.spans:,}, fitting words {counts}"
        if self.fits[best] == self.spans:
            return best, [f"Offsets are taken as {TITLES[best]}: {story}; to take them otherwise, pass --offsets."]
        return "characters", [f"Offsets are taken as characters, but {story}; to take them otherwise, pass --offsets."]


def positions(text: str, unit: str) -> Optional[Dict[int, int]]:
    """RETURNS (Optional[Dict[int, int]]): The character at each offset; None if offsets are characters. text (str): The
    text. unit (str): The unit."""
    if unit == "characters":
        return None
    found, at = {}, 0
    for i, char in enumerate(text):
        found[at] = i
        at += len(char.encode("utf-8", "surrogatepass")) if unit == "bytes" else 1 + (ord(char) > 0xFFFF)
    found[at] = len(text)
    return found


def to_characters(span: CharSpan, found: Optional[Dict[int, int]]) -> CharSpan:
    """RETURNS (CharSpan): The span in characters; an offset inside a character becomes -1. span (CharSpan): The span.
    found (Optional[Dict[int, int]]): What `positions` returns."""
    return span if found is None else span._replace(start=found.get(span.start, -1), end=found.get(span.end, -1))


def _fits(text: str, span: CharSpan, edges: Optional[Edges]) -> bool:
    """Whether a span is the text that the file gives with it, or begins and ends where tokens or words do."""
    start, end = span.start, span.end
    if not 0 <= start < end <= len(text):
        return False
    if span.text is not None:
        return text[start:end] == span.text
    if edges is not None:
        return start in edges[0] and end in edges[1]
    piece = text[start:end]
    return piece == piece.strip() and _parts(text, start) and _parts(text, end)


def _parts(text: str, at: int) -> bool:
    """Whether a word can begin or end at a place."""
    if at in (0, len(text)):
        return True
    before, after = text[at - 1], text[at]
    return not (before.isalnum() and after.isalnum()) or any(
        low <= ord(char) <= high for char in (before, after) for low, high in NO_SPACES
    )
