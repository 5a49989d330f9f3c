"""Vocabularies counted in training data: which symbol has which column. Layers keep theirs in `attrs`, so that they are
saved, copied and sent to other processes with the model."""

from collections import Counter
from typing import Any, Dict, Iterable, List
from typing import Counter as CounterType

import numpy as np
from numpy.typing import NDArray
from spacy.strings import get_string_id
from spacy.tokens import Doc
from thinc.api import Model

from ...errors import check_positive, unknown_name

PAD, SOS, EOS, UNK = range(4)
SPECIAL = ("<pad>", "<sos>", "<eos>", "<unk>")
"""Padding (never read: batches are packed), start and end of a sequence, and every symbol that is not in the
vocabulary."""

CHAR = "CHAR"
"""In place of a lexeme attribute: the symbols are the characters of the text."""
ATTRS = ("ORTH", "LOWER", "NORM", "SHAPE", "PREFIX", "SUFFIX", CHAR)


def vocabulary_attrs(where: str, max_size: int, attr: str, min_freq: int) -> Dict[str, Any]:
    """The `attrs` of a layer that has a vocabulary, still empty but for the special symbols.

    where (str): The registered name to report.
    max_size (int): Most symbols to keep, the special ones included.
    attr (str): What the symbols are, a name of `ATTRS`.
    min_freq (int): How often a symbol must occur to be kept.
    RETURNS (Dict[str, Any]): The attrs.
    RAISES (ValueError): If a setting is out of range.
    """
    check_positive(where, max_size=max_size, min_freq=min_freq)
    if attr not in ATTRS:
        raise unknown_name(where, "attr", attr, ATTRS)
    if max_size <= len(SPECIAL):
        raise ValueError(
            f"{where}: max_size = {max_size} leaves no room for a symbol; {len(SPECIAL)} are taken by "
            f"{', '.join(SPECIAL)}."
        )
    settings = {"symbol_attr": attr, "max_size": max_size, "min_freq": min_freq, "learned": False}
    return {**settings, **_index(attr, list(SPECIAL))}


def known_attrs(attr: str, min_freq: int) -> Dict[str, Any]:
    """The `attrs` of a layer that only asks whether a symbol is known, so that its vocabulary is kept as hashes alone.

    attr (str): What the symbols are, a lexeme attribute.
    min_freq (int): How often a symbol must occur to be kept.
    RETURNS (Dict[str, Any]): The attrs, with no symbol known.
    """
    known: NDArray[np.uint64] = np.zeros((0,), dtype=np.uint64)
    return {"symbol_attr": attr, "min_freq": min_freq, "learned": False, "known": known}


def learn_vocabulary(model: Model[Any, Any], docs: Iterable[Doc]) -> int:
    """Count the symbols of some docs, and give every layer of a model that has a vocabulary the most frequent ones.

    model (Model): The model.
    docs (Iterable[Doc]): The training docs; only read if there is such a layer.
    RETURNS (int): How many layers have a vocabulary.
    """
    layers = vocabulary_layers(model)
    if layers:
        counts: Dict[str, CounterType[str]] = {layer.attrs["symbol_attr"]: Counter() for layer in layers}
        for doc in docs:
            for attr, counter in counts.items():
                counter.update(symbols_of(doc, attr))
        for layer in layers:
            keep_frequent(layer, counts[layer.attrs["symbol_attr"]])
            layer.attrs["learned"] = True
    return len(layers)


def vocabulary_layers(model: Model[Any, Any]) -> List[Model[Any, Any]]:
    """The layers of a model that have a vocabulary."""
    return [node for node in model.walk() if "symbol_attr" in node.attrs]


def keep_frequent(layer: Model[Any, Any], counts: CounterType[str]) -> None:
    """Give a layer the most frequent symbols that its size admits; the alphabet decides among equals."""
    attrs = layer.attrs
    frequent = [symbol for symbol, n in counts.items() if n >= attrs["min_freq"] and symbol]
    if "known" in attrs:
        attrs["known"] = np.sort(np.asarray([get_string_id(symbol) for symbol in frequent], dtype=np.uint64))
        return
    frequent.sort(key=lambda symbol: (-counts[symbol], symbol))
    attrs.update(_index(attrs["symbol_attr"], [*SPECIAL, *frequent[: attrs["max_size"] - len(SPECIAL)]]))


def symbols_of(doc: Doc, attr: str) -> List[str]:
    """The symbols of a doc, as strings."""
    if attr == CHAR:
        return list(doc.text)
    strings = doc.vocab.strings
    return [strings[key] for key in doc.to_array(attr).tolist()]


def find_columns(layer: Model[Any, Any], keys: Any) -> NDArray[np.int32]:
    """The column of each symbol, `UNK` if the vocabulary lacks it.

    layer (Model): A layer that has a vocabulary.
    keys (array): (n,) uint64 hashes of the symbols; code points if they are characters.
    RETURNS (array): (n,) columns.
    """
    known, columns = layer.attrs["symbol_keys"], layer.attrs["symbol_columns"]
    found: NDArray[np.int32] = np.full(keys.shape, UNK, dtype=np.int32)
    if known.size:
        at = np.minimum(np.searchsorted(known, keys), known.size - 1)
        hit = known[at] == keys
        found[hit] = columns[at[hit]]
    return found


def is_known(layer: Model[Any, Any], keys: Any) -> NDArray[np.bool_]:
    """Whether each symbol is in the vocabulary of a layer with `known_attrs`.

    keys (array): (n,) uint64 hashes of the symbols.
    RETURNS (array): (n,) booleans.
    """
    known = layer.attrs["known"]
    if not known.size:
        return np.zeros(keys.shape, dtype=bool)
    return known[np.minimum(np.searchsorted(known, keys), known.size - 1)] == keys


def _index(attr: str, symbols: List[str]) -> Dict[str, Any]:
    """The symbols by column, and their sorted keys for looking them up."""
    own = symbols[len(SPECIAL) :]
    keys = np.asarray([ord(s) if attr == CHAR else get_string_id(s) for s in own], dtype="uint64")
    order = np.argsort(keys)
    columns = (order + len(SPECIAL)).astype(np.int32)
    return {"symbols": symbols, "symbol_keys": keys[order], "symbol_columns": columns}
