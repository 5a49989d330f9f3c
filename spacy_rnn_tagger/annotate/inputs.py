"""The files that a run reads: found by name, folder or pattern, and told apart by their endings."""

import glob
import gzip
import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterable, List, Sequence, Tuple, Union

from ..errors import nearest
from .settings import WHERE, import_pyarrow

KINDS = {
    ".txt": "lines",
    ".jsonl": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".spacy": "spacy",
}
"""How files of each ending are read."""
COMPRESSED = (".gz", ".zst")
BLOCK = 1 << 20


@dataclass(frozen=True)
class InputFile:
    """One file that is read.

    name: The file as the user named it, or the folder as named and the place in it.
    kind: One of `KINDS`.
    compression: ".gz", ".zst" or "".
    size: Its size in bytes.
    """

    name: str
    kind: str
    compression: str
    size: int

    @property
    def path(self) -> Path:
        """RETURNS (Path): The file."""
        return Path(self.name).expanduser()

    def open(self) -> Tuple[IO[bytes], Callable[[], int]]:
        """RETURNS (Tuple[IO[bytes], Callable[[], int]]): The content, decompressed, and a function that says how many
        bytes of the file are read."""
        if self.compression == ".zst":
            import pyarrow

            source = pyarrow.OSFile(str(self.path))
            stream: Any = pyarrow.CompressedInputStream(source, "zstd")
            return io.BufferedReader(stream, BLOCK), source.tell
        raw = self.path.open("rb")
        return (gzip.GzipFile(fileobj=raw) if self.compression == ".gz" else raw), raw.tell  # type: ignore[return-value]


def find_inputs(given: Union[str, Path, Sequence[Union[str, Path]]]) -> List[InputFile]:
    """The files of all inputs, in the order of the inputs, those of a folder or pattern by name.

    given (Union[str, Path, Sequence[Union[str, Path]]]): Files, folders and patterns such as "texts/*.jsonl.gz". Of
        folders, files with other endings and hidden files are left out.
    RETURNS (List[InputFile]): The files.
    RAISES (ValueError): If there is no such file, or one has an ending that is not known.
    """
    inputs = [given] if isinstance(given, (str, Path)) else list(given)
    if not inputs:
        raise ValueError(f"{WHERE}: no input is named; name files, folders or patterns.")
    found: Dict[str, None] = {}
    for each in inputs:
        for path in _expand(str(each)):
            if path in found:
                raise ValueError(f"{WHERE}: the input {path!r} is named twice.")
            found[path] = None
    return [_input_file(name) for name in found]


def hash_files(files: Iterable[InputFile], tell: Callable[[int], None] = lambda n_bytes: None) -> List[Dict[str, Any]]:
    """Read all files, so that a change of any byte is noticed when a run is resumed.

    files (Iterable[InputFile]): The files.
    tell (Callable[[int], None]): Is told how many bytes were read since it was last told.
    RETURNS (List[Dict[str, Any]]): The "file", "bytes" and "sha256" of each.
    """
    return [{"file": file.name, "bytes": file.size, "sha256": hash_file(file.path, tell)} for file in files]


def hash_file(path: Path, tell: Callable[[int], None] = lambda n_bytes: None) -> str:
    """RETURNS (str): SHA-256 of a file. path (Path): The file. tell (Callable[[int], None]): See `hash_files`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            tell(len(block))
    return digest.hexdigest()


def _expand(given: str) -> List[str]:
    path = Path(given).expanduser()
    if path.is_dir():
        inside = sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())
        names = [name for name in inside if not any(part.startswith(".") for part in name.split("/"))]
        names = [name for name in names if _ending(name)[0] in KINDS]
        if not names:
            raise ValueError(f"{WHERE}: the folder {given!r} holds no file that ends with {_endings()}.")
        return [f"{given.rstrip('/') or '/'}/{name}".replace("//", "/") for name in names]
    if path.exists():
        return [Path(given).as_posix()]
    matches = sorted(glob.glob(os.path.expanduser(given), recursive=True)) if glob.has_magic(given) else []
    if matches:
        return [Path(name).as_posix() for name in matches if Path(name).is_file()]
    if glob.has_magic(given):
        raise ValueError(f"{WHERE}: no file matches the pattern {given!r}.")
    folder = path.parent
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    raise ValueError(f"{WHERE}: there is no input {given!r}.{nearest(path.name, names)}")


def _input_file(name: str) -> InputFile:
    suffix, compression = _ending(name)
    if suffix not in KINDS:
        raise ValueError(f"{WHERE}: the input {name!r} has an ending that is not known; allowed: {_endings()}.")
    kind = KINDS[suffix]
    if compression and kind in ("parquet", "spacy"):
        raise ValueError(f"{WHERE}: the input {name!r} is compressed already inside; decompress it first.")
    if kind == "parquet" or compression == ".zst":
        import_pyarrow(f"reading {name!r}")
    path = Path(name).expanduser()
    try:
        with path.open("rb"):
            return InputFile(name, kind, compression, path.stat().st_size)
    except OSError as e:
        raise ValueError(f"{WHERE}: the input {name!r} cannot be read: {e.strerror}.") from e


def _ending(name: str) -> Tuple[str, str]:
    suffixes = Path(name.lower()).suffixes
    compression = suffixes[-1] if suffixes and suffixes[-1] in COMPRESSED else ""
    rest = suffixes[:-1] if compression else suffixes
    return (rest[-1] if rest else "", compression)


def _endings() -> str:
    return ", ".join(KINDS) + ", and those of text with .gz or .zst behind"
