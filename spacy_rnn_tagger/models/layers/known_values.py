import warnings
from typing import Any, Callable, List, Optional, Tuple

from thinc.api import Model
from thinc.types import Ints2d

from ..types import Lexemes
from .vocabulary import is_known, known_attrs

ValuesLayer = Model[Lexemes, Ints2d]


def known_values(attr: str, column: int, min_freq: int, dropout: float) -> ValuesLayer:
    """One attribute of each lexeme, for a hash table; values that training saw too rarely all become 0.

    A hash table has a vector for any value, but that of a value never trained on is a mix of other values' vectors:
    noise that reads like a word. The row that stands for all rare or hidden values learns what is true of them, and
    unseen values share it. If no value is rare or hidden, nothing trains that row, so every value is hashed.

    attr (str): The attribute.
    column (int): Its column in the lexemes' features.
    min_freq (int): How often a value must occur in the training data to be told apart.
    dropout (float): How often training treats a value as unknown.
    """
    attrs = known_attrs(attr, min_freq) if min_freq > 1 or dropout else {}
    return Model("known_values", forward, init=init, attrs={"column": column, "dropout": dropout, **attrs})


def forward(model: ValuesLayer, lexemes: Lexemes, is_train: bool) -> Tuple[Ints2d, Callable[[Ints2d], List[Any]]]:
    ops = model.ops
    values = lexemes.features[:, model.attrs["column"]]
    if model.attrs.get("learned"):
        kept: Any = ops.xp.asarray(is_known(model, ops.to_numpy(values)))
        values = values * kept.astype("uint64")
    if is_train and model.attrs["dropout"]:
        kept = ops.get_dropout_mask(values.shape, model.attrs["dropout"]) > 0
        values = values * kept.astype("uint64")
    return values.reshape((-1, 1)), lambda d_values: []


def init(model: ValuesLayer, X: Optional[Lexemes] = None, Y: Optional[Ints2d] = None) -> None:
    attrs = model.attrs
    if X is not None and attrs.get("min_freq", 1) > 1 and not attrs["learned"]:
        warnings.warn(
            f"spacy-rnn-tagger.LexemeEmbed.v1: min_freq = {attrs['min_freq']} has no effect on {attrs['symbol_attr']}, "
            "whose values were not counted: the component shows its model a few sample docs only; set before_init = "
            '{"@callbacks": "spacy-rnn-tagger.learn_vocabulary.v1"} in [initialize] to count the whole training '
            "corpus.",
            stacklevel=2,
        )
