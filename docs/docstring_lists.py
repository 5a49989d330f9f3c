"""Docstrings in spaCy's grammar, as the reference shows them: each argument, RETURNS, YIELDS and RAISES is an item of a
list."""

import re
from typing import Any, List

from griffe import Extension, Object

ARGUMENT = re.compile(r"(?P<name>\*{0,2}[A-Za-z_]\w*) \((?P<type>.+?)\): (?P<text>.*)")
INLINE = re.compile(r"(?<=\S) (?=(?:RETURNS|YIELDS|RAISES) \()")
OUTCOME = re.compile(r"(?P<name>RETURNS|YIELDS|RAISES) \((?P<type>.+?)\): (?P<text>.*)")


def as_markdown(docstring: str) -> str:
    """RETURNS (str): A docstring as Markdown. docstring (str): The docstring."""
    lines: List[str] = []
    in_item = False
    for line in INLINE.sub("\n", docstring).splitlines():
        found = OUTCOME.fullmatch(line) or ARGUMENT.fullmatch(line)
        if found:
            name = f"**{found['name'].capitalize()}**" if OUTCOME.fullmatch(line) else f"`{found['name']}`"
            if not in_item and lines and lines[-1]:
                lines.append("")
            lines.append(f"* {name} (`{found['type']}`): {found['text']}")
        else:
            lines.append(line)
        in_item = bool(found) or (in_item and line.startswith("    "))
    return "\n".join(lines)


class DocstringLists(Extension):
    """Changes the docstring of each object that the reference shows."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Change a docstring. obj (Object): What it is of."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
