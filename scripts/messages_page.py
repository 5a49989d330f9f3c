"""Write docs/troubleshooting.md: every error and warning that the package has a sentence for, by its place."""

import argparse
import ast
import re
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional

ROOT = Path(__file__).parent.parent
PACKAGE, PAGE = ROOT / "spacy_rnn_tagger", Path("docs") / "troubleshooting.md"
SHORTEST = 25
"""Characters that a sentence has at least; shorter strings are parts of one."""
INTRODUCTION = """# Troubleshooting by message

Every sentence that the package itself says when something is wrong, by what you were doing. What differs from case to
case is written here as `…`: find yours by the words around it. A sentence says what was given, what is allowed and
where; what to do beyond that stands above each list. `python scripts/messages_page.py` writes this page from the
sources.
"""
# By room, as tests/project/test_layout.py has them: the heading, and what to do.
ROOMS = {
    "__init__": ("The package", "A name that `spacy_rnn_tagger` itself does not have."),
    "errors": (
        "Any setting",
        "A name or a number in a config or a call is not one of those allowed. The nearest allowed name is "
        "given where there is one; [components](components.md) lists them all.",
    ),
    "data": (
        "Reading and writing files",
        "`rnn convert` and `rnn check`. The place in the file is named. A file that is taken for "
        "another format than it has needs `--from` (see [data](data.md)).",
    ),
    "recurrence": (
        "The recurrent layer",
        'Weights, inputs and engines. `engine = "torch"` needs PyTorch; "auto" does not on a CPU '
        "(see [training](training.md#pytorch)).",
    ),
    "chain": (
        "Paths of labels",
        "Scores or gold that no legal path fits. Scores that are no numbers come from training that "
        "diverged: lower the learning rate.",
    ),
    "models": (
        "Architectures and saved weights",
        "A config that does not fit the weights or the vectors, or a damaged file: load "
        "with the config and the vectors that the pipeline was trained with, or copy the file again (see "
        "[security](../SECURITY.md)).",
    ),
    "pipeline": (
        "Components",
        "Labels, gold and settings of a component. `rnn check` finds what is wrong with the data before "
        "training does (see [training](training.md#from-a-file-to-a-pipeline)).",
    ),
    "evaluation": (
        "Checking, calibrating, compressing",
        "See [decisions](decisions.md), [confidence](confidence.md) and [small models](small.md).",
    ),
    "training": (
        "Training, sweeps, processes",
        "See [training](training.md), [stop and go on](resume.md) and [sweeps](sweep.md).",
    ),
    "report": (
        "Pages and confidences",
        "See [report](report.md), [doubts](doubts.md) and [confidence](confidence.md).",
    ),
    "annotate": (
        "Annotation at scale",
        "A run goes on with the same command. What has changed since it began is named; `--force` "
        "starts anew (see [annotate](annotate.md)).",
    ),
    "distill": (
        "Distillation",
        "Answers and students are kept, and the same command goes on with them (see [distill](distill.md)).",
    ),
    "cli": (
        "The command line",
        "What a command may not overwrite stays as it is; `--force` replaces what a command of the same kind wrote.",
    ),
}
Texts = Dict[str, List[str]]


class Message(NamedTuple):
    """A sentence, and the room that it comes from."""

    room: str
    text: str


def messages(package: Path = PACKAGE) -> Iterator[Message]:
    """YIELDS (Message): The sentences of all errors and warnings. package (Path): The folder of the package."""
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        room = place.parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            for text in _texts(node):
                if len(text.replace("…", "")) >= SHORTEST:
                    yield Message(room, text)


def page(package: Path = PACKAGE) -> str:
    """RETURNS (str): The page. package (Path): The folder of the package."""
    found: Texts = {}
    for message in messages(package):
        found.setdefault(message.room, []).append(message.text)
    lines = [INTRODUCTION]
    for room, (heading, remedy) in ROOMS.items():
        texts = sorted(set(found.pop(room, [])), key=str.lower)
        if texts:
            lines += [f"## {heading}", "", remedy, "", *(f"* {_code(text)}" for text in texts), ""]
    if found:
        raise ValueError(f"rooms without a heading in ROOMS: {sorted(found)}")
    return "\n".join(lines)


def _texts(node: ast.AST) -> Iterator[str]:
    """The sentences of a node: what is raised, what an error is made of, what `warnings.warn` is given."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        arguments = [*node.exc.args, *(keyword.value for keyword in node.exc.keywords)]
    elif isinstance(node, ast.Call) and _name(node.func).endswith("Error"):
        arguments = node.args
    elif isinstance(node, ast.Call) and _name(node.func) == "warn":
        arguments = node.args[:1]
    else:
        return
    for argument in arguments:
        text = _text(argument)
        if text and text.strip(" …"):
            yield re.sub("…+", "…", " ".join(text.split()))


def _name(function: ast.AST) -> str:
    """The name that something is called by, without what it is an attribute of."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _text(node: ast.AST) -> Optional[str]:
    """A string as it reads, with … for what is put in; None if the node is no string."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [_text(node.left), _text(node.right)]
        return None if parts == [None, None] else "".join("…" if part is None else part for part in parts)
    return None


def _code(text: str) -> str:
    """A sentence as inline code, whatever quotes it has in it."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / PAGE, help="the page (default: docs/troubleshooting.md)")
    args = parser.parse_args(argv)
    args.output.write_text(page(), encoding="utf8")
    print(f"wrote {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
