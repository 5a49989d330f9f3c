"""`python -m spacy rnn`: the command line. spaCy imports this package through its `spacy_cli` entry point."""

from .app import add_commands


def import_commands() -> None:
    """Let every command register itself."""
    from ..cli import bias, calibrate, compress, summary  # noqa: F401


rnn_cli = add_commands(import_commands)

__all__ = ["rnn_cli"]
