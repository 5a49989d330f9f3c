"""Lists of names for an entity ruler, whose findings an embedding layer reads as features."""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Union

import srsly
from spacy.util import ensure_path

REGISTERED = "spacy-rnn-tagger.name_lists.v1"
SUFFIXES = (".json", ".jsonl", ".txt")
Pattern = Dict[str, Any]


def read_name_lists(path: Union[str, Path]) -> List[Pattern]:
    """Read lists of names as the patterns that `initialize` of an `entity_ruler` takes.

    path (Union[str, Path]): A text file with a name a line, whose own name is the label (`CITY.txt`); patterns of an
        entity ruler as .json or .jsonl; or a folder of such files.
    RETURNS (List[Dict[str, Any]]): The patterns, each once.
    RAISES (ValueError): If there is no such file, it has another form, or there are no names in it.
    """
    place = ensure_path(path)
    if not place.exists():
        raise ValueError(f"{REGISTERED}: there is no {str(path)!r}; name a file or folder with lists of names.")
    files = sorted(file for file in place.iterdir() if file.suffix in SUFFIXES) if place.is_dir() else [place]
    found: Dict[str, Pattern] = {}
    for file in files:
        for pattern in _patterns(file):
            found.setdefault(srsly.json_dumps(pattern, sort_keys=True), pattern)
    if not found:
        raise ValueError(f"{REGISTERED}: there are no names in {str(path)!r}; allowed are {', '.join(SUFFIXES)} files.")
    return list(found.values())


def _patterns(file: Path) -> Iterator[Pattern]:
    if file.suffix not in SUFFIXES:
        raise ValueError(f"{REGISTERED}: {str(file)!r} is of no known form; allowed are {', '.join(SUFFIXES)} files.")
    try:
        if file.suffix == ".txt":
            lines = file.read_text(encoding="utf8").splitlines()
            entries: List[Any] = [{"label": file.stem, "pattern": line.strip()} for line in lines if line.strip()]
        elif file.suffix == ".json":
            entries = srsly.read_json(file)
        else:
            entries = list(srsly.read_jsonl(file))
    except ValueError as e:
        raise ValueError(f"{REGISTERED}: {str(file)!r} cannot be read as {file.suffix} in UTF-8 ({e}).") from e
    if not isinstance(entries, list):
        raise ValueError(f"{REGISTERED}: {str(file)!r} has no list of patterns; see spaCy's entity_ruler.")
    for i, entry in enumerate(entries):
        is_pattern = isinstance(entry, dict) and isinstance(entry.get("label"), str) and entry["label"]
        if not is_pattern or not isinstance(entry.get("pattern"), (str, list)) or not entry["pattern"]:
            raise ValueError(
                f'{REGISTERED}: entry {i} of {str(file)!r} is {srsly.json_dumps(entry)}; a pattern has a "label", and '
                'a "pattern" that is a name or a list of tokens.'
            )
        yield entry
