"""A small web service around a trained pipeline: texts in, labels with probabilities out.

    MODEL=training/bundled/model-best uvicorn --factory service:make_app --workers 2

Each worker is a process of its own with the pipeline loaded once, and annotates one request at a time: what NumPy does
with a sentence is too short to be shared among threads. Requests beyond `MAX_WAITING` are turned away at once, so that
nobody waits for an answer that comes too late. A memory zone gives back what new words took, and a fresh copy of the
pipeline takes its place after many of them, so that memory does not grow.
"""

import asyncio
import gc
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, Dict, List, Optional

import spacy
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field
from spacy.language import Language
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spacy_rnn_tagger import entity_rows, token_rows
from spacy_rnn_tagger.pipeline.annotator import Annotator
from spacy_rnn_tagger.pipeline.fresh_copy import Snapshot

# Texts between two looks at the clock: a request that ran out of time ends after this many.
TEXTS_AT_ONCE = 16


@dataclass(frozen=True)
class Settings:
    """What the environment sets, by the names in capitals.

    model (str): The pipeline: a directory, or the name of an installed package.
    max_texts (int): The most texts in a request.
    max_bytes (int): The most bytes in the body of a request.
    max_waiting (int): The most requests that a worker holds, the running one included.
    timeout_s (float): The most seconds that a request may take, waiting included.
    max_new_words (int): The new words after which a fresh copy of the pipeline takes its place, between two requests.
    """

    model: str
    max_texts: int = 256
    max_bytes: int = 1_000_000
    max_waiting: int = 16
    timeout_s: float = 10.0
    max_new_words: int = 100_000

    @classmethod
    def from_environment(cls) -> "Settings":
        """RETURNS (Settings): The settings.
        RAISES (ValueError): If MODEL is not set, or a number is none."""
        given = {f.name: (f.type, os.environ.get(f.name.upper())) for f in fields(cls)}
        if not given["model"][1]:
            raise ValueError("MODEL is not set; name a pipeline: its directory, or an installed package.")
        values: Dict[str, Any] = {}
        for name, (kind, text) in given.items():
            try:
                if text is not None:
                    values[name] = kind(text)  # type: ignore[operator]
            except ValueError as e:
                raise ValueError(f"{name.upper()} = {text!r} is not a number.") from e
        return cls(**values)


class Texts(BaseModel):
    """What a request holds."""

    texts: List[str] = Field(description="The texts to annotate")
    tokens: bool = Field(False, description="Whether to answer with the tokens too, not only with entities and spans")


class Service:
    """A pipeline that annotates one request at a time.

    settings (Settings): The settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.nlp: Language = spacy.load(settings.model)
        self.meta, self.max_length = self.nlp.meta, self.nlp.max_length
        self.most_words = len(self.nlp.vocab) + settings.max_new_words
        ours = [name for name, pipe in self.nlp.pipeline if isinstance(pipe, Annotator)]
        self.with_scores = {name: {"store_scores": True} for name in ours}
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="annotate")
        self.n_waiting = 0
        self.n_texts = 0
        self.started = time.monotonic()

    def answer(self, texts: List[str], tokens: bool = False, deadline: Optional[float] = None) -> List[Dict[str, Any]]:
        """Annotate texts.

        texts (List[str]): The texts.
        tokens (bool): Whether to answer with the tokens too.
        deadline (Optional[float]): The time of `time.monotonic` at which to give up, None for never.
        RETURNS (List[Dict[str, Any]]): For each text its "ents", and its "tokens" if wanted, as rows of
            `spacy_rnn_tagger.entity_rows` and `token_rows`.
        RAISES (TimeoutError): If the deadline passed.
        """
        answers = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError
            with self.nlp.memory_zone():
                docs = self.nlp.pipe(texts[start : start + TEXTS_AT_ONCE], component_cfg=self.with_scores)
                for doc in docs:
                    answer = {"ents": entity_rows(doc)}
                    answers.append({**answer, "tokens": token_rows(doc)} if tokens else answer)
        self.n_texts += len(texts)
        return answers

    def renew(self) -> None:
        """Let a fresh copy of the pipeline take its place if it has met many new words."""
        if len(self.nlp.vocab) > self.most_words:
            snapshot = Snapshot.of(self.nlp)
            del self.nlp
            gc.collect()
            self.nlp = snapshot.load()
            self.most_words = len(self.nlp.vocab) + self.settings.max_new_words

    async def annotate(self, request: Texts) -> List[Dict[str, Any]]:
        """Annotate a request when its turn comes.

        request (Texts): The request.
        RETURNS (List[Dict[str, Any]]): See `answer`.
        RAISES (HTTPException): If there are too many texts (413), too many requests (503) or too little time (504).
        """
        limits = self.settings
        if len(request.texts) > limits.max_texts:
            raise HTTPException(
                413, f"{len(request.texts)} texts in a request; {limits.max_texts} at most are allowed."
            )
        longest = max(map(len, request.texts), default=0)
        if longest > self.max_length:
            raise HTTPException(413, f"A text has {longest} characters; {self.max_length} at most are allowed.")
        if self.n_waiting >= limits.max_waiting:
            raise HTTPException(503, f"{self.n_waiting} requests wait already; try again.", {"Retry-After": "1"})
        deadline = time.monotonic() + limits.timeout_s
        self.n_waiting += 1
        try:
            work = asyncio.get_running_loop().run_in_executor(
                self.thread, self.answer, request.texts, request.tokens, deadline
            )
            return await work
        except TimeoutError as e:
            raise HTTPException(504, f"The request took more than {limits.timeout_s:g} s; send fewer texts.") from e
        finally:
            self.n_waiting -= 1
            self.thread.submit(self.renew)


class LimitSize:
    """Read no more of a body than is allowed, whatever its header says.

    app (ASGIApp): The application.
    max_bytes (int): The most bytes.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app, self.max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = 0

        async def limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.max_bytes:
                raise HTTPException(413, f"A request has at most {self.max_bytes} bytes here; send fewer texts.")
            return message

        await self.app(scope, limited, send)


def make_app(settings: Optional[Settings] = None) -> FastAPI:
    """Make the service.

    settings (Optional[Settings]): The settings; None for those of the environment.
    RETURNS (FastAPI): The application.
    """
    settings = settings or Settings.from_environment()
    service = Service(settings)
    meta = service.meta
    app = FastAPI(title=f"{meta['lang']}_{meta['name']}", version=meta["version"], description=__doc__ or "")
    app.state.service = service

    app.add_middleware(LimitSize, max_bytes=settings.max_bytes)

    @app.get("/health")
    async def health() -> Dict[str, Any]:
        """Whether the worker is there, and what it did so far."""
        return {
            "status": "ok" if service.n_waiting < settings.max_waiting else "busy",
            "model": f"{meta['lang']}_{meta['name']} {meta['version']}",
            "process": os.getpid(),
            "waiting": service.n_waiting,
            "texts": service.n_texts,
            "seconds": round(time.monotonic() - service.started, 1),
        }

    @app.post("/annotate")
    async def annotate(request: Texts) -> List[Dict[str, Any]]:
        """Entities, spans and, if wanted, tokens of each text, with their probabilities."""
        return await service.annotate(request)

    return app
