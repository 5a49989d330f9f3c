"""The corpora of the comparison: their files, what is scored on them, and the configs that train on them."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from .sentences import write_part

ROOT = Path(__file__).parent.parent.parent
CONFIGS = ROOT / "configs"
PARTS = ("dev", "test")


@dataclass(frozen=True)
class Data:
    """One corpus on disk.

    name (str): Its name on the command line.
    title (str): Its name in tables.
    fields (Tuple[str, ...]): What is labelled: columns of `Sentence`, or "ents".
    train (Path): Training sentences.
    dev (Path): Development sentences, on which a system may choose its best state.
    test (Path): Test sentences, seen only by the scorer.
    config (Optional[Path]): Our config, None where only the recipe of `spacy rnn init-config` is compared.
    vectors_config (Optional[Path]): Our config with static vectors.
    peer_config (Path): spaCy's own.
    lang (str): The language of the pipelines.
    neg_prefix (str): What spaCy's tagger takes for "not this tag" before a tag. No tag may begin with it.
    """

    name: str
    title: str
    fields: Tuple[str, ...]
    train: Path
    dev: Path
    test: Path
    config: Optional[Path]
    vectors_config: Optional[Path]
    peer_config: Path
    lang: str = "en"
    neg_prefix: str = "!"

    def part(self, name: str) -> Path:
        return {"train": self.train, "dev": self.dev, "test": self.test}[name]

    def shortened(self, folder: Path, limit: Optional[int] = None, share: float = 1.0, seed: int = 0) -> "Data":
        """The same corpus with the first sentences of each part, or a share of the training sentences, written to a
        folder."""
        if limit is None and share == 1:
            return self
        files: Dict[str, Any] = {}
        for part in ("train", *PARTS):
            source, portion = self.part(part), share if part == "train" else 1.0
            if not source.exists() or (limit is None and portion == 1):
                continue
            mark = f"{limit or 'all'}-{portion:g}-{seed}-{fingerprint(source)}"
            output = folder / f"{self.name}-{part}-{mark}.spacy"
            files[part] = output if output.exists() else write_part(source, output, limit, portion, seed)
        return replace(self, **files)


CORPORA = {
    "ewt": Data(
        name="ewt",
        title="UD English-EWT 2.16",
        fields=("tag", "pos", "morph"),
        train=Path("corpus/ewt/en_ewt-ud-train.spacy"),
        dev=Path("corpus/ewt/en_ewt-ud-dev.spacy"),
        test=Path("corpus/ewt/en_ewt-ud-test.spacy"),
        config=CONFIGS / "ewt.cfg",
        vectors_config=CONFIGS / "ewt_vectors.cfg",
        peer_config=CONFIGS / "peer_spacy_pos.cfg",
    ),
    "wnut17": Data(
        name="wnut17",
        title="WNUT-17",
        fields=("ents",),
        train=Path("corpus/wnut17/train.spacy"),
        dev=Path("corpus/wnut17/dev.spacy"),
        test=Path("corpus/wnut17/test.spacy"),
        config=CONFIGS / "wnut17.cfg",
        vectors_config=CONFIGS / "wnut17_vectors.cfg",
        peer_config=CONFIGS / "peer_spacy_ner.cfg",
    ),
    "vtb": Data(
        name="vtb",
        title="UD Vietnamese-VTB",
        fields=("tag", "pos"),
        train=Path("corpus/vtb/train.spacy"),
        dev=Path("corpus/vtb/dev.spacy"),
        test=Path("corpus/vtb/test.spacy"),
        config=None,
        vectors_config=None,
        peer_config=CONFIGS / "peer_spacy_pos.cfg",
        lang="xx",
        neg_prefix="not ",
    ),
}


def fingerprint(path: Path) -> str:
    """A short checksum of a file."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()[:10]
