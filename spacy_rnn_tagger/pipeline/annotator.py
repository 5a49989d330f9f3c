"""The way of a stream of docs through a component: batches, failing docs, stored probabilities."""

import warnings
from typing import Iterable, Iterator, List, Optional, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc

from ..models.serving.token_batches import batch_by_tokens
from .predictions import Confidence, Predictions
from .settings import CheckedSettings
from .stored_scores import forget, register_extensions, store
from .targets import Path


class Annotator(CheckedSettings):
    """A component that predicts one path of tags for each doc (`predict`), and writes it to the doc
    (`set_annotations`)."""

    overwrite: bool
    max_tokens: int
    store_scores: bool
    store_probs: bool
    _warned_extensions = False

    def __call__(self, doc: Doc, *, store_scores: Optional[bool] = None, store_probs: Optional[bool] = None) -> Doc:
        """Annotate one doc, in place.

        doc (Doc): The doc.
        store_scores (Optional[bool]): The setting of this name, for this call; the component's own if None.
        store_probs (Optional[bool]): The setting of this name, for this call; the component's own if None.
        RETURNS (Doc): The same doc.
        """
        for _ in self.pipe([doc], batch_size=1, store_scores=store_scores, store_probs=store_probs):
            pass
        return doc

    def pipe(
        self,
        stream: Iterable[Doc],
        *,
        batch_size: int = 128,
        store_scores: Optional[bool] = None,
        store_probs: Optional[bool] = None,
    ) -> Iterator[Doc]:
        """Annotate a stream of docs, in place, no more than `max_tokens` tokens at once. `nlp.pipe` passes the settings
        on from its `component_cfg`. If a batch fails, its docs are tried one by one, and the error handler gets just
        those that fail.

        stream (Iterable[Doc]): The docs.
        batch_size (int): Most docs to annotate at once.
        store_scores (Optional[bool]): The setting of this name, for this call; the component's own if None.
        store_probs (Optional[bool]): The setting of this name, for this call; the component's own if None.
        YIELDS (Doc): The docs, in order; without those that failed, if the error handler does not raise.
        """
        scores = self.store_scores if store_scores is None else store_scores
        probs = self.store_probs if store_probs is None else store_probs
        for docs in batch_by_tokens(stream, self.max_tokens, batch_size):
            yield from self._annotate(docs, scores, probs)

    def kept(self, docs: Iterable[Doc]) -> List[NDArray[np.bool_]]:
        """Where annotation is present that `set_annotations` will leave as it is, at least in part.

        docs (Iterable[Doc]): The docs.
        RETURNS (List[array]): One (n_tokens,) bool array per doc.
        """
        return [self.target.kept(doc, self.overwrite) for doc in docs]

    def _annotate(self, docs: List[Doc], scores: bool, probs: bool) -> Iterator[Doc]:
        handle = self.get_error_handler()
        try:
            paths: Sequence[Path] = self.predict(docs)
            confidences = self._confidences(docs, paths, scores, probs) if scores or probs else [None] * len(docs)
        except Exception as e:
            if len(docs) == 1:
                handle(self.name, self, docs, e)
                return
            for doc in docs:
                yield from self._annotate([doc], scores, probs)
            return
        for doc, path, confidence in zip(docs, paths, confidences):
            try:
                self._write(doc, path, confidence)
            except Exception as e:
                handle(self.name, self, [doc], e)
            else:
                yield doc

    def _write(self, doc: Doc, path: Path, confidence: Optional[Confidence]) -> None:
        kept = None if confidence is None else self.kept([doc])[0]
        self.set_annotations([doc], [path])
        forget(doc, self.scores_key)
        if confidence is not None and kept is not None:
            store(doc, self.scores_key, self.target, path, confidence, kept, self.labels, self.tags)

    def _confidences(
        self, docs: Sequence[Doc], paths: Sequence[Path], scores: bool, probs: bool
    ) -> Sequence[Confidence]:
        self._warn_extensions()
        predictions = paths if isinstance(paths, Predictions) else Predictions.of(self.path_scores(docs), paths)
        return predictions.confidences(self.target, self.labels, scores=scores, probs=probs)

    def _warn_extensions(self) -> None:
        """Say once which extension attributes cannot be ours."""
        taken = register_extensions(self.scores_key)
        if taken and not self._warned_extensions:
            self._warned_extensions = True
            warnings.warn(
                f"component {self.name!r}: the scores are stored, but cannot be read through {', '.join(taken)}, "
                "because other code has registered extension attributes of these names; set scores_key to another "
                "name.",
                stacklevel=3,
            )
