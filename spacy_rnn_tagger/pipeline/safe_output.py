"""Saved pipelines, tables and figures that lose nothing: an output is checked before any work is done, written beside
its place, and moved there by renames, so that at every moment either what lay there before or what is new lies on disk
complete."""

import json
import os
import shutil
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, TypeVar

from spacy.language import Language

from .renaming import exchange

Result = TypeVar("Result")
FIGURE_SUFFIXES = (".pdf", ".png", ".svg")
# Files and folders that Language.to_disk writes beside the folders of the components.
PIPELINE_PARTS = {"config.cfg", "meta.json", "tokenizer", "vocab"}
OLD, NEW = "old", "new"


class OutputError(ValueError):
    """An output that must not be written, in one sentence."""


@dataclass(frozen=True)
class OutputKind:
    """One kind of output.

    name (str): What it is called in messages.
    is_folder (bool): Whether it is a folder; else it is a file.
    objection (Callable[[Path], Optional[str]]): What speaks against replacing what lies at a path, such as "holds no
        pipeline"; None if it is an output of this kind.
    """

    name: str
    is_folder: bool
    objection: Callable[[Path], Optional[str]]


class Output:
    """A place to write to. All checks are made when it is created.

    path (Path): The place. A symbolic link is followed, and stays.
    kind (OutputKind): What will be written there.
    force (bool): Whether an output of the same kind that lies there may be replaced.
    model (Optional[Path]): The folder of the pipeline that is read, in which nothing may be written.
    inputs (Sequence[Path]): Other files and folders that are read, and that must not be replaced.
    option (str): What the user calls the place, such as "--output".
    RAISES (OutputError): If writing there is impossible, or would replace what must stay.
    """

    def __init__(
        self,
        path: Path,
        kind: OutputKind,
        *,
        force: bool = False,
        model: Optional[Path] = None,
        inputs: Sequence[Path] = (),
        option: str = "--output",
    ) -> None:
        self.kind, self.option, self.written = kind, option, False
        try:
            self.path = Path(path).expanduser().resolve()
            self._check_inputs(None if model is None else Path(model).resolve(), [Path(p).resolve() for p in inputs])
            self._check_what_lies_there(force)
            self._check_parent()
        except (OSError, RuntimeError) as e:
            raise OutputError(f"{option} {str(path)!r} cannot be written: {reason(e)}") from e

    def write(self, make: Callable[[Path], Result]) -> Result:
        """Write the output, and put it in its place when it is complete.

        make (Callable[[Path], Result]): Writes the output to the path that it is given, where nothing lies.
        RETURNS (Result): What `make` returns.
        RAISES (OSError): If the disk is full, or writing is not allowed; what lay there before lies there still.
        """
        parents = [parent for parent in (self.path.parent, *self.path.parent.parents) if not parent.exists()]
        work = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            work = _make_work_folder(self.path)
            result = make(work / NEW)
            _flush(work / NEW)
            self._swap(work)
        except BaseException:
            _clean_up(work, parents)
            raise
        self.written = True
        try:
            shutil.rmtree(work)
        except OSError as e:
            warnings.warn(
                f"{str(self.path)!r} is complete, but what lay there before could not be deleted: {reason(e)}. Delete "
                f"{str(work)!r}.",
                stacklevel=2,
            )
        return result

    def _swap(self, work: Path) -> None:
        """Move what is new to its place. For a file one rename does it; a folder changes places with the old one where
        the system can do that, and else the old one must make room first."""
        if not self.path.is_dir():
            os.replace(work / NEW, self.path)
            return
        if exchange(work / NEW, self.path):
            return
        try:
            os.rename(self.path, work / OLD)
            os.rename(work / NEW, self.path)
        except BaseException:
            if not self.path.exists():
                os.rename(work / OLD, self.path)
            raise

    def _check_inputs(self, model: Optional[Path], inputs: List[Path]) -> None:
        place = f"{self.option} {str(self.path)!r}"
        if model is not None and self.path == model:
            raise OutputError(f"{place} is the pipeline that is read; name another place")
        if model is not None and model.is_dir() and model in self.path.parents:
            raise OutputError(f"{place} lies inside the pipeline that is read, {str(model)!r}; name another place")
        for given in (*([] if model is None else [model]), *inputs):
            if self.path == given or self.path in given.parents:
                raise OutputError(f"{place} is or holds what is read, {str(given)!r}; name another place")

    def _check_what_lies_there(self, force: bool) -> None:
        place = f"{self.option} {str(self.path)!r}"
        if not self.path.exists():
            for old in (leftover / OLD for leftover in leftovers(self.path)):
                if old.exists():
                    raise OutputError(
                        f"{place}: an earlier command was stopped before it could put the new {self.kind.name} there; "
                        f"what lay there before lies in {str(old)!r}. Move it back, or delete it"
                    )
            return
        if self.kind.is_folder and not self.path.is_dir():
            raise OutputError(f"{place} is a file; name a directory")
        if not self.kind.is_folder and not self.path.is_file():
            raise OutputError(f"{place} is not a file; name a file")
        if self.kind.is_folder and not any(self.path.iterdir()):
            return
        objection = self.kind.objection(self.path)
        state = "is not empty" if self.kind.is_folder else "exists"
        if objection is not None:
            raise OutputError(f"{place} {state} and {objection}; name another place, since it cannot be replaced")
        if not force:
            another = "directory" if self.kind.is_folder else "file"
            raise OutputError(f"{place} {state}; name another {another}, or pass --force")

    def _check_parent(self) -> None:
        """Try to write beside the place, or in the folder that the missing folders above it will lie in."""
        parent = next(parent for parent in self.path.parents if parent.exists())
        if not parent.is_dir():
            raise OutputError(f"{self.option} {str(self.path)!r}: {str(parent)!r} is a file, not a directory")
        os.rmdir(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=parent))


