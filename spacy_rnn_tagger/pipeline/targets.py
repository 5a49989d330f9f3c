"""What the component reads from gold docs and writes to predicted ones, one class per target."""

from abc import ABC, abstractmethod
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Type

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import ENT_IOB, IS_SPACE
from spacy.morphology import Morphology
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from ..engines.lattice import Constraints
from ..errors import nearest, unknown_name
from . import biluo
from .writing import write_entities, write_tokens

Path = NDArray[np.int64]
Columns = Tuple[NDArray[np.uint64], ...]


class Target(ABC):
    """An annotation that can be predicted token by token.

    name: Its name in the config.
    attr: Attribute that holds it, as `Doc.has_annotation` and `Doc.to_array` know it.
    score_keys: Keys of its scores, the deciding one first.
    """

    name: str
    attr: str
    score_keys: Tuple[str, ...]

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab
        self._cached: Tuple[Tuple[str, ...], Columns] = ((), ())

    def normalize_label(self, label: str) -> str:
        """The canonical form of a label. RAISES (ValueError): If the target cannot take it."""
        self.vocab.strings.add(label)
        return label

    def label_of(self, tag: str) -> str:
        """The label that a tag belongs to."""
        return tag

    def is_annotated(self, doc: Doc) -> bool:
        """Whether any token of a doc has this annotation."""
        return doc.has_annotation(self.attr)

    @abstractmethod
    def labels_in(self, example: Example) -> Set[str]:
        """The labels of a gold doc, whatever its tokenisation."""

    @abstractmethod
    def gold(self, example: Example) -> List[Optional[str]]:
        """The gold tag of each token of the predicted doc; None where it is missing or misaligned."""

    @abstractmethod
    def count_gold(self, example: Example) -> int:
        """How many gold labels the reference has, to report those that alignment loses."""

    @abstractmethod
    def count_aligned(self, example: Example) -> int:
        """How many of them reach the predicted doc."""

    def make_tags(self, labels: Sequence[str]) -> List[str]:
        """The tags scored per token, in column order."""
        return list(labels)

    def make_constraints(self, labels: Sequence[str]) -> Optional[Constraints]:
        """The legal tag paths; None if all are."""
        return None

    def columns(self, labels: Sequence[str]) -> Columns:
        """The attribute values that each tag stands for, by column."""
        key = tuple(labels)
        if self._cached[0] != key:
            self._cached = (key, self._columns(key))
        return self._cached[1]

    def _columns(self, labels: Tuple[str, ...]) -> Columns:
        return ()

    def allowed(self, docs: Sequence[Doc], labels: Sequence[str], overwrite: bool) -> Optional[NDArray[np.bool_]]:
        """What the docs themselves rule out.

        docs (Sequence[Doc]): The docs.
        labels (Sequence[str]): The labels.
        overwrite (bool): Whether annotation that is already there binds nothing.
        RETURNS (Optional[array]): (n_tokens, n_tags) bool, the tags that each token of the concatenated docs may have; None
            if all may have all.
        """
        return None

    @abstractmethod
    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        """Write a decoded path to a doc."""


class TokenTarget(Target):
    """One string attribute per token."""

    def labels_in(self, example: Example) -> Set[str]:
        doc = example.reference
        values = np.unique(doc.to_array(self.attr))
        return {self.vocab.strings[value] for value in values if value}

    def gold(self, example: Example) -> List[Optional[str]]:
        return [value or None for value in example.get_aligned(self.attr, as_string=True)]

    def count_gold(self, example: Example) -> int:
        return int(np.count_nonzero(example.reference.to_array(self.attr)))

    def count_aligned(self, example: Example) -> int:
        reached: Set[int] = set()
        for i, tag in enumerate(self.gold(example)):
            if tag is not None:
                reached.update(example.alignment.x2y[i].tolist())
        return len(reached)

    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        (values,) = self.columns(labels)
        write_tokens(doc, self.attr, values[path], overwrite)

    def _columns(self, labels: Tuple[str, ...]) -> Columns:
        return (np.asarray([self.vocab.strings[label] for label in labels], dtype="uint64"),)


class TagTarget(TokenTarget):
    """Fine-grained part of speech, `Token.tag_`."""

    name, attr, score_keys = "tag", "TAG", ("tag_acc",)


