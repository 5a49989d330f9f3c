"""Sentences of a file joined to docs."""

from typing import Callable, Iterable, Iterator, List, Optional

from .records import Record


def group_sentences(records: Iterable[Record], size: Optional[int], marked: bool) -> Iterator[Record]:
    """Join sentences to docs: as many as asked for, else those between two document marks, else none.

    records (Iterable[Record]): Sentences; other records are left as they are.
    size (Optional[int]): The most sentences of a doc; None for as many as the file's marks say.
    marked (bool): Whether the file marks documents.
    YIELDS (Record): A doc. No doc reaches over a document mark.
    """
    waiting: List[Record] = []
    for record in records:
        if not record.is_sentence:
            yield record
            continue
        full = len(waiting) >= size if size is not None else not marked
        if waiting and (record.new_doc or full):
            yield join(waiting)
            waiting = []
        waiting.append(record)
    if waiting:
        yield join(waiting)


def join(sentences: List[Record]) -> Record:
    """RETURNS (Record): One record of several sentences. sentences (List[Record]): The sentences; at least one."""
    first = sentences[0]
    # Values that only some sentences have are empty for the others.
    names = {name for each in sentences for name in each.columns}
    layers = {name for each in sentences for name in each.scores}
    joined = Record(first.line, words=[], spaces=[], sent_starts=[], meta=first.meta, new_doc=first.new_doc)
    assert joined.words is not None and joined.spaces is not None and joined.sent_starts is not None
    for each in sentences:
        words = each.words or []
        joined.words += words
        joined.spaces += each.spaces or [True] * len(words)
        joined.sent_starts += [i == 0 for i in range(len(words))]
        joined.lines += each.lines
        for name in names:
            joined.columns.setdefault(name, []).extend(each.columns.get(name, [""] * len(words)))
        for name in layers:
            joined.scores.setdefault(name, []).extend(each.scores.get(name, [None] * len(words)))
    if any(each.tags is not None for each in sentences):
        joined.tags = _joined(sentences, lambda each: each.tags, "-")
    if all(each.heads is not None for each in sentences):
        joined.heads = []
        for each in sentences:
            begin = len(joined.heads)
            joined.heads += [begin + head for head in each.heads or []]
    return joined


def _joined(sentences: List[Record], values_of: Callable[[Record], Optional[List[str]]], missing: str) -> List[str]:
    return [v for each in sentences for v in (values_of(each) or [missing] * len(each.words or []))]
