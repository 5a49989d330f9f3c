"""The pipelines, from disk: trained ones as far as given, and stand-ins of the same architecture otherwise.

What a pipeline annotates depends on its weights, how fast it is hardly does; but it depends on the number of labels and
on how often words occur. So a stand-in is initialized from the whole training data, and then trained for a few steps
only.
"""

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import spacy
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.util import load_config_from_str

from spacy_rnn_tagger.models.serving.lexeme_gates import clear_cache

from ..accuracy.corpora import CORPORA, fingerprint
from ..accuracy.training_configs import with_gold_tokens, with_steps
from .recipes import RECIPES
from .steps import training_steps
from .texts import Words, read_texts


class MissingPart(ValueError):
    """A pipeline or a corpus that is not what was asked for; the message says why."""


class Pipelines:
    """
    given (Dict[str, Path]): Trained pipelines by the name of their recipe.
    train (Dict[str, Path]): Training data by corpus, where they are not the project's.
    work (Path): Folder of the stand-ins, which are made once.
    steps (int): Steps that a stand-in is trained for.
    limit (int): Only so many training sentences, 0 for all.
    """

    def __init__(self, given: Dict[str, Path], train: Dict[str, Path], work: Path, steps: int, limit: int = 0):
        self.given, self.train, self.work, self.steps, self.limit = given, train, work, steps, limit
        self._stand_ins: Dict[str, Path] = {}

    def path(self, name: str) -> Path:
        """Where the pipeline of a recipe lies, after making a stand-in if there is none yet."""
        return self.given.get(name) or self.stand_in(name)

    def load(self, name: str, pipes: Sequence[str] = (), overrides: Optional[Dict[str, Any]] = None) -> Language:
        """Load a pipeline anew, with a vocabulary and a lexeme cache of its own.

        name (str): The name of its recipe.
        pipes (Sequence[str]): Only these components, or all of them if none are named.
        overrides (Optional[Dict[str, Any]]): Settings of its config, by dotted name.
        RETURNS (Language): The pipeline.
        RAISES (MissingPart): If it cannot be read, or lacks one of them.
        """
        return load(self.path(name), pipes, overrides)

    def load_stand_in(self, name: str) -> Language:
        """A stand-in, even if a trained pipeline was given, with all that training needs."""
        return load(self.stand_in(name))

    def note(self, *names: str) -> str:
        """Which of some pipelines were given, and what the others are."""
        names = tuple(dict.fromkeys(names))
        given = [f"{name} ({self.given[name]})" for name in names if name in self.given]
        others = [name for name in names if name not in self.given]
        sentences = []
        if given:
            sentences.append(f"Trained: {', '.join(given)}.")
        if others:
            sentences.append(
                f"Initialized from the training data and trained for {self.steps} steps: {', '.join(others)}."
            )
        return " ".join(sentences)

    def stand_in(self, name: str) -> Path:
        """A stand-in, made now or before.

        RAISES (MissingPart): If there is no training data.
        """
        if name not in self._stand_ins:
            self._stand_ins[name] = self._make(name)
        return self._stand_ins[name]

    def training_texts(self, corpus: str) -> List[Words]:
        """The words of each sentence of a corpus' training data.

        corpus (str): A key of `CORPORA`.
        RAISES (MissingPart): If there is no training data.
        """
        return read_texts(self.training_data(corpus), self.limit or None)[0]

    def training_data(self, corpus: str) -> Path:
        """Where a corpus' training data lies.

        corpus (str): A key of `CORPORA`.
        RAISES (MissingPart): If there is none.
        """
        train = self.train.get(corpus, CORPORA[corpus].train)
        if not train.is_file():
            raise MissingPart(
                f"there is no training data {train}; run `spacy project run {corpus}-corpus`, or name it with "
                f"--train {corpus}=PATH"
            )
        return train

    def _make(self, name: str) -> Path:
        recipe = RECIPES[name]
        train = self.training_data(recipe.corpus)
        config = with_steps(with_gold_tokens(recipe.config()), self.steps)
        config["corpora"]["train"]["limit"] = self.limit
        config["paths"].update(train=str(train.resolve()), dev=str(train.resolve()))
        text = config.to_str(interpolate=False)
        key = hashlib.md5(f"{text}{fingerprint(train)}".encode(), usedforsecurity=False).hexdigest()[:10]
        output = self.work / f"{name}-{key}"
        if not output.exists():
            print(f"making a stand-in for {name}", file=sys.stderr, flush=True)
            nlp = init_nlp(load_config_from_str(text))
            for _ in zip(range(self.steps), training_steps(nlp)):
                pass
            unfinished = self.work / f"{name}-unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            nlp.to_disk(unfinished)
            unfinished.rename(output)
        return output


def load(path: Path, pipes: Sequence[str] = (), overrides: Optional[Dict[str, Any]] = None) -> Language:
    """`Pipelines.load` of a path."""
    try:
        names = spacy.util.load_meta(path / "meta.json")["pipeline"] if path.is_dir() else None
        exclude = [name for name in names or () if pipes and name not in pipes]
        nlp: Language = spacy.load(path, exclude=exclude, config=overrides or {})
    except OSError as e:
        raise MissingPart(f"there is no pipeline {str(path)!r}; name the folder of a trained one ({e})") from None
    missing: List[str] = [name for name in pipes if name not in nlp.pipe_names]
    if missing:
        raise MissingPart(f"the pipeline {str(path)!r} has {', '.join(nlp.pipe_names)}, but no {missing[0]!r}")
    return nlp


def clear_caches(nlp: Language) -> None:
    """Make all components of this package forget what they know of lexemes."""
    for _, pipe in nlp.pipeline:
        model: Optional[Any] = getattr(pipe, "model", None)
        if model is not None:
            clear_cache(model)
