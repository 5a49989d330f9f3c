"""The pipelines whose speed is measured, as training configs: those of `configs/`, and what differs from them in one
thing."""

from dataclasses import dataclass
from typing import Callable, Dict

from thinc.api import Config

from spacy_rnn_tagger.pipeline.factories import DEFAULT_MODEL

from ..accuracy.corpora import CORPORA
from ..accuracy.training_configs import read_config, sections, with_encoder

RECURRENT = ("spacy-rnn-tagger.RNNEncoder.v1", "spacy-rnn-tagger.CharRNN.v1")


@dataclass(frozen=True)
class Recipe:
    """
    title (str): What it is, in tables.
    corpus (str): What it is trained on, a key of `CORPORA`.
    config (Callable[[], Config]): Makes its training config, without the paths.
    """

    title: str
    corpus: str
    config: Callable[[], Config]


def ours(corpus: str, decoder: str = "softmax", depth: int = 1) -> Config:
    """Our config for a corpus, with another decoder or more layers. A CRF has no morphologizer beside it: its
    transitions between hundreds of analyses are nothing that anyone would train."""
    config = read_config(CORPORA[corpus].config)
    config["components"]["tok2vec"]["model"]["encode"]["depth"] = depth
    if decoder == "softmax":
        return config
    config = without(config, "rnn_morphologizer")
    for component in config["components"].values():
        if "decoder" in component:
            component["decoder"] = decoder
    return config


def default_tok2vec() -> Config:
    """Our tagger and morphologizer over the `tok2vec` that `rnn_tagger` has by default, without a language model."""
    config = without(read_config(CORPORA["ewt"].config), "rnn_language_model")
    tok2vec = config["components"]["tok2vec"]["model"] = Config().from_str(DEFAULT_MODEL)["model"]["tok2vec"]
    for section in sections(config["components"]):
        if "upstream" in section:  # a listener
            section["width"] = tok2vec["encode"]["width"]
    return config


def with_engine(config: Config, engine: str) -> Config:
    """The config with every recurrent layer trained by an engine, see `recurrence.engines.ENGINES`."""
    config = config.copy()
    for section in sections(config["components"]):
        if section.get("@architectures") in RECURRENT:
            section["engine"] = engine
    return config


def peer(corpus: str, encoder: str = "") -> Config:
    """spaCy's own components, with its convolutions or another encoder of `training_configs.ENCODERS`; in batches like
    ours."""
    config = read_config(CORPORA[corpus].peer_config)
    config["training"]["batcher"] = read_config(CORPORA[corpus].config)["training"]["batcher"]
    return with_encoder(config, encoder) if encoder else config


def without(config: Config, name: str) -> Config:
    """The config without a component, if it has it."""
    config = config.copy()
    config["components"].pop(name, None)
    config["nlp"]["pipeline"] = [other for other in config["nlp"]["pipeline"] if other != name]
    return config


def _recipes_for(corpus: str) -> Dict[str, Recipe]:
    ways = {
        "": ("softmax, 1 layer", lambda: ours(corpus)),
        "-crf": ("CRF, 1 layer", lambda: ours(corpus, "crf")),
        "-2-layers": ("softmax, 2 layers", lambda: ours(corpus, depth=2)),
        "-crf-2-layers": ("CRF, 2 layers", lambda: ours(corpus, "crf", depth=2)),
        "-peer": ("convolutions", lambda: peer(corpus)),
        "-peer-bilstm": ("`spacy.TorchBiLSTMEncoder.v1`", lambda: peer(corpus, "bilstm")),
    }
    return {corpus + suffix: Recipe(title, corpus, config) for suffix, (title, config) in ways.items()}


RECIPES = {
    **_recipes_for("ewt"),
    **_recipes_for("wnut17"),
    "ewt-array": Recipe("softmax, 1 layer, trained by arrays", "ewt", lambda: with_engine(ours("ewt"), "array")),
    "ewt-default": Recipe("default `tok2vec`, no language model, trained by arrays", "ewt", default_tok2vec),
    "ewt-default-torch": Recipe(
        "default `tok2vec`, no language model", "ewt", lambda: with_engine(default_tok2vec(), "torch")
    ),
}
