"""Measure some tables, print them and write them down."""

import argparse
import os
import subprocess
import sys
from typing import List, Optional

from .arguments import add_arguments, read_setup
from .figure import draw
from .machine import describe_machine, note, sentence
from .pipelines import MissingPart
from .processes import ONE_THREAD, is_one_thread
from .registry import SECTIONS


def run_sections(module: str, description: Optional[str], sections: List[str], argv: Optional[List[str]] = None) -> int:
    """The whole of a command.

    module (str): Its name.
    description (Optional[str]): What it says of itself.
    sections (List[str]): The tables that it knows.
    argv (Optional[List[str]]): Its arguments; those of the process if None.
    RETURNS (int): 1 if something was missing, or if labels differed that should be the same.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser, sections)
    args = parser.parse_args(argv)
    only, figure = getattr(args, "only", sections), getattr(args, "figure", None)
    if figure is not None and not {"components", "whole"} & set(only):
        parser.error("--figure draws the tables components and whole; --only names neither")
    setup = read_setup(parser, args)
    again = begin_again(module, argv)
    if again is not None:
        return again
    machine = describe_machine()
    print(sentence(machine), flush=True)
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "machine.md").write_text(sentence(machine) + "\n", encoding="utf8")
    n_different = 0
    tables = {}
    for name in only:
        try:
            table = tables[name] = SECTIONS[name](setup)
        except MissingPart as e:
            print(e, file=sys.stderr)
            return 1
        table.notes.append(note(machine))
        print(f"\n{table.markdown()}", flush=True)
        table.write(args.output, machine)
        n_different += table.n_different
    if figure is not None:
        draw(tables, figure)
    if n_different:
        print("labels differ that should be the same; see above", file=sys.stderr)
    return int(n_different > 0)


def begin_again(module: str, argv: Optional[List[str]]) -> Optional[int]:
    """Run a command in a process with one thread: NumPy is there already, and keeps the threads that it has.

    module (str): Its name.
    argv (Optional[List[str]]): Its arguments; those of the process if None.
    RETURNS (Optional[int]): Its exit code, or None if this process has one thread, and need not begin again.
    """
    if is_one_thread():
        return None
    words = [sys.executable, "-m", module, *(sys.argv[1:] if argv is None else argv)]
    return subprocess.run(words, env={**os.environ, **ONE_THREAD}).returncode
