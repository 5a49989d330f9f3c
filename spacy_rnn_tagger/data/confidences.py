"""Probabilities that a file gives with its annotation, kept on docs so that they can be written again."""

from typing import Any, Dict, Iterable, List, Optional, Tuple

from spacy.tokens import Doc, Span

CONFIDENCE = "confidence"
"""Where `Doc.user_data` holds them: by the name of a layer, of "ents" a list [start, end, label, probability] for each
entity, in tokens, of other layers (tag, pos, morph) a list with the probability of each token."""
ENTS = "ents"


def keep_entity_scores(doc: Doc, scored: Iterable[Tuple[Span, Optional[float]]]) -> None:
    """Keep the probabilities of entities, as far as there are any.

    doc (Doc): The doc.
    scored (Iterable[Tuple[Span, Optional[float]]]): Entities and their probabilities.
    """
    found = [[span.start, span.end, span.label_, float(score)] for span, score in scored if score is not None]
    if found:
        _kept(doc, create=True)[ENTS] = found


def keep_token_scores(doc: Doc, layer: str, scores: List[Optional[float]]) -> None:
    """Keep the probabilities of what tokens have, as far as there are any.

    doc (Doc): The doc.
    layer (str): What they are about: "tag", "pos" or "morph".
    scores (List[Optional[float]]): The probability at each token; None where it is not known.
    """
    if any(score is not None for score in scores):
        _kept(doc, create=True)[layer] = list(scores)


def entity_scores(doc: Doc) -> Dict[Tuple[int, int, str], float]:
    """RETURNS (Dict[Tuple[int, int, str], float]): The probabilities that were kept of entities, by first token, token
    after the last, and label. doc (Doc): The doc."""
    return {(start, end, label): score for start, end, label, score in _kept(doc).get(ENTS, ())}


def token_scores(doc: Doc) -> Dict[str, List[Optional[float]]]:
    """RETURNS (Dict[str, List[Optional[float]]]): The probabilities that were kept of tokens, by layer. doc (Doc): The
    doc."""
    layers = _kept(doc)
    return {name: list(values) for name, values in layers.items() if name != ENTS and len(values) == len(doc)}


def _kept(doc: Doc, create: bool = False) -> Dict[str, Any]:
    data: Dict[Any, Any] = doc.user_data
    found = data.setdefault(CONFIDENCE, {}) if create else data.get(CONFIDENCE)
    return found if isinstance(found, dict) else {}
