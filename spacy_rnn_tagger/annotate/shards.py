"""The folder of a run, as those who write into it see it: shards, each written aside, flushed and renamed, and beside
them, until the run is complete, a record of each shard that is done."""

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from .inputs import BLOCK
from .records import ShardRecord

PARTS = ".parts"
"""The folder inside of the output in which files lie that are not complete."""
MANIFEST = "manifest.json"
REJECTED = "rejected.jsonl"


class Place:
    """The folder of a run.

    folder (Path): The folder.
    suffix (str): The ending of its shards.
    """

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder, self.suffix = folder, suffix
        self.parts = folder / PARTS

    def shard(self, number: int) -> Path:
        """RETURNS (Path): The file of a shard. number (int): Its number."""
        return self.folder / f"shard-{number:06d}{self.suffix}"

    @contextmanager
    def writing(self, number: int) -> Iterator[Path]:
        """Write a shard aside, and move it to its place when all of it is on the disk. If that fails, nothing is left.

        number (int): The number of the shard.
        YIELDS (Path): The file to write.
        """
        aside = self._aside(self.shard(number).name)
        with _moved(aside, self.shard(number)):
            yield aside

    def finish(self, number: int, *, n_rows: int, n_tokens: int, rejected: List[Dict[str, Any]]) -> ShardRecord:
        """Note that a shard is complete.

        number (int): The number of the shard.
        n_rows (int): Its documents.
        n_tokens (int): Their tokens.
        rejected (List[Dict[str, Any]]): What was left out.
        RETURNS (ShardRecord): The record.
        """
        path = self.shard(number)
        size, checksum = measure(path)
        record = ShardRecord(number, path.name, n_rows, n_tokens, size, checksum, rejected)
        self.write(self._record(number), asdict(record))
        return record

    def read_record(self, number: int) -> Optional[ShardRecord]:
        """RETURNS (Optional[ShardRecord]): The record of a shard that is complete; None if it is not, or not as it was
        written. number (int): The number of the shard."""
        try:
            record = ShardRecord(**json.loads(self._record(number).read_bytes()))
            return record if measure(self.shard(number)) == (record.n_bytes, record.checksum) else None
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path, content: Any) -> None:
        """Write a JSON file that is there whole or not at all.

        path (Path): The file, in the folder or its parts.
        content (Any): What JSON can hold.
        """
        self.write_lines(path, [json.dumps(content, indent=None if path.parent == self.parts else 2)])

    def write_lines(self, path: Path, lines: Any) -> None:
        """Write a text file that is there whole or not at all.

        path (Path): The file.
        lines (Iterable[str]): Its lines.
        """
        aside = self._aside(path.name)
        with _moved(aside, path), aside.open("w", encoding="utf8", newline="\n") as file:
            file.writelines(line + "\n" for line in lines)

    def _record(self, number: int) -> Path:
        return self.parts / f"{number:06d}.json"

    def _aside(self, name: str) -> Path:
        return self.parts / f"{name}.{os.getpid()}.tmp"


def measure(path: Path) -> "tuple[int, str]":
    """RETURNS (Tuple[int, str]): The size of a file and its SHA-256. path (Path): The file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def flush_folder(folder: Path) -> None:
    """Have the names of files written through to the disk, where the system can. folder (Path): The folder."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def _moved(aside: Path, path: Path) -> Iterator[None]:
    try:
        yield
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)
