"""One text as a file gives it, before it becomes a doc."""

from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from spacy.tokens import Doc


class CharSpan(NamedTuple):
    """A labelled piece of a text.

    start: Where it begins, in the unit of the file's offsets.
    end: Where it ends, exclusive.
    label: Its label.
    score: Its probability, if it is known.
    text: The piece as the file gives it, if it does.
    """

    start: int
    end: int
    label: str
    score: Optional[float] = None
    text: Optional[str] = None


@dataclass
class Record:
    """One text, or one sentence of a file that has a line for each token.

    line: The line on which it begins, from 1; of a table, the row.
    text: The text; empty where there are words.
    words: The words, if the file has them.
    spaces: Whether a space follows each word.
    lines: The line of each word.
    columns: Other values of each word by name: "tag", "pos", "morph", "lemma", "dep".
    scores: How likely values of each word are, by what they are about: "tag", "pos", "morph", or "ents" for the entity
        that the word is in; None where it is not known.
    heads: The head of each word as an index; None if the file has no tree.
    tags: The entity tag of each word, in the file's scheme; None if the file has none.
    spans: The spans that become entities; None if the file says nothing about entities.
    groups: Spans of other groups by key.
    sent_starts: Whether each word begins a sentence; None if nothing is known about sentences.
    is_sentence: Whether it is one sentence, which may be joined with others to a doc.
    new_doc: Whether the file marks the beginning of a document before it.
    meta: What else is known about the text, such as its "id".
    doc: The doc without entities and groups, where a library reads it.
    """

    line: int
    text: str = ""
    words: Optional[List[str]] = None
    spaces: Optional[List[bool]] = None
    lines: List[int] = field(default_factory=list)
    columns: Dict[str, List[str]] = field(default_factory=dict)
    scores: Dict[str, List[Optional[float]]] = field(default_factory=dict)
    heads: Optional[List[int]] = None
    tags: Optional[List[str]] = None
    spans: Optional[List[CharSpan]] = None
    groups: Dict[str, List[CharSpan]] = field(default_factory=dict)
    sent_starts: Optional[List[bool]] = None
    is_sentence: bool = False
    new_doc: bool = False
    meta: Dict[str, Any] = field(default_factory=dict)
    doc: Optional[Doc] = None

    def full_text(self) -> str:
        """RETURNS (str): The text, put together from the words where there are any."""
        if self.doc is not None:
            return self.doc.text
        if self.words is None:
            return self.text
        spaces = self.spaces or [True] * len(self.words)
        return "".join(word + " " * space for word, space in zip(self.words, spaces))

    def token_edges(self) -> Optional[Tuple[Set[int], Set[int]]]:
        """RETURNS (Optional[Tuple[Set[int], Set[int]]]): Where tokens begin and end in `full_text`, in characters; None
        if the file gives none."""
        if self.doc is not None:
            return {token.idx for token in self.doc}, {token.idx + len(token) for token in self.doc}
        if self.words is None:
            return None
        spaces = self.spaces or [True] * len(self.words)
        after = list(accumulate(len(word) + space for word, space in zip(self.words, spaces)))
        starts = [0, *after[:-1]]
        return set(starts), {start + len(word) for start, word in zip(starts, self.words)}


def split_at_tokens(text: str, tokens: List[Tuple[int, int]]) -> Tuple[List[str], List[bool]]:
    """The words of a text whose tokens are known by their places. What lies between two tokens, but for one space,
    becomes a word of its own, so that the words with their spaces are the text.

    text (str): The text.
    tokens (List[Tuple[int, int]]): Where each token begins and ends, in characters, in order.
    RETURNS (Tuple[List[str], List[bool]]): The words, and whether a space follows each.
    RAISES (ValueError): If tokens overlap, are empty, or reach beyond the text.
    """
    words: List[str] = []
    spaces: List[bool] = []

    def fill(gap: str) -> None:
        if gap.startswith(" ") and words and not spaces[-1]:
            spaces[-1], gap = True, gap[1:]
        if gap:
            words.append(gap)
            spaces.append(False)

    at = 0
    for start, end in tokens:
        if not at <= start < end <= len(text):
            raise ValueError(
                f"a token from {start} to {end} overlaps the one before it, is empty, or lies outside the text"
            )
        fill(text[at:start])
        words.append(text[start:end])
        spaces.append(False)
        at = end
    fill(text[at:])
    return words, spaces
