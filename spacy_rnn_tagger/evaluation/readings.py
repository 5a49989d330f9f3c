"""What gold and a pipeline say about a doc, as things with a place and a label that can be compared, read as spaCy's
scorer reads them."""

from typing import Dict, FrozenSet, Iterable, List, NamedTuple, Sequence, Tuple

from spacy.tokens import Doc, Span
from spacy.training import Example

from ..pipeline.targets import extension, make_target, spans
from ..pipeline.targets.alignment import same_tokens
from ..pipeline.targets.lookup import annotated_targets

Item = Tuple[int, int, str]
"""First token, the token after the last, and label. A label of a token is an item of one token."""

TOKEN_ATTRS = {"tag": "TAG", "pos": "POS", "morph": "MORPH"}
SENTENCE = "sentence"
NO_LABEL = ""
"""The label of a predicted token that a component left without one."""


class Reading(NamedTuple):
    """What there is to compare in one doc.

    doc: The doc whose tokens the items count: the gold doc, and the predicted doc for custom attributes.
    gold: What gold says.
    predicted: What the pipeline says where gold can judge it, each with its first token, and the token after its last,
        in the predicted doc.
    repeated: Entities that lie on the same gold tokens as another of the same label, which the scorer counts as wrong.
    """

    doc: Doc
    gold: FrozenSet[Item]
    predicted: Dict[Item, Tuple[int, int]]
    repeated: Tuple[Item, ...] = ()

    @property
    def right(self) -> FrozenSet[Item]:
        """RETURNS (FrozenSet[Item]): What both say."""
        return self.gold & self.predicted.keys()


def are_spans(target: str) -> bool:
    """RETURNS (bool): Whether a target is about spans, else it is about single tokens. target (str): Its name."""
    return target in ("ents", "sents") or target.startswith(spans.PREFIX)


def find_targets(examples: Sequence[Example], asked: Iterable[str] = ()) -> List[str]:
    """The targets that gold and a pipeline both say something about.

    examples (Sequence[Example]): Examples with predicted docs.
    asked (Iterable[str]): Targets that a component predicts even if it has not decided for anything.
    RETURNS (List[str]): Names of targets, such as "tag"; "morph" is the features alone, since "pos" is read too.
    """
    gold = annotated_targets(eg.reference for eg in examples)
    predicted = set(annotated_targets(eg.predicted for eg in examples))
    return [name for name in gold if name in asked or (name in predicted and _is_spoken_of(name, examples))]


def _is_spoken_of(name: str, examples: Sequence[Example]) -> bool:
    """Whether the scorer finds anything to compare. A doc counts as annotated with morphology if it has parts of speech
    alone, and with sentences if it has but one token."""
    if name not in ("morph", "sents"):
        return True
    attr = "MORPH" if name == "morph" else "SENT_START"
    long = [eg for eg in examples if name == "morph" or len(eg.predicted) > 1]
    return any(eg.x.has_annotation(attr) for eg in long) and any(eg.y.has_annotation(attr) for eg in long)


def read(example: Example, target: str) -> Reading:
    """What gold and the pipeline say about one doc.

    example (Example): The example, with a doc that the pipeline has annotated.
    target (str): Name of a target.
    RETURNS (Reading): What there is to compare.
    """
    if target in TOKEN_ATTRS:
        return _read_tokens(example, TOKEN_ATTRS[target])
    if target == "ents":
        return _read_entities(example)
    if target == "sents":
        return _read_sentences(example)
    if target.startswith(spans.PREFIX):
        return _read_spans(example, target[len(spans.PREFIX) :])
    return _read_extension(example, target)


