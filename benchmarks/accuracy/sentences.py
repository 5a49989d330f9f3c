"""Sentences as plain lists, which every system can be trained on and scored by, and parts of a .spacy file."""

import math
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus

Entity = Tuple[int, int, str]

GETTERS = {
    "lemma": lambda token: token.lemma_,
    "tag": lambda token: token.tag_,
    "pos": lambda token: token.pos_,
    "morph": lambda token: str(token.morph),
}


@dataclass
class Sentence:
    """Tokens, one list of labels for each annotated column (`GETTERS`), and the entities as start token, end token
    (exclusive) and label. Morphology is spaCy's string: features sorted by name, empty if there are none."""

    words: List[str]
    columns: Dict[str, List[str]] = field(default_factory=dict)
    ents: Set[Entity] = field(default_factory=set)


def from_doc(doc: Doc) -> Sentence:
    columns = {name: [get(token) for token in doc] for name, get in GETTERS.items()}
    return Sentence([token.text for token in doc], columns, {(ent.start, ent.end, ent.label_) for ent in doc.ents})


def read_docs(path: Path) -> List[Doc]:
    """The sentences of a .spacy file as docs, with gold tokens; a doc without sentence boundaries is one sentence."""
    return [eg.reference for eg in Corpus(path, gold_preproc=True)(spacy.blank("en"))]


def read_sentences(path: Path) -> List[Sentence]:
    return [from_doc(doc) for doc in read_docs(path)]


def write_part(path: Path, output: Path, limit: Optional[int] = None, share: float = 1.0, seed: int = 0) -> Path:
    """Write some sentences of a .spacy file to another one.

    path (Path): The whole file.
    output (Path): The file to write.
    limit (Optional[int]): Only the first sentences.
    share (float): A random part of these, above 0 and at most 1. With one seed, a smaller part is contained in every
        larger one.
    seed (int): Seed of the random order.
    RETURNS (Path): The file written.
    """
    docs = read_docs(path)[:limit]
    if share < 1:
        order = random.Random(seed).sample(range(len(docs)), len(docs))
        docs = [docs[i] for i in order[: math.ceil(share * len(docs))]]
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_suffix(f".{os.getpid()}")
    DocBin(docs=docs).to_disk(unfinished)
    os.replace(unfinished, output)
    return output
