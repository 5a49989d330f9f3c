"""The factories: one component class under three names, each with truthful metadata."""

from typing import Any, Callable, Dict, List, Optional, Union

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config, Model
from thinc.types import Floats2d

from ..models.serving.token_batches import MAX_TOKENS
from .rnn_language_model import RNNLanguageModel
from .rnn_tagger import RNNTagger

DEFAULT_MODEL = """
[model]
@architectures = "spacy-rnn-tagger.RNNTagger.v1"
nO = null
storage = null

[model.tok2vec]
@architectures = "spacy-rnn-tagger.RNNTok2Vec.v1"
storage = null

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
"""

DEFAULTS: Dict[str, Any] = {
    "model": Config().from_str(DEFAULT_MODEL)["model"],
    "decoder": "softmax",
    "overwrite": False,
    "max_tokens": MAX_TOKENS,
    "store_scores": False,
    "store_probs": False,
    "scores_key": None,
    "threshold": 0.0,
    "label_bias": {},
    "class_weights": None,
    "scorer": {"@scorers": "spacy-rnn-tagger.target_scorer.v1"},
}


@Language.factory(
    "rnn_tagger",
    assigns=["token.tag"],
    default_config={
        **DEFAULTS,
        "target": "tag",
        "extend": False,
        "alternatives_key": None,
        "incorrect_spans_key": None,
    },
    default_score_weights={"tag_acc": 1.0},
)
def make_rnn_tagger(
    nlp: Language,
    name: str,
    model: Model[List[Doc], List[Floats2d]],
    target: str,
    decoder: str,
    overwrite: bool,
    extend: bool,
    alternatives_key: Optional[str],
    incorrect_spans_key: Optional[str],
    max_tokens: int,
    store_scores: bool,
    store_probs: bool,
    scores_key: Optional[str],
    threshold: float,
    label_bias: Dict[str, float],
    class_weights: Optional[Union[str, Dict[str, float]]],
    scorer: Optional[Callable[..., Dict[str, Any]]],
) -> RNNTagger:
    """Label tokens with any target. For entities, morphology, sentences and spans, the other factories come with the right
    score weights. The arguments are those of `RNNTagger`."""
    return RNNTagger(
        nlp.vocab,
        model,
        name,
        target=target,
        decoder=decoder,
        overwrite=overwrite,
        extend=extend,
        alternatives_key=alternatives_key,
        incorrect_spans_key=incorrect_spans_key,
        max_tokens=max_tokens,
        store_scores=store_scores,
        store_probs=store_probs,
        scores_key=scores_key,
        threshold=threshold,
        label_bias=label_bias,
        class_weights=class_weights,
        scorer=scorer,
    )


