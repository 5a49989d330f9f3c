"""What goes to a worker and comes back: places of texts in files, texts, and what was rejected. All of it is small and
can be pickled; no Doc and no pipeline is ever in it."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, NamedTuple, Optional, Union


class Text(NamedTuple):
    """One document.

    line: Where it begins in its file: the line, or the row of a table, or the number in a .spacy file, from 1; 0 for
        a whole file.
    id: Its id; None if the file gives none.
    text: The text; empty where there are words.
    words: The words, if the file has them.
    spaces: Whether a space follows each word.
    """

    line: int
    id: Optional[str]
    text: str
    words: Optional[List[str]] = None
    spaces: Optional[List[bool]] = None


class Rejected(NamedTuple):
    """A damaged place of a file, or a document that could not be annotated.

    line: See `Text`.
    reason: What is wrong, in one sentence.
    """

    line: int
    reason: str


Record = Union[Text, Rejected]


@dataclass
class Segment:
    """Documents that follow each other in one file.

    file: The file, as the user named it.
    kind: "lines" (a document a line), "json" (an object a line), "file" (one document), or "records".
    line: The number of the first line, from 1.
    start: The first byte of a file that is read by the worker.
    end: The byte after the last.
    checksum: CRC-32 of these bytes, by which the worker notices that the file was changed.
    content: The bytes, where a worker cannot read them at their place, as in a compressed file.
    records: The documents, of files that cannot be cut by bytes.
    """

    file: str
    kind: str
    line: int
    start: int = 0
    end: int = 0
    checksum: int = 0
    content: Optional[bytes] = None
    records: Optional[List[Record]] = None


@dataclass
class Chunk:
    """The documents of one shard.

    number: The number of the shard, from 0.
    segments: Where the documents are.
    n_tokens: About how many tokens they have.
    n_bytes: How much of the input files they are, in bytes on disk.
    """

    number: int
    segments: List[Segment]
    n_tokens: int
    n_bytes: int = 0


@dataclass
class ShardRecord:
    """What a worker says of a shard that it has written.

    number: The number of the shard, from 0.
    name: Its file.
    n_rows: Its documents.
    n_tokens: Their tokens.
    n_bytes: The size of the file.
    checksum: SHA-256 of the file.
    rejected: What was left out: the file, the line and the reason of each.
    memory: The most memory that the worker had so far, in bytes; 0 where that is not known.
    seconds: How long the worker took.
    """

    number: int
    name: str
    n_rows: int
    n_tokens: int
    n_bytes: int
    checksum: str
    rejected: List[Dict[str, Any]] = field(default_factory=list)
    memory: int = 0
    seconds: float = 0.0

    def content(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): What the manifest says of the shard: nothing that differs from run to run."""
        return {
            "name": self.name,
            "rows": self.n_rows,
            "tokens": self.n_tokens,
            "bytes": self.n_bytes,
            "sha256": self.checksum,
            "rejected": len(self.rejected),
        }


class InputChanged(ValueError):
    """An input file that is not what it was when the run began, in one sentence."""
