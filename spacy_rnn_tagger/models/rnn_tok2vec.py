from typing import Any

from thinc.api import chain

from .one_hot import one_hot_columns
from .types import DocsToVectors, VectorsToVectors


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
    model: DocsToVectors = chain(first, encode)
    if encode.has_dim("nO"):
        model.set_dim("nO", encode.get_dim("nO"), force=True)
    model.set_ref("embed", embed)
    model.set_ref("encode", encode)
    return model
