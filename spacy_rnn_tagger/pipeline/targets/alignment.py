"""Gold values of the reference's tokens, on the tokens of the predicted doc."""

from typing import Dict, FrozenSet, List, Optional, Sequence, Set, TypeVar

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span
from spacy.training import Example

Sets = List[Optional[FrozenSet[str]]]
Value = TypeVar("Value")


def same_tokens(example: Example) -> bool:
    """Whether both docs have the same tokens."""
    x, y = example.x, example.y
    return len(x) == len(y) and bool((x.to_array("ORTH") == y.to_array("ORTH")).all())


def align_values(example: Example, values: Sequence[Optional[Value]]) -> List[Optional[Value]]:
    """Project one value per gold token, as `Example.get_aligned` does: a predicted token that holds several gold tokens
    has their value if they agree, else none.

    example (Example): The example.
    values (Sequence[Optional[Value]]): (n_gold_tokens,) values, None for a missing one.
    RETURNS (List[Optional[Value]]): (n_predicted_tokens,) values, None where missing or misaligned.
    """
    if same_tokens(example):
        return list(values)
    x2y = example.alignment.x2y
    # The values by number, so that whole tokens are compared at once.
    numbers: Dict[Optional[Value], int] = {}
    numbered = np.asarray([numbers.setdefault(value, len(numbers)) for value in values], dtype=np.int64)[x2y.data]
    lengths = np.asarray(x2y.lengths)
    reached = np.flatnonzero(lengths)
    starts = (np.cumsum(lengths) - lengths)[reached]
    lowest, highest = (
        function.reduceat(numbered, starts) if reached.size else numbered for function in (np.minimum, np.maximum)
    )
    agreed = lowest == highest
    known = list(numbers)
    aligned: List[Optional[Value]] = [None] * len(example.x)
    for i, number in zip(reached[agreed].tolist(), lowest[agreed].tolist()):
        aligned[i] = known[number]
    return aligned


def align_rows(example: Example, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Project one row of numbers per gold token to the predicted tokens that are the same.

    example (Example): The example.
    rows (array): (n_gold_tokens, n) numbers.
    RETURNS (array): (n_predicted_tokens, n) the rows; zeros for tokens that are not one whole gold token.
    """
    if same_tokens(example):
        return rows
    x2y, y2x = example.alignment.x2y, example.alignment.y2x
    found = np.zeros((len(example.x), rows.shape[1]), dtype=rows.dtype)
    lengths = np.asarray(x2y.lengths)
    alone = np.flatnonzero(lengths == 1)
    same = np.asarray(x2y.data)[(np.cumsum(lengths) - lengths)[alone]]
    whole = np.asarray(y2x.lengths)[same] == 1
    found[alone[whole]] = rows[same[whole]]
    return found


def aligned_strings(example: Example, attr: str) -> List[Optional[str]]:
    """What `Example.get_aligned(attr, as_string=True)` returns, and several times faster where both docs have the same
    tokens.

    example (Example): The example.
    attr (str): A string attribute, as `Doc.to_array` knows it.
    RETURNS (List[Optional[str]]): (n_predicted_tokens,) strings, None where misaligned.
    """
    strings = example.y.vocab.strings
    values = example.y.to_array(attr).tolist()
    known = {value: strings[value] for value in set(values)}
    return align_values(example, [known[value] for value in values])


def count_reached(example: Example, aligned: Sequence[Optional[object]]) -> int:
    """How many gold tokens lie under predicted tokens that have a value.

    aligned (Sequence[Optional[object]]): (n_predicted_tokens,) what reached each, None for nothing.
    """
    reached: Set[int] = set()
    for i, value in enumerate(aligned):
        if value is not None:
            reached.update(example.alignment.x2y[i].tolist())
    return len(reached)


def align_spans(example: Example, spans: Sequence[Span], *, allow_overlap: bool) -> List[Span]:
    """The spans of the reference that are spans of the predicted doc too, as such."""
    share_labels(example, spans)
    found: List[Span] = example.get_aligned_spans_y2x(spans, allow_overlap=allow_overlap)
    return found


def share_labels(example: Example, spans: Sequence[Span]) -> None:
    """Make the predicted doc's vocabulary know the labels of the reference's spans, which may be of
    another vocabulary."""
    if example.x.vocab is not example.y.vocab:
        for span in spans:
            example.x.vocab.strings.add(span.label_)


def outside_of(example: Example, spans: Sequence[Span]) -> List[bool]:
    """(n_predicted_tokens,) whether a predicted token has gold tokens and none of them is in a span of the
    reference."""
    inside = np.zeros((len(example.y),), dtype=bool)
    for span in spans:
        inside[span.start : span.end] = True
    if same_tokens(example):
        return (~inside).tolist()
    x2y = example.alignment.x2y
    return [bool(len(x2y[i])) and not inside[x2y[i]].any() for i in range(len(example.x))]


def describe(doc: Doc) -> str:
    """A doc by the beginning of its text, for messages."""
    return f"doc {doc.text[:60]!r}"
