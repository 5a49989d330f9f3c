from typing import List, Optional

from thinc.api import Model, chain

from ...errors import check_positive, check_rate, unknown_name
from ...recurrence.cells import CELLS
from ...recurrence.engines import ENGINES
from ..layers.packed_dropout import packed_dropout
from ..layers.rnn_layer import RNNLayer
from ..layers.with_boundaries import with_boundaries
from ..layers.with_packed import with_packed
from ..types import Packed, VectorsToVectors

MAX_DEPTH = 4


def build_rnn_encoder(
    width: int,
    hidden_width: Optional[int] = None,
    depth: int = 1,
    cell: str = "lstm",
    bidirectional: bool = True,
    dropout: float = 0.0,
    boundaries: bool = False,
    bptt_steps: int = 0,
    engine: str = "torch",
) -> VectorsToVectors:
    """Encode each token in its context with a stack of recurrent layers. Can replace `spacy.TorchBiLSTMEncoder.v1` as
    the `encode` of any spaCy component.

    width (int): Input width. Also the output width, unless `hidden_width` is given.
    hidden_width (Optional[int]): Units per direction. The output is then `hidden_width` wide, or twice that if
        bidirectional, which listeners must be told. If None, it is chosen so that the output is `width` wide.
    depth (int): Number of recurrent layers, 1 to 4.
    cell (str): "lstm", "gru", "rnn_tanh" or "rnn_relu".
    bidirectional (bool): Whether each layer also reads backwards.
    dropout (float): Dropout after each recurrent layer, until training sets its own rate: `[training] dropout`
        reaches these layers as it does spaCy's own.
    boundaries (bool): Whether to read a trained start vector before each sequence and a trained end vector after it;
        nothing is put out for them.
    bptt_steps (int): Through how many steps gradients flow back at most, for very long texts (truncated
        back-propagation through time); 0 for all. The hidden states stay what they are.
    engine (str): What trains the layers: "torch" (PyTorch, which must be installed), "array" (NumPy, on a CPU only), or
        "auto": arrays on a CPU, PyTorch on a GPU. Both give the same gradients; on a CPU, arrays take less time.
    RETURNS (Model[List[Floats2d], List[Floats2d]]): The encoder.
    RAISES (ValueError): If a setting is out of range.
    """
    where = "spacy-rnn-tagger.RNNEncoder.v1"
    check_positive(where, width=width, depth=depth)
    check_rate(where, dropout=dropout)
    if isinstance(bptt_steps, bool) or not isinstance(bptt_steps, int) or bptt_steps < 0:
        raise ValueError(
            f"{where}: bptt_steps = {bptt_steps!r} is not allowed; it must be a whole number of steps, or 0 for all."
        )
    if depth > MAX_DEPTH:
        raise ValueError(f"{where}: depth = {depth} is not allowed; it must be 1 to {MAX_DEPTH}.")
    if cell not in CELLS:
        raise unknown_name(where, "cell", cell, CELLS)
    if engine not in ENGINES:
        raise unknown_name(where, "engine", engine, ENGINES)
    directions = 2 if bidirectional else 1
    if hidden_width is None:
        if width % directions:
            raise ValueError(
                f"{where}: width = {width} cannot be split over two directions; make it even, or set hidden_width."
            )
        hidden_width = width // directions
    check_positive(where, hidden_width=hidden_width)
    layers: List[Model[Packed, Packed]] = []
    n_in = width
    for _ in range(depth):
        layers.append(
            RNNLayer(n_in, hidden_width, cell=cell, bidirectional=bidirectional, bptt_steps=bptt_steps, engine=engine)
        )
        layers.append(packed_dropout(dropout))
        n_in = hidden_width * directions
    stack: Model[Packed, Packed] = chain(*layers)
    stack.set_dim("nI", width, force=True)
    stack.set_dim("nO", n_in, force=True)
    encoder = with_packed(stack)
    if boundaries:
        encoder = with_boundaries(encoder)
        encoder.set_ref("boundaries", encoder)
    encoder.set_ref("stack", stack)
    encoder.set_ref("first_recurrent", layers[0])
    encoder.set_ref("last_recurrent", layers[-2])
    return encoder
