from typing import Any, Callable, List, Optional, Tuple

import numpy as np
from spacy.vectors import Mode, Vectors
from thinc.api import Model
from thinc.initializers import glorot_uniform_init
from thinc.types import Floats2d

from ..types import Lexemes


def lexeme_vectors(nO: int) -> Model[Lexemes, Floats2d]:
    """Project the vocabulary's static vectors, one row per distinct lexeme; a lexeme without a vector gets zeros.
    Vectors are looked up by the attribute that they are of (`Vectors.attr`), such as LOWER.

    Like `spacy.StaticVectors.v2`, the table is read from the vocabulary and is neither trained nor saved here.
    """
    return Model("lexeme_vectors", forward, init=init, dims={"nM": None, "nO": nO}, params={"W": None})


def forward(
    model: Model[Lexemes, Floats2d], lexemes: Lexemes, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], List[Any]]]:
    X = _lookup(model, lexemes)
    W: Any = model.get_param("W")
    Y = model.ops.gemm(X, W, trans2=True)

    def backprop(dY: Floats2d) -> List[Any]:
        model.inc_grad("W", model.ops.gemm(dY, X, trans1=True))
        return []

    return Y, backprop


def init(model: Model[Lexemes, Floats2d], X: Optional[Lexemes] = None, Y: Optional[Floats2d] = None) -> None:
    if X is not None:
        model.set_dim("nM", _width(X), force=True)
    model.set_param("W", glorot_uniform_init(model.ops, (model.get_dim("nO"), model.get_dim("nM"))))


def _width(lexemes: Lexemes) -> int:
    width = int(lexemes.vocab.vectors.shape[1])
    if not width:
        raise ValueError(
            "spacy-rnn-tagger.LexemeEmbed.v1: include_static_vectors = true, but the vocabulary has no vectors; name a "
            "pipeline that has them in [initialize] vectors (for instance en_core_web_md), with [nlp.vectors] as "
            "its own config has it, or set it to false."
        )
    return width


def vector_prints(vectors: Any, keys: Any) -> Any:
    """(n_lexemes,) uint64: a number for each lexeme that changes when its static vector does. Vectors that are not
    stored by lexeme (floret) are computed from a table that spaCy never writes into, so there a new table counts as a
    change: None, and `vectors.data` is to be watched."""
    if not isinstance(vectors, Vectors) or vectors.mode != Mode.default:
        return None
    width = np.uint64(vectors.shape[1])
    if not vectors.shape[0]:
        return np.full(keys.shape, width, dtype="uint64")
    rows = vectors.find(keys=keys)
    words = np.ascontiguousarray(vectors.data[rows], dtype="float32").view("uint32")
    prints = words @ np.arange(1, 2 * words.shape[1], 2, dtype="uint64")
    prints[rows < 0] = 0
    return prints * np.uint64(2) + width


def _lookup(model: Model[Lexemes, Floats2d], lexemes: Lexemes) -> Floats2d:
    """(n_lexemes, nI) vectors, a fresh array."""
    vectors = lexemes.vocab.vectors
    width = _width(lexemes)
    if width != model.get_dim("nM"):
        raise ValueError(
            f"spacy-rnn-tagger.LexemeEmbed.v1: trained with {model.get_dim('nM')}-dimensional static vectors, but the "
            f"vocabulary's are {width}-dimensional; load the pipeline with the vectors it was trained with."
        )
    if isinstance(vectors, Vectors) and vectors.mode == Mode.default:
        if not vectors.shape[0]:
            return model.ops.alloc2f(len(lexemes.orths), width)
        rows = vectors.find(keys=lexemes.vector_keys)
        X = vectors.data[rows]
        X[rows < 0] = 0
    else:
        X = vectors.get_batch(lexemes.vector_keys)
    return model.ops.as_contig(model.ops.asarray2f(X, dtype="float32"))
