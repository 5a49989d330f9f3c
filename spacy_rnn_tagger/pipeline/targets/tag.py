"""The targets "tag" and "pos"."""

from typing import Sequence, Tuple

import numpy as np
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.strings import get_string_id
from spacy.tokens import Doc

from ...errors import unknown_name
from ..writing import write_tokens
from .base import Columns, Path
from .token_target import AttrTarget

NO_TAG = get_string_id("-")


class TagTarget(AttrTarget):
    """Fine-grained part of speech, `Token.tag_`."""

    name, attr, score_keys = "tag", "TAG", ("tag_acc",)

    def describe_missing(self) -> str:
        return (
            "check the target and the conversion of the data ('-' alone is what `spacy convert` writes where a file has no tags), "
            "or add labels with add_label."
        )

    def is_annotated(self, doc: Doc) -> bool:
        """Whether any token of a doc has a tag or alternatives, and not just the tag that `spacy convert` writes for
        want of one."""
        own = np.setdiff1d(doc.to_array(self.attr), (0, NO_TAG))
        return bool(own.size) or bool(self._alternative_spans(doc))

    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        (values,) = self.columns(labels)
        write_tokens(doc, self.attr, values, path, overwrite)

    def _columns(self, labels: Tuple[str, ...]) -> Columns:
        return (np.asarray([get_string_id(label) for label in labels], dtype="uint64"),)


class PosTarget(TagTarget):
    """Universal part of speech, `Token.pos_`."""

    name, attr, score_keys = "pos", "POS", ("pos_acc",)

    def normalize_label(self, label: str) -> str:
        if not label or label not in POS_IDS:
            raise unknown_name("target 'pos'", "label", label, [name for name in POS_IDS if name])
        return super().normalize_label(label)
