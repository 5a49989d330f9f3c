"""Schemes of entity tags: which one a file has, and the entities that its tags stand for."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

SCHEMES = {
    "iob1": "BI",
    "iob2": "BI",
    "biluo": "BILU",
    "iobes": "BIES",
    "bmes": "BMES",
    "bmewo": "BMEW",
    "mixed": "BILUMESW",
    "plain": "",
}
"""The prefixes of each scheme; all have O beside them."""
OTHER_NAMES = {"bio": "iob2", "iob": "iob2", "bilou": "biluo", "bioes": "iobes", "bmeso": "bmes", "bmew": "bmewo"}
SCHEME_NAMES = [*SCHEMES, *OTHER_NAMES]
ROLES = {"B": "B", "I": "I", "M": "I", "L": "L", "E": "L", "U": "U", "S": "U", "W": "U"}
"""The prefix of BILUO that means the same."""
OUTSIDE = ("O", "_")
MISSING = ("-", "?", "")
"""Tags of tokens of which it is not known whether they belong to an entity."""
PREFIXED = re.compile(r"([BILUMESW])-(.+)", re.DOTALL)


class Tag(NamedTuple):
    """A tag taken apart: its prefix, "" if it has none, and its label."""

    prefix: str
    label: str


class Fault(NamedTuple):
    """A tag that does not fit the scheme: the token's index, and what is wrong."""

    token: int
    sentence: str


class Entities(NamedTuple):
    """What tags stand for.

    spans: First token, token after the last, and label of each entity.
    missing: Tokens of which nothing is known.
    faults: Tags that do not fit the scheme.
    """

    spans: List[Tuple[int, int, str]]
    missing: List[int]
    faults: List[Fault]


def split_tag(tag: str, scheme: str = "mixed") -> Optional[Tag]:
    """RETURNS (Optional[Tag]): The tag's prefix and label; None if the token is in no entity, or nothing is known of
    it. tag (str): The tag. scheme (str): Its scheme."""
    if tag in OUTSIDE or tag in MISSING:
        return None
    found = None if scheme == "plain" else PREFIXED.fullmatch(tag)
    return Tag("", tag) if found is None else Tag(found[1], found[2])


@dataclass
class TagEvidence:
    """What the tags of a file say about their scheme.

    prefixes: Tags with each prefix.
    bare: Labels without a prefix.
    b_opens: Tags B after no entity or another label, as IOB2 has them.
    i_opens: Tags I after no entity or another label, as IOB1 has them.
    tags: Number of tags.
    outside: Number of tags O.
    """

    prefixes: Counter = field(default_factory=Counter)
    bare: Counter = field(default_factory=Counter)
    b_opens: int = 0
    i_opens: int = 0
    tags: int = 0
    outside: int = 0

    def add(self, tags: Sequence[str]) -> None:
        """Count the tags of one sentence. tags (Sequence[str]): The tags."""
        before: Optional[Tag] = None
        self.tags += len(tags)
        self.outside += sum(tag == "O" for tag in tags)
        for text in tags:
            tag = split_tag(text)
            if tag is not None and not tag.prefix:
                self.bare[tag.label] += 1
            elif tag is not None:
                self.prefixes[tag.prefix] += 1
                opens = before is None or before.label != tag.label
                self.b_opens += opens and tag.prefix == "B"
                self.i_opens += opens and tag.prefix == "I"
            before = tag

    def decide(self) -> Tuple[str, List[str]]:
        """RETURNS (Tuple[str, List[str]]): The scheme, and sentences about what was taken where there is a choice."""
        found = set(self.prefixes)
        if self.bare and not found & {"B", "I"}:
            odd = f" Labels such as {self._some_prefix()}-... are taken whole." if found else ""
            return "plain", [f"Tags are plain labels: neighbouring tokens with the same label are one entity.{odd}"]
        if not found:
            return "iob2", ["No token has an entity tag other than O, so that the scheme cannot be told; taken: iob2."]
        scheme, notes = self._by_prefixes(found)
        if self.bare:
            some = ", ".join(f"{label!r}" for label, _ in self.bare.most_common(3))
            notes.append(
                f"Mixed tags: without prefix {sum(self.bare.values()):,} ({some}), of {scheme} "
                f"{sum(self.prefixes.values()):,}; "
                f"a tag without prefix goes on with an entity of its label, or begins one."
            )
        return scheme, notes

    def _by_prefixes(self, found: set) -> Tuple[str, List[str]]:
        if found & set("LU") and found & set("MESW"):
            counts = ", ".join(f"{prefix}- {n:,}" for prefix, n in sorted(self.prefixes.items()))
            return "mixed", [f"Mixed schemes ({counts}): L, E end an entity, U, S, W are one, I, M go on with it."]
        if found & set("LU"):
            return "biluo", []
        if found & set("MW") and "I" not in found:
            if "W" not in found and "S" not in found:
                return "bmes", ["Tags are bmes or bmewo, as no entity has one token; they mean the same. Taken: bmes."]
            return ("bmewo" if "W" in found else "bmes"), []
        if found & set("MW"):
            return "mixed", ["Mixed schemes: both I- and M- or W- occur; I and M go on with an entity, W is one."]
        if found & set("ES"):
            both = (
                [] if "I" in found else ["Tags are iobes or bmes, which mean the same without I- and M-. Taken: iobes."]
            )
            return "iobes", both
        if not self.i_opens:
            return "iob2", []
        if "B" not in found:
            return "iob1", ["No tag begins with B-: scheme iob1, or IO; the entities are the same. Taken: iob1."]
        if not self.b_opens:
            return "iob1", []
        return "iob2", [
            f"Mixed schemes: begun with B-, as in iob2, {self.b_opens:,}; with I-, as in iob1, {self.i_opens:,}. "
            "Taken: "
            "iob2; the entities are the same either way."
        ]

    def _some_prefix(self) -> str:
        return next(iter(self.prefixes), "")


