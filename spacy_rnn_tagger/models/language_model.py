from typing import Any, Callable, List, Optional, Tuple

from thinc.api import Linear, Model, chain, with_array
from thinc.types import Floats2d

from ..errors import check_positive
from .types import DocsToVectors
from .vocabulary import vocabulary_attrs


def build_language_model(
    tok2vec: DocsToVectors, width: int = 64, max_size: int = 2000, attr: str = "LOWER", min_freq: int = 2
) -> DocsToVectors:
    """Score the words of a vocabulary as the next word, from the forward half of a bidirectional encoder's states, and as the
    previous word, from the backward half (Rei 2017, section 4). No half has read the word that it guesses, so the encoder
    must have one recurrent layer.

    tok2vec (Model[List[Doc], List[Floats2d]]): The encoder, usually a `spacy.Tok2VecListener.v1`.
    width (int): Width of the layer between states and words.
    max_size (int): Most words to tell apart, the special symbols included.
    attr (str): What counts as a word: "ORTH", "LOWER", "NORM", "SHAPE", "PREFIX" or "SUFFIX".
    min_freq (int): How often a word must occur in the training data to be told apart.
    RETURNS (Model[List[Doc], List[Floats2d]]): One (n_tokens, 2 * max_size) array of scores per doc: next words, then previous
        words. Columns that the vocabulary does not fill are never gold.
    RAISES (ValueError): If a setting is out of range.
    """
    where = "spacy-rnn-tagger.LanguageModel.v1"
    check_positive(where, width=width)
    heads: Any = with_array(_halves(*(chain(Linear(nO=width), Linear(nO=max_size, nI=width)) for _ in range(2))))
    heads.attrs.update(vocabulary_attrs(where, max_size, attr, min_freq))
    model: DocsToVectors = chain(tok2vec, heads)
    model.set_ref("vocabulary", heads)
    return model


def _halves(left: Model[Floats2d, Floats2d], right: Model[Floats2d, Floats2d]) -> Model[Floats2d, Floats2d]:
    """Give each of two layers its half of the columns, and put their outputs side by side."""
    return Model("halves", _forward, init=_init, layers=[left, right], dims={"nO": None})


def _forward(
    model: Model[Floats2d, Floats2d], X: Floats2d, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    xp = model.ops.xp
    outputs = [layer(part, is_train) for layer, part in zip(model.layers, _split(xp, X))]

    def backprop(dY: Floats2d) -> Floats2d:
        return xp.concatenate([bp(part) for (_, bp), part in zip(outputs, _split(xp, dY))], axis=1)

    return xp.concatenate([Y for Y, _ in outputs], axis=1), backprop


def _init(model: Model[Floats2d, Floats2d], X: Optional[Floats2d] = None, Y: Optional[Floats2d] = None) -> None:
    parts: List[Any] = [None, None] if X is None else _split(model.ops.xp, X)
    for layer, part in zip(model.layers, parts):
        layer.initialize(X=part)


def _split(xp: Any, X: Floats2d) -> List[Floats2d]:
    return [xp.ascontiguousarray(part) for part in xp.split(X, 2, axis=1)]
