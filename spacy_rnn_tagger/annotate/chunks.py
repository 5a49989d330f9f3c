"""Documents put together to chunks of about the same number of tokens. Where chunks begin and end depends on the inputs
and the settings alone, so that every run of them writes the same shards."""

import zlib
from typing import Callable, Iterable, Iterator, List, TypeVar

from .inputs import InputFile
from .pieces import Piece, read_pieces
from .records import Chunk, Segment
from .settings import AnnotateSettings

Item = TypeVar("Item")


def cut(items: Iterable[Item], size_of: Callable[[Item], int], most: int) -> Iterator[List[Item]]:
    """Put items together until the next one would be too much. So a group has at most `most`, or is one item alone.

    items (Iterable[Item]): The items.
    size_of (Callable[[Item], int]): The size of an item.
    most (int): The most that a group should have.
    YIELDS (List[Item]): The items of a group, in order; never none.
    """
    group: List[Item] = []
    size = 0
    for item in items:
        its_size = size_of(item)
        if group and size + its_size > most:
            yield group
            group, size = [], 0
        group.append(item)
        size += its_size
    if group:
        yield group


def make_chunks(files: Iterable[InputFile], settings: AnnotateSettings) -> Iterator[Chunk]:
    """The chunks of some files, one after the other, as they are needed.

    files (Iterable[InputFile]): The files.
    settings (AnnotateSettings): How they are read, and the size of a chunk.
    YIELDS (Chunk): A chunk.
    """
    pieces = (piece for file in files for piece in read_pieces(file, settings))
    sizes = {file.name: file.size for file in files}
    done = dict.fromkeys(sizes, 0)
    last = ""
    for number, group in enumerate(cut(pieces, lambda piece: piece.n_tokens, settings.shard_tokens)):
        n_bytes = 0
        for piece in group:
            if piece.file != last and last:
                n_bytes += sizes[last] - done[last]
                done[last] = sizes[last]
            last = piece.file
            if piece.done > done[last]:
                n_bytes += piece.done - done[last]
                done[last] = piece.done
        yield Chunk(number, join(group), sum(piece.n_tokens for piece in group), n_bytes)


def join(pieces: Iterable[Piece]) -> List[Segment]:
    """RETURNS (List[Segment]): Pieces as segments, those that follow each other in a file as one. pieces
    (Iterable[Piece]): The pieces."""
    segments: List[Segment] = []
    contents: List[List[bytes]] = []
    for piece in pieces:
        seekable = piece.start >= 0
        last = segments[-1] if segments else None
        if last is None or not _belongs(piece, last):
            last = Segment(piece.file, piece.kind, piece.line, max(piece.start, 0), max(piece.start, 0))
            segments.append(last)
            contents.append([])
            if piece.record is not None:
                last.records = []
        if piece.record is not None and last.records is not None:
            last.records.append(piece.record)
        elif seekable:
            last.end = piece.start + len(piece.raw)
            last.checksum = zlib.crc32(piece.raw, last.checksum)
        else:
            contents[-1].append(piece.raw)
    for segment, content in zip(segments, contents):
        if content:
            segment.content = b"".join(content)
    return segments


def _belongs(piece: Piece, segment: Segment) -> bool:
    if piece.file != segment.file or piece.kind != segment.kind or piece.kind == "file":
        return False
    return (piece.record is None) == (segment.records is None)
