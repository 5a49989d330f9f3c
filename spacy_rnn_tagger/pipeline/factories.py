"""The factories: one component class under several names, each with truthful metadata. Their settings are those of the
class's constructor, from which their signatures are made."""

import inspect
from typing import Any, Callable, Dict, List, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config, Model
from thinc.types import Floats2d

from .rnn_language_model import RNNLanguageModel
from .rnn_tagger import RNNTagger
from .settings import PER_LABEL, labels_from_config
from .targets.spans import PREFIX as SPANS

Factory = Callable[..., RNNTagger]

DEFAULT_MODEL = """
[model]
@architectures = "spacy-rnn-tagger.RNNTagger.v1"
nO = null
storage = null

[model.tok2vec]
@architectures = "spacy-rnn-tagger.RNNTok2Vec.v1"
storage = null
cache_mb = 128

[model.tok2vec.embed]
@architectures = "spacy-rnn-tagger.LexemeEmbed.v1"
width = 128
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false
chars = null
word_dropout = 0.1
min_freq = 1

[model.tok2vec.encode]
@architectures = "spacy-rnn-tagger.RNNEncoder.v1"
width = ${model.tok2vec.embed.width}
hidden_width = null
depth = 1
cell = "lstm"
bidirectional = true
dropout = 0.0
boundaries = false
bptt_steps = 0
engine = "auto"
"""

SETTINGS: Dict[str, inspect.Parameter] = {
    name: parameter
    for name, parameter in inspect.signature(RNNTagger).parameters.items()
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY
}
"""The settings of the component class, by name, with their types and defaults."""

# The component says what is wrong with numbers by label more clearly than a check of their type would.
SETTINGS.update({name: SETTINGS[name].replace(annotation=Any) for name in PER_LABEL})

IN_CONFIGS: Dict[str, Any] = {"label_bias": {}, "scorer": {"@scorers": "spacy-rnn-tagger.target_scorer.v1"}}
"""Defaults that read otherwise in a config than in Python."""


def register_factory(
    factory: str,
    description: str,
    *,
    target: Optional[str],
    assigns: Sequence[str],
    score_weights: Dict[str, Optional[float]],
    without: Sequence[str] = (),
    **changed: Any,
) -> Factory:
    """Register the component class under a name.

    factory (str): The name for `nlp.add_pipe`.
    description (str): The docstring of the function that makes the component.
    target (Optional[str]): The target that all components of this name have; None if it is a setting.
    assigns (Sequence[str]): The attributes that the component sets.
    score_weights (Dict[str, Optional[float]]): The scores of the target and their weights in training.
    without (Sequence[str]): The settings that are of no use to the target.
    **changed: Defaults that differ from the constructor's, and settings that the constructor lacks.
    RETURNS (Callable): The function that makes the component.
    """
    left_out = {*without, *(() if target is None else ("target",))}
    settings = {name: parameter for name, parameter in SETTINGS.items() if name not in left_out}
    defaults = {name: parameter.default for name, parameter in settings.items()}
    defaults.update({**IN_CONFIGS, **changed})
    new = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=type(value))
        for name, value in changed.items()
        if name not in SETTINGS
    }

    def make(nlp: Language, name: str, model: Model[List[Doc], List[Floats2d]], **given: Any) -> RNNTagger:
        if target is not None:
            given["target"] = target.format(**{setting: given.pop(setting) for setting in new})
        for setting in PER_LABEL:
            given[setting] = labels_from_config(f"component {name!r}", setting, given[setting])
        return RNNTagger(nlp.vocab, model, name, **given)

    # A config is checked against this signature, so each setting is a parameter of its own.
    parameters = list(inspect.signature(make).parameters.values())[:-1]
    parameters += [parameter.replace(default=inspect.Parameter.empty) for parameter in {**new, **settings}.values()]
    make.__signature__ = inspect.Signature(parameters, return_annotation=RNNTagger)  # type: ignore[attr-defined]
    make.__name__ = make.__qualname__ = f"make_{factory}"
    make.__doc__ = description
    Language.factory(
        factory,
        assigns=list(assigns),
        default_config={"model": Config().from_str(DEFAULT_MODEL)["model"], **defaults},
        default_score_weights=score_weights,
        func=make,
    )
    return make


make_rnn_tagger = register_factory(
    "rnn_tagger",
    """Label tokens with any target. For entities, morphology, sentences and spans, the other factories come with the
    right score weights. The settings are those of `RNNTagger`.""",
    target=None,
    assigns=["token.tag"],
    score_weights={"tag_acc": 1.0},
)

make_rnn_ner = register_factory(
    "rnn_ner",
    """Recognise named entities: `rnn_tagger` with target "ents".""",
    target="ents",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
    without=["extend", "alternatives_key"],
)

make_rnn_morphologizer = register_factory(
    "rnn_morphologizer",
    """Assign parts of speech and morphological features: `rnn_tagger` with target "morph".""",
    target="morph",
    assigns=["token.morph", "token.pos"],
    score_weights={"pos_acc": 0.5, "morph_acc": 0.5, "morph_per_feat": None},
    without=["incorrect_spans_key"],
    overwrite=True,
)

make_rnn_senter = register_factory(
    "rnn_senter",
    """Find where sentences start: `rnn_tagger` with target "sents".""",
    target="sents",
    assigns=["token.is_sent_start", "doc.sents"],
    score_weights={"sents_f": 1.0, "sents_p": 0.0, "sents_r": 0.0},
    without=["extend", "alternatives_key", "incorrect_spans_key"],
)

make_rnn_spans = register_factory(
    "rnn_spans",
    """Find the spans of one layer: `rnn_tagger` with target "spans:<spans_key>".""",
    target=SPANS + "{spans_key}",
    assigns=["doc.spans"],
    score_weights={"spans_sc_f": 1.0, "spans_sc_p": 0.0, "spans_sc_r": 0.0},
    without=["extend", "alternatives_key"],
    spans_key="sc",
)

DEFAULT_LANGUAGE_MODEL = """
[model]
@architectures = "spacy-rnn-tagger.LanguageModel.v1"
width = 64
max_size = 5000
attr = "LOWER"
min_freq = 2
storage = null

[model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 256
upstream = "*"
"""


@Language.factory(
    "rnn_language_model",
    default_config={"model": Config().from_str(DEFAULT_LANGUAGE_MODEL)["model"], "weight": 0.1},
)
def make_rnn_language_model(
    nlp: Language, name: str, model: Model[List[Doc], List[Floats2d]], weight: float
) -> RNNLanguageModel:
    """Predict neighbouring words as an auxiliary task of a shared `tok2vec`. The arguments are those of
    `RNNLanguageModel`."""
    return RNNLanguageModel(nlp.vocab, model, name, weight=weight)
