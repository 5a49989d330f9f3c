from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ..array_ops import use_array_products
from ..types import DocsToVectors, Lexemes

NO_KEY = 0
"""Number of the attribute that is 0 for all tokens."""


def with_lexemes(layer: Model[Lexemes, Floats2d], attrs: Sequence[str], vectors: bool = False) -> DocsToVectors:
    """Run a layer once per distinct lexeme of the batch, and hand its row to every token that has it.

    Lexemes are told apart by their spelling and by every attribute asked for, so a token whose NORM was set by a
    tokenizer exception is a lexeme of its own.

    layer (Model[Lexemes, Floats2d]): The layer.
    attrs (Sequence[str]): The attributes that it reads.
    vectors (bool): Whether it also reads static vectors, so that lexemes need the keys of theirs.
    """
    return Model(
        f"with_lexemes({layer.name})",
        forward,
        init=init,
        layers=[layer],
        dims={"nO": layer.maybe_get_dim("nO")},
        attrs={"lexeme_attrs": list(attrs), "reads_vectors": vectors},
    )


def forward(
    model: DocsToVectors, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    layer: Model[Lexemes, Floats2d] = model.layers[0]
    use_array_products(model)
    ops = model.ops
    lengths = [len(doc) for doc in docs]
    if not any(lengths):
        nO = model.get_dim("nO")
        return [ops.alloc2f(0, nO) for _ in docs], lambda dYs: []
    lexemes, token_rows = _get_lexemes(model, docs)
    rows = ops.asarray1i(token_rows)
    Y, backprop_layer = layer(lexemes, is_train)

    def backprop(dYs: List[Floats2d]) -> List[Doc]:
        dY = ops.alloc2f(*Y.shape)
        ops.scatter_add(dY, rows, ops.xp.concatenate(dYs))
        backprop_layer(dY)
        return []

    return ops.unflatten(Y[rows], ops.asarray1i(lengths)), backprop


def init(model: DocsToVectors, X: Optional[List[Doc]] = None, Y: Optional[List[Floats2d]] = None) -> None:
    sample = None
    if X is not None and any(len(doc) for doc in X):
        sample = _get_lexemes(model, X)[0]
    model.layers[0].initialize(X=sample)


def read_tokens(model: DocsToVectors, docs: Sequence[Doc]) -> Any:
    """(n_tokens, 2 + n_attrs) uint64: ORTH, the key of the static vector and the attributes of the concatenated docs'
    tokens. The key is 0 if the layer reads no vectors."""
    key = docs[0].vocab.vectors.attr if model.attrs["reads_vectors"] else NO_KEY
    columns: Any = ["ORTH", key, *model.attrs["lexeme_attrs"]]
    return numpy.concatenate([doc.to_array(columns).reshape((-1, len(columns))) for doc in docs])


def make_lexemes(model: DocsToVectors, tokens: Any, vocab: Vocab) -> Lexemes:
    """What `read_tokens` gave, as lexemes."""
    features: Any = numpy.ascontiguousarray(tokens[:, 2:])
    return Lexemes(model.ops.asarray(features, dtype="uint64"), tokens[:, 0], tokens[:, 1], vocab)


def shared_vocab(docs: Sequence[Doc]) -> Vocab:
    """The vocabulary of the first of some docs, which knows the words of all from now on; docs of other vocabularies
    may be among them. Static vectors are those of the first doc, as in `spacy.StaticVectors.v2`."""
    vocab = docs[0].vocab
    for doc in docs:
        if doc.vocab is not vocab:
            for token in doc:
                vocab.strings.add(token.text)
    return vocab


def fingerprints(rows: numpy.ndarray) -> numpy.ndarray:
    """One 64-bit value per row. The columns are 64-bit hashes already, so an odd multiplier per column mixes them."""
    mixed = numpy.zeros(rows.shape[0], dtype="uint64")
    for column in range(rows.shape[1]):
        mixed ^= mixed >> numpy.uint64(29)
        mixed *= numpy.uint64(0x9E3779B97F4A7C15)
        mixed += rows[:, column]
    return mixed


def _get_lexemes(model: DocsToVectors, docs: List[Doc]) -> Tuple[Lexemes, Any]:
    """RETURNS (Tuple[Lexemes, (n_tokens,) int array]): The distinct lexemes, and each token's row among them."""
    tokens = read_tokens(model, docs)
    _, first, rows = numpy.unique(fingerprints(tokens), return_index=True, return_inverse=True)
    return make_lexemes(model, tokens[first], shared_vocab(docs)), rows.reshape(-1).astype("int32")
