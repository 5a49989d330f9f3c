"""UDPipe 1 with default options: the tagger only, trained on the gold tokens with their lemmas.

Straka & Strakova (2017), https://aclanthology.org/K17-3009.
"""

from pathlib import Path
from typing import List

from ..sentences import Sentence, read_sentences
from .base import System, Tagger, TrainingError

COLUMNS = {"tag": "xpostag", "pos": "upostag", "morph": "feats"}
MODEL = "model.udpipe"


class UDPipe(System):
    requires = ("ufal.udpipe",)
    deterministic = True
    note = "also learns lemmas"

    def train(self, seed: int, folder: Path) -> None:
        from ufal import udpipe

        training = udpipe.Sentences()
        for s in read_sentences(self.data.train):
            sentence = udpipe.Sentence()
            for i, form in enumerate(s.words):
                word = sentence.addWord(form)  # what iteration over `sentence.words` gives are copies
                word.lemma = s.columns["lemma"][i]
                for field, attribute in COLUMNS.items():
                    setattr(word, attribute, s.columns[field][i])
            training.push_back(sentence)
        error = udpipe.ProcessingError()
        method, nothing = "morphodita_parsito", "none"
        model = udpipe.Trainer.train(method, training, udpipe.Sentences(), nothing, "", nothing, error)
        if error.occurred():
            raise TrainingError(f"UDPipe: {error.message}")
        (folder / MODEL).write_bytes(model)

    def load(self, folder: Path) -> Tagger:
        from ufal import udpipe

        model = udpipe.Model.load(str(folder / MODEL))

        def tag(sentences: List[Sentence]) -> List[Sentence]:
            tagged = []
            for s in sentences:
                sentence = udpipe.Sentence()
                for form in s.words:
                    sentence.addWord(form)
                model.tag(sentence, model.DEFAULT)
                words = list(sentence.words)[1:]  # the first is the root
                columns = {field: [getattr(word, name) for word in words] for field, name in COLUMNS.items()}
                tagged.append(Sentence(s.words, columns))
            return tagged

        return tag
