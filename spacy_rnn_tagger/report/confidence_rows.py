"""How likely the annotation of docs is, as rows and as JSON: offsets, label, probability, and what else it could be."""

import warnings
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example

from ..data import confidences
from ..errors import check_positive, unknown_name
from ..pipeline.stored_scores import span_score, stored_targets, token_probs, token_score
from ..pipeline.targets import make_target

Row = Dict[str, Any]
ENTS, SPANS = "ents", "spans:"
TOKEN_COLUMNS = ("token", "text", "start", "end", "target", "label", "score", "alternatives")
ENTITY_COLUMNS = ("text", "start", "end", "token_start", "token_end", "target", "label", "score", "alternatives")
MOST_ALTERNATIVES = 5
ATTRS = {"tag": "TAG", "pos": "POS", "morph": "MORPH"}
"""The attribute by which a doc shows that it is annotated, by target."""


def token_rows(doc: Doc, *, target: Optional[str] = None, most_alternatives: int = MOST_ALTERNATIVES) -> List[Row]:
    """What the tokens of a doc have, and how likely it is: a row for each token and target.

    doc (Doc): The doc.
    target (Optional[str]): Only this target, such as "tag"; None for tags, parts of speech and morphology where the doc
        has them, and for all others of which probabilities of tokens are stored.
    most_alternatives (int): The most alternatives of a token.
    RETURNS (List[Dict[str, Any]]): The "token" (its index), its "text", its "start" and "end" in characters, the
        "target", the "label" (of entities the tag in BILUO), its "score" and the "alternatives": probabilities by
        label, likeliest first, without the label itself. A score is the probability of the label, None where it is not
        known, and so are alternatives unless `store_probs` was on.
    RAISES (ValueError): If there is no such target.
    """
    if len(doc) and not has_scores(doc):
        warn_unscored("token_rows", 3)
    return rows_of_tokens(doc, target, most_alternatives)


def entity_rows(doc: Doc, *, target: Optional[str] = None, most_alternatives: int = MOST_ALTERNATIVES) -> List[Row]:
    """The entities of a doc and the spans of its groups, and how likely they are.

    doc (Doc): The doc.
    target (Optional[str]): Only "ents", or only one group as "spans:<key>"; None for all.
    most_alternatives (int): The most alternatives of an entity.
    RETURNS (List[Dict[str, Any]]): The "text", its "start" and "end" in characters, "token_start" and "token_end" (the
        token after the last), the "target", the "label", its "score" and the "alternatives". The score is the
        probability that just these tokens with just this label are an entity, None where it is not known. Alternatives
        are the most that the probability of these tokens with another label, or outside of entities ("O"), can be: the
        least of the probabilities of their tags, which is exact for one token; None unless `store_probs` was on.
    RAISES (ValueError): If there is no such target.
    """
    if len(doc) and not has_scores(doc):
        warn_unscored("entity_rows", 3)
    names = entity_targets(doc)
    if target is not None and target not in names:
        raise unknown_name("spacy_rnn_tagger.entity_rows", "target", target, names)
    return rows_of_entities(doc, target, most_alternatives)


def to_json(
    doc: Doc, underscore: Optional[List[str]] = None, *, most_alternatives: int = MOST_ALTERNATIVES
) -> Dict[str, Any]:
    """What `Doc.to_json` gives, with probabilities. `Doc.from_json` reads it, without them and without `validate`.

    doc (Doc): The doc.
    underscore (Optional[List[str]]): The custom attributes that `Doc.to_json` writes.
    most_alternatives (int): The most alternatives of a token or entity.
    RETURNS (Dict[str, Any]): The JSON. Each of "ents" and of the "spans" of a group has a "score", and "alternatives"
        where all probabilities were stored; each of "tokens" has "scores" by target, and "alternatives" by target. The
        copies of entities that carry stored probabilities are left out of "spans".
    """
    if len(doc) and not has_scores(doc):
        warn_unscored("to_json", 3)
    content: Dict[str, Any] = doc.to_json(underscore=underscore)
    stored = stored_token_targets(doc)
    for row in rows_of_tokens(doc, None, most_alternatives):
        item = content["tokens"][row["token"]]
        if row["target"] in stored:
            item.setdefault("scores", {})[row["target"]] = row["score"]
        if row["alternatives"] is not None:
            item.setdefault("alternatives", {})[row["target"]] = row["alternatives"]
    copies = set(content.get("spans", {})) - set(span_groups(doc))
    groups = {key: items for key, items in content.pop("spans", {}).items() if key not in copies}
    if groups:
        content["spans"] = groups
    for name in entity_targets(doc):
        items = content.get("ents", []) if name == ENTS else groups[name[len(SPANS) :]]
        for item, row in zip(items, rows_of_entities(doc, name, most_alternatives)):
            item["score"] = row["score"]
            if row["alternatives"] is not None:
                item["alternatives"] = row["alternatives"]
    return content


