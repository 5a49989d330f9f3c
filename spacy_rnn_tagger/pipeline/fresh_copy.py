"""A copy of a pipeline without what its vocabulary keeps of words that were given back."""

from dataclasses import dataclass
from typing import Any, Dict

from spacy.language import Language
from spacy.util import load_model_from_config
from thinc.api import Config


@dataclass(frozen=True)
class Snapshot:
    """What a pipeline is, apart from what it has met. A memory zone gives back what new words took, but the place of
    each in spaCy's index of words stays, some 40 bytes for each word that was ever new. Only a new vocabulary has none
    of them. To have memory for one pipeline alone, drop the old one, which is a circle of references, and call
    `gc.collect` before `load`.

    config (Config): Its config.
    meta (Dict[str, Any]): Its meta data.
    data (bytes): What `nlp.to_bytes` gives.
    max_length (int): The most characters of a text.
    """

    config: Config
    meta: Dict[str, Any]
    data: bytes
    max_length: int

    @classmethod
    def of(cls, nlp: Language) -> "Snapshot":
        """RETURNS (Snapshot): The snapshot. nlp (Language): The pipeline, which is left as it is."""
        return cls(nlp.config, nlp.meta, nlp.to_bytes(), nlp.max_length)

    def load(self) -> Language:
        """RETURNS (Language): A pipeline that annotates alike, with a vocabulary of its own. Nothing is read from
        disk."""
        nlp = load_model_from_config(self.config, meta=self.meta)
        nlp.from_bytes(self.data)
        nlp.max_length = self.max_length
        return nlp


def fresh_copy(nlp: Language) -> Language:
    """RETURNS (Language): A pipeline that annotates alike, with a vocabulary of its own. nlp (Language): The
    pipeline."""
    return Snapshot.of(nlp).load()
