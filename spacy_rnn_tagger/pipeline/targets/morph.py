"""The target "morph"."""

from typing import Dict, List, Optional, Sequence, Set, Tuple, Union

import numpy as np
from numpy.typing import NDArray
from spacy.morphology import Morphology
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from ...errors import unknown_name
from ..writing import ABSTAIN, write_tokens
from .alignment import aligned_strings
from .base import Columns, to_array
from .path import Path
from .token_target import TokenTarget


class MorphTarget(TokenTarget):
    """Universal part of speech and morphological features together, as in spaCy's morphologizer: one label such as
    `Number=Sing|POS=NOUN` sets `Token.morph` and `Token.pos_`."""

    name, attr, score_keys = "morph", "MORPH", ("pos_acc", "morph_acc", "morph_per_feat")

    def __init__(self, vocab: Vocab, alternatives_key: Optional[str] = None) -> None:
        super().__init__(vocab, alternatives_key)
        self._joined: Dict[Tuple[str, str], str] = {}

    def normalize_label(self, label: str) -> str:
        feats = Morphology.feats_to_dict(label)
        if feats.get("POS", "") not in POS_IDS:
            raise unknown_name(f"target 'morph', label {label!r}", "POS", feats["POS"], [n for n in POS_IDS if n])
        pos = feats.pop("POS", "")
        self.vocab.morphology.add(Morphology.dict_to_feats(feats))
        return self._join(pos, Morphology.dict_to_feats(feats))

    def _join(self, pos: str, morph: str) -> str:
        if (pos, morph) not in self._joined:
            feats = Morphology.feats_to_dict(morph)
            if pos:
                feats["POS"] = pos
            self._joined[pos, morph] = self.vocab.strings[self.vocab.morphology.add(feats)]
        return self._joined[pos, morph]

    def is_annotated(self, doc: Doc) -> bool:
        return super().is_annotated(doc) or doc.has_annotation("POS")

    def values_in(self, doc: Doc) -> Set[str]:
        strings = doc.vocab.strings
        # No features are "_" where gold says so, and "" where it says nothing.
        pairs = np.unique(to_array(doc, "POS", "MORPH"), axis=0).tolist()
        return {self._join(strings[pos], strings[morph]) for pos, morph in pairs if pos or morph}

    def gold(self, example: Example) -> List[Optional[str]]:
        poses, morphs = aligned_strings(example, "POS"), aligned_strings(example, "MORPH")
        return [
            None if pos is None or morph is None or not (pos or morph) else self._join(pos, morph)
            for pos, morph in zip(poses, morphs)
        ]

    def adopt(self, vocab: Vocab, labels: Sequence[str]) -> None:
        super().adopt(vocab, labels)
        for label in labels:
            feats = Morphology.feats_to_dict(label)
            feats.pop("POS", None)
            vocab.morphology.add(Morphology.dict_to_feats(feats))

    def count_gold(self, example: Example) -> int:
        values = example.reference.to_array(["POS", "MORPH"])
        return int(np.count_nonzero(values.any(axis=1)))

    def state(self, tokens: Union[Doc, Span]) -> NDArray[np.uint64]:
        return to_array(tokens, "POS", "MORPH")

    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        poses, morphs = self.columns(labels)
        write_tokens(doc, "POS", poses, path, overwrite)
        if extend:
            self._extend(doc, morphs, path, overwrite)
        else:
            write_tokens(doc, "MORPH", morphs, path, overwrite)

    def _columns(self, labels: Tuple[str, ...]) -> Columns:
        feats = [Morphology.feats_to_dict(label) for label in labels]
        poses = [POS_IDS[f.pop("POS", "")] for f in feats]
        morphs = [self.vocab.morphology.add(Morphology.dict_to_feats(f)) for f in feats]
        return np.asarray(poses, dtype="uint64"), np.asarray(morphs, dtype="uint64")

    def _extend(self, doc: Doc, morphs: NDArray[np.uint64], path: Path, overwrite: bool) -> None:
        """Merge features; where both have a feature, the prediction wins if `overwrite`, else what was there."""
        for token, column in zip(doc, path.tolist()):
            if column == ABSTAIN:
                continue
            feats = Morphology.feats_to_dict(doc.vocab.strings[int(morphs[column])])
            present = token.morph.to_dict()
            token.set_morph({**present, **feats} if overwrite else {**feats, **present})  # type: ignore[attr-defined]