def decode_tags(tags: Sequence[str], scheme: str, sent_starts: Optional[Sequence[bool]] = None) -> Entities:
    """The entities that tags stand for. Tags that do not fit are read as the nearest that do, and told of: every entity
    tag is in an entity of its label.

    tags (Sequence[str]): The tag of each token.
    scheme (str): Their scheme, one of `SCHEMES` or `OTHER_NAMES`.
    sent_starts (Optional[Sequence[bool]]): Whether each token begins a sentence, over which no entity reaches.
    RETURNS (Entities): The entities, unknown tokens and faults.
    """
    scheme = OTHER_NAMES.get(scheme, scheme)
    result = Entities([], [i for i, tag in enumerate(tags) if tag in MISSING], [])
    closes = scheme not in ("iob1", "iob2", "plain")
    start, label, before = -1, "", ""

    def finish(end: int, closed: bool) -> None:
        nonlocal start
        if start >= 0:
            result.spans.append((start, end, label))
            if closes and not closed:
                result.faults.append(Fault(end - 1, f"the entity {label!r} ends without a tag that ends it"))
        start = -1

    for i, (text, tag) in enumerate(zip(tags, (split_tag(tag, scheme) for tag in tags))):
        if sent_starts is not None and sent_starts[i]:
            finish(i, False)
            before = ""
        if tag is None:
            finish(i, False)
            before = ""
            continue
        role = ROLES.get(tag.prefix, "I")
        goes_on = start >= 0 and label == tag.label and role in ("I", "L")
        result.faults.extend(_faults(i, text, tag, scheme, role, goes_on, before))
        if not goes_on:
            finish(i, False)
            start, label = i, tag.label
        if role in ("L", "U"):
            finish(i + 1, True)
        before = tag.label
    finish(len(tags), False)
    return result


def _faults(index: int, text: str, tag: Tag, scheme: str, role: str, goes_on: bool, before: str) -> Iterator[Fault]:
    if scheme == "plain":
        return
    if tag.prefix not in SCHEMES[scheme] or not tag.prefix:
        yield Fault(index, f"{text!r} is no tag of {scheme}")
    elif role in ("I", "L") and not goes_on and scheme != "iob1":
        yield Fault(index, f"{text!r} goes on with an entity that has not begun")
    elif scheme == "iob1" and role == "B" and before != tag.label:
        yield Fault(index, f"{text!r} parts two entities {tag.label!r}, but there is none before it")


def encode_tags(spans: Sequence[Tuple[int, int, str]], n_tokens: int, scheme: str = "iob2") -> List[str]:
    """The tags of entities that do not overlap.

    spans (Sequence[Tuple[int, int, str]]): First token, token after the last, and label of each.
    n_tokens (int): Number of tokens.
    scheme (str): The scheme.
    RETURNS (List[str]): The tag of each token.
    """
    scheme = OTHER_NAMES.get(scheme, scheme)
    to_prefix: Dict[str, str] = {ROLES[prefix]: prefix for prefix in SCHEMES[scheme]}
    tags = ["O"] * n_tokens
    end_of: Dict[int, str] = {}
    for start, end, label in sorted(spans):
        if scheme == "plain":
            tags[start:end] = [label] * (end - start)
            continue
        tags[start:end] = [f"{to_prefix['I']}-{label}"] * (end - start)
        if scheme != "iob1" or end_of.get(start) == label:
            tags[start] = f"B-{label}"
        if "L" in to_prefix:
            tags[end - 1] = f"{to_prefix['L']}-{label}"
            if end - start == 1:
                tags[start] = f"{to_prefix['U']}-{label}"
        end_of[end] = label
    return tags
