"""Probabilities kept on docs, and the extension attributes that read them.

Spans are kept as the group `doc.spans[key]`, with their probabilities in its `attrs["scores"]`, as spaCy's `spancat`
does. Tokens are kept as a few arrays, a record in `doc.user_data` under the key of a custom attribute, so that
`Doc.from_docs` and `Span.as_doc` take it along. Beside each probability lies a mark of the annotation that it is about,
and whatever is changed later, a probability is read only where the mark still fits.
"""

from functools import partial
from itertools import compress
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span, SpanGroup, Token

from .confidence import Probabilities
from .predictions import Confidence
from .targets import ABSTAIN, Path, Target, make_target, to_array

# Knuth's multiplier of 64-bit linear congruential generators: odd, so that no bit of a value is lost.
MULTIPLIER = np.uint64(6364136223846793005)
Record = Dict[str, Any]
"""What is kept of the n tokens of a doc: their `offsets` (n,), where each begins, in characters after the record's
place; their `marks` (n,), what each is; their `scores` (n,) and `probs` (n, n_tags) as far as they were asked for; and
the names of `tags` and `target`."""


def store(
    doc: Doc,
    key: str,
    target: Target,
    path: Path,
    confidence: Confidence,
    kept: NDArray[np.bool_],
    labels: Sequence[str],
    tags: Sequence[str],
) -> None:
    """Keep how likely predictions are. What was there before them has no probability, and neither has what was not
    written.

    doc (Doc): The doc, already annotated.
    key (str): What to keep the probabilities under.
    target (Target): What they are about.
    path (array): (n_tokens,) the tag indices that were predicted.
    confidence (Confidence): How likely they are.
    kept (array): (n_tokens,) bool, where annotation was left as it was.
    labels (Sequence[str]): The labels.
    tags (Sequence[str]): The tags.
    """
    scores, spans, marginals = confidence
    record: Record = {}
    if scores is not None and spans is None:
        record["scores"] = np.where((path != ABSTAIN) & ~kept, scores, np.float32(np.nan))
    if marginals is not None:
        record["probs"] = np.where(kept[:, None], np.float32(np.nan), marginals)
        record["tags"] = list(tags)
    if record:
        offsets = to_array(doc, "IDX")[:, 0].astype("int64")
        record.update(target=target.name, offsets=offsets, marks=_marks(doc, target, 0))
        _user_data(doc)[_record_key(key)] = record
    if scores is not None and spans is not None:
        places = zip(*(array.tolist() for array in spans))
        found = [Span(doc, start, end, label=labels[label]) for start, end, label in places]
        ours = ~kept[[span.start for span in found]]
        _store_spans(doc, key, target.name, list(compress(found, ours)), scores[ours])


def forget(doc: Doc, key: str) -> None:
    """Drop what was kept under a key, because it is about an earlier prediction."""
    for _, place in list(_records(doc, key)):
        del _user_data(doc)[_record_key(key, place)]
    if key in doc.spans and "marks" in doc.spans[key].attrs:
        del doc.spans[key]


def stored_targets(doc: Doc) -> Dict[str, str]:
    """What the probabilities that a doc has are about.

    doc (Doc): The doc.
    RETURNS (Dict[str, str]): The name of the target by the key under which probabilities were kept, of tokens or spans.
    """
    begin = _record_key("")[1]
    found = {
        entry[1][len(begin) :]: str(record["target"])
        for entry, record in _user_data(doc).items()
        if isinstance(entry, tuple) and len(entry) == 4 and str(entry[1]).startswith(begin)
    }
    groups = {key: str(group.attrs.get("target", "ents")) for key, group in doc.spans.items() if "marks" in group.attrs}
    return {**groups, **found}


