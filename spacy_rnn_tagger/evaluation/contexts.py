"""Predictions beside gold, in the words around them."""

from dataclasses import dataclass
from typing import List, Optional, Tuple

from spacy.tokens import Doc

from .judged_task import JudgedPair, JudgedTask
from .readings import Item

N_AROUND = 12
"""How many tokens to show on each side."""
MOST_INSIDE = 60
"""How many tokens of a long span to show."""


@dataclass(frozen=True)
class Place:
    """Tokens of the words that are shown, and their label.

    start (int): The first.
    end (int): The token after the last.
    label (str): The label.
    """

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class Context:
    """Some tokens of a doc.

    doc (int): Which example, counting from 0.
    start (int): The first of the tokens in the doc.
    words (List[str]): The tokens, each with the whitespace after it.
    cut (Tuple[bool, bool]): Whether the doc has tokens before, and after.
    """

    doc: int
    start: int
    words: List[str]
    cut: Tuple[bool, bool]


@dataclass(frozen=True)
class ErrorInContext:
    """Something that is wrong.

    kind (str): What is wrong, a kind that `error_kinds` defines.
    gold (Optional[Place]): What gold has; None if it has nothing.
    predicted (Optional[Place]): What the pipeline predicts; None if it predicts nothing.
    confidence (Optional[float]): How likely the component found its prediction; None if it does not say.
    gold_probability (Optional[float]): How likely the component found what gold has.
    context (Context): The words.
    """

    kind: str
    gold: Optional[Place]
    predicted: Optional[Place]
    confidence: Optional[float]
    gold_probability: Optional[float]
    context: Context


def find_errors(task: JudgedTask) -> List[JudgedPair]:
    """All that is wrong, the worst first: predictions by how sure they are, then gold that nothing is predicted for by
    how unlikely it seemed; without confidences in the order of the data.

    task (JudgedTask): The target on data.
    RETURNS (List[JudgedPair]): The errors.
    """
    wrong = [each for each in task.pairs if each.pair.kind != "right"]
    return sorted(wrong, key=lambda each: (each.pair.predicted is None, _badness(each)))


def _badness(each: JudgedPair) -> float:
    """Less for what is worse."""
    if each.confidence is not None:
        return -each.confidence
    return each.gold_probability if each.gold_probability is not None else 2.0


def show(task: JudgedTask, each: JudgedPair) -> ErrorInContext:
    """RETURNS (ErrorInContext): An error in the words around it. task (JudgedTask): The target on data. each
    (JudgedPair): One of its pairs."""
    context = context_of(task, each.doc, each.pair.gold, each.pair.predicted)
    return ErrorInContext(
        kind=each.pair.kind,
        gold=place_in(context, each.pair.gold),
        predicted=place_in(context, each.pair.predicted),
        confidence=each.confidence,
        gold_probability=each.gold_probability,
        context=context,
    )


def context_of(task: JudgedTask, doc_index: int, *items: Optional[Item]) -> Context:
    """The words around items.

    task (JudgedTask): The target on data.
    doc_index (int): Which example.
    *items (Optional[Item]): The items, at least one of them not None.
    RETURNS (Context): The words.
    """
    given = [item for item in items if item is not None]
    start, end = min(item[0] for item in given), max(item[1] for item in given)
    return words_around(task.readings[doc_index].doc, doc_index, start, end)


def words_around(doc: Doc, doc_index: int, start: int, end: int) -> Context:
    """The words around some tokens.

    doc (Doc): The doc.
    doc_index (int): Which doc it is.
    start (int): The first of the tokens.
    end (int): The token after the last.
    RETURNS (Context): The words.
    """
    first, last = max(0, start - N_AROUND), min(len(doc), min(end, start + MOST_INSIDE) + N_AROUND)
    words = [token.text_with_ws for token in doc[first:last]]
    return Context(doc_index, first, words, (first > 0, last < len(doc)))


def place_in(context: Context, item: Optional[Item]) -> Optional[Place]:
    """RETURNS (Optional[Place]): An item on the tokens that are shown, cut at their end. context (Context): The tokens.
    item (Optional[Item]): The item."""
    if item is None:
        return None
    return Place(item[0] - context.start, min(item[1] - context.start, len(context.words)), item[2])
