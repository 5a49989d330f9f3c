from typing import Any, List, Optional, Union

from spacy.attrs import IDS
from thinc.api import HashEmbed, Maxout, Model, chain, concatenate
from thinc.types import Floats2d

from ...errors import check_positive, check_rate, unknown_name
from ..layers.known_values import known_values
from ..layers.lexeme_vectors import lexeme_vectors
from ..layers.with_lexemes import with_lexemes
from ..types import DocsToVectors, Lexemes

WORD_ATTRS = ("ORTH", "LOWER", "NORM")
# What depends on the lexeme (and on a tokenizer exception's NORM) alone.
LEXEME_ATTRS = (
    "ORTH LOWER NORM SHAPE PREFIX SUFFIX LENGTH LANG IS_ALPHA IS_ASCII IS_DIGIT IS_LOWER IS_PUNCT IS_SPACE IS_TITLE "
    "IS_UPPER LIKE_URL LIKE_NUM LIKE_EMAIL IS_STOP IS_BRACKET IS_QUOTE IS_LEFT_PUNCT IS_RIGHT_PUNCT IS_CURRENCY"
).split()
# What components before the layer have said of a token.
CONTEXT_ATTRS = "ENT_TYPE ENT_IOB ENT_ID TAG POS MORPH LEMMA DEP SENT_START".split()


def build_lexeme_embed(
    width: int,
    attrs: List[str] = ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
    rows: Union[int, List[int]] = [5000, 1000, 2500, 2500],
    include_static_vectors: bool = False,
    chars: Optional[Model[Lexemes, Floats2d]] = None,
    word_dropout: float = 0.1,
    min_freq: int = 1,
) -> DocsToVectors:
    """Embed every distinct lexeme of a batch once: hashed attributes (Bloom embeddings, Svenstrup et al. 2017, as in
    `spacy.MultiHashEmbed.v2`), optionally static vectors and a spelling encoder, mixed by a Maxout layer with layer
    normalisation.

    width (int): Output width, and width of each part.
    attrs (List[str]): Lexeme attributes to embed, such as "NORM" or "SHAPE"; also what components before this one have
        said of a token, such as "ENT_TYPE" and "ENT_IOB" of an `entity_ruler` with lists of names. A word with another
        annotation counts as another lexeme then.
    rows (Union[int, List[int]]): Rows of each attribute's table, one number for each or one for all.
    include_static_vectors (bool): Whether to add a trained projection of the vocabulary's vectors.
    chars (Optional[Model[Lexemes, Floats2d]]): A spelling encoder to add, such as `spacy-rnn-tagger.CharRNN.v1`.
    word_dropout (float): How often training hides which word a lexeme is (ORTH, LOWER and NORM), so that its shape,
        affixes and spelling learn to stand in, as they must for unknown words. Not touched by `[training] dropout`.
    min_freq (int): How often a value must occur in the training data to have a vector of its own: rarer words, affixes
        and shapes, and those that training never saw, share one of their attribute; annotations always have their own.
        With 1, unseen words share the vector of hidden ones, while other attributes, or all without word_dropout, are
        hashed as in `spacy.MultiHashEmbed.v2`.
    RETURNS (Model[List[Doc], List[Floats2d]]): The embedding layer.
    RAISES (ValueError): If a setting is out of range or an attribute is unknown.
    """
    where = "spacy-rnn-tagger.LexemeEmbed.v1"
    check_positive(where, width=width, min_freq=min_freq)
    check_rate(where, word_dropout=word_dropout)
    attrs = [attr.upper() for attr in attrs]
    allowed = (*LEXEME_ATTRS, *CONTEXT_ATTRS)
    for attr in attrs:
        if attr not in allowed or attr not in IDS:
            raise unknown_name(where, "attrs", attr, allowed)
    sizes = [rows] * len(attrs) if isinstance(rows, int) else list(rows)
    if len(sizes) != len(attrs):
        raise ValueError(
            f"{where}: rows has {len(sizes)} numbers, {sizes}, but attrs has {len(attrs)} names, {attrs}; give one "
            "number for each attribute, or a single one for all."
        )
    check_positive(where, **{f"rows[{i}]": size for i, size in enumerate(sizes)})
    parts: List[Model[Lexemes, Floats2d]] = []
    for i, size in enumerate(sizes):
        # Thinc seeds a table by its model id unless told otherwise, which differs between processes.
        table: Any = HashEmbed(nO=width, nV=size, column=0, seed=8 + i)
        least = 1 if attrs[i] in CONTEXT_ATTRS else min_freq
        values = known_values(attrs[i], i, least, word_dropout if attrs[i] in WORD_ATTRS else 0.0)
        parts.append(chain(values, table))
    if include_static_vectors:
        parts.append(lexeme_vectors(width))
    if chars is not None:
        parts.append(chars)
    if not parts:
        raise ValueError(
            f"{where}: nothing to embed; name at least one attribute in attrs, or include static vectors or characters."
        )
    n_in = width * (len(parts) - (chars is not None)) + (chars.get_dim("nO") if chars else 0)
    mix: Any = Maxout(nO=width, nI=n_in, nP=3, dropout=0.0, normalize=True)
    layer: Any = chain(concatenate(*parts) if len(parts) > 1 else parts[0], mix)
    layer.set_dim("nO", width, force=True)
    return with_lexemes(layer, attrs, vectors=include_static_vectors)