def rows_of_tokens(doc: Doc, target: Optional[str], most_alternatives: int) -> List[Row]:
    """RETURNS (List[Dict[str, Any]]): The rows of `token_rows`. doc (Doc): The doc. target (Optional[str]): See
    `token_rows`. most_alternatives (int): See `token_rows`."""
    check_positive("spacy_rnn_tagger", most_alternatives=most_alternatives)
    layers = [_layer(doc, name, most_alternatives) for name in (token_targets(doc) if target is None else [target])]
    rows = []
    for token, values in zip(doc, zip(*layers)):
        place = (token.i, token.text, token.idx, token.idx + len(token))
        rows += [dict(zip(TOKEN_COLUMNS, (*place, *value))) for value in values]
    return rows


def rows_of_entities(doc: Doc, target: Optional[str], most_alternatives: int) -> List[Row]:
    """RETURNS (List[Dict[str, Any]]): The rows of `entity_rows`; none if the doc lacks the target. doc (Doc): The doc.
    target (Optional[str]): See `entity_rows`. most_alternatives (int): See `entity_rows`."""
    check_positive("spacy_rnn_tagger", most_alternatives=most_alternatives)
    rows = []
    for name in entity_targets(doc):
        for span, score in scored_spans(doc, name) if target in (None, name) else ():
            others = _other_labels(doc, span, name, most_alternatives)
            places = (span.start_char, span.end_char, span.start, span.end)
            rows.append(dict(zip(ENTITY_COLUMNS, (span.text, *places, name, span.label_, score, others))))
    return rows


def entity_targets(doc: Doc) -> List[str]:
    """RETURNS (List[str]): "ents", and "spans:<key>" for each span group of a doc. doc (Doc): The doc."""
    return [ENTS, *(SPANS + key for key in span_groups(doc))]


def token_targets(doc: Doc) -> List[str]:
    """RETURNS (List[str]): The targets of which a doc has probabilities of tokens, after tags, parts of speech and
    morphology if it has those. doc (Doc): The doc."""
    stored = stored_token_targets(doc)
    # The target "morph" writes parts of speech, too.
    known = [
        name for name, attr in ATTRS.items() if doc.has_annotation(attr) and not (name == "pos" and "morph" in stored)
    ]
    spans = [name for key, name in stored_targets(doc).items() if name not in stored and _has_probs(doc, key)]
    return list(dict.fromkeys([*known, *stored, *spans]))


def stored_token_targets(doc: Doc) -> List[str]:
    """RETURNS (List[str]): The targets of one label for each token of which a doc has probabilities, whether a pipeline
    stored them or they were read from a file. doc (Doc): The doc."""
    stored = (name for name in stored_targets(doc).values() if name != ENTS and not name.startswith(SPANS))
    return list(dict.fromkeys([*stored, *confidences.token_scores(doc)]))


def span_groups(doc: Doc) -> Dict[str, SpanGroup]:
    """RETURNS (Dict[str, SpanGroup]): The span groups of a doc by key, without those that hold stored probabilities.
    doc (Doc): The doc."""
    return {key: group for key, group in doc.spans.items() if "marks" not in group.attrs}


