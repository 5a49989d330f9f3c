"""Docs and gold that nobody would write: no crash, legal labels, offsets that fit, what was set before stays, finite
losses and weights."""

import random
import unicodedata
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy as np
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import fix_random_seed

from .attack import OURS, PEERS, Attack, Count, quiet
from .subjects import gold, subjects, texts

PART = "Docs and gold"
PLANES = ((0, 0x80), (0x80, 0x250), (0x370, 0x700), (0x590, 0x780), (0x900, 0xE00), (0x2000, 0x2100), (0x3000, 0xA000))
ODD = "\u200b\u200c\u200d\u200e\u202e\ufeff\u00ad\u0301\u0338\ufe0f\x00\x1b\t\n\r\x0b\u2028\u3000"
LABELS = ("", "A", "B-X", "O", "-", "_", "ü", "I-", "L", "日本", "a b", "X" * 300)
POS = ("", "NOUN", "X", "SPACE", "PUNCT")
MORPHS = ("", "_", "Case=Nom", "A=1|B=2,3")
PEER_SHARE = 10
"""The peers get this part of the docs."""
TARGETS: Dict[str, Dict[str, Any]] = {
    "tag": {},
    "pos": {},
    "morph": {},
    "sents": {},
    "ents": {"decoder": "crf"},
    "spans:layer": {"decoder": "crf"},
}


def attacks(size: float) -> Iterator[Attack]:
    """YIELDS (Attack): The attacks of this part. size (float): How much is tried; 1 for a few minutes."""
    with quiet():
        yield _docs(max(200, int(100_000 * size)))
        yield _presets(max(50, int(2_000 * size)))
        yield _gold(max(50, int(10_000 * size)))


def make_words(rng: random.Random) -> Tuple[List[str], List[bool]]:
    """RETURNS (Tuple[List[str], List[bool]]): Words of any characters, and whether a space follows each. rng (Random):
    The chance."""
    words = [_word(rng) for _ in range(rng.choice((0, 1, 1, 2, 3, 5, 8, 13, 40)))]
    return words, [rng.random() < 0.7 for _ in words]


