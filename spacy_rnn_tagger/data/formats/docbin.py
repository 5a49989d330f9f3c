""".spacy files: spaCy's DocBin."""

from typing import Iterable, Iterator

from spacy.tokens import Doc, DocBin

from ..reading import Reading, Writing
from ..records import Record

MOST_TOKENS = 20_000_000
"""The most tokens of a file: the arrays of a DocBin take over 100 bytes a token, and msgpack ends at 4 GB."""
NO_USER_DATA = b"\x80"
"""An empty dict as msgpack."""


def read_docbin(reading: Reading) -> Iterator[Record]:
    """The docs of a .spacy file.

    reading (Reading): The file.
    YIELDS (Record): A doc with all of its annotation.
    RAISES (BadLine): If the file is damaged.
    """
    try:
        docs = DocBin().from_disk(reading.path)
    except Exception as e:
        # zlib, msgpack and numpy each have errors of their own for damaged bytes.
        raise reading.refuse(0, f"this is no .spacy file, or is cut off ({type(e).__name__}).") from e
    found, n = docs.get_docs(reading.vocab), 0
    while True:
        n += 1
        try:
            doc = next(found)
        except StopIteration:
            return
        except Exception as e:
            raise reading.refuse(n, f"doc {n} of this .spacy file is damaged ({type(e).__name__}).") from e
        yield Record(n, doc=doc)


def write_docbin(docs: Iterable[Doc], writing: Writing) -> None:
    """Write a .spacy file, with custom attributes and what else the docs hold.

    docs (Iterable[Doc]): The docs.
    writing (Writing): The file.
    RAISES (ValueError): If there are more tokens than a file can hold.
    """
    found, n_tokens = DocBin(store_user_data=True), 0
    for doc in docs:
        n_tokens += len(doc)
        if n_tokens > MOST_TOKENS:
            raise ValueError(
                f"rnn convert: more than {MOST_TOKENS:,} tokens would burst one .spacy file; pass --shard-docs "
                "10000 to write several."
            )
        # Packing an empty dict takes srsly longer than all else of a short doc together.
        found.store_user_data = bool(doc.user_data)
        found.add(doc)
        if not found.store_user_data:
            found.user_data.append(NO_USER_DATA)
    found.store_user_data = True
    found.to_disk(writing.path)
