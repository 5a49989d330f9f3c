from typing import Any

from thinc.api import Embed

from ...errors import check_positive
from ..layers.symbols import with_symbols
from ..types import DocsToVectors


def build_symbol_embed(width: int, max_size: int, attr: str = "ORTH", min_freq: int = 2) -> DocsToVectors:
    """A plain trained embedding table, one row per word or character of the vocabulary; nothing is hashed or mixed.

    The same as `spacy-rnn-tagger.OneHot.v1` times a trained matrix, and the vocabulary is learned and saved as there.
    The table has `max_size` rows, whatever of them is filled.

    width (int): Output width.
    max_size (int): Rows of the table: most symbols to keep, the four special ones included.
    attr (str): What the symbols are: a lexeme attribute ("ORTH", "LOWER", "NORM", "SHAPE", "PREFIX", "SUFFIX"), or
        "CHAR" for the characters of the text, one sequence per doc from `<sos>` to `<eos>` (for text classifiers).
    min_freq (int): How often a symbol must occur in training to be kept. From 2 on, `<unk>` is trained.
    RETURNS (Model[List[Doc], List[Floats2d]]): The embedding layer.
    RAISES (ValueError): If a setting is out of range.
    """
    where = "spacy-rnn-tagger.SymbolEmbed.v1"
    check_positive(where, width=width)
    table: Any = Embed(nO=width, nV=max_size)
    return with_symbols(where, table, max_size, attr, min_freq)
