"""`python -m spacy rnn`: the command line. spaCy imports this package through its `spacy_cli` entry point."""

import sys
from typing import Any

from .app import add_commands


def import_commands() -> None:
    """Let every command register itself, and let spaCy's `evaluate` draw what our components find."""
    from ..cli import annotate, bias, calibrate, check, compress, convert, init_config, summary  # noqa: F401
    from .displacy_pages import draw_all

    # The package has a function of the module's name.
    evaluate: Any = sys.modules["spacy.cli.evaluate"]
    evaluate.render_parses = draw_all(evaluate.render_parses)


rnn_cli = add_commands(import_commands)

__all__ = ["rnn_cli"]
