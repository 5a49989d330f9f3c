"""What one process does: it loads the pipeline once, and writes one shard after the other."""

import gc
import os
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.util import ignore_error, import_file, raise_error

from ..models.serving.lexeme_gates import cache_states, reserve_cache, restore_cache
from ..pipeline.fresh_copy import fresh_copy
from .answers import answer_settings, keep_all_answers
from .chunks import cut
from .layers import layers_of, score_settings
from .models import load_model
from .pieces import estimate_tokens
from .records import Chunk, Rejected, ShardRecord, Text
from .settings import AnnotateSettings
from .shards import Place
from .texts import read_segment
from .writers import Batch, write_shard

MOST_WORDS = 2**14
"""Words that are computed when a pipeline is loaded: half of what there is room for."""
MOST_SPELLINGS, MOST_CHARACTERS = 100_000, 2_000_000
"""Strings that a tokenizer keeps, ten times what it does by itself, and the characters of text that they are from."""
MOST_NEW_WORDS = 1_000_000
"""Words that a pipeline has met before a fresh copy takes its place: 40 MB of spaCy's index of words."""
BATCH_TOKENS = 32_768
"""About how many tokens are annotated before their rows are made and the docs are dropped."""


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is started with.

    model: The pipeline: a directory, or the name of an installed package.
    output: The folder that shards are written to.
    settings: What is written.
    code: Python file with functions that the pipeline needs.
    gpu: The number of the GPU to use; -1 for the CPU.
    """

    model: str
    output: str
    settings: AnnotateSettings
    code: Optional[str] = None
    gpu: int = -1


class Annotator:
    """A loaded pipeline that annotates texts.

    nlp (Language): The pipeline.
    settings (AnnotateSettings): What is asked for.
    """

    def __init__(self, nlp: Language, settings: AnnotateSettings) -> None:
        self.nlp, self.settings = nlp, settings
        self.layers = layers_of(nlp, scores=settings.scores)
        self._config: Dict[str, Dict[str, Any]] = score_settings(nlp) if settings.scores else {}
        if settings.answers is not None:
            self._config = {name: {**self._config.get(name, {}), **own} for name, own in answer_settings(nlp).items()}
        self._most = settings.max_characters
        if self._most is None and any(hasattr(pipe, "moves") for _, pipe in nlp.pipeline):
            self._most = nlp.max_length
        nlp.max_length = sys.maxsize
        models = (getattr(pipe, "model", None) for _, pipe in nlp.pipeline)
        self._models: List[Any] = [model for model in models if hasattr(model, "walk")]
        self._learn_words()
        self._states = [cache_states(model) for model in self._models]

    def annotate(self, texts: List[Text]) -> List[Any]:
        """Annotate some texts. If one fails, the others are annotated all the same.

        texts (List[Text]): The texts.
        RETURNS (List[Union[Doc, Rejected]]): The doc of each, or why there is none.
        """
        found: Dict[int, Any] = {}
        todo: List[int] = []
        for i, text in enumerate(texts):
            length = len(text.text)
            if self._most is not None and length > self._most:
                reason = f"the text has {length:,} characters, more than {self._most:,}, which is the most allowed."
                found[i] = Rejected(text.line, reason)
            else:
                todo.append(i)
        with self._errors_ignored():
            try:
                found.update(self._pipe(texts, todo))
            except MemoryError:
                raise
            except Exception:  # whichever text it was, it is found below
                pass
        for i in todo:
            if i not in found:
                found[i] = self._annotate_alone(texts, i)
        return [found[i] for i in range(len(texts))]

    def forget(self) -> None:
        """Drop what the pipeline keeps of earlier texts, so that the next ones give the same bits whatever was before
        them."""
        for model, states in zip(self._models, self._states):
            restore_cache(model, states)

    def learn_spellings(self, texts: Iterable[str]) -> None:
        """Let spaCy's tokenizer keep how it takes frequent strings apart. It keeps nothing of what it sees inside of a
        memory zone, and would take each of them apart each time. How it does so does not depend on what it keeps.

        texts (Iterable[str]): Texts like those that are annotated later.
        """
        tokenizer: Any = self.nlp.tokenizer
        if type(tokenizer) is not Tokenizer:
            return
        tokenizer.max_cache_size = max(tokenizer.max_cache_size, MOST_SPELLINGS)
        n_left = MOST_CHARACTERS
        with suppress(Exception):  # what is wrong with a text is said when it is annotated
            for text in texts:
                tokenizer(text[:n_left])
                n_left -= len(text)
                if n_left <= 0:
                    return

    def _learn_words(self) -> None:
        """Let our components compute once what they keep of the words that the pipeline was trained on, since all else
        is forgotten after each shard. Of all strings of a pipeline, the short ones are the likeliest to be frequent
        words (Zipf 1935)."""
        if not any("lexeme_gates" in node.attrs for model in self._models for node in model.walk()):
            return
        words = [word for word in self.nlp.vocab.strings if word and not word.isspace()]
        words = sorted(words, key=lambda word: (len(word), word))[:MOST_WORDS]
        docs = [Doc(self.nlp.vocab, words=words[i : i + 1000]) for i in range(0, len(words), 1000)]
        # These are no sentences, which a component may refuse.
        with self._errors_ignored(), suppress(Exception):
            for _ in self.nlp.pipe(docs[:1]):
                pass
            for model in self._models:
                reserve_cache(model, 2 * MOST_WORDS)
            for _ in self.nlp.pipe(docs[1:]):
                pass

    @contextmanager
    def _errors_ignored(self) -> Iterator[None]:
        """Docs that a component fails on are left out."""
        self._set_error_handler(ignore_error)
        try:
            yield
        finally:
            self._set_error_handler(raise_error)

    def _set_error_handler(self, handler: Any) -> None:
        """`nlp.set_error_handler`, which fails on spaCy's own ner and parser."""
        self.nlp.default_error_handler = handler
        for _, pipe in self.nlp.pipeline:
            if hasattr(pipe, "set_error_handler"):
                with suppress(AttributeError):
                    pipe.set_error_handler(handler)

    def _annotate_alone(self, texts: List[Text], i: int) -> Any:
        try:
            return self._pipe(texts, [i])[i]
        except MemoryError:
            raise
        except Exception as e:
            detail = " ".join(str(e).split())[:300]
            return Rejected(texts[i].line, f"the pipeline failed: {type(e).__name__}: {detail}")

    def _pipe(self, texts: List[Text], which: List[int]) -> Dict[int, Doc]:
        inputs = ((self._input(texts[i]), i) for i in which)
        return {i: doc for doc, i in self.nlp.pipe(inputs, as_tuples=True, component_cfg=self._config)}

    def _input(self, text: Text) -> Any:
        return text.text if text.words is None else Doc(self.nlp.vocab, words=text.words, spaces=text.spaces)


