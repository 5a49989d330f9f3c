"""`python -m spacy rnn`: the command line. spaCy imports this package through its `spacy_cli` entry point."""

from ..cli import bias, calibrate, compress, convert, summary  # noqa: F401
from .app import rnn_cli

__all__ = ["rnn_cli"]
