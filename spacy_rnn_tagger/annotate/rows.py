"""Docs as rows: their annotation in arrays, without a step of Python for each token."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IDS
from spacy.strings import StringStore
from spacy.tokens import Doc, Token

from ..pipeline.stored_scores import stored_span_scores, stored_token_scores
from .layers import TOKEN_LAYERS, Layers

Ints = NDArray[np.int32]
Hashes = NDArray[np.uint64]
Scores = NDArray[np.float32]
BEGINS, CONTINUES = 3, 1
"""Values of the attribute ENT_IOB."""


@dataclass
class Spans:
    """Spans of some docs.

    sizes: (n_docs,) how many each doc has.
    starts: (n_spans,) where each begins, in characters.
    ends: (n_spans,) where each ends, exclusive.
    labels: (n_spans,) the hash of each label; None of sentences.
    scores: (n_spans,) the probability of each, NaN where it is not known; None if they were not asked for.
    """

    sizes: Ints
    starts: Ints
    ends: Ints
    labels: Optional[Hashes] = None
    scores: Optional[Scores] = None


@dataclass
class Rows:
    """The annotation of some docs. Arrays with a value for each token are those of all docs, concatenated.

    ids: (n_docs,) their ids.
    texts: (n_docs,) their texts; None if they were not asked for.
    sizes: (n_docs,) how many tokens each has.
    starts: (n_tokens,) where each token begins in its doc's text, in characters.
    ends: (n_tokens,) where each ends, exclusive.
    labels: (n_tokens,) by column: hashes of labels, 0 where there is none.
    strings: (n_tokens,) by custom attribute: its values.
    scores: (n_tokens,) by column: probabilities, NaN where they are not known.
    heads: (n_tokens,) the index of each token's head in its doc; None if there are no trees.
    spans: The spans by column: "ents", "sents" and "spans_<key>".
    cats: (n_docs,) the categories of each text; None if there are none.
    """

    ids: List[str]
    texts: Optional[List[str]]
    sizes: Ints
    starts: Ints
    ends: Ints
    labels: Dict[str, Hashes] = field(default_factory=dict)
    strings: Dict[str, List[Optional[str]]] = field(default_factory=dict)
    scores: Dict[str, Scores] = field(default_factory=dict)
    heads: Optional[Ints] = None
    spans: Dict[str, Spans] = field(default_factory=dict)
    cats: Optional[List[Dict[str, float]]] = None


def make_rows(docs: Sequence[Doc], ids: Sequence[str], layers: Layers, *, with_text: bool = False) -> Rows:
    """The annotation of some docs.

    docs (Sequence[Doc]): The docs, at least one.
    ids (Sequence[str]): Their ids.
    layers (Layers): What is taken.
    with_text (bool): Whether to take the texts.
    RETURNS (Rows): The rows.
    """
    attrs = ["IDX", "LENGTH", "SENT_START", "ENT_IOB", "ENT_TYPE", "HEAD"]
    attrs += [TOKEN_LAYERS[name] for name in layers.tokens]
    numbers = [IDS[attr] for attr in attrs]
    table = np.concatenate([doc.to_array(numbers).reshape((-1, len(attrs))) for doc in docs])
    columns = dict(zip(attrs, table.T))
    sizes = np.asarray([len(doc) for doc in docs], dtype="int32")
    starts = columns["IDX"].astype("int32")
    ends = starts + columns["LENGTH"].astype("int32")
    rows = Rows(list(ids), [doc.text for doc in docs] if with_text else None, sizes, starts, ends)
    rows.labels = {name: np.ascontiguousarray(columns[TOKEN_LAYERS[name]]) for name in layers.tokens}
    rows.strings = {name: _extension(docs, name) for name in layers.extensions}
    for column in [*layers.tokens, *(f"_.{name}" for name in layers.extensions)]:
        if column in layers.scored:
            rows.scores[column] = np.concatenate([stored_token_scores(layers.scored[column], doc) for doc in docs])
    if layers.heads:
        first = np.cumsum(sizes) - sizes
        rows.heads = (np.arange(len(starts)) - np.repeat(first, sizes) + columns["HEAD"].astype("int64")).astype(
            "int32"
        )
    if layers.sents:
        rows.spans["sents"] = _sentences(rows, columns["SENT_START"])
    if layers.ents:
        rows.spans["ents"] = _entities(docs, rows, columns["ENT_IOB"], columns["ENT_TYPE"], layers.scored.get("ents"))
    for key in layers.groups:
        rows.spans[f"spans_{key}"] = _group(docs, key, layers.scored.get(f"spans:{key}"))
    rows.cats = [dict(doc.cats) for doc in docs] if layers.cats else None
    return rows


def concatenate(parts: Sequence[Rows]) -> Rows:
    """RETURNS (Rows): The rows of all parts, which are of the same layers. parts (Sequence[Rows]): At least one."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]

    def joined(arrays: List[Any]) -> Any:
        return None if arrays[0] is None else np.concatenate(arrays)

    def listed(lists: List[Any]) -> Any:
        return None if lists[0] is None else [each for part in lists for each in part]

    names = ("sizes", "starts", "ends", "labels", "scores")
    return Rows(
        ids=listed([part.ids for part in parts]),
        texts=listed([part.texts for part in parts]),
        sizes=joined([part.sizes for part in parts]),
        starts=joined([part.starts for part in parts]),
        ends=joined([part.ends for part in parts]),
        labels={name: joined([part.labels[name] for part in parts]) for name in first.labels},
        strings={name: listed([part.strings[name] for part in parts]) for name in first.strings},
        scores={name: joined([part.scores[name] for part in parts]) for name in first.scores},
        heads=joined([part.heads for part in parts]),
        spans={
            name: Spans(*(joined([getattr(part.spans[name], each) for part in parts]) for each in names))
            for name in first.spans
        },
        cats=listed([part.cats for part in parts]),
    )


