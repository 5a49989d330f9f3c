"""The pipeline that annotates: where it lies, what is in it, and why it cannot be loaded."""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any, Dict, Iterator

import spacy
from spacy.language import Language
from spacy.util import get_package_path, is_package, load_config, registry

from ..errors import nearest
from .inputs import hash_file
from .settings import WHERE


def find_model(name: str) -> Path:
    """The folder of a pipeline.

    name (str): A directory, or the name of an installed package.
    RETURNS (Path): The folder.
    RAISES (ValueError): If there is none.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise ValueError(f"{WHERE}: the pipeline {name!r} is a file; name its directory, or an installed package.")
    if is_package(name):
        return get_package_path(name)
    near = [each.name for each in path.parent.iterdir() if each.is_dir()] if path.parent.is_dir() else []
    info: Any = spacy.info(silent=True)
    others = [*near, *info.get("pipelines", {})]
    raise ValueError(
        f"Can't find model {name!r}: no such file, directory or installed package.{nearest(path.name, others)}"
    )


def describe_model(folder: Path) -> Dict[str, Any]:
    """What the manifest says of a pipeline. It changes with any byte of any of its files.

    folder (Path): The pipeline.
    RETURNS (Dict[str, Any]): Its "lang", "name", "version" and "sha256".
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.is_file() and "__pycache__" not in inner.parts:
            digest.update(f"{inner.as_posix()}\\0{hash_file(path)}\\n".encode())
    metas = sorted(folder.rglob("meta.json"))
    meta: Dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        meta = json.loads(metas[0].read_bytes()) if metas else {}
    found = {key: meta.get(key) for key in ("lang", "name", "version")} if isinstance(meta, dict) else {}
    return {**found, "sha256": digest.hexdigest()}


def load_model(name: str, *, gpu: int = -1) -> Language:
    """Load a pipeline.

    name (str): A directory, or the name of an installed package.
    gpu (int): The number of the GPU to use; -1 for the CPU.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): If it cannot be loaded, in one sentence.
    """
    try:
        if gpu >= 0:
            spacy.require_gpu(gpu)
        return spacy.load(Path(name) if Path(name).is_dir() else name)
    except MemoryError:
        raise
    except (Exception, SystemExit) as e:
        # spaCy and each library have errors of their own for damaged files.
        first = " ".join((str(e).strip().splitlines() or [""])[0].split())
        unknown = "; ".join(_unknown_factories(name))
        why = unknown or "it is incomplete or damaged, or needs a package or a --code file that is missing "
        detail = "" if unknown else f"({type(e).__name__}: {first})"
        raise ValueError(f"The pipeline {name!r} cannot be loaded: {why}{detail}.") from e


def _unknown_factories(name: str) -> Iterator[str]:
    with contextlib.suppress(Exception):
        configs = sorted(find_model(name).rglob("config.cfg"))
        config = load_config(configs[0])
        known = sorted({*Language.factories, *registry._entry_point_factories.get_all()})
        for pipe in config["nlp"]["pipeline"]:
            factory = config["components"].get(pipe, {}).get("factory")
            if factory is not None and factory not in known:
                yield f"there is no factory {factory!r}, of the component {pipe!r}.{nearest(factory, known)}".rstrip(
                    "."
                )
