"""The factories: one component class under three names, each with truthful metadata."""

from typing import Any, Callable, Dict, List, Optional

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config, Model
from thinc.types import Floats2d

from ..models.token_batches import MAX_TOKENS
from .rnn_tagger import RNNTagger

DEFAULT_MODEL = """
[model]
@architectures = "spacy-rnn-tagger.RNNTagger.v1"
nO = null

[model.tok2vec]
@architectures = "spacy-rnn-tagger.RNNTok2Vec.v1"

[model.tok2vec.embed]
@architectures = "spacy-rnn-tagger.LexemeEmbed.v1"
width = 128
attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
rows = [5000, 1000, 2500, 2500]
include_static_vectors = false
chars = null
word_dropout = 0.0

[model.tok2vec.encode]
@architectures = "spacy-rnn-tagger.RNNEncoder.v1"
width = ${model.tok2vec.embed.width}
hidden_width = null
depth = 1
cell = "lstm"
bidirectional = true
dropout = 0.0
boundaries = false
"""

DEFAULTS: Dict[str, Any] = {
    "model": Config().from_str(DEFAULT_MODEL)["model"],
    "decoder": "softmax",
    "overwrite": False,
    "max_tokens": MAX_TOKENS,
    "scorer": {"@scorers": "spacy-rnn-tagger.target_scorer.v1"},
}


@Language.factory(
    "rnn_tagger",
    assigns=["token.tag"],
    default_config={**DEFAULTS, "target": "tag", "extend": False},
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
    max_tokens: int,
    scorer: Optional[Callable[..., Dict[str, Any]]],
) -> RNNTagger:
    """Label tokens with any target. For entities and morphology, `rnn_ner` and `rnn_morphologizer` come with the right
    score weights. The arguments are those of `RNNTagger`."""
    return RNNTagger(
        nlp.vocab,
        model,
        name,
        target=target,
        decoder=decoder,
        overwrite=overwrite,
        extend=extend,
        max_tokens=max_tokens,
        scorer=scorer,
    )


@Language.factory(
    "rnn_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config=DEFAULTS,
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_rnn_ner(
    nlp: Language,
    name: str,
    model: Model[List[Doc], List[Floats2d]],
    decoder: str,
    overwrite: bool,
    max_tokens: int,
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
        max_tokens=max_tokens,
        scorer=scorer,
    )


@Language.factory(
    "rnn_morphologizer",
    assigns=["token.morph", "token.pos"],
    default_config={**DEFAULTS, "overwrite": True, "extend": False},
    default_score_weights={"pos_acc": 0.5, "morph_acc": 0.5, "morph_per_feat": None},
)
def make_rnn_morphologizer(
    nlp: Language,
    name: str,
    model: Model[List[Doc], List[Floats2d]],
    decoder: str,
    overwrite: bool,
    extend: bool,
    max_tokens: int,
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
        max_tokens=max_tokens,
        scorer=scorer,
    )
