from typing import Any, Callable, List, Optional, Tuple

from spacy.tokens import Doc
from thinc.api import Model, chain
from thinc.layers.chain import forward as chain_forward
from thinc.types import Floats2d

from ...errors import check_positive
from ..serving.lexeme_gates import KeptLexemes, lexeme_gates, no_backprop
from ..storage.stored_model import stored_model
from ..types import DocsToVectors, VectorsToVectors
from .one_hot import one_hot_columns

WHERE = "spacy-rnn-tagger.RNNTok2Vec.v1"


def build_rnn_tok2vec(
    embed: DocsToVectors, encode: VectorsToVectors, storage: Optional[str] = None, cache_mb: int = 128
) -> DocsToVectors:
    """A token-to-vector model in two levels: vectors that depend on the lexeme alone, then vectors in context.

    embed (Model[List[Doc], List[Floats2d]]): The lexeme level, such as `spacy-rnn-tagger.LexemeEmbed.v1`.
    encode (Model[List[Floats2d], List[Floats2d]]): The context level, such as `spacy-rnn-tagger.RNNEncoder.v1`.
    storage (Optional[str]): What weights are saved as: "float32", "float16" or "int8". If None, as the model says that
        this one is part of, else as float32.
    cache_mb (int): Most megabytes of memory that serving on a CPU takes for words met before, which then cost nothing
        but the recurrence: 128 hold 32,768 words if `encode` has a bidirectional LSTM of 2 x 128 units. A process
        begins with room for 8,192, and takes more when words that had to go came again.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model, of the encoder's output width.
    RAISES (ValueError): If the two widths differ, there is no such storage, or `cache_mb` is not positive.
    """
    check_positive(WHERE, cache_mb=cache_mb)
    n_embed, n_encode = embed.maybe_get_dim("nO"), encode.maybe_get_dim("nI")
    if n_embed is not None and n_encode is not None and n_embed != n_encode:
        raise ValueError(
            f"{WHERE}: embed gives vectors of width {n_embed}, but encode takes width {n_encode}; "
            "set encode.width to embed.width."
        )
    first: Any = embed
    if embed.attrs.get("one_hot") and encode.has_ref("first_recurrent"):
        first = one_hot_columns(embed)
    layers: Any = chain(first, encode)
    model: DocsToVectors = Model(
        layers.name,
        forward,
        init=layers.init,
        layers=layers.layers,
        dims={"nO": encode.maybe_get_dim("nO")},
        attrs={"lexeme_gates": KeptLexemes(cache_mb * 2**20)},
    )
    model.set_ref("embed", embed)
    model.set_ref("encode", encode)
    return stored_model(WHERE, model, storage)


def forward(
    model: DocsToVectors, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], Any]]:
    gates = None if is_train else lexeme_gates(model, sum(len(doc) for doc in docs))
    if gates is not None:
        return gates.encode(docs), no_backprop
    Y, backprop = chain_forward(model, docs, is_train)
    return Y, backprop