class Worker:
    """Makes shards of chunks.

    given (WorkerSettings): What it is started with.
    RAISES (ValueError): If the pipeline cannot be loaded, in one sentence.
    """

    def __init__(self, given: WorkerSettings) -> None:
        if given.code is not None:
            import_file("python_code", given.code)
        self._settings = given.settings
        self._place = Place(Path(given.output), given.settings.suffix)
        self._has_begun = False
        self._take(load_model(given.model, gpu=given.gpu))

    def __call__(self, chunk: Chunk) -> ShardRecord:
        """Write the shard of a chunk.

        chunk (Chunk): The chunk.
        RETURNS (ShardRecord): What was written.
        """
        began = time.perf_counter()
        rejected: List[Tuple[int, str, Rejected]] = []
        counts = [0, 0]
        if len(self._annotator.nlp.vocab) > self._most_words:
            self._take(fresh_copy(self._annotator.nlp))
        nlp, layers = self._annotator.nlp, self._annotator.layers
        if not self._has_begun:
            self._annotator.learn_spellings(texts_of(chunk, self._settings))
            self._has_begun = True
        self._annotator.forget()
        with self._place.writing(chunk.number) as path, nlp.memory_zone():
            write_shard(self._batches(chunk, rejected, counts), path, nlp, layers, self._settings)
        lost = [
            {"file": file, "line": found.line, "reason": found.reason}
            for _, file, found in sorted(rejected, key=lambda each: (each[0], each[2].line))
        ]
        record = self._place.finish(chunk.number, n_rows=counts[0], n_tokens=counts[1], rejected=lost)
        record.memory, record.seconds = peak_memory(), time.perf_counter() - began
        return record

    def _take(self, nlp: Language) -> None:
        """Annotate with a pipeline from now on. What is loaded need not be looked at when garbage is collected."""
        gc.unfreeze()
        self._annotator = Annotator(nlp, self._settings)
        self._most_words = len(nlp.vocab) + MOST_NEW_WORDS
        self._has_begun = False
        gc.collect()
        gc.freeze()

    def _batches(self, chunk: Chunk, rejected: List[Tuple[int, str, Rejected]], counts: List[int]) -> Iterator[Batch]:
        def texts() -> Iterator[Tuple[int, Text]]:
            for i, segment in enumerate(chunk.segments):
                for record in read_segment(segment, self._settings):
                    if isinstance(record, Rejected):
                        rejected.append((i, segment.file, record))
                    else:
                        yield i, record

        for group in cut(texts(), lambda each: _size(each[1]), BATCH_TOKENS):
            docs, ids = [], []
            for (i, text), found in zip(group, self._annotator.annotate([text for _, text in group])):
                if isinstance(found, Rejected):
                    rejected.append((i, chunk.segments[i].file, found))
                else:
                    docs.append(found)
                    ids.append(name_of(chunk.segments[i].file, text))
            counts[0] += len(docs)
            counts[1] += sum(map(len, docs))
            if docs and self._settings.answers is not None:
                keep_all_answers(self._annotator.nlp, docs, self._settings.answers)
            if docs:
                yield docs, ids


def texts_of(chunk: Chunk, settings: AnnotateSettings) -> Iterator[str]:
    """YIELDS (str): The texts of a chunk. chunk (Chunk): The chunk. settings (AnnotateSettings): How it is read."""
    for segment in chunk.segments:
        for record in read_segment(segment, settings):
            if isinstance(record, Text) and record.words is None:
                yield record.text


def name_of(file: str, text: Text) -> str:
    """RETURNS (str): The id of a text. file (str): Its file. text (Text): The text."""
    return text.id if text.id is not None else f"{file}:{text.line}" if text.line else file


def peak_memory() -> int:
    """RETURNS (int): The most memory that this process had so far, in bytes; 0 where that is not known."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _size(text: Text) -> int:
    return len(text.words) if text.words is not None else estimate_tokens(text.text.encode("utf8"))


def worker_of(given: WorkerSettings) -> Worker:
    """RETURNS (Worker): The worker of this process, made once. given (WorkerSettings): What it is started with."""
    key = (os.getpid(), given)
    if key not in _WORKERS:
        _WORKERS.clear()
        _WORKERS[key] = Worker(given)
    return _WORKERS[key]


_WORKERS: Dict[Any, Worker] = {}
