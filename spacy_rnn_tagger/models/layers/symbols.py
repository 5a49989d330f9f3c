import warnings
from collections import Counter
from typing import Any, Callable, List, Optional, Tuple

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d, Ints1d

from ..types import DocsToVectors, Lexemes
from .vocabulary import CHAR, EOS, SOS, find_columns, keep_frequent, symbols_of, vocabulary_attrs
from .with_lexemes import with_lexemes


def with_symbols(where: str, layer: Model[Ints1d, Floats2d], max_size: int, attr: str, min_freq: int) -> DocsToVectors:
    """Look up the symbols of docs in a vocabulary learned from the training data, and run a layer on their columns.

    The symbols are the docs' words, by a lexeme attribute: the layer runs once per distinct one. Or they are the
    characters of the docs' texts, one sequence per doc between `<sos>` and `<eos>`, an empty doc's being empty.

    where (str): The registered name to report.
    layer (Model[Ints1d, Floats2d]): From columns to vectors.
    max_size (int): Most symbols to keep, the special ones included.
    attr (str): Lexeme attribute, or "CHAR".
    min_freq (int): How often a symbol must occur to be kept.
    """
    attrs = vocabulary_attrs(where, max_size, attr, min_freq)
    if attr != CHAR:
        return with_lexemes(_word_symbols(layer, {**attrs, "where": where}), [attr])
    return Model(
        f"with_characters({layer.name})",
        characters_forward,
        init=characters_init,
        layers=[layer],
        dims={"nO": layer.get_dim("nO")},
        attrs={**attrs, "where": where},
    )


def _word_symbols(layer: Model[Ints1d, Floats2d], attrs: Any) -> Model[Lexemes, Floats2d]:
    return Model(
        f"symbols({layer.name})",
        words_forward,
        init=words_init,
        layers=[layer],
        dims={"nO": layer.get_dim("nO")},
        attrs=attrs,
    )


def words_forward(
    model: Model[Lexemes, Floats2d], lexemes: Lexemes, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], List[Any]]]:
    keys = model.ops.to_numpy(lexemes.features)[:, 0]
    columns: Any = find_columns(model, keys)
    Y, backprop_layer = model.layers[0](model.ops.asarray1i(columns), is_train)

    def backprop(dY: Floats2d) -> List[Any]:
        backprop_layer(dY)
        return []

    return Y, backprop


def words_init(model: Model[Lexemes, Floats2d], X: Optional[Lexemes] = None, Y: Optional[Floats2d] = None) -> None:
    if X is not None and not model.attrs["learned"]:
        keys = model.ops.to_numpy(X.features)[:, 0].tolist()
        _learn_from_sample(model, [X.vocab.strings[key] for key in keys])
    model.layers[0].initialize()


def characters_forward(
    model: DocsToVectors, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    spelt = columns_of(model, docs)
    columns: Any = np.concatenate(spelt) if spelt else np.zeros((0,), dtype=np.int32)
    Y, backprop_layer = model.layers[0](model.ops.asarray1i(columns), is_train)

    def backprop(dYs: List[Floats2d]) -> List[Doc]:
        backprop_layer(model.ops.xp.concatenate(dYs))
        return []

    return model.ops.unflatten(Y, model.ops.asarray1i([len(row) for row in spelt])), backprop


def characters_init(model: DocsToVectors, X: Optional[List[Doc]] = None, Y: Optional[List[Floats2d]] = None) -> None:
    if X is not None and not model.attrs["learned"]:
        _learn_from_sample(model, [symbol for doc in X for symbol in symbols_of(doc, CHAR)])
    model.layers[0].initialize()


def columns_of(layer: Model[Any, Any], docs: List[Doc]) -> List[Any]:
    """The column of each symbol of each doc.

    layer (Model): A layer that has a vocabulary.
    docs (List[Doc]): The docs.
    RETURNS (List[array]): (n_symbols,) columns, one array per doc.
    """
    attr = layer.attrs["symbol_attr"]
    if attr == CHAR:
        return [_spell(layer, doc.text) for doc in docs]
    lengths = [len(doc) for doc in docs]
    if not any(lengths):
        return [np.zeros((0,), dtype=np.int32) for _ in docs]
    keys = np.concatenate([doc.to_array(attr) for doc in docs])
    return np.split(find_columns(layer, keys), np.cumsum(lengths)[:-1])


def _spell(model: Model[Any, Any], text: str) -> Any:
    """(n_chars + 2,) columns of a text's characters between `<sos>` and `<eos>`; none of an empty text."""
    if not text:
        return np.zeros((0,), dtype=np.int32)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return np.concatenate(([SOS], find_columns(model, points.astype("uint64")), [EOS])).astype(np.int32)


def _learn_from_sample(model: Model[Any, Any], symbols: List[str]) -> None:
    """Make do with the few docs that components initialize their models with."""
    keep_frequent(model, Counter({symbol: max(n, model.attrs["min_freq"]) for symbol, n in Counter(symbols).items()}))
    warnings.warn(
        f"{model.attrs['where']}: the vocabulary has only the {len(model.attrs['symbols'])} symbols of a few sample "
        "docs; to "
        'count the whole training corpus, set before_init = {"@callbacks": "spacy-rnn-tagger.learn_vocabulary.v1"} in '
        "[initialize].",
        stacklevel=2,
    )