def span_score(key: str, span: Span) -> Optional[float]:
    """The probability of a predicted span.

    key (str): What its probability was kept under.
    span (Span): The span.
    RETURNS (Optional[float]): The probability that just these tokens with just this label are one; None if it is not
        known, because none was kept, or because the span was not predicted like this.
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
    RETURNS (Optional[float]): The probability; None if it is not known, because none was kept, or because the
        annotation was there before or was changed since.
    """
    record, row = _record(key, token)
    if record is None or "scores" not in record:
        return None
    score = float(record["scores"][row])
    return None if np.isnan(score) else score


def token_probs(key: str, token: Token) -> Optional[Dict[str, float]]:
    """The probability of every tag at a token.

    key (str): What they were kept under.
    token (Token): The token.
    RETURNS (Optional[Dict[str, float]]): Probabilities by tag, which sum to 1; None as in `token_score`.
    """
    record, row = _record(key, token)
    if record is None or "probs" not in record:
        return None
    probs = record["probs"][row]
    return None if np.isnan(probs[0]) else dict(zip(record["tags"], probs.tolist()))


def doc_scores(key: str, doc: Doc) -> List[Dict[str, Any]]:
    """The probabilities of a doc's predicted spans or tokens, in a form that `Doc.to_json(underscore=...)` can write
    and `Doc.from_json` bring back.

    key (str): What they were kept under.
    doc (Doc): The doc.
    RETURNS (List[Dict[str, Any]]): The "start" and "end" of each in characters, its "score", and a span's "label".
    """
    found: List[Dict[str, Any]] = []
    for span in doc.spans.get(key, ()):
        score = span_score(key, span)
        if score is not None:
            found.append({"start": span.start_char, "end": span.end_char, "label": span.label_, "score": score})
    for token, score in zip(doc, (token_score(key, token) for token in doc)):
        if score is not None:
            found.append({"start": token.idx, "end": token.idx + len(token), "score": score})
    return found or _user_data(doc).get(("._.", f"{key}_score", None, None), [])


def doc_probs(key: str, doc: Doc) -> List[Dict[str, Any]]:
    """The probabilities of all tags of a doc's tokens, in the form of `doc_scores`.

    key (str): What they were kept under.
    doc (Doc): The doc.
    RETURNS (List[Dict[str, Any]]): The "start" and "end" of each token in characters, and its "probs" by tag.
    """
    probs = [(token, token_probs(key, token)) for token in doc]
    found = [{"start": t.idx, "end": t.idx + len(t), "probs": by_tag} for t, by_tag in probs if by_tag is not None]
    return found or _user_data(doc).get(("._.", f"{key}_probs", None, None), [])


def stored_token_scores(key: str, doc: Doc) -> NDArray[np.float32]:
    """The probabilities of all tokens of a doc at once, as `token_score` gives them one by one.

    key (str): What they were kept under.
    doc (Doc): The doc.
    RETURNS (array): (n_tokens,) probabilities, NaN where `token_score` is None.
    """
    found = np.full((len(doc),), np.nan, dtype="float32")
    record = _user_data(doc).get(_record_key(key))
    if record is None or not len(record.get("scores", ())):
        return found
    offsets = to_array(doc, "IDX")[:, 0].astype("int64")
    rows = np.minimum(np.searchsorted(record["offsets"], offsets), len(record["offsets"]) - 1)
    same = _marks(doc, make_target(record["target"], doc.vocab), 0) == record["marks"][rows]
    found[same] = record["scores"][rows[same]]
    return found


def stored_span_scores(key: str, doc: Doc) -> Dict[Tuple[int, int, int], float]:
    """The probabilities of all predicted spans of a doc at once, as `span_score` gives them one by one.

    key (str): What they were kept under.
    doc (Doc): The doc.
    RETURNS (Dict[Tuple[int, int, int], float]): Probabilities by first token, the token after the last, and the hash of
        the label.
    """
    group = doc.spans[key] if key in doc.spans else None
    if group is None or not len(group) or len(group.attrs.get("marks", ())) != len(group.attrs.get("scores", ())):
        return {}
    known = dict(zip(group.attrs["marks"].tolist(), group.attrs["scores"].tolist()))
    spans = list(group)
    marks = _span_marks(spans).tolist()
    return {(s.start, s.end, s.label): known[mark] for s, mark in zip(spans, marks) if mark in known}


