from typing import Any, Callable, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray
from thinc.api import HashEmbed, Model, NumpyOps
from thinc.types import Floats2d

from ...errors import check_positive, unknown_name
from ...recurrence.cells import CELLS
from ...recurrence.engines import ENGINES
from ...recurrence.packing import Packing, make_packing, take
from ...recurrence.serving_inputs import Rows
from ...recurrence.serving_weights import as_gates, input_columns
from ..layers.rnn_layer import RNNLayer, prepared_weights
from ..types import Lexemes, Packed

# Symbols before and after every spelling; code points end at 0x10FFFF.
START, END = 0x110000, 0x110001


def build_char_rnn(
    width: int = 64,
    char_width: int = 32,
    rows: int = 1000,
    cell: str = "lstm",
    max_chars: int = 24,
    engine: str = "torch",
) -> Model[Lexemes, Floats2d]:
    """Spell each distinct lexeme with a bidirectional RNN over its characters, between start and end symbols: the final
    states of both directions, as in Lample et al. (2016), section 4.1. For the `chars` of
    `spacy-rnn-tagger.LexemeEmbed.v1`.

    Characters are hashed by code point, so none is unknown.

    width (int): Output width, both directions together; must be even.
    char_width (int): Width of the character embeddings.
    rows (int): Rows of their hash table.
    cell (str): "lstm", "gru", "rnn_tanh" or "rnn_relu".
    max_chars (int): Longer words keep their head and tail, half each.
    engine (str): What trains the RNN: "torch" (PyTorch, which must be installed), "array" (NumPy, on a CPU only), or
        "auto": arrays on a CPU, PyTorch on a GPU.
    RETURNS (Model[Lexemes, Floats2d]): The spelling encoder, one row per lexeme.
    RAISES (ValueError): If a setting is out of range.
    """
    where = "spacy-rnn-tagger.CharRNN.v1"
    check_positive(where, width=width, char_width=char_width, rows=rows, max_chars=max_chars)
    if cell not in CELLS:
        raise unknown_name(where, "cell", cell, CELLS)
    if engine not in ENGINES:
        raise unknown_name(where, "engine", engine, ENGINES)
    if width % 2:
        raise ValueError(f"{where}: width = {width} cannot be split over two directions; make it even.")
    table: Any = HashEmbed(nO=char_width, nV=rows, seed=7)
    rnn = RNNLayer(char_width, width // 2, cell=cell, bidirectional=True, engine=engine)
    return Model(
        "char_rnn",
        forward,
        init=init,
        layers=[table, rnn],
        dims={"nO": width},
        attrs={"max_chars": max_chars},
    )


def forward(
    model: Model[Lexemes, Floats2d], lexemes: Lexemes, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], List[Any]]]:
    table, rnn = model.layers
    ids, lengths = _spell(model, lexemes)
    packing = make_packing(lengths)
    # There are few distinct characters: each is embedded once.
    distinct: Any
    distinct, at = np.unique(ids, return_inverse=True)
    rows: Any = model.ops.asarray1i(take(at.reshape(-1), packing.to_packed))
    E, backprop_table = table(model.ops.asarray1i(distinct), is_train)
    if is_train or not isinstance(model.ops, NumpyOps):
        X: Any = E[rows]
    else:
        weights = prepared_weights(rnn, len(rows))
        products: Any = model.ops.gemm(E, input_columns(weights))
        X = Rows(as_gates(weights, products), rows)
    Yp, backprop_rnn = rnn(Packed(X, packing), is_train)
    half = model.get_dim("nO") // 2
    first, last = _edges(packing)
    Y = model.ops.alloc2f(len(lengths), 2 * half)
    Y[:, :half] = take(Yp.data, last)[:, :half]
    Y[:, half:] = take(Yp.data, first)[:, half:]

    def backprop(dY: Floats2d) -> List[Any]:
        dYp: Any = model.ops.alloc2f(*Yp.data.shape)
        dYp[model.ops.xp.asarray(last), :half] = dY[:, :half]
        dYp[model.ops.xp.asarray(first), half:] = dY[:, half:]
        dE = model.ops.alloc2f(*E.shape)
        model.ops.scatter_add(dE, rows, backprop_rnn(Packed(dYp, packing)).data)
        backprop_table(dE)
        return []

    return Y, backprop


def init(model: Model[Lexemes, Floats2d], X: Optional[Lexemes] = None, Y: Optional[Floats2d] = None) -> None:
    for layer in model.layers:
        layer.initialize()


def _edges(packing: Packing) -> Tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The packed rows of each sequence's first and last character. There are no empty spellings."""
    ends = np.cumsum(packing.lengths)
    return packing.from_packed[ends - packing.lengths], packing.from_packed[ends - 1]


def _spell(model: Model[Lexemes, Floats2d], lexemes: Lexemes) -> Tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """(n_chars,) code points of all lexemes' symbols, and how many symbols each lexeme has."""
    limit = model.attrs["max_chars"]
    head = (limit + 1) // 2
    tail = limit - head
    strings = lexemes.vocab.strings
    forms = [strings[orth] for orth in lexemes.orths.tolist()]
    forms = [form if len(form) <= limit else form[:head] + form[len(form) - tail :] for form in forms]
    lengths = np.fromiter(map(len, forms), dtype=np.int64, count=len(forms)) + 2
    ends = np.cumsum(lengths)
    ids: NDArray[np.uint64] = np.empty((int(lengths.sum()),), dtype=np.uint64)
    inner = np.ones(ids.shape, dtype=bool)
    inner[ends - lengths] = inner[ends - 1] = False
    ids[inner] = np.frombuffer("".join(forms).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    ids[ends - lengths] = START
    ids[ends - 1] = END
    return ids, lengths
