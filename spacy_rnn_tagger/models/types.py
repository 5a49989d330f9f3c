"""What flows through the models, on one page.

`List[Doc]` -> `Lexemes` (one row per distinct lexeme) -> `List[Floats2d]` (one array per doc) -> `Packed` (all docs,
time-major) -> `List[Floats2d]`.
"""

from dataclasses import dataclass
from typing import Any, List

from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ..recurrence.packing import Packing

DocsToVectors = Model[List[Doc], List[Floats2d]]
VectorsToVectors = Model[List[Floats2d], List[Floats2d]]


@dataclass(frozen=True)
class Packed:
    """A batch of sequences in packed layout.

    data: (n_tokens, width) rows, ordered as `packing` says; or, of one-hot rows, (n_tokens,) the columns of their ones.
    packing: The layout, shared by every array of the batch.
    """

    data: Any
    packing: Packing


@dataclass(frozen=True)
class Lexemes:
    """The distinct lexemes of a batch.

    features: (n_lexemes, n_attrs) uint64 attribute values.
    orths: (n_lexemes,) uint64 keys of the spellings, into `vocab.strings`.
    vector_keys: (n_lexemes,) uint64 keys into `vocab.vectors`, of the attribute that its vectors are of; 0 if none are
        read.
    vocab: Vocabulary of the docs.
    """

    features: Any
    orths: Any
    vector_keys: Any
    vocab: Vocab
