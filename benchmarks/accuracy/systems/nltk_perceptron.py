"""NLTK's averaged perceptron tagger, one for each column. It is trained and kept without NLTK's data folder."""

import json
import random
from pathlib import Path
from typing import List

from ..sentences import Sentence, read_sentences
from .base import System, Tagger

# The perceptron takes an empty label for none.
NO_FEATURES = "_"


class NltkPerceptron(System):
    requires = ("nltk",)
    note = "one model for each column"

    def train(self, seed: int, folder: Path) -> None:
        from nltk.tag.perceptron import PerceptronTagger

        sentences = read_sentences(self.data.train)
        for field in self.data.fields:
            random.seed(seed)  # it shuffles by the global generator
            tagger = PerceptronTagger(load=False)
            tagger.train([list(zip(s.words, (v or NO_FEATURES for v in s.columns[field]))) for s in sentences])
            path = folder / f"{field}.json"
            path.write_text(json.dumps(tagger.encode_json_obj()), encoding="utf8")

    def load(self, folder: Path) -> Tagger:
        from nltk.tag.perceptron import PerceptronTagger

        taggers = {}
        for field in self.data.fields:
            parameters = json.loads((folder / f"{field}.json").read_text(encoding="utf8"))
            taggers[field] = PerceptronTagger.decode_json_obj(parameters)

        def tag(sentences: List[Sentence]) -> List[Sentence]:
            tagged = [Sentence(s.words) for s in sentences]
            for s in tagged:
                for field, tagger in taggers.items():
                    s.columns[field] = ["" if v == NO_FEATURES else v for _, v in tagger.tag(s.words)]
            return tagged

        return tag
