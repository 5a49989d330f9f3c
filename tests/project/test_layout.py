"""The house: each room imports only from those before it, and each file is small enough to be read at one sitting."""

import ast
from pathlib import Path

import pytest

from ..conftest import ROOT

PACKAGE = ROOT / "spacy_rnn_tagger"
ROOMS = [
    *("errors", "data", "recurrence", "chain", "models", "pipeline", "evaluation", "training", "report", "annotate"),
    "distill",
    "cli",
]
"""In the order of their dependencies. Training uses evaluation, since a callback tunes biases on development data."""
MODULES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = ("spacy_rnn_tagger", "tests", "benchmarks", "scripts", "examples")
PYTHON_FILES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
LONGEST_FILE = 400
MOST_PARAMETERS = 12


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path):
    """The dotted names of all that a module imports, wherever in it."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)


def test_every_room_has_its_place_in_the_order():
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    assert found == {"__init__", *ROOMS}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_earlier_rooms(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    allowed = ROOMS[: ROOMS.index(own) + 1]
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "spacy_rnn_tagger":
            assert parts[1] in allowed, name
        if parts[0] == "torch":
            assert own == "recurrence", name
        if own in ("recurrence", "chain"):
            assert parts[0] not in ("spacy", "thinc"), name
        if own == "data" and parts[0] == "spacy_rnn_tagger":
            assert parts[1] in ("errors", "data"), name
        if own == "models":
            assert not name.startswith("spacy.pipeline"), name


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name_of)
def test_files_and_signatures_are_short(path):
    text = path.read_text(encoding="utf8")
    assert text.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not is_settings(path, node):
            n = len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs)
            assert n <= MOST_PARAMETERS, f"{node.name} has {n} parameters"


def is_settings(path: Path, node: ast.FunctionDef) -> bool:
    """Whether a function is the one signature of the factories."""
    return path.name == "rnn_tagger.py" and path.parent.name == "pipeline" and node.name == "__init__"
