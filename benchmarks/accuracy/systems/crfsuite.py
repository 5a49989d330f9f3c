"""CRFsuite through sklearn-crfsuite, with the usual features of a token and its neighbours; one model for each column.

Lafferty, McCallum & Pereira (2001), https://repository.upenn.edu/handle/20.500.14332/6188.
"""

import pickle
from pathlib import Path
from typing import List

from ..bio import to_entities, to_tags
from ..corpora import Data
from ..sentences import Sentence, read_sentences
from .base import System, Tagger

AFFIXES = (1, 2, 3, 4)
WINDOW = (-2, -1, 1, 2)
# The settings of sklearn-crfsuite's own tutorial.
SETTINGS = {"algorithm": "lbfgs", "c1": 0.1, "c2": 0.1, "max_iterations": 100, "all_possible_transitions": True}

# Its time grows with the square of the number of labels: on EWT, with 230, a first iteration took 41 s, and there are
# 100.
TOO_MANY_LABELS = {"morph": "FEATS left out: an estimated hour for 230 labels"}


def shape(word: str) -> str:
    """The kinds of its characters, runs of the same kind shortened to one."""
    kinds = ["X" if c.isupper() else "x" if c.islower() else "d" if c.isdigit() else c for c in word]
    return "".join(kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind)


def features(words: List[str]) -> List[List[str]]:
    """The features of each token: the word, its lower-case form, affixes and shape, and the same without affixes of the
    two tokens before and after it."""
    lower, shapes = [word.lower() for word in words], [shape(word) for word in words]
    found = []
    for i, word in enumerate(words):
        here = ["bias", f"word={word}", f"lower={lower[i]}", f"shape={shapes[i]}"]
        here += [f"prefix{n}={lower[i][:n]}" for n in AFFIXES] + [f"suffix{n}={lower[i][-n:]}" for n in AFFIXES]
        for offset in WINDOW:
            j = i + offset
            if 0 <= j < len(words):
                here += [f"{offset:+}lower={lower[j]}", f"{offset:+}shape={shapes[j]}"]
            else:
                here.append(f"{offset:+}outside")
        found.append(here)
    return found


class Crfsuite(System):
    requires = ("sklearn-crfsuite",)
    deterministic = True

    def __init__(self, name: str, title: str, data: Data):
        super().__init__(name, title, data)
        self.fields = [field for field in data.fields if field not in TOO_MANY_LABELS]
        left_out = [reason for field, reason in TOO_MANY_LABELS.items() if field in data.fields]
        self.note = "; ".join(["one model for each column", *left_out])

    def train(self, seed: int, folder: Path) -> None:
        from sklearn_crfsuite import CRF

        sentences = read_sentences(self.data.train)
        X = [features(s.words) for s in sentences]
        for field in self.fields:
            y = [to_tags(len(s.words), s.ents) if field == "ents" else s.columns[field] for s in sentences]
            crf = CRF(**SETTINGS).fit(X, y)
            (folder / f"{field}.pickle").write_bytes(pickle.dumps(crf))

    def load(self, folder: Path) -> Tagger:
        models = {field: pickle.loads((folder / f"{field}.pickle").read_bytes()) for field in self.fields}

        def tag(sentences: List[Sentence]) -> List[Sentence]:
            tagged = [Sentence(s.words) for s in sentences]
            X = [features(s.words) for s in sentences]
            for field, crf in models.items():
                for s, labels in zip(tagged, crf.predict(X)):
                    if field == "ents":
                        s.ents = to_entities(labels)
                    else:
                        s.columns[field] = list(labels)
            return tagged

        return tag
