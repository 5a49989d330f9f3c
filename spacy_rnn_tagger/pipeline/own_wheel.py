"""The wheel of this package, made again from its installed files: no source, no build tool and no index is needed."""

import base64
import csv
import hashlib
import io
import zipfile
from email.parser import BytesParser
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import Dict, Iterator, Tuple

NAME = "spacy-rnn-tagger"
PACKAGE = Path(__file__).parents[1]
# What pip adds to the folder of metadata when it installs a wheel, and what the new wheel has of its own.
INSTALLERS_FILES = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"}
# The first moment that a zip file can express: equal files make equal wheels.
EPOCH = (1980, 1, 1, 0, 0, 0)


def write_own_wheel(folder: Path) -> Path:
    """Write the wheel of the package that is running, from an ordinary or an editable installation. Equal files make
    an equal wheel, byte by byte. The form is that of https://packaging.python.org/specifications/binary-distribution-format.

    folder (Path): Where to write it.
    RETURNS (Path): The wheel.
    RAISES (ValueError): If pip did not install the package.
    """
    installed = _installed()
    files = dict(sorted([*_package_files(), *_metadata_files(installed)]))
    info = f"{NAME.replace('-', '_')}-{installed.version}.dist-info"
    tag = BytesParser().parsebytes(files[f"{info}/WHEEL"])["Tag"]
    wheel = folder / f"{info.removesuffix('.dist-info')}-{tag}.whl"
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)
    return wheel


def _installed() -> Distribution:
    try:
        installed = distribution(NAME)
    except PackageNotFoundError:
        installed = None
    if installed is None or not any(path.name == "WHEEL" for path in installed.files or ()):
        raise ValueError(
            f"The wheel of {NAME} is made from its installed files, but pip did not install the package that runs from "
            f"{str(PACKAGE)!r}. Install it first: pip install {NAME}, or pip install . in its source tree."
        )
    return installed


def _package_files() -> Iterator[Tuple[str, bytes]]:
    for path in PACKAGE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield (PurePosixPath(PACKAGE.name) / path.relative_to(PACKAGE).as_posix()).as_posix(), path.read_bytes()


def _metadata_files(installed: Distribution) -> Iterator[Tuple[str, bytes]]:
    for path in installed.files or ():
        if path.parts[0].endswith(".dist-info") and path.name not in INSTALLERS_FILES:
            yield path.as_posix(), Path(str(path.locate())).read_bytes()


def _record(files: Dict[str, bytes], own_name: str) -> bytes:
    """RETURNS (bytes): The wheel's list of its files with their checksums and sizes."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode("ascii")
        writer.writerow([name, f"sha256={digest}", len(content)])
    writer.writerow([own_name, "", ""])
    return lines.getvalue().encode("utf8")