def _word(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.3:
        return rng.choice(rng.choice(texts()).split() or ["x"])
    if kind < 0.4:
        return rng.choice(ODD) * rng.randrange(1, 4)
    if kind < 0.45:
        return " " * rng.randrange(1, 5)
    if kind < 0.46:
        return rng.choice("aé日😀") * rng.choice((500, 10_000))
    plane = rng.choice(PLANES) if kind < 0.9 else (0x10000, 0x1FFFF)
    found = (chr(rng.randrange(*plane)) for _ in range(rng.randrange(1, 9)))
    return "".join(each for each in found if unicodedata.category(each) != "Cs") or "x"


def _docs(n: int) -> Attack:
    attack = Attack(PART, "docs of all of Unicode, in batches", "no error; legal labels; offsets that fit")
    for who, nlp in subjects().items():
        rng, count = random.Random(0), attack.count(who)
        for _ in range(0, n if who == OURS else n // PEER_SHARE, 50):
            docs = [Doc(nlp.vocab, *make_words(rng)) for _ in range(50)]
            before = [doc.text for doc in docs]
            try:
                found = list(nlp.pipe(docs))
            except Exception as e:
                for _ in docs:
                    count.add(False, f"{type(e).__name__}: {e}")
                continue
            for doc, text in zip(found, before):
                count.add(not _wrong(nlp, doc, text), _wrong(nlp, doc, text))
    return attack


def _wrong(nlp: Language, doc: Doc, text: str) -> str:
    """What is wrong with an annotated doc; empty if nothing is."""
    if doc.text != text:
        return f"the text has changed: {text!r:.60}"
    tags = {label for pipe in nlp.pipe_names if "ner" not in pipe for label in nlp.get_pipe(pipe).labels}
    types = {label for pipe in nlp.pipe_names if "ner" in pipe for label in nlp.get_pipe(pipe).labels}
    for token in doc:
        if token.tag_ not in tags:
            return f"no such tag: {token.tag_!r}"
    for ent in doc.ents:
        if ent.label_ not in types or ent.text != text[ent.start_char : ent.end_char] or not ent.text.strip():
            return f"entity {ent.text!r:.40} of {ent.label_!r} at {ent.start_char}"
        if doc[ent.start].is_space or doc[ent.end - 1].is_space:
            return f"the entity {ent.text!r:.40} begins or ends with whitespace"
    return ""


def _presets(n: int) -> Attack:
    """Entities, blocked tokens and tags that were there before. What binds must stay."""
    attack = Attack(PART, "entities and blocked tokens set before", "they stay as they are")
    for who, nlp in subjects().items():
        rng, count = random.Random(1), attack.count(who)
        ner = next(name for name in nlp.pipe_names if "ner" in name)
        types = nlp.get_pipe(ner).labels
        for _ in range(n):
            doc = nlp.make_doc(rng.choice(texts()))
            cuts = sorted({rng.randrange(len(doc) + 1) for _ in range(4)})
            places = list(zip(cuts, cuts[1:]))
            set_before = [Span(doc, *place, label=rng.choice(types)) for place in places[::2]]
            blocked = [Span(doc, *place) for place in places[1::2]]
            doc.set_ents(set_before, blocked=blocked, default="missing")
            wanted = {(ent.start, ent.end, ent.label_) for ent in set_before}
            shut = {token.i for span in blocked for token in span}
            what = f"{doc.text!r:.60} with {sorted(wanted)}"
            found = count.attempt(lambda: nlp(doc), what)  # noqa: B023
            if found is not None:
                now = {(ent.start, ent.end, ent.label_) for ent in found.ents}
                inside = {token.i for ent in found.ents for token in ent}
                count.add(wanted <= now and not inside & shut, f"{what}: {sorted(now)[:5]}")
    return attack


def _gold(n: int) -> Attack:
    """Training on gold of any labels, in other tokens than those of the docs."""
    attack = Attack(PART, "gold of any labels, in any tokens, through training", "no error; finite losses and weights")
    for target, settings in TARGETS.items():
        _train_on_odd_gold(attack.count(OURS), lambda: _ours(target, settings), n // len(TARGETS))  # noqa: B023
    for who in PEERS:
        _train_on_odd_gold(attack.count(who), lambda: _theirs(who), n // PEER_SHARE)  # noqa: B023
    return attack


def _ours(target: str, settings: Dict[str, Any]) -> Language:
    nlp = spacy.blank("en")
    width = {"tok2vec": {"embed": {"width": 16}, "encode": {"width": 16, "engine": "auto"}}}
    factory = {"ents": "rnn_ner", "sents": "rnn_senter"}.get(target, "rnn_tagger")
    nlp.add_pipe(
        factory, config={"model": width, **({} if factory != "rnn_tagger" else {"target": target}), **settings}
    )
    return nlp


def _theirs(who: str) -> Language:
    from .subjects import TORCH_LSTM

    nlp = spacy.blank("en")
    for name in ("tagger", "ner"):
        nlp.add_pipe(name, config={} if who == PEERS[0] else {"model": {"tok2vec": TORCH_LSTM}})
    return nlp


def _train_on_odd_gold(count: Count, make: Callable[[], Language], n: int) -> None:
    fix_random_seed(0)
    rng = random.Random(2)
    nlp = make()
    good = [Example(nlp.make_doc(doc.text), doc.copy()) for doc in gold()[:20]]
    for eg in good:
        eg.reference.spans["layer"] = list(eg.reference.ents)
        for token in eg.reference:
            token.tag_ = token.pos_
            token.set_morph("Case=Nom" if token.pos_ == "NOUN" else "")
    optimizer = nlp.initialize(lambda: good)
    for _ in range(0, n, 8):
        batch = [_odd_example(nlp, rng) for _ in range(8)]
        losses: Dict[str, float] = {}
        try:
            nlp.update(batch, sgd=optimizer, losses=losses)
        except Exception as e:
            for _ in batch:
                count.add(False, f"{nlp.pipe_names}: {type(e).__name__}: {e}")
            continue
        is_finite = all(np.isfinite(loss) for loss in losses.values()) and _finite_weights(nlp)
        for _ in batch:
            count.add(is_finite, f"losses {losses}")


def _finite_weights(nlp: Language) -> bool:
    layers = (node for _, pipe in nlp.pipeline for node in pipe.model.walk())  # type: ignore[attr-defined]
    weights = (node.get_param(name) for node in layers for name in node.param_names if node.has_param(name))
    return all(np.isfinite(array).all() for array in weights)


def _odd_example(nlp: Language, rng: random.Random) -> Example:
    words, spaces = make_words(rng)
    words = [word[:50] for word in words]
    n = len(words)
    gold_words = words
    if n and rng.random() < 0.3:  # other tokens of the same text
        text = "".join(word + " " * space for word, space in zip(words, spaces))
        cuts = sorted({0, len(text), *(rng.randrange(len(text) + 1) for _ in range(n))})
        gold_words = [text[a:b] for a, b in zip(cuts, cuts[1:]) if b > a]
        spaces_of_gold = [False] * len(gold_words)
    else:
        spaces_of_gold = spaces
    m = len(gold_words)

    def some(choices: Tuple[Any, ...]) -> Any:
        return None if rng.random() < 0.2 else [rng.choice(choices) for _ in range(m)]

    values = {"tags": some(LABELS), "pos": some(POS), "morphs": some(MORPHS), "sent_starts": some((None, True, False))}
    if values["sent_starts"] and m:
        values["sent_starts"][0] = True
    reference = Doc(nlp.vocab, words=gold_words, spaces=spaces_of_gold, **values)
    cuts = sorted({rng.randrange(m + 1) for _ in range(5)})
    spans = [Span(reference, a, b, label=rng.choice(LABELS[1:])) for a, b in zip(cuts, cuts[1:]) if rng.random() < 0.5]
    reference.set_ents(spans, default=rng.choice(("missing", "outside")))
    reference.spans["layer"] = spans
    return Example(Doc(nlp.vocab, words=words, spaces=spaces), reference)
