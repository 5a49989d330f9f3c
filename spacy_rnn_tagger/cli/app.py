"""The `rnn` group of commands, under `python -m spacy`."""

import typer
from spacy.cli._util import app

rnn_cli = typer.Typer(
    name="rnn",
    help="Commands for pipelines with recurrent layers (spacy-rnn-tagger).",
    no_args_is_help=True,
)
app.add_typer(rnn_cli)


@rnn_cli.callback()
def group() -> None:
    """Commands for pipelines with recurrent layers (spacy-rnn-tagger)."""
