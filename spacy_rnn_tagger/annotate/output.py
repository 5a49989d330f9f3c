"""The output folder of a run: what may lie there, whether a run goes on in it, and how a new one takes its place."""

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence

from ..pipeline.safe_output import Output, OutputKind
from .manifest import Manifest, read_manifest
from .records import ShardRecord
from .settings import WHERE, AnnotateSettings
from .shards import MANIFEST, PARTS, REJECTED, Place, flush_folder

LOCK = ".lock"


class RunFolder:
    """The folder of a run.

    path (Path): The output folder.
    model (Path): The pipeline, in which nothing may be written.
    inputs (Sequence[Path]): The inputs, which may not lie in it.
    RAISES (ValueError): If something else lies there, or it cannot be written.
    """

    def __init__(self, path: Path, model: Path, inputs: Sequence[Path]) -> None:
        # Whether what lies there may be replaced is decided when the manifest is known.
        self.path = Output(path, ANNOTATIONS, force=True, model=model, inputs=inputs, option="OUTPUT").path
        self.work = self.path
        self._new = self.path.with_name(f".{self.path.name}.new")
        self._old = self.path.with_name(f".{self.path.name}.old")

    def choose(self, manifest: Manifest, force: bool) -> bool:
        """Decide where to write, and whether a run is gone on with.

        manifest (Manifest): The run.
        force (bool): Whether a run of other inputs, model or options that lies there may be replaced, which happens
            when the new one is complete.
        RETURNS (bool): Whether all is done already.
        RAISES (ValueError): If there is such a run, and `force` is False.
        """
        self._finish_swap()
        found = read_manifest(self.path)
        changed = None if found is None else manifest.difference(found)
        if changed is None:
            return found is not None and bool(found["complete"]) and not (self.path / PARTS).exists()
        if not force:
            raise ValueError(
                f"{WHERE}: OUTPUT {str(self.path)!r} holds a run that cannot be gone on with, because {changed}; name "
                "another folder, or pass --force to start anew."
            )
        self.work = self._new
        other = read_manifest(self.work)
        if self.work.exists() and (other is None or manifest.difference(other) is not None):
            shutil.rmtree(self.work)
        return False

    @contextmanager
    def open(self, manifest: Manifest, settings: AnnotateSettings) -> Iterator[Place]:
        """Make the folder, and keep others from writing to it.

        manifest (Manifest): The run.
        settings (AnnotateSettings): Its settings.
        YIELDS (Place): The folder to write to.
        """
        place = Place(self.work, settings.suffix)
        place.parts.mkdir(parents=True, exist_ok=True)
        with _locked(place.parts / LOCK, self.path):
            for aside in place.parts.glob("*.tmp"):
                aside.unlink(missing_ok=True)
            place.write(place.folder / MANIFEST, manifest.content())
            yield place

    def complete(self, place: Place, manifest: Manifest, shards: List[ShardRecord]) -> None:
        """Write what was rejected and the manifest, remove what is not needed any more, and replace the run before.

        place (Place): The folder.
        manifest (Manifest): The run.
        shards (List[ShardRecord]): All shards in order.
        """
        rejected = (json.dumps(each, ensure_ascii=False) for shard in shards for each in shard.rejected)
        place.write_lines(place.folder / REJECTED, rejected)
        place.write(place.folder / MANIFEST, manifest.content(shards))
        shutil.rmtree(place.parts)
        flush_folder(place.folder)
        self._finish_swap()

    def _finish_swap(self) -> None:
        """Put a new run that is complete in the place of the one before."""
        found = read_manifest(self._new)
        if found is not None and found.get("complete") and not (self._new / PARTS).exists():
            if self.path.exists():
                shutil.rmtree(self._old, ignore_errors=True)
                os.rename(self.path, self._old)
            os.rename(self._new, self.path)
            flush_folder(self.path.parent)
        if self.path.exists() and read_manifest(self._old) is not None:
            shutil.rmtree(self._old, ignore_errors=True)


def _objection(path: Path) -> Optional[str]:
    names = sorted(each.name for each in path.iterdir())
    if names in ([PARTS], []):
        return None
    if read_manifest(path) is None:
        return f"holds {', '.join(map(repr, names[:3]))}, and was not written by `{WHERE}`"
    others = [name for name in names if name not in (PARTS, MANIFEST, REJECTED) and not name.startswith("shard-")]
    return f"holds {', '.join(map(repr, others[:3]))} beside annotations" if others else None


ANNOTATIONS = OutputKind("folder of annotations", True, _objection)


@contextmanager
def _locked(path: Path, shown: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise ValueError(f"{WHERE}: another process is writing to OUTPUT {str(shown)!r} now.") from e
        yield


def shards_left(place: Place, expected: Any) -> List[Path]:
    """RETURNS (List[Path]): Shards in a folder that are none of those expected. place (Place): The folder. expected
    (Collection[str]): Names."""
    return [path for path in sorted(place.folder.glob("shard-*")) if path.name not in expected]
