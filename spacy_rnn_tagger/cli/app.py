"""The `rnn` group of commands, under `python -m spacy`."""

import warnings
from importlib.metadata import requires, version
from typing import Callable, Optional

import typer
from spacy.cli._util import app

rnn_cli = typer.Typer(
    name="rnn",
    help="Commands for pipelines with recurrent layers (spacy-rnn-tagger).",
    no_args_is_help=True,
)


@rnn_cli.callback()
def group() -> None:
    """Commands for pipelines with recurrent layers (spacy-rnn-tagger)."""


def add_commands(import_commands: Callable[[], object]) -> Optional[typer.Typer]:
    """Add the group to spaCy's command line, or say why that cannot be. spaCy imports this package before it runs any
    command, so an error here would take away all of spaCy's commands.

    import_commands (Callable): Imports the modules that register commands.
    RETURNS (Optional[Typer]): The group; None if its commands do not work.
    """
    try:
        import_commands()
        # Typer reads the commands' signatures only here, and spaCy would do it for all commands at once.
        typer.main.get_command(rnn_cli)
    except Exception as e:
        needed = next((line for line in requires("spacy-rnn-tagger") or () if line.startswith("typer")), "typer")
        warnings.warn(
            f"spacy-rnn-tagger: the commands `spacy rnn` are left out, because they do not work with typer "
            f"{version('typer')} and "
            f"click {version('click')} ({type(e).__name__}: {e}); upgrade with: pip install --upgrade {needed!r}",
            stacklevel=2,
        )
        return None
    app.add_typer(rnn_cli)
    return rnn_cli
