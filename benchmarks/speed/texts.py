"""The texts that are served: sentences of a .spacy file with their tokens, and docs of given lengths cut out of
them."""

from itertools import cycle, islice
from pathlib import Path
from typing import Iterable, List, Optional, Tuple

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..accuracy.sentences import read_docs

Words = List[str]


def read_texts(path: Path, limit: Optional[int] = None) -> Tuple[List[Words], List[str]]:
    """RETURNS (Tuple[List[Words], List[str]]): The words of each sentence that is not empty, and the sentences as plain
    texts."""
    docs = [doc for doc in read_docs(path)[:limit] if len(doc)]
    return [[token.text for token in doc] for doc in docs], [doc.text for doc in docs]


def make_docs(vocab: Vocab, sentences: Iterable[Words]) -> List[Doc]:
    """Fresh docs without any annotation."""
    return [Doc(vocab, words=words) for words in sentences]


def count(sentences: Iterable[Words]) -> int:
    return sum(map(len, sentences))


def cut(sentences: Iterable[Words], length: int, n_tokens: int) -> List[Words]:
    """The sentences one after another, again from the first when they end, cut into pieces.

    sentences (Iterable[Words]): The sentences.
    length (int): Words of a piece.
    n_tokens (int): Words of all pieces; a last piece may be shorter.
    """
    words = list(islice(cycle(word for sentence in sentences for word in sentence), n_tokens))
    return [words[i : i + length] for i in range(0, n_tokens, length)]
