"""Serving from lexemes: everything before the first recurrence, done once for each lexeme and kept."""

from itertools import takewhile
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model, NumpyOps
from thinc.types import Floats2d

from ...recurrence.array_engine import run_projected
from ...recurrence.packing import Packing, make_packing, take
from ...recurrence.serving_inputs import Inputs, Rows, take_rows
from ...recurrence.serving_weights import Floats, as_gates, input_columns
from ..array_ops import use_array_products
from ..layers.lexeme_vectors import vector_prints
from ..layers.rnn_layer import prepared_weights
from ..layers.with_lexemes import fingerprints, make_lexemes, read_tokens, shared_vocab
from ..types import DocsToVectors, Lexemes, Packed, VectorsToVectors
from .row_cache import CacheInfo, CacheState, RowCache
from .token_batches import MAX_TOKENS, batch_by_tokens
from .weight_watch import PerWeights

Index = NDArray[np.int64]

# What is read at the boundaries of a sequence, in place of a token's index; also the row of the table, counted from -1
# down.
SOS, EOS = -1, -2


class LexemeGates:
    """What lexemes add to the gates of the first recurrent layer, under one state of the weights: the whole lexeme
    level and the layer's input product, looked up in a bounded table.

    embed (Model): The lexeme level, a model of `with_lexemes`.
    encode (Model): The context level, a model of `build_rnn_encoder`.
    max_bytes (int): Most bytes of the table.
    """

    def __init__(self, embed: DocsToVectors, encode: VectorsToVectors, max_bytes: int) -> None:
        use_array_products(embed)
        self.embed = embed
        self.stack: Model[Packed, Packed] = encode.get_ref("stack")
        self.last: Model[Packed, Packed] = encode.get_ref("last_recurrent")
        self.weights = prepared_weights(encode.get_ref("first_recurrent"), 0)
        boundaries = encode.maybe_get_ref("boundaries")
        self.has_boundaries = boundaries is not None
        self.has_vectors = bool(embed.attrs["reads_vectors"])
        self._vector_table: Any = None
        self._n_vector_tables = 0
        ends = [boundaries.get_param(name) for name in ("sos", "eos")] if boundaries is not None else []
        self._inputs: Any = input_columns(self.weights)
        vectors: Any = np.asarray(ends, dtype="float32").reshape((len(ends), self._inputs.shape[0]))
        self.cache = RowCache(as_gates(self.weights, vectors @ self._inputs), max_bytes)

    def encode(self, docs: Sequence[Doc]) -> List[Floats2d]:
        """What the whole model gives, so many docs at a time that memory stays bounded."""
        return self._serve(docs, self.stack.get_dim("nO"), self._encode)

    def project(self, docs: Sequence[Doc], W: Any, b: Any) -> List[Floats2d]:
        """What a linear layer behind the whole model gives; the model's own outputs are never held.

        docs (Sequence[Doc]): The docs.
        W (array): (n_out, nO) weights of the linear layer.
        b (array): (n_out,) its bias.
        """

        def run(Xp: Packed) -> Any:
            for layer in takewhile(lambda layer: layer is not self.last, self.stack.layers):
                Xp = layer.predict(Xp)
            weights = prepared_weights(self.last, Xp.packing.n_tokens)
            return run_projected(weights, Xp.packing, Xp.data, W, b)

        return self._serve(docs, W.shape[0], run)

    def _serve(self, docs: Sequence[Doc], width: int, run: Callable[[Packed], Any]) -> List[Floats2d]:
        """Run the stack, in a way that gives one row per token, on a few docs at a time.

        width (int): Width of the rows.
        run (Callable): From packed inputs to the rows of the sequences one after another.
        """
        outputs: List[Floats2d] = []
        edge = int(self.has_boundaries)
        for batch in batch_by_tokens(docs, MAX_TOKENS):
            if not any(len(doc) for doc in batch):
                outputs.extend(self.embed.ops.alloc2f(0, width) for _ in batch)
                continue
            Xp = self._pack(batch)
            Y = run(Xp)
            ends = np.cumsum(Xp.packing.lengths).tolist()
            # The rows of each sequence, without those of its boundaries.
            outputs.extend(Y[i + edge : j - edge] if j > i else Y[i:j] for i, j in zip([0, *ends], ends))
        return outputs

    def _encode(self, Xp: Packed) -> Any:
        Yp = self.stack.predict(Xp)
        # A single sequence is in order already.
        return Yp.data if Xp.packing.batch_sizes[0] == 1 else take(Yp.data, Xp.packing.from_packed)

    def _pack(self, docs: Sequence[Doc]) -> Packed:
        """Lay out docs, of which at least one has tokens, as inputs of the recurrent layer."""
        tokens = read_tokens(self.embed, docs)
        finder = _Finder(self, tokens, shared_vocab(docs))
        packing, at = self._lay_out([len(doc) for doc in docs])
        if tokens.shape[0] > MAX_TOKENS:
            return Packed(_LookedUp(finder, at), packing)
        table, rows = finder.find(at)
        return Packed(Rows(table, rows), packing)

    def compute(self, tokens: Any, vocab: Vocab) -> Floats:
        """The gates of distinct lexemes.

        tokens (array): (n_lexemes, 2 + n_attrs) what `read_tokens` gave.
        """
        layer: Model[Lexemes, Any] = self.embed.layers[0]
        X = layer.predict(make_lexemes(self.embed, tokens, vocab))
        # Thinc's product of a row is the same to the bit whatever the other rows are, so that it does not matter with
        # which other lexemes a lexeme was first met.
        product: Any = self.embed.ops.gemm(X, self._inputs)
        return as_gates(self.weights, product)

    def keys(self, tokens: Any, vocab: Vocab) -> NDArray[np.uint64]:
        """(n_tokens,) numbers that are the same for the same lexeme, as long as its static vector is."""
        keys: NDArray[np.uint64] = fingerprints(tokens)
        if not self.has_vectors:
            return keys
        distinct, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        prints = vector_prints(vocab.vectors, tokens[first, 1])
        if prints is None:
            prints = np.full(distinct.shape, self._number_of_table(vocab.vectors), dtype="uint64")
        return fingerprints(np.stack((distinct, prints), axis=1))[inverse.reshape(-1)]

    def _number_of_table(self, vectors: Any) -> int:
        if vectors.data is not self._vector_table:
            self._vector_table = vectors.data
            self._n_vector_tables += 1
        return self._n_vector_tables

    def _lay_out(self, lengths: List[int]) -> Tuple[Packing, Index]:
        """The layout of a batch, and for each packed row the index of its token, or `SOS` or `EOS`."""
        if not self.has_boundaries:
            packing = make_packing(lengths)
            return packing, packing.to_packed
        sizes = np.asarray([n + 2 if n else 0 for n in lengths], dtype=np.int64)
        packing = make_packing(sizes)
        ends = np.cumsum(sizes[sizes > 0])
        tokens = np.zeros((packing.n_tokens,), dtype=np.int64)
        inner = np.ones(tokens.shape, dtype=bool)
        tokens[ends - sizes[sizes > 0]] = SOS
        tokens[ends - 1] = EOS
        inner[ends - sizes[sizes > 0]] = inner[ends - 1] = False
        tokens[inner] = np.arange(sum(lengths))
        return packing, take(tokens, packing.to_packed)


