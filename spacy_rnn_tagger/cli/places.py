"""Where a command writes to, and what it says when its work fails."""

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence

import typer
from spacy.util import get_package_path, is_package

from ..pipeline.safe_output import FIGURE, PIPELINE, Output, OutputKind, check_distinct, json_kind, leftovers, reason

STOPPED = 130  # the exit code of a program that was stopped by Ctrl-C
STDOUT = Path("-")


class Places:
    """Where one command writes to. Each place is checked when it is added, before any work is done.

    command (str): The command, such as "rnn bias".
    model (Optional[str]): The pipeline that is read, None for a command that reads none.
    force (bool): Whether outputs of the same kind may be replaced.
    inputs (Sequence[Path]): Other files and folders that are read.
    """

    def __init__(self, command: str, model: Optional[str], force: bool, inputs: Sequence[Path]) -> None:
        self.command, self.force, self.inputs = command, force, inputs
        self.model = None if model is None else _folder_of(model)
        self.outputs: List[Output] = []
        self._json: Optional[Output] = None
        self._json_to_stdout = False
        self._stdout = sys.stdout

    def add_pipeline(self, path: Optional[Path], option: str) -> Optional[Output]:
        """RETURNS (Optional[Output]): A folder to save a pipeline to. path (Optional[Path]): Its path, None if it is
        not to be saved. option (str): What the user calls it."""
        return None if path is None else self._add(path, PIPELINE, option)

    def add_figure(self, path: Optional[Path]) -> Optional[Output]:
        """RETURNS (Optional[Output]): A file to draw to. path (Optional[Path]): Its path, None if nothing is to be
        drawn."""
        return None if path is None else self._add(path, FIGURE, "--figure")

    def add_file(self, path: Path, kind: OutputKind, option: str) -> Output:
        """RETURNS (Output): A file to write. path (Path): Its path. kind (OutputKind): Its kind. option (str): What the
        user calls it."""
        return self._add(path, kind, option)

    def add_json(self, path: Optional[Path]) -> None:
        """Remember where numbers go. If that is standard output, all that is for people goes to standard error from now
        on.

        path (Optional[Path]): A file, "-" for standard output, None for nowhere.
        """
        if path == STDOUT:
            self._json_to_stdout = True
            sys.stdout = sys.stderr
        elif path is not None:
            self._json = self._add(path, json_kind(self.command), "--json")

    def write_json(self, numbers: Any) -> None:
        """Write numbers to where they go, if anywhere.

        numbers (Any): A dataclass.
        """
        content = {"command": self.command, **finite_or_none(asdict(numbers))}
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        if self._json_to_stdout:
            self._stdout.write(text)
        if self._json is not None:
            self._json.write(lambda path: path.write_text(text, encoding="utf8"))

    def tell(self) -> None:
        """Say on standard error what became of each output."""
        for output in self.outputs:
            state = "is written" if output.written else "is as it was before"
            typer.echo(f"{output.option} {str(output.path)!r} {state}.", err=True)
            for folder in leftovers(output.path):
                typer.echo(f"Beside it, {str(folder)!r} holds what a command that was stopped left.", err=True)

    def restore_stdout(self) -> None:
        sys.stdout = self._stdout

    def _add(self, path: Path, kind: OutputKind, option: str) -> Output:
        output = Output(path, kind, force=self.force, model=self.model, inputs=self.inputs, option=option)
        check_distinct([*self.outputs, output])
        self.outputs.append(output)
        return output


@contextmanager
def running(
    command: str, model: Optional[str], *, force: bool, inputs: Sequence[Optional[Path]] = ()
) -> Iterator[Places]:
    """Run a command. If it fails, end it with one sentence and an exit code: 2 for arguments that are not allowed, 1
    for work that failed, 130 for Ctrl-C.

    command (str): The command, such as "rnn bias".
    model (Optional[str]): The pipeline that is read, None for a command that reads none.
    force (bool): Whether outputs of the same kind may be replaced.
    inputs (Sequence[Optional[Path]]): Other files and folders that are read, None where there is none.
    YIELDS (Places): Where it writes to.
    """
    places = Places(command, model, force, [path for path in inputs if path is not None])
    try:
        yield places
    except KeyboardInterrupt as e:
        _end(places, "Stopped.", STOPPED, e)
    except (OSError, MemoryError) as e:
        _end(places, f"`{command}` failed: {reason(e)}.", 1, e)
    except ValueError as e:
        raise typer.BadParameter(str(e)) from e
    finally:
        places.restore_stdout()


def finite_or_none(value: Any) -> Any:
    """RETURNS (Any): The same numbers with None for what is not finite, which JSON does not have. value (Any): Numbers
    in lists and dicts."""
    if isinstance(value, dict):
        return {key: finite_or_none(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite_or_none(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _folder_of(model: Optional[str]) -> Optional[Path]:
    if model is None:
        return None
    if Path(model).exists():
        return Path(model)
    return get_package_path(model) if is_package(model) else None


def _end(places: Places, sentence: str, code: int, error: BaseException) -> None:
    typer.echo(sentence, err=True)
    places.tell()
    raise typer.Exit(code) from error