def _read_tokens(example: Example, attr: str) -> Reading:
    """As `Scorer.score_token_attr`: predicted tokens that lie on one gold token and are no whitespace."""
    gold_values = _strings(example.reference, attr)
    values = _strings(example.predicted, attr)
    gold = frozenset((i, i + 1, value) for i, value in enumerate(gold_values) if value)
    under = None if same_tokens(example) else example.alignment.x2y
    predicted: Dict[Item, Tuple[int, int]] = {}
    for token, value in zip(example.predicted, values):
        place = [token.i] if under is None else under[token.i].tolist()
        if len(place) == 1 and gold_values[place[0]] and not token.orth_.isspace():
            predicted.setdefault((place[0], place[0] + 1, value), (token.i, token.i + 1))
    return Reading(example.reference, gold, predicted)


def _strings(doc: Doc, attr: str) -> List[str]:
    values = doc.to_array(attr).tolist()
    known = {value: doc.vocab.strings[value] if value else "" for value in set(values)}
    return [known[value] for value in values]


def _read_entities(example: Example) -> Reading:
    """As `spacy.scorer.get_ner_prf`: a prediction over tokens without annotation is neither right nor wrong."""
    gold_doc = example.reference
    if not gold_doc.has_annotation("ENT_IOB"):
        return Reading(gold_doc, frozenset(), {})
    gold = frozenset((ent.start, ent.end, ent.label_) for ent in gold_doc.ents)
    under = None if same_tokens(example) else example.alignment.x2y
    predicted: Dict[Item, Tuple[int, int]] = {}
    repeated: List[Item] = []
    for ent in example.predicted.ents:
        start, end = ent.start, ent.end
        if under is not None:
            indices = under[start:end]
            if not len(indices):
                continue
            start, end = int(indices[0]), int(indices[-1]) + 1
        if all(token.ent_iob != 0 for token in gold_doc[start:end]):
            item = (start, end, ent.label_)
            if item in predicted:
                repeated.append(item)
            predicted.setdefault(item, (ent.start, ent.end))
    return Reading(gold_doc, gold, predicted, tuple(repeated))


def _read_sentences(example: Example) -> Reading:
    gold_doc, doc = example.reference, example.predicted
    if not gold_doc.has_annotation("SENT_START"):
        return Reading(gold_doc, frozenset(), {})
    found = list(doc.sents) if doc.has_annotation("SENT_START") else []
    gold = frozenset((sent.start, sent.end, SENTENCE) for sent in gold_doc.sents)
    places = _align(example, found, allow_overlap=False)
    return Reading(gold_doc, gold, {(start, end, SENTENCE): place for (start, end, _), place in places.items()})


def _read_spans(example: Example, key: str) -> Reading:
    gold_doc, doc = example.reference, example.predicted
    if key not in gold_doc.spans:
        return Reading(gold_doc, frozenset(), {})
    gold = frozenset((span.start, span.end, span.label_) for span in gold_doc.spans[key])
    return Reading(gold_doc, gold, _align(example, list(doc.spans.get(key, ())), allow_overlap=True))


def _align(example: Example, found: List[Span], *, allow_overlap: bool) -> Dict[Item, Tuple[int, int]]:
    """Predicted spans on the tokens of the gold doc, as `Scorer.score_spans` aligns them."""
    if same_tokens(example):
        return {(span.start, span.end, span.label_): (span.start, span.end) for span in found}
    kept = {(s.start, s.end, s.label_) for s in example.get_aligned_spans_x2y(found, allow_overlap)}
    places: Dict[Item, Tuple[int, int]] = {}
    for span in found:
        for aligned in example.get_aligned_spans_x2y([span], True):
            item = (aligned.start, aligned.end, aligned.label_)
            if item in kept:
                places.setdefault(item, (span.start, span.end))
    return places


def _read_extension(example: Example, target: str) -> Reading:
    """As this package scores custom attributes: predicted tokens whose gold value is known."""
    doc = example.predicted
    name = target[len(extension.PREFIX) :]
    gold_values = make_target(target, example.reference.vocab).gold(example)
    gold = frozenset((i, i + 1, value) for i, value in enumerate(gold_values) if value is not None)
    predicted = {
        (i, i + 1, doc[i]._.get(name) or NO_LABEL): (i, i + 1)
        for i, value in enumerate(gold_values)
        if value is not None
    }
    return Reading(doc, gold, predicted)
