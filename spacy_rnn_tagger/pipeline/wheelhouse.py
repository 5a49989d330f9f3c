"""A folder of wheels from which `pip install --find-links` takes a trained pipeline and this package."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from importlib.metadata import PackageNotFoundError, distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Optional, Set

import srsly
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from spacy.cli.package import package
from spacy.util import get_package_path, is_package

from ..errors import nearest
from .own_wheel import NAME, write_own_wheel
from .safe_output import Output, OutputKind

# setuptools makes wheels by itself from this version on; earlier ones need the package `wheel`.
SETUPTOOLS_OF_WHEELS = Version("70.1")
CARD = ("description", "license", "sources", "notes", "author", "email", "url")
"""What a card may say of a pipeline."""


@dataclass(frozen=True)
class Wheelhouse:
    """What a folder of wheels holds.

    folder (str): The folder.
    name (str): The name by which pip installs the pipeline and `spacy.load` loads it, such as "en_pipeline".
    version (str): The pipeline's version.
    wheels (Dict[str, int]): The size in bytes of each wheel that was written, by file name: the pipeline's, this
        package's if the pipeline needs it, and those of other requirements if they were asked for.
    kept (List[str]): Names of wheels that lay there before and still do.
    requirements (List[str]): What the wheels need besides each other, which pip takes from an index; empty if the
        folder holds all.
    """

    folder: str
    name: str
    version: str
    wheels: Dict[str, int]
    kept: List[str]
    requirements: List[str]


def write_wheelhouse(
    model: Path | str,
    output: Path | str | Output,
    *,
    name: Optional[str] = None,
    version: Optional[str] = None,
    card: Optional[Path] = None,
    with_requirements: bool = False,
    force: bool = False,
) -> Wheelhouse:
    """Write the wheel of a trained pipeline and the wheel of this package into one folder, so that
    `pip install --find-links FOLDER NAME` installs the pipeline where no index has them. Wheels of other pipelines
    that lie in the folder stay.

    model (Path | str): The pipeline: a directory, or the name of an installed package.
    output (Path | str | Output): The folder.
    name (Optional[str]): The pipeline's name, without its language; None for the one in its meta.json.
    version (Optional[str]): The pipeline's version; None for the one in its meta.json.
    card (Optional[Path]): A JSON file with what people should know of the pipeline, under the names of meta.json:
        "description", "license", "sources", "notes", "author", "email", "url". It becomes part of the package's page,
        beside the labels and the scores, which are the pipeline's own.
    with_requirements (bool): Whether to add the wheels of all other requirements too, in the versions that are
        installed here, for machines without any index. They come from pip's index, for this Python and this system.
    force (bool): Whether a folder that holds wheels may be written to.
    RETURNS (Wheelhouse): What the folder holds.
    RAISES (ValueError): If there is no such pipeline, the name or version cannot be one of a package, or the folder
        holds other things.
    RAISES (OSError): If a wheel cannot be built; the reason is the build's last line.
    """
    source = _pipeline_folder(model)
    meta = srsly.read_json(source / "meta.json")
    name = name or str(meta.get("name") or "pipeline")
    version = version or str(meta.get("version") or "0.0.0")
    _check_name(name)
    _check_version(version)
    meta.update({} if card is None else read_card(Path(card)))
    place = output if isinstance(output, Output) else Output(Path(output), WHEELS, force=force, model=source)

    def fill(folder: Path) -> Wheelhouse:
        folder.mkdir()
        before = {Path(shutil.copy2(each, folder)).name for each in place.path.glob("*.whl")}
        wheel = _build_pipeline(source, folder, name, version, meta)
        new = {wheel.name}
        if canonicalize_name(NAME) in map(_name_of, _requirements(wheel)):
            new.add(write_own_wheel(folder).name)
        if with_requirements:
            _download(wheel, folder)
            new |= {each.name for each in folder.glob("*.whl")} - before
        fields = wheel_metadata(wheel)
        return Wheelhouse(
            folder=str(place.path),
            name=fields["Name"].replace("-", "_"),
            version=fields["Version"],
            wheels={each: (folder / each).stat().st_size for each in sorted(new)},
            kept=sorted(before - new),
            requirements=_missing_requirements(folder, new),
        )

    return place.write(fill)


def wheel_metadata(wheel: Path) -> Message:
    """RETURNS (Message): The fields of a wheel's METADATA file. wheel (Path): The wheel."""
    with zipfile.ZipFile(wheel) as archive:
        path = next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return BytesParser().parsebytes(archive.read(path))


def _pipeline_folder(model: Path | str) -> Path:
    path = Path(model)
    if not path.exists() and is_package(str(model)):
        package_path = get_package_path(str(model))
        meta = srsly.read_json(package_path / "meta.json")
        path = package_path / f"{package_path.name}-{meta['version']}"
    if not (path / "config.cfg").is_file() or not (path / "meta.json").is_file():
        raise ValueError(
            f"Can't find model {str(model)!r}: name the directory of a trained pipeline, with its config.cfg and "
            "meta.json, or an installed package."
        )
    return path


