"""Targets by name."""

from typing import Dict, Iterable, List, Optional, Sequence, Type

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ...errors import nearest, unknown_name
from ..targets import extension, spans
from .base import Target
from .biluo_target import BiluoTarget
from .ents import EntsTarget
from .extension import ExtensionTarget
from .morph import MorphTarget
from .sents import SentsTarget
from .spans import SpansTarget
from .tag import PosTarget, TagTarget
from .token_target import TokenTarget

TARGETS: Dict[str, Type[Target]] = {
    cls.name: cls for cls in (TagTarget, PosTarget, MorphTarget, EntsTarget, SentsTarget)
}
NAMES = (*TARGETS, f"{spans.PREFIX}<key>", f"{extension.PREFIX}<extension>")


def make_target(
    name: str, vocab: Vocab, *, alternatives_key: Optional[str] = None, incorrect_spans_key: Optional[str] = None
) -> Target:
    """Make the target of a name.

    name (str): The name.
    vocab (Vocab): The shared vocabulary.
    alternatives_key (Optional[str]): Span group of gold docs that names several labels for a token, of which one is
        right.
    incorrect_spans_key (Optional[str]): Span group of gold docs that names spans that are wrong.
    RETURNS (Target): The target.
    RAISES (ValueError): If there is none of this name, or it has no use for a key.
    """
    cls, rest = _find(name)
    for setting, key, base, kinds in (
        ("alternatives_key", alternatives_key, TokenTarget, "'tag', 'pos', 'morph' and '_.<extension>'"),
        ("incorrect_spans_key", incorrect_spans_key, BiluoTarget, "'ents' and 'spans:<key>'"),
    ):
        if key is not None and not issubclass(cls, base):
            raise ValueError(f"target {name!r}: {setting} = {key!r} is of no use to it; it is for the targets {kinds}.")
    options = {}
    if issubclass(cls, TokenTarget):
        options["alternatives_key"] = alternatives_key
    if issubclass(cls, BiluoTarget):
        options["incorrect_spans_key"] = incorrect_spans_key
    return cls(vocab, *rest, **options)


def annotated_targets(docs: Iterable[Doc]) -> List[str]:
    """Names of the targets that some of the docs are annotated with."""
    docs = list(docs)
    found = [n for n, cls in TARGETS.items() if any(cls(doc.vocab).is_annotated(doc) for doc in docs)]
    keys = {spans.PREFIX + key for doc in docs for key in doc.spans}
    extensions = {
        extension.PREFIX + key[1]
        for doc in docs
        for key in doc.user_data
        if isinstance(key, tuple)
        and len(key) == 4
        and key[0] == "._."
        and key[2] is not None
        and key[3] is None
        # Probabilities that we keep lie under names that no custom attribute has.
        and ":" not in key[1]
    }
    return [*found, *sorted(keys), *sorted(extensions)]


def unseen_labels(given: Sequence[str], seen: Iterable[str]) -> List[str]:
    """Seen labels that were not given, each with its nearest given one."""
    return [repr(label) + nearest(label, given) for label in sorted(set(seen) - set(given))]


def _find(name: str) -> "tuple[Type[Target], List[str]]":
    """The class of a target, and what its name says beside."""
    for prefix, cls in ((spans.PREFIX, SpansTarget), (extension.PREFIX, ExtensionTarget)):
        if name.startswith(prefix) and len(name) > len(prefix):
            return cls, [name[len(prefix) :]]
    if name not in TARGETS:
        raise unknown_name("rnn_tagger", "target", name, NAMES)
    return TARGETS[name], []
