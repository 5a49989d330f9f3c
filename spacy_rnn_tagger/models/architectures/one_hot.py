from typing import Any, Callable, List, Optional, Tuple

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d, Ints1d

from ..layers.symbols import columns_of, with_symbols
from ..layers.vocabulary import vocabulary_layers
from ..types import DocsToVectors

DocsToColumns = Model[List[Doc], List[Ints1d]]


def build_one_hot(max_size: int, attr: str = "ORTH", min_freq: int = 2) -> DocsToVectors:
    """Represent every word or character by a vector of zeros with a single one, in the column of its symbol.

    The vocabulary is learned from the training data and saved with the model: `<pad>`, `<sos>`, `<eos>` and `<unk>`,
    then the most frequent symbols. The width must be known before the data are seen, so it is `max_size`, whatever of
    it is filled.

    A recurrent layer's product with a one-hot vector is a column of its weights. Before a
    `spacy-rnn-tagger.RNNEncoder.v1`, `spacy-rnn-tagger.RNNTok2Vec.v1` looks that column up and makes no vectors;
    elsewhere they are real, and cost `max_size` floats for every token.

    max_size (int): Width: most symbols to keep, the four special ones included.
    attr (str): What the symbols are: a lexeme attribute ("ORTH", "LOWER", "NORM", "SHAPE", "PREFIX", "SUFFIX"), or
        "CHAR" for the characters of the text, one sequence per doc from `<sos>` to `<eos>` (for text classifiers).
    min_freq (int): How often a symbol must occur in training to be kept. From 2 on, `<unk>` is seen in training.
    RETURNS (Model[List[Doc], List[Floats2d]]): The embedding layer, of width `max_size`.
    RAISES (ValueError): If a setting is out of range.
    """
    model = with_symbols("spacy-rnn-tagger.OneHot.v1", one_hot(max_size), max_size, attr, min_freq)
    model.attrs["one_hot"] = True
    return model


def one_hot_columns(embed: DocsToVectors) -> DocsToColumns:
    """The columns of the ones of a model of `build_one_hot`, instead of its vectors."""
    return Model(
        "one_hot_columns", columns_forward, init=columns_init, layers=[embed], dims={"nO": embed.get_dim("nO")}
    )


def columns_forward(
    model: DocsToColumns, docs: List[Doc], is_train: bool
) -> Tuple[List[Ints1d], Callable[[List[Ints1d]], List[Doc]]]:
    (layer,) = vocabulary_layers(model)
    return [model.ops.asarray1i(columns) for columns in columns_of(layer, docs)], lambda d_columns: []


def columns_init(model: DocsToColumns, X: Optional[List[Doc]] = None, Y: Optional[List[Ints1d]] = None) -> None:
    model.layers[0].initialize(X=X)


def one_hot(nO: int) -> Model[Ints1d, Floats2d]:
    """Columns to one-hot rows. There is nothing to learn."""
    return Model("one_hot", forward, init=init, dims={"nO": nO})


def forward(
    model: Model[Ints1d, Floats2d], columns: Ints1d, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Any]]:
    Y = model.ops.alloc2f(columns.shape[0], model.get_dim("nO"))
    rows: Any = model.ops.xp.arange(columns.shape[0])
    Y[rows, columns] = 1.0
    return Y, lambda dY: model.ops.alloc1i(columns.shape[0])


def init(model: Model[Ints1d, Floats2d], X: Optional[Ints1d] = None, Y: Optional[Floats2d] = None) -> None:
    pass
