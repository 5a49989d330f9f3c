"""The manifest: what a run reads, with what, and what it has written. A run goes on only where nothing of it has
changed."""

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Dict, List, Optional

from .records import ShardRecord
from .settings import WHERE, AnnotateSettings
from .shards import MANIFEST

PACKAGES = ("spacy-rnn-tagger", "spacy", "thinc", "numpy")
TITLES = {"settings": "option", "model": "model", "inputs": "input", "versions": "version"}


@dataclass
class Manifest:
    """
    settings (Dict[str, Any]): The settings of the run.
    model (Dict[str, Any]): The pipeline, with a checksum of all its files.
    inputs (List[Dict[str, Any]]): The input files, with their checksums.
    versions (Dict[str, str]): The versions of packages that decide the bytes of shards.
    """

    settings: Dict[str, Any]
    model: Dict[str, Any]
    inputs: List[Dict[str, Any]]
    versions: Dict[str, str]

    def content(self, shards: Optional[List[ShardRecord]] = None) -> Dict[str, Any]:
        """What the file holds.

        shards (Optional[List[ShardRecord]]): All shards, if the run is complete.
        RETURNS (Dict[str, Any]): The same for each run that ends, however often it was interrupted.
        """
        head = {"command": WHERE, "complete": shards is not None, **asdict(self)}
        if shards is None:
            return head
        totals = {
            "shards": len(shards),
            "rows": sum(shard.n_rows for shard in shards),
            "tokens": sum(shard.n_tokens for shard in shards),
            "rejected": sum(len(shard.rejected) for shard in shards),
        }
        return {**head, "totals": totals, "shards": [shard.content() for shard in shards]}

    def difference(self, content: Dict[str, Any]) -> Optional[str]:
        """What has changed since another run.

        content (Dict[str, Any]): The manifest of that run.
        RETURNS (Optional[str]): What it was and is now; None if nothing has changed.
        """
        own = asdict(self)
        for part in ("settings", "model", "versions"):
            before, now = content.get(part) or {}, own[part]
            for key in {**before, **now}:
                if before.get(key) != now.get(key):
                    if part == "model" and key == "sha256":
                        return "the model has changed"
                    what = f"the {TITLES[part]} {key}" if part != "versions" else f"the version of {key}"
                    return f"{what} was {before.get(key)!r} and is {now.get(key)!r} now"
        before, now = ({each["file"]: each for each in side} for side in (content.get("inputs") or [], own["inputs"]))
        for name in {**before, **now}:
            if name not in now:
                return f"the input {name!r} is not there now"
            if name not in before:
                return f"the input {name!r} was not there"
            if before[name] != now[name]:
                return f"the input {name!r} has changed"
        return None if list(before) == list(now) else "the inputs are in another order now"


def versions_of(settings: AnnotateSettings) -> Dict[str, str]:
    """RETURNS (Dict[str, str]): The versions of packages that decide what is written. settings (AnnotateSettings): What
    is asked for."""
    names = [*PACKAGES, *(["pyarrow"] if settings.format == "parquet" else [])]
    return {name: version(name) for name in names}


def read_manifest(folder: Path) -> Optional[Dict[str, Any]]:
    """RETURNS (Optional[Dict[str, Any]]): The manifest in a folder; None if there is none. folder (Path): The
    folder."""
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("command") == WHERE else None