class PosTarget(TokenTarget):
    """Universal part of speech, `Token.pos_`."""

    name, attr, score_keys = "pos", "POS", ("pos_acc",)

    def normalize_label(self, label: str) -> str:
        if not label or label not in POS_IDS:
            raise unknown_name("target 'pos'", "label", label, [name for name in POS_IDS if name])
        return super().normalize_label(label)


class MorphTarget(Target):
    """Universal part of speech and morphological features together, as in spaCy's morphologizer: one label such as
    `Number=Sing|POS=NOUN` sets `Token.morph` and `Token.pos_`."""

    name, attr, score_keys = "morph", "MORPH", ("pos_acc", "morph_acc", "morph_per_feat")

    def normalize_label(self, label: str) -> str:
        feats = Morphology.feats_to_dict(label)
        if feats.get("POS", "") not in POS_IDS:
            raise unknown_name(f"target 'morph', label {label!r}", "POS", feats["POS"], [n for n in POS_IDS if n])
        pos = feats.pop("POS", "")
        self.vocab.morphology.add(Morphology.dict_to_feats(feats))
        return self._join(pos, Morphology.dict_to_feats(feats))

    def _join(self, pos: str, morph: str) -> str:
        feats = Morphology.feats_to_dict(morph)
        if pos:
            feats["POS"] = pos
        label: str = self.vocab.strings[self.vocab.morphology.add(feats)]
        return label

    def is_annotated(self, doc: Doc) -> bool:
        return doc.has_annotation("MORPH") or doc.has_annotation("POS")

    def labels_in(self, example: Example) -> Set[str]:
        pairs = {(token.pos_, str(token.morph)) for token in example.reference}
        # An empty analysis is "" where nothing was annotated and "_" where there are no features.
        return {self._join(pos, morph) for pos, morph in pairs if pos or morph}

    def gold(self, example: Example) -> List[Optional[str]]:
        poses = example.get_aligned("POS", as_string=True)
        morphs = example.get_aligned("MORPH", as_string=True)
        known: Dict[Tuple[Any, Any], Optional[str]] = {}
        for pair in zip(poses, morphs):
            if pair not in known:
                pos, morph = pair
                missing = pos is None or morph is None or not (pos or morph)
                known[pair] = None if missing else self._join(pos, morph)
        return [known[pair] for pair in zip(poses, morphs)]

    def count_gold(self, example: Example) -> int:
        values = example.reference.to_array(["POS", "MORPH"])
        return int(np.count_nonzero(values.any(axis=1)))

    count_aligned = TokenTarget.count_aligned

    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        poses, morphs = self.columns(labels)
        write_tokens(doc, "POS", poses[path], overwrite)
        if extend:
            self._extend(doc, morphs[path], overwrite)
        else:
            write_tokens(doc, "MORPH", morphs[path], overwrite)

    def _columns(self, labels: Tuple[str, ...]) -> Columns:
        feats = [Morphology.feats_to_dict(label) for label in labels]
        poses = [POS_IDS[f.pop("POS", "")] for f in feats]
        morphs = [self.vocab.morphology.add(Morphology.dict_to_feats(f)) for f in feats]
        return np.asarray(poses, dtype="uint64"), np.asarray(morphs, dtype="uint64")

    def _extend(self, doc: Doc, morphs: NDArray[np.uint64], overwrite: bool) -> None:
        """Merge features; where both have a feature, the prediction wins if `overwrite`, else what was there."""
        for token, key in zip(doc, morphs.tolist()):
            feats = Morphology.feats_to_dict(self.vocab.strings[key])
            present = token.morph.to_dict()
            token.set_morph({**present, **feats} if overwrite else {**feats, **present})  # type: ignore[attr-defined]


