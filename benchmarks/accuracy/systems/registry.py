"""The systems of the comparison by name."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

from thinc.api import Config

from spacy_rnn_tagger.pipeline.blank_pipeline import blank_pipeline
from spacy_rnn_tagger.training.config_for_corpus import config_for_corpus

from ..corpora import CORPORA, Data
from ..sentences import read_docs
from ..training_configs import (
    read_config,
    with_encoder,
    with_gold_tokens,
    with_language,
    with_share,
    with_steps,
    with_vectors,
)
from .base import System, TrainingError
from .crfsuite import Crfsuite
from .nltk_perceptron import NltkPerceptron
from .spacy_pipeline import SpacyPipeline
from .udpipe import UDPipe
from .unavailable import Unavailable

WITH_VECTORS, WITH_GLOVE, WITH_NAMES = "+vectors", "+glove", "+names"
GLOVE, NAMES = "assets/vectors/glove", "assets/names/lists"
"""What `python -m scripts.fetch_vectors` and `python -m scripts.fetch_names` make."""
FLAIR = (
    "its tagger is built on contextual string embeddings, which are downloaded from its own server; "
    "trained without them it would be another system"
)


@dataclass(frozen=True)
class Options:
    """What changes the training of pipelines.

    config (Optional[Path]): In place of our config for the corpus.
    vectors (Optional[str]): Path or package of a pipeline with static vectors.
    steps (Optional[int]): In place of the configs' `max_steps`, for all training sentences.
    share (float): Share of the training sentences, which scales the steps (`with_share`).
    names (Optional[str]): Folder with lists of names.
    """

    config: Optional[Path] = None
    vectors: Optional[str] = None
    steps: Optional[int] = None
    share: float = 1.0
    names: Optional[str] = None


def _ours(data: Data, options: Options) -> Tuple[str, Config]:
    path = options.config or (data.vectors_config if options.vectors else data.config)
    if path is None:
        raise TrainingError(f"there is no config of ours for {data.name!r}; name one with --config, or use 'recipe'")
    return f"ours, `{path.name}`", read_config(path)


def _recipe(data: Data, options: Options) -> Tuple[str, Config]:
    parts = {"train.spacy": read_docs(data.train), "dev.spacy": read_docs(data.dev)}
    targets = [{"pos": "morph"}.get(field, field) for field in data.fields]
    nlp = blank_pipeline(data.lang, options.vectors)
    targets = list(dict.fromkeys(targets))
    made = config_for_corpus(nlp, parts, vectors=options.vectors, names=options.names, targets=targets)
    return "ours, `spacy rnn init-config`", Config().from_str(made.text, interpolate=False)


def _peer(data: Data, options: Options) -> Tuple[str, Config]:
    return f"spaCy, `{data.peer_config.name}`", read_config(data.peer_config)


def _peer_bilstm(data: Data, options: Options) -> Tuple[str, Config]:
    return "spaCy with `spacy.TorchBiLSTMEncoder.v1`", with_encoder(read_config(data.peer_config), "bilstm")


def _peer_our_encoder(data: Data, options: Options) -> Tuple[str, Config]:
    encoder = "spacy-rnn-tagger.RNNEncoder.v1"
    return f"spaCy with `{encoder}`", with_encoder(read_config(data.peer_config), "our-encoder")


# Pipelines of spaCy, each with or without static vectors.
PIPELINES: Dict[str, Callable[[Data, Options], Tuple[str, Config]]] = {
    "ours": _ours,
    "recipe": _recipe,
    "spacy": _peer,
    "spacy-bilstm": _peer_bilstm,
    "spacy-our-encoder": _peer_our_encoder,
}
OURS = ("ours", "recipe", "spacy-our-encoder")
# Other systems, and the corpora that they are for.
OTHERS: Dict[str, Tuple[Callable[[str, Data], System], Tuple[str, ...]]] = {
    "nltk": (lambda name, data: NltkPerceptron(name, "NLTK averaged perceptron", data), ("ewt", "vtb")),
    "crfsuite": (lambda name, data: Crfsuite(name, "sklearn-crfsuite", data), ("ewt", "wnut17", "vtb")),
    "udpipe": (lambda name, data: UDPipe(name, "UDPipe 1", data), ("ewt", "vtb")),
    "flair": (lambda name, data: Unavailable(name, "Flair", data, FLAIR), ("ewt", "wnut17")),
}


def system_names(corpus: str, vectors: bool = True) -> List[str]:
    """All systems for a corpus, in the order of the table."""
    data = CORPORA[corpus]
    plain = [name for name in PIPELINES if name != "ours" or data.config is not None]
    using = [name for name in plain if data.vectors_config is not None and vectors]
    pipelines = plain + [name + suffix for suffix in (WITH_VECTORS, WITH_GLOVE) for name in using]
    if data.config is not None and "ents" in data.fields:
        tables = ("", WITH_VECTORS, WITH_GLOVE) if vectors else ("",)
        pipelines += [f"recipe{table}{WITH_NAMES}" for table in tables]
    return pipelines + [name for name, (_, corpora) in OTHERS.items() if corpus in corpora]


def make_system(name: str, data: Data, options: Options) -> System:
    """RAISES (TrainingError): If a config is missing or does not fit the options."""
    if name in OTHERS:
        return OTHERS[name][0](name, data)
    plain, names, _ = name.partition(WITH_NAMES)
    base, _, suffix = plain.partition("+")
    vectors = {"vectors": options.vectors, "glove": GLOVE}.get(suffix)
    options = replace(options, vectors=vectors, names=NAMES if names else None)
    title, config = PIPELINES[base](data, options)
    config = with_language(with_gold_tokens(config), data.lang, data.neg_prefix)
    if vectors is not None:
        words = "GloVe 100d" if suffix == "glove" else "static vectors"
        title, config = f"{title}, {words}", with_vectors(config, vectors)
    if options.steps is not None:
        config = with_steps(config, options.steps)
    if base != "recipe":  # which has chosen the steps by the size of the data itself
        config = with_share(config, options.share)
    if names:
        title += ", lists of names"
    return SpacyPipeline(name, title, data, config, vectors, ours=base in OURS, names=options.names)
