"""The targets "tag" and "pos"."""

from typing import Sequence, Tuple

import numpy as np
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.tokens import Doc

from ...errors import unknown_name
from ..writing import write_tokens
from .base import Columns, Path
from .token_target import AttrTarget


class TagTarget(AttrTarget):
    """Fine-grained part of speech, `Token.tag_`."""

    name, attr, score_keys = "tag", "TAG", ("tag_acc",)

    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        (values,) = self.columns(labels)
        write_tokens(doc, self.attr, values, path, overwrite)

    def _columns(self, labels: Tuple[str, ...]) -> Columns:
        return (np.asarray([self.vocab.strings[label] for label in labels], dtype="uint64"),)


class PosTarget(TagTarget):
    """Universal part of speech, `Token.pos_`."""

    name, attr, score_keys = "pos", "POS", ("pos_acc",)

    def normalize_label(self, label: str) -> str:
        if not label or label not in POS_IDS:
            raise unknown_name("target 'pos'", "label", label, [name for name in POS_IDS if name])
        return super().normalize_label(label)
