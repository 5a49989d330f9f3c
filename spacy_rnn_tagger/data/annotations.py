"""What docs say, as the writers of formats need it: spans with their places and probabilities, and tokens with their
values."""

from typing import Any, Dict, Iterable, Iterator, List, Optional

from spacy.tokens import Doc, Span, Token

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
    scores = _span_scores(doc)
    return [
        CharSpan(span.start_char, span.end_char, span.label_, scores.get((span.start, span.end, span.label)), span.text)
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


def token_scores(doc: Doc, writing: Writing) -> Optional[List[Optional[float]]]:
    """How likely the predictions of a doc's tokens are, or of the entities that they are in.

    doc (Doc): The doc.
    writing (Writing): Makes probabilities readable.
    RETURNS (Optional[List[Optional[float]]]): The probability of each token; None where none is known.
    """
    found: List[Optional[float]] = [None] * len(doc)
    for key in _token_keys(doc):
        if not Token.has_extension(f"{key}_score") and writing.register_scores is not None:
            writing.register_scores(key)
        if Token.has_extension(f"{key}_score"):
            found = [old if old is not None else token._.get(f"{key}_score") for old, token in zip(found, doc)]
    scores = _span_scores(doc)
    for ent in doc.ents:
        score = scores.get((ent.start, ent.end, ent.label))
        for i in range(ent.start, ent.end):
            found[i] = score if score is not None else found[i]
    return found if any(score is not None for score in found) else None


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


def _span_scores(doc: Doc) -> Dict[Any, float]:
    """The probabilities of span groups, as spaCy's spancat and this package's components keep them, by tokens and
    label."""
    found: Dict[Any, float] = {}
    for group in doc.spans.values():
        scores = group.attrs.get("scores", ())
        if len(scores) == len(group):
            found.update(((s.start, s.end, s.label), float(score)) for s, score in zip(group, scores))
    return found


def _token_keys(doc: Doc) -> List[str]:
    names = (entry[1] for entry in doc.user_data if isinstance(entry, tuple) and len(entry) == 4 and entry[0] == "._.")
    return sorted({name[len(PREFIX) :] for name in names if name.startswith(PREFIX)})