def check_distinct(outputs: Sequence[Output]) -> None:
    """Refuse outputs of one command that are the same, or of which one would lie inside another.

    outputs (Sequence[Output]): The outputs.
    RAISES (OutputError): On the first two that are.
    """
    for i, one in enumerate(outputs):
        for other in outputs[:i]:
            if one.path == other.path or one.path in other.path.parents or other.path in one.path.parents:
                raise OutputError(
                    f"{one.option} {str(one.path)!r} and {other.option} {str(other.path)!r} would be written over each "
                    "other; name places apart"
                )


def leftovers(path: Path) -> List[Path]:
    """RETURNS (List[Path]): Folders beside a place in which commands that were stopped left something. path (Path): The
    place."""
    if not path.parent.is_dir():
        return []
    prefix = f".{path.name}-"
    found = (each for each in sorted(path.parent.iterdir()) if each.name.startswith(prefix))
    return [each for each in found if (each / OLD).exists() or (each / NEW).exists()]


def mend(path: Path) -> None:
    """Undo what a process left beside a place when it was killed while it wrote there. A place that it had emptied gets
    back what lay there.

    path (Path): The place, which no other process may be writing to.
    """
    for folder in leftovers(path):
        if not path.exists() and (folder / OLD).exists():
            os.rename(folder / OLD, path)
        shutil.rmtree(folder)


def save_pipeline(nlp: Language, path: Path, *, force: bool = False) -> None:
    """Save a pipeline in place of another one, which stays until the new one is complete.

    nlp (Language): The pipeline.
    path (Path): The directory.
    force (bool): Whether to replace a pipeline that lies there.
    RAISES (OutputError): If something else lies there, or a pipeline and `force` is False.
    """
    Output(path, PIPELINE, force=force).write(nlp.to_disk)


def json_kind(command: str) -> OutputKind:
    """RETURNS (OutputKind): The JSON file of a command. command (str): The command, such as "rnn bias"."""

    def objection(path: Path) -> Optional[str]:
        content = _read_json(path)
        return None if content.get("command") == command else f"was not written by `{command} --json`"

    return OutputKind("JSON file", False, objection)


def reason(error: BaseException) -> str:
    """RETURNS (str): Why something failed, in the operating system's words and with the file's name. error (Exception):
    The failure."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": {str(error.filename)!r}" if error.filename else "")
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _pipeline_objection(path: Path) -> Optional[str]:
    meta = _read_json(path / "meta.json")
    if not (path / "config.cfg").is_file() or not isinstance(meta.get("pipeline"), list):
        return "holds no pipeline"
    lists = (meta.get(key) or [] for key in ("pipeline", "components", "disabled"))
    ours = PIPELINE_PARTS.union(*lists)
    # Components of spaCy save to a folder of their name, or to a file with an ending, such as sentencizer.json.
    names = sorted(each.name for each in path.iterdir())
    others = [name for name in names if name not in ours and not any(name.startswith(f"{part}.") for part in ours)]
    return f"holds {', '.join(map(repr, others[:3]))} beside a pipeline" if others else None


def _figure_objection(path: Path) -> Optional[str]:
    """Matplotlib writes its name into every figure."""
    return None if b"atplotlib" in path.read_bytes() else "was not drawn by Matplotlib"


PIPELINE = OutputKind("pipeline", True, _pipeline_objection)
FIGURE = OutputKind("figure", False, _figure_objection)


def _read_json(path: Path) -> Dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _make_work_folder(path: Path) -> Path:
    """A folder on the same file system as the place, so that a rename moves what is in it there."""
    return Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))


def _flush(path: Path) -> None:
    """Have all files written through to the disk. A full disk may show only then."""
    files = sorted(path.rglob("*")) if path.is_dir() else []
    for each in (*files, path):
        if each.is_file():
            with each.open("rb+") as file:
                os.fsync(file.fileno())


def _clean_up(work: Optional[Path], parents: Sequence[Path]) -> None:
    """Remove what was begun, but never what lay at the place before."""
    if work is None or not (work / OLD).exists():
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
        for parent in parents:
            try:
                parent.rmdir()
            except OSError:
                return
