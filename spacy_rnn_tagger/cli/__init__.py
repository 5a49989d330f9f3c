"""`python -m spacy rnn`: the command line. spaCy imports this package through its `spacy_cli` entry point."""

import sys
from typing import Any

from .app import add_commands


def import_commands() -> None:
    """Let every command register itself, and let spaCy's `train` and `evaluate` name the command that comes after them
    and draw what our components find."""
    from ..cli import (  # noqa: F401
        annotate,
        bias,
        calibrate,
        check,
        compress,
        convert,
        distill,
        doubts,
        init_config,
        report,
        suggest,
        summary,
        sweep,
        train,
        wheelhouse,
    )
    from .app import app
    from .displacy_pages import draw_all
    from .next_steps import add_next_steps

    add_next_steps(app)
    # The package has a function of the module's name.
    evaluate: Any = sys.modules["spacy.cli.evaluate"]
    evaluate.render_parses = draw_all(evaluate.render_parses)


rnn_cli = add_commands(import_commands)

__all__ = ["rnn_cli"]