class KeptLexemes(PerWeights[Optional[LexemeGates]]):
    """The lexemes that a model keeps.

    max_bytes (int): Most bytes of their table.
    """

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self.max_bytes = max_bytes

    def __deepcopy__(self, memo: Any) -> "KeptLexemes":
        return KeptLexemes(self.max_bytes)

    def __reduce__(self) -> Tuple[Any, ...]:
        return (KeptLexemes, (self.max_bytes,))


class _Finder:
    """The tokens of one batch, looked up in the table of lexemes."""

    def __init__(self, gates: LexemeGates, tokens: Any, vocab: Vocab) -> None:
        self.gates = gates
        self.tokens = tokens
        self.vocab = vocab
        self.keys = gates.keys(tokens, vocab)

    def find(self, at: Index) -> Tuple[Floats, Index]:
        """RETURNS (Tuple[array, array]): A table, and the row there of each token, given by index."""
        inner = at >= 0
        tokens = at if not self.gates.has_boundaries else at[inner]
        table, found = self.gates.cache.find(
            self.keys[tokens], lambda first: self.gates.compute(self.tokens[tokens[first]], self.vocab)
        )
        if not self.gates.has_boundaries:
            return table, found
        rows = SOS - at
        rows[inner] = found
        return table, rows


class _LookedUp(Inputs):
    """Inputs of a very long batch: lexemes are looked up block by block, so that however many there are, few are needed
    at the same time.

    finder (_Finder): Looks them up.
    at (array): (n_tokens,) for each packed row, the index of its token.
    """

    def __init__(self, finder: _Finder, at: Index) -> None:
        self.finder = finder
        self.at = at

    def fetch(self, tokens: List[Any], out: Floats) -> None:
        for direction, index in enumerate(tokens):
            table, rows = self.finder.find(self.at[index])
            take_rows(table, rows, direction, out)