def take_probs(key: str, doc: Doc) -> Optional[NDArray[np.float32]]:
    """Take the probabilities of all tags off a doc that was just annotated. The rest of what was kept stays.

    key (str): What they were kept under.
    doc (Doc): The doc.
    RETURNS (Optional[array]): (n_tokens, n_tags) probabilities, NaN where annotation was there before; None if none
        were kept.
    """
    record = _user_data(doc).get(_record_key(key))
    if record is None or "probs" not in record:
        return None
    probs: NDArray[np.float32] = record.pop("probs")
    record.pop("tags")
    if "scores" not in record:
        del _user_data(doc)[_record_key(key)]
    return probs


def register_extensions(key: str) -> List[str]:
    """Make what is kept under a key readable as `Span._.{key}_score`, `Token._.{key}_score` and `Token._.{key}_probs`,
    and all that a doc has as `Doc._.{key}_score` and `Doc._.{key}_probs`.

    key (str): The key.
    RETURNS (List[str]): The extension attributes of other making that have one of these names, and are left alone.
    """
    taken = []
    extensions: Tuple[Tuple[Any, str, Any], ...] = (
        (Span, f"{key}_score", span_score),
        (Token, f"{key}_score", token_score),
        (Token, f"{key}_probs", token_probs),
        (Doc, f"{key}_score", doc_scores),
        (Doc, f"{key}_probs", doc_probs),
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


def _store_spans(doc: Doc, key: str, target: str, spans: Sequence[Span], scores: Probabilities) -> None:
    attrs = {"scores": scores, "marks": _span_marks(spans), "target": target}
    doc.spans[key] = SpanGroup(doc, name=key, spans=spans, attrs=attrs)


def _record_key(key: str, place: int = 0) -> Tuple[str, str, int, None]:
    return ("._.", f"spacy_rnn_tagger:{key}", place, None)


def _records(doc: Doc, key: str) -> Iterator[Tuple[Record, int]]:
    """What was kept under a key, and its place in the text: 0, unless the doc was put together from others or cut
    out."""
    data = _user_data(doc)
    name = _record_key(key)[1]
    for entry in list(data):
        if isinstance(entry, tuple) and len(entry) == 4 and entry[1] == name:
            yield data[entry], entry[2]


def _record(key: str, token: Token) -> Tuple[Optional[Record], int]:
    """What was kept under a key, if it is about this very token with this very annotation, and the token's row
    there."""
    usual: Optional[Record] = _user_data(token.doc).get(_record_key(key))
    found = usual is not None and _row(usual, token.idx) >= 0
    candidates = [(usual, 0)] if usual is not None and found else list(_records(token.doc, key))
    for record, place in candidates:
        row = _row(record, token.idx - place)
        if row >= 0:
            target = make_target(record["target"], token.vocab)
            mark = _marks(token.doc[token.i : token.i + 1], target, place)[0]
            return (record, row) if mark == record["marks"][row] else (None, -1)
    return None, -1


def _row(record: Record, offset: int) -> int:
    """The row of the token that begins at an offset; -1 if there is none."""
    row = int(np.searchsorted(record["offsets"], offset))
    return row if row < len(record["offsets"]) and record["offsets"][row] == offset else -1


def _user_data(doc: Doc) -> Dict[Any, Any]:
    """A doc's data. The keys can be tuples, whatever spaCy's stubs say."""
    data: Dict[Any, Any] = doc.user_data
    return data


def _marks(tokens: Union[Doc, Span], target: Target, place: int) -> NDArray[np.uint64]:
    """(n_tokens,) one number that tells a token's place in the text after some other, its word and its annotation."""
    offsets_and_words = to_array(tokens, "IDX", "ORTH")
    offsets_and_words[:, 0] -= np.int64(place).astype("uint64")
    return _mix(np.hstack((offsets_and_words, target.state(tokens))))


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
