"""RNN, LSTM and GRU taggers for spaCy: trained by PyTorch, served by arrays."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from .report.confidence_frames import entities_frame, tokens_frame
    from .report.confidence_rows import entity_rows, to_json, token_rows
    from .report.shaded_text import render

try:
    __version__ = version("spacy-rnn-tagger")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

__all__ = ["__version__", "entities_frame", "entity_rows", "render", "to_json", "token_rows", "tokens_frame"]
_PLACES = {
    "entities_frame": "report.confidence_frames",
    "entity_rows": "report.confidence_rows",
    "render": "report.shaded_text",
    "to_json": "report.confidence_rows",
    "token_rows": "report.confidence_rows",
    "tokens_frame": "report.confidence_frames",
}


def __getattr__(name: str) -> Any:
    """What the package offers is imported where it is first used: spaCy imports the package for its entry points, and
    `spacy --help` should not wait for more."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)


def __dir__() -> List[str]:
    return sorted({*globals(), *_PLACES})