def lexeme_gates(model: DocsToVectors, n_rows: int) -> Optional[LexemeGates]:
    """The kept lexemes of a model of `build_rnn_tok2vec`.

    model (Model[List[Doc], List[Floats2d]]): The model, initialized.
    n_rows (int): How many tokens are about to be served.
    RETURNS (Optional[LexemeGates]): None if there is nothing to keep, because the embedding does not depend on lexemes
        alone (`OneHot` reads columns of the weights, other models are not known), the encoder does not begin with a
        recurrent layer, or the model is on a GPU.
    """
    if not isinstance(model.ops, NumpyOps):
        return None
    kept: KeptLexemes = model.attrs["lexeme_gates"]
    return kept.get(lambda: _watched(model), lambda: _make(model, kept.max_bytes), n_rows)


def no_backprop(dY: Any) -> Any:
    """The callback of models that were served. RAISES (ValueError): Always."""
    raise ValueError("Cannot backpropagate through a model that was run with is_train=False.")


def cache_info(model: Model[Any, Any]) -> Optional[CacheInfo]:
    """How full the lexeme cache of a model is, and how often it answered since the weights last changed.

    model (Model): A model with a `spacy-rnn-tagger.RNNTok2Vec.v1` in it, such as `nlp.get_pipe("tok2vec").model`.
    RETURNS (Optional[CacheInfo]): None if it has none, or has not served yet.
    """
    for kept in _kept_in(model):
        if kept.value is not None:
            return kept.value.cache.info()
    return None


def clear_cache(model: Model[Any, Any]) -> None:
    """Forget all lexemes that a model keeps. Only needed after writing into the array of a weight directly.

    model (Model): A model with a `spacy-rnn-tagger.RNNTok2Vec.v1` in it.
    """
    for node in model.walk():
        for value in node.attrs.values():
            if isinstance(value, PerWeights):
                value.clear()


def reserve_cache(model: Model[Any, Any], n_lexemes: int) -> None:
    """Make room for some number of lexemes at once, as far as the model's `cache_mb` admits.

    model (Model): A model that has served. See `clear_cache`.
    n_lexemes (int): How many lexemes.
    """
    for kept in _kept_in(model):
        if kept.value is not None:
            kept.value.cache.reserve(n_lexemes)


def cache_states(model: Model[Any, Any]) -> List[Tuple[LexemeGates, CacheState]]:
    """RETURNS (List[Tuple[LexemeGates, CacheState]]): The lexemes that a model keeps now, for `restore_cache`. model
    (Model): See `clear_cache`."""
    return [(kept.value, kept.value.cache.state()) for kept in _kept_in(model) if kept.value is not None]


def restore_cache(model: Model[Any, Any], states: Sequence[Tuple[LexemeGates, CacheState]]) -> None:
    """Keep just the lexemes that a model kept at some time, so that its scores do not differ in their last bits with
    what it served in between.

    model (Model): See `clear_cache`.
    states (Sequence[Tuple[LexemeGates, CacheState]]): What `cache_states` returned.
    """
    known = {id(gates): state for gates, state in states}
    for kept in _kept_in(model):
        if kept.value is not None and id(kept.value) in known:
            kept.value.cache.restore(known[id(kept.value)])
        else:
            kept.clear()


def _kept_in(model: Model[Any, Any]) -> Iterator[KeptLexemes]:
    for node in model.walk():
        if "lexeme_gates" in node.attrs:
            yield node.attrs["lexeme_gates"]


def _watched(model: DocsToVectors) -> List[Model[Any, Any]]:
    """The layers that gates depend on: the lexeme level, and the encoder's down to its first recurrent one."""
    embed, encode = model.layers
    first = encode.maybe_get_ref("first_recurrent")
    return [model, *embed.walk(), *(node for node in encode.walk() if first is None or first in node.walk())]


def _make(model: DocsToVectors, max_bytes: int) -> Optional[LexemeGates]:
    embed, encode = model.layers
    if "lexeme_attrs" not in embed.attrs or encode.maybe_get_ref("first_recurrent") is None:
        return None
    return LexemeGates(embed, encode, max_bytes)