@Language.factory(
    "rnn_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config={**DEFAULTS, "incorrect_spans_key": None},
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_rnn_ner(
    nlp: Language,
    name: str,
    model: Model[List[Doc], List[Floats2d]],
    decoder: str,
    overwrite: bool,
    incorrect_spans_key: Optional[str],
    max_tokens: int,
    store_scores: bool,
    store_probs: bool,
    scores_key: Optional[str],
    threshold: float,
    label_bias: Dict[str, float],
    class_weights: Optional[Union[str, Dict[str, float]]],
    scorer: Optional[Callable[..., Dict[str, Any]]],
) -> RNNTagger:
    """Recognise named entities: `rnn_tagger` with target "ents"."""
    return RNNTagger(
        nlp.vocab,
        model,
        name,
        target="ents",
        decoder=decoder,
        overwrite=overwrite,
        incorrect_spans_key=incorrect_spans_key,
        max_tokens=max_tokens,
        store_scores=store_scores,
        store_probs=store_probs,
        scores_key=scores_key,
        threshold=threshold,
        label_bias=label_bias,
        class_weights=class_weights,
        scorer=scorer,
    )


@Language.factory(
    "rnn_morphologizer",
    assigns=["token.morph", "token.pos"],
    default_config={**DEFAULTS, "overwrite": True, "extend": False, "alternatives_key": None},
    default_score_weights={"pos_acc": 0.5, "morph_acc": 0.5, "morph_per_feat": None},
)
def make_rnn_morphologizer(
    nlp: Language,
    name: str,
    model: Model[List[Doc], List[Floats2d]],
    decoder: str,
    overwrite: bool,
    extend: bool,
    alternatives_key: Optional[str],
    max_tokens: int,
    store_scores: bool,
    store_probs: bool,
    scores_key: Optional[str],
    threshold: float,
    label_bias: Dict[str, float],
    class_weights: Optional[Union[str, Dict[str, float]]],
    scorer: Optional[Callable[..., Dict[str, Any]]],
) -> RNNTagger:
    """Assign parts of speech and morphological features: `rnn_tagger` with target "morph"."""
    return RNNTagger(
        nlp.vocab,
        model,
        name,
        target="morph",
        decoder=decoder,
        overwrite=overwrite,
        extend=extend,
        alternatives_key=alternatives_key,
        max_tokens=max_tokens,
        store_scores=store_scores,
        store_probs=store_probs,
        scores_key=scores_key,
        threshold=threshold,
        label_bias=label_bias,
        class_weights=class_weights,
        scorer=scorer,
    )


@Language.factory(
    "rnn_senter",
    assigns=["token.is_sent_start", "doc.sents"],
    default_config=DEFAULTS,
    default_score_weights={"sents_f": 1.0, "sents_p": 0.0, "sents_r": 0.0},
)
def make_rnn_senter(
    nlp: Language,
    name: str,
    model: Model[List[Doc], List[Floats2d]],
    decoder: str,
    overwrite: bool,
    max_tokens: int,
    store_scores: bool,
    store_probs: bool,
    scores_key: Optional[str],
    threshold: float,
    label_bias: Dict[str, float],
    class_weights: Optional[Union[str, Dict[str, float]]],
    scorer: Optional[Callable[..., Dict[str, Any]]],
) -> RNNTagger:
    """Find where sentences start: `rnn_tagger` with target "sents"."""
    return RNNTagger(
        nlp.vocab,
        model,
        name,
        target="sents",
        decoder=decoder,
        overwrite=overwrite,
        max_tokens=max_tokens,
        store_scores=store_scores,
        store_probs=store_probs,
        scores_key=scores_key,
        threshold=threshold,
        label_bias=label_bias,
        class_weights=class_weights,
        scorer=scorer,
    )


@Language.factory(
    "rnn_spans",
    assigns=["doc.spans"],
    default_config={**DEFAULTS, "spans_key": "sc", "incorrect_spans_key": None},
    default_score_weights={"spans_sc_f": 1.0, "spans_sc_p": 0.0, "spans_sc_r": 0.0},
)
def make_rnn_spans(
    nlp: Language,
    name: str,
    model: Model[List[Doc], List[Floats2d]],
    spans_key: str,
    decoder: str,
    overwrite: bool,
    incorrect_spans_key: Optional[str],
    max_tokens: int,
    store_scores: bool,
    store_probs: bool,
    scores_key: Optional[str],
    threshold: float,
    label_bias: Dict[str, float],
    class_weights: Optional[Union[str, Dict[str, float]]],
    scorer: Optional[Callable[..., Dict[str, Any]]],
) -> RNNTagger:
    """Find the spans of one layer: `rnn_tagger` with target "spans:<spans_key>"."""
    return RNNTagger(
        nlp.vocab,
        model,
        name,
        target=f"spans:{spans_key}",
        decoder=decoder,
        overwrite=overwrite,
        incorrect_spans_key=incorrect_spans_key,
        max_tokens=max_tokens,
        store_scores=store_scores,
        store_probs=store_probs,
        scores_key=scores_key,
        threshold=threshold,
        label_bias=label_bias,
        class_weights=class_weights,
        scorer=scorer,
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
    """Predict neighbouring words as an auxiliary task of a shared `tok2vec`. The arguments are those of `RNNLanguageModel`."""
    return RNNLanguageModel(nlp.vocab, model, name, weight=weight)
