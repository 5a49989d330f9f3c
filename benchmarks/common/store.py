"""Finished runs on disk: each is measured once, however often and in however many processes a benchmark is started."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence

Metrics = Dict[str, Any]


@dataclass(frozen=True)
class StoredRun:
    """The place of one run's metrics.

    record (Path): The file of the metrics.
    identity (Dict[str, Any]): What the metrics must say of themselves, such as checksums of data and settings; else
        they are those of another run, and are measured again.
    needs (Sequence[Path]): What else the run left and must still be there, such as its model.
    """

    record: Path
    identity: Metrics
    needs: Sequence[Path] = field(default=())

    def read(self) -> Optional[Metrics]:
        """RETURNS (Optional[Dict[str, Any]]): The metrics, None if the run is not finished."""
        found = read_json(self.record)
        if found is None or any(key not in found or found[key] != value for key, value in self.identity.items()):
            return None
        return found if all(path.exists() for path in self.needs) else None

    def complete(self, measure: Callable[[], Metrics], lock: Path, wait: bool = True) -> Optional[Metrics]:
        """The metrics, after measuring them if necessary.

        measure (Callable[[], Dict[str, Any]]): Measures; its metrics are written with the identity.
        lock (Path): The file that says that a process is at it.
        wait (bool): Whether to wait for another process that is at the same run.
        RETURNS (Optional[Dict[str, Any]]): The metrics, or None if another process is at it and `wait` is False.
        """
        from filelock import FileLock, Timeout  # only needed here, and not by all who run benchmarks

        found = self.read()
        if found is None:
            lock.parent.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(lock, timeout=-1 if wait else 0):
                    if self.read() is None:
                        write_json(self.record, {**self.identity, **measure()})
            except Timeout:
                return None
            found = self.read()
        return found


def checksum(path: Path) -> str:
    """RETURNS (str): The checksum of a file's content. path (Path): The file."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def read_json(path: Path) -> Optional[Any]:
    """RETURNS (Optional[Any]): The content of a file; None if there is no such file. path (Path): The file."""
    return json.loads(path.read_text(encoding="utf8")) if path.exists() else None


def write_json(path: Path, content: Any) -> None:
    """Write a file that is there whole or not at all.

    path (Path): The file.
    content (Any): What JSON can hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf8")
    os.replace(unfinished, path)
