"""Changes to training configs: other encoders, static vectors, other numbers of steps."""

from pathlib import Path
from typing import Any, Dict, Iterator

from spacy.util import get_package_path, is_package, load_config
from thinc.api import Config

from .systems.base import TrainingError

SPACYS = "spacy.Vectors.v1"
# Encoders that take the place of the peer's convolutions, at its width.
ENCODERS: Dict[str, Dict[str, Any]] = {
    "bilstm": {"@architectures": "spacy.TorchBiLSTMEncoder.v1", "depth": 1, "dropout": 0.0},
    "our-encoder": {"@architectures": "spacy-rnn-tagger.RNNEncoder.v1", "depth": 1},
}


def read_config(path: Any) -> Config:
    """RAISES (TrainingError): If there is no such file."""
    try:
        return load_config(path, interpolate=False)
    except OSError:
        raise TrainingError(f"there is no config {str(path)!r}; name one with --config") from None


def sections(config: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """All sections of a config, the whole first."""
    yield config
    for value in config.values():
        if isinstance(value, dict):
            yield from sections(value)


def with_gold_tokens(config: Config) -> Config:
    config = config.copy()
    for corpus in config["corpora"].values():
        corpus["gold_preproc"] = True
    return config


def with_language(config: Config, lang: str, neg_prefix: str) -> Config:
    """Another language, and another sign of spaCy's tagger for a tag that is wrong, where "!" is a tag."""
    config = config.copy()
    config["nlp"]["lang"] = lang
    for component in config["components"].values():
        if component.get("factory") == "tagger" and neg_prefix != "!":
            component["neg_prefix"] = neg_prefix
    return config


def with_encoder(config: Config, encoder: str) -> Config:
    """The shared `tok2vec` with another encoder of the same width."""
    config = config.copy()
    model = config["components"]["tok2vec"]["model"]
    model["encode"] = {"width": model["encode"]["width"], **ENCODERS[encoder]}
    return config


def with_vectors(config: Config, vectors: str) -> Config:
    """Every embedding layer that can also reads the static vectors of `[paths]`, which are those of a pipeline.

    vectors (str): Its path, or its package.
    RAISES (TrainingError): If none can, or it has none.
    """
    config = config.copy()
    embeddings = [section for section in sections(config) if "include_static_vectors" in section]
    if not embeddings:
        raise TrainingError("no layer of the config has include_static_vectors, so it cannot use --vectors")
    for section in embeddings:
        section["include_static_vectors"] = True
    config["initialize"]["vectors"] = "${paths.vectors}"
    own = vectors_folder(vectors) / "config.cfg"
    settings = load_config(own)["nlp"].get("vectors") if own.is_file() else None
    if settings is not None and settings["@vectors"] != SPACYS:
        config["nlp"]["vectors"] = settings
    return config


def vectors_folder(vectors: str) -> Path:
    """Where a pipeline with static vectors lies.

    vectors (str): Its path, or its package.
    RAISES (TrainingError): If it has no vectors.
    """
    folder = Path(vectors)
    if not folder.exists() and is_package(vectors):
        package = get_package_path(vectors)
        folder = next((path.parent for path in package.glob("*/meta.json")), package)
    vectors_file(folder)
    return folder


def vectors_file(folder: Path) -> Path:
    """The file that a pipeline keeps its vectors in.

    folder (Path): The pipeline.
    RAISES (TrainingError): If it has none.
    """
    paths = [folder / "vocab" / name for name in ("vectors", "compact_vectors")]
    for path in paths:
        if path.is_file():
            return path
    raise TrainingError(
        f"{str(folder)!r} is no pipeline with static vectors: there is no {paths[0]}; "
        "`python -m scripts.fetch_vectors` makes one of GloVe vectors"
    )


def with_steps(config: Config, steps: int) -> Config:
    """Train for another number of steps, evaluate at least once, and keep the form of the learning rate's schedule."""
    config = config.copy()
    training = config["training"]
    factor = steps / training["max_steps"]
    training["max_steps"] = steps
    training["eval_frequency"] = min(training["eval_frequency"], steps)
    for schedule in sections(training["optimizer"]):
        for name in ("warmup_steps", "total_steps"):
            if name in schedule:
                schedule[name] = max(1, round(factor * schedule[name]))
    return config


def with_share(config: Config, share: float) -> Config:
    """The steps for a share of the training sentences: as many as for all of them, times the square root of the share.

    This lies between equally many steps, with which a tenth of the sentences is seen ten times as often, and equally
    many epochs, with which training on a tenth ends after a tenth of the steps.
    """
    return config if share == 1 else with_steps(config, max(1, round(config["training"]["max_steps"] * share**0.5)))
