from typing import Any, Callable, List, Optional, Tuple

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .lexeme_gates import lexeme_gates
from .one_hot import one_hot_columns
from .types import DocsToVectors, VectorsToVectors
from .weight_watch import PerWeights


def build_rnn_tok2vec(embed: DocsToVectors, encode: VectorsToVectors) -> DocsToVectors:
    """A token-to-vector model in two levels: vectors that depend on the lexeme alone, then vectors in context.

    embed (Model[List[Doc], List[Floats2d]]): The lexeme level, such as `spacy-rnn-tagger.LexemeEmbed.v1`.
    encode (Model[List[Floats2d], List[Floats2d]]): The context level, such as `spacy-rnn-tagger.RNNEncoder.v1`.
    RETURNS (Model[List[Doc], List[Floats2d]]): The model, of the encoder's output width.
    RAISES (ValueError): If the two widths differ.
    """
    n_embed, n_encode = embed.maybe_get_dim("nO"), encode.maybe_get_dim("nI")
    if n_embed is not None and n_encode is not None and n_embed != n_encode:
        raise ValueError(
            f"spacy-rnn-tagger.RNNTok2Vec.v1: embed gives vectors of width {n_embed}, but encode takes width {n_encode}; "
            "set encode.width to embed.width."
        )
    first: Any = embed
    if embed.attrs.get("one_hot") and "one_hot" in encode.attrs:
        encode.attrs["one_hot"] = True
        first = one_hot_columns(embed)
    model: DocsToVectors = Model(
        f"{first.name}>>{encode.name}",
        forward,
        init=init,
        layers=[first, encode],
        dims={"nO": encode.maybe_get_dim("nO")},
        attrs={"lexeme_gates": PerWeights()},
    )
    model.set_ref("embed", embed)
    model.set_ref("encode", encode)
    return model


def forward(
    model: DocsToVectors, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Doc]]]:
    gates = None if is_train else lexeme_gates(model, sum(len(doc) for doc in docs))
    if gates is not None:
        return gates.encode(docs), _no_backprop
    embed, encode = model.layers
    X, backprop_embed = embed(docs, is_train)
    Y, backprop_encode = encode(X, is_train)
    return Y, lambda dY: backprop_embed(backprop_encode(dY))


def init(model: DocsToVectors, X: Optional[List[Doc]] = None, Y: Optional[List[Floats2d]] = None) -> None:
    embed, encode = model.layers
    embed.initialize(X=X)
    encode.initialize(X=None if X is None else embed.predict(X))
    if model.has_dim("nO") is None:
        model.set_dim("nO", encode.get_dim("nO"))


def _no_backprop(dY: List[Floats2d]) -> List[Doc]:
    raise ValueError("Cannot backpropagate through a model that was run with is_train=False.")