class EntsTarget(Target):
    """Named entities, `Doc.ents`, as BILUO tags under hard constraints."""

    name, attr = "ents", "ENT_IOB"
    score_keys = ("ents_f", "ents_p", "ents_r", "ents_per_type")

    def normalize_label(self, label: str) -> str:
        if not label:
            raise ValueError("target 'ents': an entity label cannot be empty.")
        return super().normalize_label(label)

    def label_of(self, tag: str) -> str:
        return tag[2:]

    def labels_in(self, example: Example) -> Set[str]:
        return {ent.label_ for ent in example.reference.ents}

    def gold(self, example: Example) -> List[Optional[str]]:
        tags = [None if tag in (None, "-") else tag for tag in example.get_aligned_ner()]
        for i, tag in enumerate(tags):
            # Decoding never begins or ends an entity on whitespace, so such gold cannot be learned.
            if tag is not None and tag[0] in "BLU" and example.predicted[i].is_space:
                tags[i] = None
        return tags

    def count_gold(self, example: Example) -> int:
        return len(example.reference.ents)

    def count_aligned(self, example: Example) -> int:
        return sum(tag is not None and tag[0] in "BU" for tag in self.gold(example))

    def make_tags(self, labels: Sequence[str]) -> List[str]:
        return biluo.make_tags(labels)

    def make_constraints(self, labels: Sequence[str]) -> Optional[Constraints]:
        return biluo.make_constraints(len(labels))

    def allowed(self, docs: Sequence[Doc], labels: Sequence[str], overwrite: bool) -> Optional[NDArray[np.bool_]]:
        actions, _ = biluo.actions_and_labels(1 + 4 * len(labels))
        present = np.concatenate([doc.to_array([IS_SPACE, ENT_IOB]) for doc in docs])
        spaces = present[:, 0] != 0
        has_preset = (present[:, 1] & 1) != 0  # inside an entity, or at the beginning of one, or blocked
        if not spaces.any() and not has_preset.any():
            return None
        mask = np.ones((spaces.shape[0], len(actions)), dtype=bool)
        mask[spaces] = np.isin(actions, (biluo.OUT, biluo.IN))
        offset = 0
        for doc in docs:
            if has_preset[offset : offset + len(doc)].any():
                for i, tag in _preset_tags(doc, labels, overwrite).items():
                    mask[offset + i] = np.arange(len(actions)) == tag
            offset += len(doc)
        return mask

    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        if write_entities(doc, path, labels):
            return
        present = doc.to_array(["ENT_IOB", "ENT_TYPE"])
        in_preset = np.isin(present[:, 0], (1, 3))
        blocked = in_preset & (present[:, 1] == 0)
        found = [
            Span(doc, start, end, label=labels[label])
            for start, end, label in biluo.spans_of(path, 1 + 4 * len(labels))
            if overwrite or not in_preset[start]
        ]
        if overwrite or not in_preset.any():
            doc.set_ents(found, blocked=_runs(doc, blocked), default="outside")
        else:
            covered = present[:, 0] != 0
            for span in found:
                covered[span.start : span.end] = True
            doc.set_ents(found, outside=_runs(doc, ~covered), default="unmodified")


def _preset_tags(doc: Doc, labels: Sequence[str], overwrite: bool) -> Dict[int, int]:
    """The tag that earlier components or the user have settled, by token: O for blocked tokens and, unless they may be
    overwritten, the tags of present entities (O where their label is not ours, so that nothing crosses them)."""
    tags: Dict[int, int] = {token.i: 0 for token in doc if token.ent_iob == 3 and token.ent_type == 0}
    if not overwrite:
        for ent in doc.ents:
            if ent.label_ in labels:
                tags.update(biluo.tags_of(ent.start, ent.end, list(labels).index(ent.label_)))
            else:
                tags.update({i: 0 for i in range(ent.start, ent.end)})
    return tags


def _runs(doc: Doc, mask: NDArray[np.bool_]) -> List[Span]:
    """The stretches of tokens where a mask holds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(int)))
    return [Span(doc, start, end) for start, end in edges.reshape((-1, 2)).tolist()]


TARGETS: Dict[str, Type[Target]] = {cls.name: cls for cls in (TagTarget, PosTarget, MorphTarget, EntsTarget)}


def make_target(name: str, vocab: Vocab) -> Target:
    """RETURNS (Target): The target of this name. RAISES (ValueError): If there is none."""
    if name not in TARGETS:
        raise unknown_name("rnn_tagger", "target", name, TARGETS)
    return TARGETS[name](vocab)


def annotated_targets(docs: Iterable[Doc]) -> List[str]:
    """Names of the targets that some of the docs are annotated with."""
    docs = list(docs)
    return [n for n, cls in TARGETS.items() if any(cls(d.vocab).is_annotated(d) for d in docs)]


def unseen_labels(given: Sequence[str], seen: Iterable[str]) -> List[str]:
    """Seen labels that were not given, each with its nearest given one."""
    return [repr(label) + nearest(label, given) for label in sorted(set(seen) - set(given))]
