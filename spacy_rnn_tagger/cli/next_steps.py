"""What to do after spaCy's own `train` and `evaluate`, said at their end where a pipeline has our components."""

import functools
import inspect
import shlex
from pathlib import Path
from typing import Any, Callable, List, Optional

import srsly
import typer
from spacy.util import get_package_path, is_package, load_config, registry

from .shared import tell_next

PACKAGE = __name__.partition(".")[0]


def add_next_steps(app: typer.Typer) -> None:
    """Let spaCy's `train` and `evaluate` end by the next command. spaCy offers no other way than to wrap the functions
    that it gave to its command line; their arguments and what they do stay as they are.

    app (Typer): spaCy's command line.
    """
    groups = [app, *(group.typer_instance for group in app.registered_groups if group.typer_instance is not None)]
    for group in groups:
        for command in group.registered_commands:
            tell = TELLERS.get(getattr(command.callback, "__name__", ""))
            if tell is not None and command.callback is not None and not hasattr(command.callback, "__wrapped__"):
                command.callback = _and_then(command.callback, tell)


def after_training(arguments: Any) -> List[str]:
    """RETURNS (List[str]): The command that evaluates a pipeline that was trained, none if it was not saved or has no
    component of ours. arguments (Dict[str, Any]): What `spacy train` was called with."""
    if arguments["output_path"] is None:
        return []
    model = Path(arguments["output_path"], "model-best")
    if not model.is_dir() or not _has_our_components(model):
        return []
    dev = load_config(model / "config.cfg").get("paths", {}).get("dev")
    data = "TEST.spacy" if not dev else shlex.quote(str(_test_part(Path(dev))))
    code = "" if arguments.get("code_path") is None else f" --code {shlex.quote(str(arguments['code_path']))}"
    return [f"python -m spacy evaluate {shlex.quote(str(model))} {data}{code}"]


def after_evaluating(arguments: Any) -> List[str]:
    """RETURNS (List[str]): The commands that ship a pipeline that was evaluated, and that show its errors; none if it
    has no component of ours. arguments (Dict[str, Any]): What `spacy evaluate` was called with."""
    model = _folder(arguments["model"])
    if model is None or not _has_our_components(model):
        return []
    code = "" if arguments.get("code_path") is None else f" --code {shlex.quote(str(arguments['code_path']))}"
    return [f"python -m spacy rnn wheelhouse {shlex.quote(arguments['model'])} wheels{code}"]


TELLERS = {"train_cli": after_training, "evaluate_cli": after_evaluating}


def _and_then(command: Callable[..., None], tell: Callable[[Any], List[str]]) -> Callable[..., None]:
    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        command(*args, **kwargs)
        try:
            steps = tell(inspect.signature(command).bind(*args, **kwargs).arguments)
        except Exception:  # a hint must not fail work that is done
            return
        if steps:
            tell_next(*steps)

    return wrapped


def _folder(model: str) -> Optional[Path]:
    if Path(model).is_dir():
        return Path(model)
    if not is_package(model):
        return None
    package = get_package_path(model)
    return package / f"{package.name}-{srsly.read_json(package / 'meta.json')['version']}"


def _has_our_components(model: Path) -> bool:
    components = load_config(model / "config.cfg").get("components", {})
    factories = (each["factory"] for each in components.values() if "factory" in each)
    return any(str(registry.find("factories", factory)["module"]).startswith(f"{PACKAGE}.") for factory in factories)


def _test_part(dev: Path) -> Path:
    """RETURNS (Path): The test part beside a development part, if it is there; else the development part itself."""
    test = dev.with_name(dev.name.replace("dev", "test"))
    return test if test.exists() else dev
