"""A spaCy pipeline, trained by `spacy train` in a process of its own."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Optional

import spacy
from spacy.tokens import Doc
from thinc.api import Config

from scripts.fingerprint import fingerprint as fingerprint_of_source

from ..corpora import ROOT, Data, fingerprint
from ..sentences import Sentence, from_doc
from ..training_configs import vectors_file, vectors_folder
from .base import System, Tagger, TrainingError

LOG_TAIL = 15


class SpacyPipeline(System):
    """
    config (Config): The training config, without the paths.
    vectors (Optional[str]): Path or package of a pipeline with static vectors, for `paths.vectors`.
    ours (bool): Whether the config names parts of this package.
    names (Optional[str]): Folder with lists of names that the config reads.
    """

    requires = ("spacy", "thinc", "torch")

    def __init__(
        self,
        name: str,
        title: str,
        data: Data,
        config: Config,
        vectors: Optional[str],
        ours: bool,
        names: Optional[str] = None,
    ):
        super().__init__(name, title, data)
        self.config, self.vectors, self.ours, self.names = config, vectors, ours, names

    def versions(self) -> Dict[str, str]:
        ours = {"spacy-rnn-tagger source": fingerprint_of_source(ROOT / "spacy_rnn_tagger")} if self.ours else {}
        return {**super().versions(), **ours}

    def recipe(self) -> str:
        vectors = "" if self.vectors is None else fingerprint(vectors_file(vectors_folder(self.vectors)))
        lists = [] if self.names is None else sorted(Path(self.names).glob("*.txt"))
        marks = "".join(f"\n{path.name} {fingerprint(path)}" for path in lists)
        return f"{self.config.to_str(interpolate=False)}\n{vectors}{marks}"

    def train(self, seed: int, folder: Path) -> None:
        config, log = folder.parent / "config.cfg", folder.parent / "train.log"
        config.write_text(self.config.to_str(interpolate=False), encoding="utf8")
        output = folder.parent / "output"
        command = [sys.executable, "-m", "spacy", "train", str(config), "--output", str(output)]
        command += [
            "--paths.train",
            str(self.data.train),
            "--paths.dev",
            str(self.data.dev),
            "--system.seed",
            str(seed),
        ]
        if self.vectors is not None:
            command += ["--paths.vectors", self.vectors]
        with log.open("w", encoding="utf8") as out:
            code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT).returncode
        if code:
            tail = "\n".join(log.read_text(encoding="utf8").splitlines()[-LOG_TAIL:])
            raise TrainingError(f"`spacy train` ended with code {code}; the end of {log}:\n{tail}")
        (output / "model-best").rename(folder / "model-best")
        shutil.rmtree(output)

    def load(self, folder: Path) -> Tagger:
        nlp = spacy.load(folder / "model-best")

        def tag(sentences: List[Sentence]) -> List[Sentence]:
            docs = (Doc(nlp.vocab, words=s.words) for s in sentences)
            return [from_doc(doc) for doc in nlp.pipe(docs)]

        return tag
