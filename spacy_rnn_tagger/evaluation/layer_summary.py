"""Layers, output shapes, parameters and bytes of a pipeline's recurrent components."""

import warnings
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from spacy.util import load_config, load_model_from_config
from thinc.api import Model

from ..errors import unknown_name
from ..models.architectures.rnn_tagger import set_output_width
from ..models.layers.pool import output_rank
from ..models.storage.shapes import kind_of, may_lack_weights

Shape = Tuple[Optional[int], ...]
# Docs, tokens, distinct words and characters of this batch are different in number, so its outputs tell what their rows
# are.
WORDS = (["a", "b", "a"], ["c", "d"], ["e"])


@dataclass(frozen=True)
class Layer:
    """A layer with weights.

    name (str): Its name.
    shape (Tuple[Optional[int], ...]): The shape of what it puts out for a batch: (batch, steps, width), or (batch,
        width) behind pooling. None where the batch or the data decide.
    n_params (Optional[int]): How many weights it has; None if the data decide.
    n_bytes (Optional[int]): The bytes that its weights take in memory; None if the data decide.
    """

    name: str
    shape: Shape
    n_params: Optional[int]
    n_bytes: Optional[int]


@dataclass(frozen=True)
class PipelineSummary:
    """The layers of a pipeline.

    components (Dict[str, List[Layer]]): The layers of each component that has a recurrent layer, or listens to one that
        has, in the order in which they run.
    """

    components: Dict[str, List[Layer]]


def load_untrained(pipeline: str, overrides: Dict[str, Any]) -> Language:
    """Load a trained pipeline, or build that of a config and give its models weights as far as the config decides their
    sizes.

    pipeline (str): Config file, directory, or package name.
    overrides (Dict[str, Any]): Settings to override, by dotted name.
    RETURNS (Language): The pipeline.
    """
    if not pipeline.endswith(".cfg"):
        return spacy.load(pipeline, config=overrides)
    nlp = load_model_from_config(load_config(pipeline, overrides=overrides), auto_fill=True)
    docs = _docs(nlp)
    for name, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        if not isinstance(model, Model):
            continue
        labels = nlp.config["initialize"]["components"].get(name, {}).get("labels")
        if isinstance(labels, list):
            for label in labels:
                pipe.add_label(label)  # type: ignore[attr-defined]
        if hasattr(pipe, "tags") and getattr(pipe, "labels", None):
            set_output_width(model, len(pipe.tags), name, crf=getattr(pipe, "decoder", "") == "crf")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.initialize(X=docs)
        except (KeyError, ValueError):
            continue  # at the first layer whose size the data decide; those before it have their weights
    return nlp


def summarize_layers(nlp: Language, component: Optional[str] = None) -> PipelineSummary:
    """The layers of every component that has a recurrent layer, or listens to one that has.

    nlp (Language): The pipeline.
    component (Optional[str]): Name of the only component to look at; all if None.
    RETURNS (PipelineSummary): The layers.
    RAISES (ValueError): If no such component has a recurrent layer.
    """
    models: Dict[str, Any] = {name: getattr(pipe, "model", None) for name, pipe in nlp.pipeline}
    models = {name: model for name, model in models.items() if isinstance(model, Model)}
    recurrent = {name for name, model in models.items() if any("cell" in node.attrs for node in model.walk())}
    for name, model in models.items():
        upstream = {node.upstream_name for node in model.walk() if isinstance(node, Tok2VecListener)}
        if upstream & recurrent or ("*" in upstream and recurrent):
            recurrent.add(name)
    if component is not None and component not in recurrent:
        raise unknown_name("recurrent components of this pipeline", "component", component, sorted(recurrent))
    layers = {
        name: _layers(model, _max_length(nlp), getattr(nlp.get_pipe(name), "decoder", "") == "crf")
        for name, model in models.items()
        if name in (recurrent if component is None else {component})
    }
    return PipelineSummary(layers)


def _layers(model: Model[Any, Any], max_length: Optional[int], crf: bool) -> List[Layer]:
    layers = []
    # A layer comes before those in it, and keeps the rank of what it reads unless it says otherwise.
    nodes = list(model.walk(order="dfs_pre"))
    rank = 3
    for node in nodes:
        rank = output_rank(node) or rank
        is_crf = crf and kind_of(node) == "tag_transitions"
        if not node.param_names or (may_lack_weights(node, nodes) and not is_crf):
            continue
        params: List[Any] = [node.get_param(p) if node.has_param(p) else None for p in node.param_names]
        known = all(p is not None for p in params)
        width = node.maybe_get_dim("nO")
        shape = (None, width) if rank == 2 else (None, max_length, width)
        layers.append(
            Layer(
                kind_of(node),
                shape,
                sum(p.size for p in params) if known else None,
                sum(p.nbytes for p in params) if known else None,
            )
        )
    return layers


def _docs(nlp: Language) -> List[Doc]:
    return [Doc(nlp.vocab, words=words) for words in WORDS]


def _max_length(nlp: Language) -> Optional[int]:
    """The number of tokens above which the training corpus splits or skips a doc; None if there is no such limit."""
    section: Any = nlp.config
    for part in str(nlp.config["training"]["train_corpus"]).split("."):
        section = section.get(part, {})
    return section.get("max_length") or None