def scored_spans(doc: Doc, target: str) -> List[Tuple[Span, Optional[float]]]:
    """Entities, or the spans of a group, with their probabilities: those that a component of ours stored, that a file
    gave, or that spaCy's spancat keeps in the group.

    doc (Doc): The doc.
    target (str): "ents", or "spans:<key>" of a group that there is.
    RETURNS (List[Tuple[Span, Optional[float]]]): The spans in order, each with its probability if it is known.
    """
    group = None if target == ENTS else doc.spans[target[len(SPANS) :]]
    spans: Sequence[Span] = doc.ents if group is None else list(group)
    given: Sequence[Any] = () if group is None else group.attrs.get("scores", ())
    own: Iterable[Optional[float]] = map(float, given) if len(given) == len(spans) else [None] * len(spans)
    read = confidences.entity_scores(doc) if target == ENTS else {}
    keys = _keys(doc, target)
    found = []
    for span, score in zip(spans, own):
        stored = (span_score(key, span) for key in keys)
        best = next((p for p in stored if p is not None), score)
        found.append((span, read.get((span.start, span.end, span.label_)) if best is None else best))
    return found


def has_scores(doc: Doc) -> bool:
    """RETURNS (bool): Whether a doc has probabilities, whoever stored them. doc (Doc): The doc."""
    given = confidences.entity_scores(doc) or confidences.token_scores(doc)
    return bool(stored_targets(doc) or given) or any(len(group.attrs.get("scores", ())) for group in doc.spans.values())


def warn_unscored(function: str, level: int = 4) -> None:
    """Warn that there are no probabilities, and say how they are stored. function (str): The public function that was
    called. level (int): How many calls below that of the public function this one is, and 1."""
    warnings.warn(
        f"spacy_rnn_tagger.{function}: no probabilities are stored on the docs, so that every score is None; store "
        "them by nlp(text, component_cfg={'rnn_ner': {'store_scores': True}}) with the component's name, or for good "
        "by store_scores = true (and store_probs = true for alternatives) in the component's config.",
        stacklevel=level,
    )


def _layer(doc: Doc, target: str, most: int) -> List[Tuple[str, Optional[str], Optional[float], Any]]:
    """(n_tokens,) the target, the label of each token as the component that predicts it calls it, its probability, and
    those of other labels."""
    keys = _keys(doc, target)
    labels = make_target(target, doc.vocab).gold(Example(doc, doc))
    read = confidences.token_scores(doc).get(target, [None] * len(doc))
    found = []
    for token, label, given in zip(doc, labels, read):
        probs = next((p for p in (token_probs(key, token) for key in keys) if p is not None), None)
        stored = (token_score(key, token) for key in keys)
        score = next((p for p in stored if p is not None), given)
        if score is None and probs is not None and label is not None:
            score = probs.get(label)
        found.append((target, label, score, None if probs is None else _likeliest(probs.items(), label, most)))
    return found


def _has_probs(doc: Doc, key: str) -> bool:
    return any(token_probs(key, token) is not None for token in doc)


def _keys(doc: Doc, target: str) -> List[str]:
    return [key for key, name in stored_targets(doc).items() if name == target]


def _other_labels(doc: Doc, span: Span, target: str, most: int) -> Optional[Dict[str, float]]:
    """The most that the probability of a span with each other label can be."""
    for key in _keys(doc, target):
        probs = [token_probs(key, token) for token in span]
        known = [by_tag for by_tag in probs if by_tag is not None]
        if len(known) == len(probs) and known:
            return _likeliest(_bounds(known), span.label_, most)
    return None


def _bounds(probs: List[Dict[str, float]]) -> Iterator[Tuple[str, float]]:
    n = len(probs)
    actions = "U" if n == 1 else "B" + "I" * (n - 2) + "L"
    yield "O", min(by_tag["O"] for by_tag in probs)
    for label in (tag[2:] for tag in probs[0] if tag.startswith("U-")):
        yield label, min(by_tag[f"{action}-{label}"] for action, by_tag in zip(actions, probs))


def _likeliest(probs: Iterable[Tuple[str, float]], without: Optional[str], most: int) -> Dict[str, float]:
    others = [(label, prob) for label, prob in probs if label != without and prob > 0]
    return dict(sorted(others, key=lambda item: (-item[1], item[0]))[:most])
