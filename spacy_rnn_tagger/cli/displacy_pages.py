"""The pages of `spacy evaluate --displacy-path`, for components of any factory."""

from functools import wraps
from pathlib import Path
from typing import Any, Callable, List

from spacy.tokens import Doc

SPANS_KEY = "sc"
"""The span group that displaCy draws unless it is told another."""


def draw_all(render: Callable[..., None]) -> Callable[..., None]:
    """Let spaCy's function that writes the pages draw what the docs have. Its command asks it for entities and spans
    only if the pipeline has a factory of the name `ner` or `spancat`.

    render (Callable): `spacy.cli.evaluate.render_parses`.
    RETURNS (Callable): The same for docs of other factories; the same function if it draws them already.
    """
    if hasattr(render, "__wrapped__"):
        return render

    @wraps(render)
    def render_parses(docs: List[Doc], output_path: Path, *args: Any, **kwargs: Any) -> None:
        if not args:
            kwargs["ents"] = kwargs.get("ents", True) or any(doc.ents for doc in docs)
            kwargs["spans"] = kwargs.get("spans", True) or all(SPANS_KEY in doc.spans for doc in docs)
        render(docs, output_path, *args, **kwargs)

    return render_parses
