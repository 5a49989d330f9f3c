"""Sentences that must not be learned from, because a model is judged by them."""

import re
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from spacy.tokens import Doc

from .corpus import sentences_of

SHORTEST = 8
"""Words from which a sentence is known again; shorter ones, such as greetings, are in any text."""
WORD = re.compile(r"\w+")


class HeldOut:
    """The sentences of development and test data.

    docs (Iterable[Doc]): The docs; those without sentences are one sentence each.
    """

    def __init__(self, docs: Iterable[Doc]) -> None:
        self._by_beginning: Dict[Tuple[str, ...], List[Tuple[str, ...]]] = {}
        for doc in docs:
            for sentence in sentences_of(doc):
                words = _words(sentence.text)
                if len(words) >= SHORTEST:
                    same = self._by_beginning.setdefault(words[:SHORTEST], [])
                    if words not in same:
                        same.append(words)

    def __len__(self) -> int:
        return sum(map(len, self._by_beginning.values()))

    def find(self, text: str) -> Optional[str]:
        """The first held-out sentence in a text, whatever its case and punctuation.

        text (str): The text.
        RETURNS (Optional[str]): The words of the sentence; None if there is none.
        """
        words = _words(text)
        for i in range(len(words) - SHORTEST + 1):
            for sentence in self._by_beginning.get(words[i : i + SHORTEST], ()):
                if words[i : i + len(sentence)] == sentence:
                    return " ".join(sentence)
        return None


def _words(text: str) -> Tuple[str, ...]:
    found: Sequence[str] = WORD.findall(text.lower())
    return tuple(found)
