from typing import Any, Callable, List, Optional, Tuple

from thinc.api import Model, chain, with_array
from thinc.initializers import glorot_uniform_init
from thinc.types import Floats2d

from ...errors import check_positive
from ..layers.output_layer import make_output
from ..layers.vocabulary import vocabulary_attrs
from ..storage.stored_model import stored_model
from ..types import DocsToVectors, VectorsToVectors


def build_language_model(
    tok2vec: DocsToVectors,
    width: int = 64,
    max_size: int = 5000,
    attr: str = "LOWER",
    min_freq: int = 2,
    storage: Optional[str] = None,
) -> DocsToVectors:
    """Guess the next word from the forward half of a bidirectional encoder's states, and the previous word from the
    backward half (Rei 2017, section 4). No half has read the word that it guesses, so the encoder must have one
    recurrent layer.

    A word's score is the product of a guess with the word's vector. The vectors are the weights of the layer `words`;
    the component multiplies, because it needs few of them at a time.

    tok2vec (Model[List[Doc], List[Floats2d]]): The encoder, usually a `spacy.Tok2VecListener.v1`.
    width (int): Width of guesses and word vectors.
    max_size (int): Most words to tell apart, the special symbols included.
    attr (str): What counts as a word: "ORTH", "LOWER", "NORM", "SHAPE", "PREFIX" or "SUFFIX".
    min_freq (int): How often a word must occur in the training data to be told apart.
    storage (Optional[str]): What weights are saved as, those of the encoder too unless it says otherwise: "float32"
        (the default), "float16" or "int8".
    RETURNS (Model[List[Doc], List[Floats2d]]): One (n_tokens, 2 * width) array of guesses per doc: next words, then
        previous.
    RAISES (ValueError): If a setting is out of range.
    """
    where = "spacy-rnn-tagger.LanguageModel.v1"
    check_positive(where, width=width)
    words: VectorsToVectors = Model(
        "word_vectors",
        _pass,
        init=_init_words,
        dims={"nV": max_size, "nO": width},
        params={"next": None, "next_bias": None, "previous": None, "previous_bias": None},
        attrs=vocabulary_attrs(where, max_size, attr, min_freq),
    )
    guesses: Any = with_array(_halves(make_output(width, None), make_output(width, None)))
    model: DocsToVectors = chain(tok2vec, guesses, words)
    model.set_ref("words", words)
    return stored_model(where, model, storage)


def _pass(
    model: VectorsToVectors, Xs: List[Floats2d], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Floats2d]]]:
    return Xs, lambda dXs: dXs


def _init_words(model: VectorsToVectors, X: Any = None, Y: Any = None) -> None:
    n_words, width = model.get_dim("nV"), model.get_dim("nO")
    for name in ("next", "previous"):
        model.set_param(name, glorot_uniform_init(model.ops, (n_words, width)))
        model.set_param(f"{name}_bias", model.ops.alloc1f(n_words))


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