def names_of(hashes: Hashes, strings: StringStore) -> List[Optional[str]]:
    """RETURNS (List[Optional[str]]): The labels of some hashes, None for 0. hashes (array): The hashes. strings
    (StringStore): The strings of the vocabulary."""
    known: Dict[int, Optional[str]] = {0: None}
    values = hashes.tolist()
    for value in set(values):
        known.setdefault(value, strings[value])
    return [known[value] for value in values]


def _sentences(rows: Rows, sent_start: Hashes) -> Spans:
    begins = sent_start == 1
    full = rows.sizes > 0
    firsts = (np.cumsum(rows.sizes) - rows.sizes)[full]
    begins[firsts] = True
    at = np.flatnonzero(begins)
    lasts = np.append(at[1:], len(begins)) - 1 if at.size else at
    return Spans(_count(begins, rows.sizes), rows.starts[at], rows.ends[lasts])


def _entities(docs: Sequence[Doc], rows: Rows, iob: Hashes, types: Hashes, key: Optional[str]) -> Spans:
    begins = (iob == BEGINS) & (types != 0)
    at = np.flatnonzero(begins)
    stops = np.flatnonzero(np.append(iob, 0) != CONTINUES)
    lasts = stops[np.searchsorted(stops, at, side="right")] - 1 if at.size else at
    sizes = _count(begins, rows.sizes)
    labels = types[at]
    found = Spans(sizes, rows.starts[at], rows.ends[lasts], labels)
    if key is not None:
        bounds = np.concatenate(([0], np.cumsum(sizes)))
        offsets = np.cumsum(rows.sizes) - rows.sizes
        parts = []
        for i, doc in enumerate(docs):
            own = slice(bounds[i], bounds[i + 1])
            known = stored_span_scores(key, doc) if sizes[i] else {}
            places = zip((at[own] - offsets[i]).tolist(), (lasts[own] + 1 - offsets[i]).tolist(), labels[own].tolist())
            parts += [known.get(place, np.nan) for place in places]
        found.scores = np.asarray(parts, dtype="float32")
    return found


def _group(docs: Sequence[Doc], key: str, scores_key: Optional[str]) -> Spans:
    sizes, places, scores = [], [], []
    for doc in docs:
        group = doc.spans.get(key, ())
        sizes.append(len(group))
        known = stored_span_scores(scores_key, doc) if scores_key is not None and len(group) else {}
        for span in group:
            places.append((span.start_char, span.end_char, span.label))
            scores.append(known.get((span.start, span.end, span.label), np.nan))
    table = np.asarray(places, dtype="uint64").reshape((-1, 3))
    found = Spans(np.asarray(sizes, "int32"), table[:, 0].astype("int32"), table[:, 1].astype("int32"), table[:, 2])
    if scores_key is not None:
        found.scores = np.asarray(scores, dtype="float32")
    return found


def _extension(docs: Sequence[Doc], name: str) -> List[Optional[str]]:
    if not Token.has_extension(name):
        return [None] * sum(map(len, docs))
    values = (token._.get(name) for doc in docs for token in doc)
    return [None if value is None else str(value) for value in values]


def _count(marks: NDArray[np.bool_], sizes: Ints) -> Ints:
    """(n_docs,) how many tokens of each doc are marked."""
    before = np.concatenate(([0], np.cumsum(marks)))
    ends = np.cumsum(sizes)
    counts: Ints = (before[ends] - before[ends - sizes]).astype("int32")
    return counts
