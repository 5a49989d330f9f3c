"""How likely the annotation of docs is, as pandas DataFrames."""

from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Optional, Sequence, Union

from spacy.tokens import Doc

from .confidence_rows import (
    ENTITY_COLUMNS,
    MOST_ALTERNATIVES,
    TOKEN_COLUMNS,
    Row,
    has_scores,
    rows_of_entities,
    rows_of_tokens,
    warn_unscored,
)

if TYPE_CHECKING:
    from pandas import DataFrame

Docs = Union[Doc, Iterable[Doc]]


def tokens_frame(
    docs: Docs, *, target: Optional[str] = None, most_alternatives: int = MOST_ALTERNATIVES
) -> "DataFrame":
    """What the tokens of docs have, and how likely it is.

    docs (Union[Doc, Iterable[Doc]]): The docs; they may be a stream, such as `nlp.pipe` gives.
    target (Optional[str]): See `token_rows`.
    most_alternatives (int): See `token_rows`.
    RETURNS (DataFrame): The rows of `token_rows`, with the index of the doc as "doc".
    RAISES (ImportError): If pandas is not installed.
    """
    return _frame(docs, "tokens_frame", rows_of_tokens, TOKEN_COLUMNS, target, most_alternatives)


def entities_frame(
    docs: Docs, *, target: Optional[str] = None, most_alternatives: int = MOST_ALTERNATIVES
) -> "DataFrame":
    """The entities of docs and the spans of their groups, and how likely they are.

    docs (Union[Doc, Iterable[Doc]]): The docs; they may be a stream, such as `nlp.pipe` gives.
    target (Optional[str]): See `entity_rows`. Docs without the group have no rows.
    most_alternatives (int): See `entity_rows`.
    RETURNS (DataFrame): The rows of `entity_rows`, with the index of the doc as "doc".
    RAISES (ImportError): If pandas is not installed.
    """
    return _frame(docs, "entities_frame", rows_of_entities, ENTITY_COLUMNS, target, most_alternatives)


def _frame(
    docs: Docs,
    function: str,
    rows_of: Callable[[Doc, Optional[str], int], List[Row]],
    columns: Sequence[str],
    target: Optional[str],
    most_alternatives: int,
) -> "DataFrame":
    try:
        from pandas import DataFrame
    except ImportError as e:
        raise ImportError(
            f"spacy_rnn_tagger.{function} needs pandas: pip install 'spacy-rnn-tagger[data]'; token_rows and "
            "entity_rows give the same rows as lists without it."
        ) from e
    rows: List[Dict[str, Any]] = []
    scored = tokens = 0
    for n, doc in enumerate([docs] if isinstance(docs, Doc) else docs):
        rows += [{"doc": n, **row} for row in rows_of(doc, target, most_alternatives)]
        scored += has_scores(doc)
        tokens += len(doc)
    if tokens and not scored:
        warn_unscored(function)
    # A column of None alone would hold objects.
    return DataFrame(rows, columns=["doc", *columns]).astype({"score": "float64"})
