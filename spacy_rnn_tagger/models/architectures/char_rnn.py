from typing import Any, Callable, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray
from thinc.api import HashEmbed, Model
from thinc.types import Floats2d

from ...errors import check_positive, unknown_name
from ...recurrence.cells import CELLS
from ...recurrence.engines import ENGINES
from ...recurrence.packing import Packing, make_packing, take
from ..layers.rnn_layer import RNNLayer
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
    E, backprop_table = table(model.ops.asarray1i(ids), is_train)
    Yp, backprop_rnn = rnn(Packed(take(E, packing.to_packed), packing), is_train)
    half = model.get_dim("nO") // 2
    first, last = _edges(packing)
    Y = model.ops.alloc2f(len(lengths), 2 * half)
    Y[:, :half] = take(Yp.data, last)[:, :half]
    Y[:, half:] = take(Yp.data, first)[:, half:]

    def backprop(dY: Floats2d) -> List[Any]:
        dYp = model.ops.alloc2f(*Yp.data.shape)
        rows: Any = model.ops.xp.asarray(last)
        dYp[rows, :half] = dY[:, :half]
        rows = model.ops.xp.asarray(first)
        dYp[rows, half:] = dY[:, half:]
        dE = backprop_rnn(Packed(dYp, packing)).data
        backprop_table(take(dE, packing.from_packed))
        return []

    return Y, backprop


def init(model: Model[Lexemes, Floats2d], X: Optional[Lexemes] = None, Y: Optional[Floats2d] = None) -> None:
    for layer in model.layers:
        layer.initialize()


def _edges(packing: Packing) -> Tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The packed rows of each sequence's first and last character. There are no empty spellings."""
    ends = np.cumsum(packing.lengths)
    return packing.from_packed[ends - packing.lengths], packing.from_packed[ends - 1]


def _spell(model: Model[Lexemes, Floats2d], lexemes: Lexemes) -> Tuple[Any, List[int]]:
    """(n_chars,) ids of all lexemes' symbols, and how many each has."""
    limit = model.attrs["max_chars"]
    head = (limit + 1) // 2
    tail = limit - head
    spelt = []
    for orth in lexemes.orths.tolist():
        form = lexemes.vocab.strings[orth]
        if len(form) > limit:
            form = form[:head] + form[len(form) - tail :]
        points = np.frombuffer(form.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        spelt.append(np.concatenate(([START], points, [END])))
    return np.concatenate(spelt).astype("uint64"), [len(points) for points in spelt]
