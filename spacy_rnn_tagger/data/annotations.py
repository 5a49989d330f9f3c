"""What docs say, as the writers of formats need it: spans with their places and probabilities, and tokens with their
values."""

from typing import Any, Dict, Iterable, Iterator, List, Optional

import numpy
from spacy.tokens import Doc, Span, Token

from . import confidences
from .building import META
from .reading import Writing
from .records import CharSpan

PREFIX = "spacy_rnn_tagger:"
"""Begins the name under which a pipeline keeps probabilities of tokens in `Doc.user_data`."""


def has_entities(doc: Doc, writing: Writing) -> bool:
    """RETURNS (bool): Whether a doc says anything about what is written. doc (Doc): The doc. writing (Writing): What is
    written."""
    return writing.spans_key in doc.spans if writing.spans_key is not None else doc.has_annotation("ENT_IOB")


def spans_of(doc: Doc, writing: Writing) -> List[CharSpan]:
    """The spans of a doc that are written.

    doc (Doc): The doc.
    writing (Writing): Whether entities or a span group are written.
    RETURNS (List[CharSpan]): The spans in characters, with their probabilities where they are known.
    """
    spans = list(doc.ents if writing.spans_key is None else doc.spans.get(writing.spans_key, ()))
    scores = _span_scores(doc, writing)
    return [
        CharSpan(
            span.start_char, span.end_char, span.label_, scores.get((span.start, span.end, span.label_)), span.text
        )
        for span in spans
    ]


def token_spans(doc: Doc, writing: Writing) -> List[Dict[str, Any]]:
    """RETURNS (List[Dict[str, Any]]): The spans with their first and last token. doc (Doc): The doc. writing (Writing):
    See `spans_of`."""
    ends = {token.idx + len(token): token.i for token in doc}
    starts = {token.idx: token.i for token in doc}
    return [
        {"start": span.start, "end": span.end, "token_start": starts[span.start], "token_end": ends[span.end]}
        for span in spans_of(doc, writing)
    ]


def words_to_write(tokens: Iterable[Token], writing: Writing) -> List[Token]:
    """RETURNS (List[Token]): The tokens that a format with a line for each token can hold. tokens (Iterable[Token]):
    Tokens. writing (Writing): Is told of the others."""
    tokens = list(tokens)
    words = [token for token in tokens if not token.is_space]
    if len(words) < len(tokens):
        writing.note("Tokens of white space are left out: the format has no place for them.")
    return words


def entity_tags(tokens: List[Token], writing: Writing) -> List[str]:
    """The entity tags of tokens in iob2.

    tokens (List[Token]): Some tokens of a doc, in order.
    writing (Writing): Whether entities or a span group are written.
    RETURNS (List[str]): The tags; "-" where nothing is known.
    """
    if not tokens or writing.spans_key is None:
        return [_entity_tag(token) for token in tokens]
    tags = {token.i: "O" for token in tokens}
    taken: set = set()
    for span in sorted(tokens[0].doc.spans.get(writing.spans_key, ()), key=lambda s: (s.start - s.end, s.start)):
        if taken.intersection(range(span.start, span.end)):
            writing.note("Of overlapping spans only the longest are written: a token has one tag.")
            continue
        taken.update(range(span.start, span.end))
        tags.update({i: f"{'B' if i == span.start else 'I'}-{span.label_}" for i in range(span.start, span.end)})
    return [tags[token.i] for token in tokens]


def token_scores(doc: Doc, writing: Writing) -> Dict[str, List[Optional[float]]]:
    """How likely the annotation of a doc's tokens is.

    doc (Doc): The doc.
    writing (Writing): Whether entities or a span group are written; makes probabilities readable.
    RETURNS (Dict[str, List[Optional[float]]]): The probability of each token's tag, part of speech or morphology by
        "tag", "pos" or "morph", and of the entity that it is in by "ents"; without those of which none is known.
    """
    found: Dict[str, List[Optional[float]]] = dict(confidences.token_scores(doc))
    for key, layer in _token_keys(doc).items():
        if not Token.has_extension(f"{key}_score") and writing.register_scores is not None:
            writing.register_scores(key)
        if Token.has_extension(f"{key}_score"):
            old = found.get(layer, [None] * len(doc))
            found[layer] = [token._.get(f"{key}_score") if p is None else p for p, token in zip(old, doc)]
    found[confidences.ENTS] = [None] * len(doc)
    scores = _span_scores(doc, writing)
    for span in doc.ents if writing.spans_key is None else doc.spans.get(writing.spans_key, ()):
        score = scores.get((span.start, span.end, span.label_))
        found[confidences.ENTS][span.start : span.end] = [score] * len(span)
    return {layer: values for layer, values in found.items() if any(value is not None for value in values)}


def has_scores(doc: Doc) -> bool:
    """RETURNS (bool): Whether anything is known about probabilities. doc (Doc): The doc."""
    return (
        confidences.CONFIDENCE in doc.user_data
        or bool(_token_keys(doc))
        or any(len(group.attrs.get("scores", ())) for group in doc.spans.values())
    )


def score_text(score: Optional[float]) -> str:
    """RETURNS (str): A probability with as many digits as tell it from all others; "_" for None. score
    (Optional[float]): The probability."""
    if score is None:
        return "_"
    # What a pipeline stored has the precision of float32, in which 0.9 is 0.8999999761581421.
    short = numpy.float32(score)
    return str(short) if float(short) == score else repr(float(score))


def score_of(text: str) -> Optional[float]:
    """RETURNS (Optional[float]): The probability that a text is; None for "_". text (str): The text.
    RAISES (ValueError): If it is none."""
    if text == "_":
        return None
    score = float(text)
    if not 0 <= score <= 1:
        raise ValueError(text)
    return score


def meta_of(doc: Doc) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What a file said about a doc's text, such as its "id". doc (Doc): The doc."""
    meta = doc.user_data.get(META)
    return dict(meta) if isinstance(meta, dict) else {}


def sentences_of(doc: Doc) -> Iterator[Span]:
    """YIELDS (Span): The doc's sentences; the whole doc if it has none. doc (Doc): The doc."""
    if doc.has_annotation("SENT_START"):
        yield from doc.sents
    elif len(doc):
        yield doc[:]


def _entity_tag(token: Token) -> str:
    return {0: "-", 2: "O"}.get(token.ent_iob) or (f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type else "-")


def _span_scores(doc: Doc, writing: Writing) -> Dict[Any, float]:
    """The probabilities of entities, or of a span group, by tokens and label: as a file gave them, and as spaCy's
    spancat and this package's components keep them in span groups."""
    wanted = confidences.ENTS if writing.spans_key is None else f"spans:{writing.spans_key}"
    found: Dict[Any, float] = dict(confidences.entity_scores(doc)) if writing.spans_key is None else {}
    for key, group in doc.spans.items():
        scores = group.attrs.get("scores", ())
        # Groups with marks are copies of what a component predicted.
        about = group.attrs.get("target", wanted) if "marks" in group.attrs else f"spans:{key}"
        if about == wanted and len(scores) == len(group):
            found.update(((s.start, s.end, s.label_), float(score)) for s, score in zip(group, scores))
    return found


def _token_keys(doc: Doc) -> Dict[str, str]:
    """The keys under which a pipeline kept probabilities of tokens, and what they are about."""
    found: Dict[str, str] = {}
    for entry, record in doc.user_data.items():
        if isinstance(entry, tuple) and len(entry) == 4 and str(entry[1]).startswith(PREFIX):
            found[str(entry[1])[len(PREFIX) :]] = str(record["target"])
    return found