def _check_name(name: str) -> None:
    """A package's name that Python can import and that pip can install."""
    if not (name.isidentifier() and name.isascii()) or name.endswith("_"):
        raise ValueError(
            f"The pipeline's name {name!r} cannot be one of a package; allowed: letters a-z and A-Z, digits and _, "
            "with no digit at the start and no _ at the end. Pass another name (--name)."
        )


def _check_version(version: str) -> None:
    try:
        Version(version)
    except InvalidVersion as e:
        raise ValueError(
            f"The version {version!r} cannot be one of a package; allowed are versions such as 1.0.0 or 1.0.0rc1 "
            "(PEP 440). Pass another version (--version)."
        ) from e


def read_card(path: Path) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What a card says. path (Path): The JSON file.
    RAISES (ValueError): If it is none, or says what only the pipeline itself can say."""
    try:
        card = srsly.read_json(path)
    except (OSError, ValueError) as e:
        raise ValueError(f"The card {str(path)!r} cannot be read: {e}") from e
    if not isinstance(card, dict):
        raise ValueError(f"The card {str(path)!r} must be one JSON object, with any of {', '.join(CARD)}.")
    for key in card:
        if key not in CARD:
            raise ValueError(
                f"The card {str(path)!r} says {key!r}, but may say only {', '.join(CARD)}.{nearest(key, CARD)}"
            )
    return card


def _build_pipeline(source: Path, folder: Path, name: str, version: str, meta: Dict[str, Any]) -> Path:
    """RETURNS (Path): The wheel that pip builds of what `spacy package` makes of a pipeline."""
    with tempfile.TemporaryDirectory() as parent:
        work = Path(parent, "project")
        work.mkdir()
        srsly.write_json(Path(parent, "meta.json"), meta)
        options: Dict[str, Any] = {
            "create_sdist": False,
            "require_parent": True,
            "meta_path": Path(parent, "meta.json"),
        }
        try:
            package(source, work, name=name, version=version, **options)
        except SystemExit as e:  # spaCy has printed what is wrong
            raise ValueError(f"spaCy cannot make a package of {str(source)!r}: its meta.json is not valid.") from e
        (project,) = Path(work).iterdir()
        isolation = [] if _needs_isolation() else ["--no-build-isolation"]
        _pip("wheel", "--no-deps", *isolation, "--wheel-dir", str(Path(work, "wheels")), str(project))
        (wheel,) = Path(work, "wheels").iterdir()
        return Path(shutil.copy2(wheel, folder))


def _needs_isolation() -> bool:
    """Whether pip must fetch setuptools for the build, since the environment's own cannot make wheels."""
    try:
        installed = Version(distribution("setuptools").version)
    except PackageNotFoundError:
        return True
    return installed < SETUPTOOLS_OF_WHEELS and find_spec("wheel") is None


def _download(wheel: Path, folder: Path) -> None:
    """Add all that a wheel requires, in the versions that are installed here."""
    with tempfile.TemporaryDirectory() as work:
        pins = Path(work, "installed.txt")
        pins.write_text("\n".join(f"{each.name}=={Version(each.version).public}" for each in distributions()))
        _pip("download", "--prefer-binary", "--find-links", str(folder), "-c", str(pins), "-d", str(folder), str(wheel))


def _pip(*arguments: str) -> None:
    if find_spec("pip") is None:
        raise OSError("wheels are built by pip, which this environment does not have; add it: python -m ensurepip")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        reason = next((line for line in lines if line.startswith("ERROR:")), lines[-1] if lines else "no output")
        raise OSError(f"`pip {arguments[0]}` ended with {done.returncode}: {reason.removeprefix('ERROR: ')}")


def _requirements(wheel: Path) -> List[str]:
    """RETURNS (List[str]): What a wheel requires here, without what only its extras require."""
    lines = wheel_metadata(wheel).get_all("Requires-Dist") or []
    needed = ((line, Requirement(line)) for line in lines)
    return [line for line, each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]


def _name_of(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def _missing_requirements(folder: Path, names: Set[str]) -> List[str]:
    """RETURNS (List[str]): What the new wheels require and the folder does not hold."""
    held = {canonicalize_name(each.name.split("-")[0]) for each in folder.glob("*.whl")}
    needed = {_name_of(line): line for name in sorted(names) for line in _requirements(folder / name)}
    return [line for name, line in sorted(needed.items()) if name not in held]


def _wheels_objection(path: Path) -> Optional[str]:
    others = sorted(each.name for each in path.iterdir() if each.suffix != ".whl")
    return f"holds {', '.join(map(repr, others[:3]))}, which are not wheels" if others else None


WHEELS = OutputKind("folder of wheels", True, _wheels_objection)
