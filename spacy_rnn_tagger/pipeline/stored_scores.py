"""Probabilities kept on docs, and the extension attributes that read them.

Spans are kept as the group `doc.spans[key]`, with their probabilities in its `attrs["scores"]`, as spaCy's `spancat` does.
Tokens are kept as a few arrays in `doc.user_data`. Beside each probability lies a mark of the annotation that it is about, and
whatever is changed later, a probability is read only where the mark still fits.
"""

from functools import partial
from itertools import compress
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span, SpanGroup, Token

from .confidence import Decoded, Probabilities
from .targets import ABSTAIN, Target, make_target, to_array

PACKAGE = "spacy_rnn_tagger"
# Knuth's multiplier of 64-bit linear congruential generators: odd, so that no bit of a value is lost.
MULTIPLIER = np.uint64(6364136223846793005)


def store(
    docs: Sequence[Doc],
    key: str,
    target: Target,
    decoded: Decoded,
    kept: Sequence[NDArray[np.bool_]],
    labels: Sequence[str],
    tags: Sequence[str],
) -> None:
    """Keep how likely predictions are. What was there before them has no probability, and neither has what was not written.

    docs (Sequence[Doc]): The docs, already annotated.
    key (str): What to keep the probabilities under.
    target (Target): What they are about.
    decoded (Decoded): What was decoded for the docs.
    kept (Sequence[array]): Per doc (n_tokens,) bool, where annotation was left as it was.
    labels (Sequence[str]): The labels.
    tags (Sequence[str]): The tags.
    """
    marginals = decoded.marginals
    offset = 0
    for doc, theirs in zip(docs, kept):
        rows = slice(offset, offset + len(doc))
        record: Dict[str, Any] = {}
        if decoded.scores is not None and decoded.spans is None:
            written = (decoded.path[rows] != ABSTAIN) & ~theirs
            record["scores"] = np.where(written, decoded.scores[rows], np.float32(np.nan))
        if marginals is not None:
            record["probs"] = np.where(theirs[:, None], np.float32(np.nan), marginals[rows])
            record["tags"] = list(tags)
        if record:
            _user_data(doc)[PACKAGE, key] = {"target": target.name, "marks": _marks(doc, target), **record}
        if decoded.scores is not None and decoded.spans is not None:
            first, last = np.searchsorted(decoded.spans.starts, (rows.start, rows.stop))
            places = zip(*(array[first:last].tolist() for array in decoded.spans))
            spans = [Span(doc, start - offset, end - offset, label=labels[label]) for start, end, label in places]
            ours = ~theirs[[span.start for span in spans]]
            _store_spans(doc, key, list(compress(spans, ours)), decoded.scores[first:last][ours])
        offset = rows.stop


def forget(doc: Doc, key: str) -> None:
    """Drop what was kept under a key, because it is about an earlier prediction."""
    _user_data(doc).pop((PACKAGE, key), None)
    if key in doc.spans and "marks" in doc.spans[key].attrs:
        del doc.spans[key]


def span_score(key: str, span: Span) -> Optional[float]:
    """The probability of a predicted span.

    key (str): What its probability was kept under.
    span (Span): The span.
    RETURNS (Optional[float]): The probability that just these tokens with just this label are one; None if it is not known,
        because none was kept, or because the span was not predicted like this.
    """
    attrs = span.doc.spans[key].attrs if key in span.doc.spans else {}
    if "marks" not in attrs or len(attrs["marks"]) != len(attrs.get("scores", ())) or not len(span):
        return None
    at = np.flatnonzero(attrs["marks"] == _span_marks([span]))
    return float(attrs["scores"][at[0]]) if at.size else None


def token_score(key: str, token: Token) -> Optional[float]:
    """The probability of a token's annotation.

    key (str): What its probability was kept under.
    token (Token): The token.
    RETURNS (Optional[float]): The probability; None if it is not known, because none was kept, or because the annotation was
        there before or was changed since.
    """
    record = _record(key, token)
    if record is None or "scores" not in record:
        return None
    score = float(record["scores"][token.i])
    return None if np.isnan(score) else score


def token_probs(key: str, token: Token) -> Optional[Dict[str, float]]:
    """The probability of every tag at a token.

    key (str): What they were kept under.
    token (Token): The token.
    RETURNS (Optional[Dict[str, float]]): Probabilities by tag, which sum to 1; None as in `token_score`.
    """
    record = _record(key, token)
    if record is None or "probs" not in record:
        return None
    row = record["probs"][token.i]
    return None if np.isnan(row[0]) else dict(zip(record["tags"], row.tolist()))


def register_extensions(key: str) -> List[str]:
    """Make what is kept under a key readable as `Span._.{key}_score`, `Token._.{key}_score` and `Token._.{key}_probs`.

    key (str): The key.
    RETURNS (List[str]): The extension attributes of other making that have one of these names, and are left alone.
    """
    taken = []
    extensions: Tuple[Tuple[Any, str, Any], ...] = (
        (Span, f"{key}_score", span_score),
        (Token, f"{key}_score", token_score),
        (Token, f"{key}_probs", token_probs),
    )
    for cls, name, function in extensions:
        if not cls.has_extension(name):
            # Not a closure: spawned worker processes get all extensions as a pickle.
            cls.set_extension(name, getter=partial(function, key))
            continue
        getter = cls.get_extension(name)[2]
        if not (isinstance(getter, partial) and getter.func is function and getter.args == (key,)):
            taken.append(f"{cls.__name__}._.{name}")
    return taken


def _store_spans(doc: Doc, key: str, spans: Sequence[Span], scores: Probabilities) -> None:
    doc.spans[key] = SpanGroup(doc, name=key, spans=spans, attrs={"scores": scores, "marks": _span_marks(spans)})


def _record(key: str, token: Token) -> Optional[Dict[str, Any]]:
    """What was kept under a key, if it is about this very token with this very annotation."""
    doc = token.doc
    record: Optional[Dict[str, Any]] = _user_data(doc).get((PACKAGE, key))
    if record is None or len(record["marks"]) != len(doc):
        return None
    mark = _marks(doc[token.i : token.i + 1], make_target(record["target"], doc.vocab))
    return record if mark[0] == record["marks"][token.i] else None


def _user_data(doc: Doc) -> Dict[Any, Any]:
    """A doc's data. The keys can be tuples, whatever spaCy's stubs say."""
    data: Dict[Any, Any] = doc.user_data
    return data


def _marks(tokens: Union[Doc, Span], target: Target) -> NDArray[np.uint64]:
    """(n_tokens,) one number that tells a token's place in the text, its word and its annotation from others."""
    return _mix(np.hstack((to_array(tokens, "IDX", "ORTH"), target.state(tokens))))


def _span_marks(spans: Sequence[Span]) -> NDArray[np.uint64]:
    """(n_spans,) one number that tells a span's place in the text and its label from others."""
    # Its characters are looked up by its tokens: retokenisation moves those, but not the span.
    places = [(span[0].idx, span[-1].idx + len(span[-1]), span.label) for span in spans]
    return _mix(np.asarray(places, dtype="uint64").reshape((-1, 3)))


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(n,) one number for each row, modulo 2 ** 64."""
    mixed = values[:, 0]
    for column in values.T[1:]:
        mixed = mixed * MULTIPLIER + column
    return mixed
