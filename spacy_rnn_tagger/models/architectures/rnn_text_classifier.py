from typing import Any, List, Optional

from spacy.tokens import Doc
from thinc.api import Model, chain, softmax_activation
from thinc.types import Floats2d

from ...errors import check_positive, unknown_name
from ..layers.output_layer import add_columns, make_output, set_width
from ..layers.pool import POOLINGS, pool
from ..layers.sigmoid_output import sigmoid_output
from ..storage.stored_model import stored_model
from ..types import DocsToVectors

DocsToScores = Model[List[Doc], Floats2d]
WHERE = "spacy-rnn-tagger.RNNTextClassifier.v1"


def build_rnn_text_classifier(
    tok2vec: DocsToVectors,
    exclusive_classes: bool,
    pooling: str = "last",
    bidirectional: Optional[bool] = None,
    nO: Optional[int] = None,
    storage: Optional[str] = None,
) -> DocsToScores:
    """Classify whole texts by one vector of each: the final state of the RNN, or a mean or maximum over its states. For
    spaCy's own `textcat` and `textcat_multilabel`.

    tok2vec (Model[List[Doc], List[Floats2d]]): The token-to-vector model, a `spacy.Tok2VecListener.v1` included. With
        characters for symbols (`attr = "CHAR"`), it reads the text letter by letter, from `<sos>` to `<eos>`.
    exclusive_classes (bool): Whether exactly one class is true (`textcat`: a softmax), or each class for itself
        (`textcat_multilabel`: a sigmoid).
    pooling (str): "last" for the final states: the last step's, and of the backward direction the first step's; "mean"
        or "max".
    bidirectional (Optional[bool]): Whether the second half of the vectors was read backwards. If None, the model is
        asked; a listener cannot be, and counts as read forwards.
    nO (Optional[int]): Number of classes; inferred from the labels if None.
    storage (Optional[str]): What weights are saved as, those of the token-to-vector model too unless it says otherwise:
        "float32" (the default), "float16" or "int8".
    RETURNS (Model[List[Doc], Floats2d]): The classifier: probabilities, one row per doc.
    RAISES (ValueError): If a setting is out of range.
    """
    if pooling not in POOLINGS:
        raise unknown_name(WHERE, "pooling", pooling, POOLINGS)
    if nO is not None:
        check_positive(WHERE, nO=nO)
    if bidirectional is None:
        bidirectional = _reads_backwards(tok2vec)
    output: Any = make_output(nO, tok2vec.maybe_get_dim("nO"))
    probabilities: Any = softmax_activation() if exclusive_classes else sigmoid_output()
    model: DocsToScores = chain(tok2vec, pool(pooling, bidirectional), output, probabilities)
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output_layer", output)
    model.attrs["multi_label"] = not exclusive_classes
    model.attrs["resize_output"] = resize_classes
    return stored_model(WHERE, model, storage)


def resize_classes(model: DocsToScores, new_nO: int) -> DocsToScores:
    """Change the number of classes, in place; an initialized model keeps the scores of those it has.

    model (Model[List[Doc], Floats2d]): A model of `build_rnn_text_classifier`.
    new_nO (int): The new number of classes.
    RETURNS (Model[List[Doc], Floats2d]): The same model.
    """
    if model.get_ref("output_layer").has_param("W"):
        add_columns(model, new_nO)
    else:
        set_width(model, new_nO)
    return model


def _reads_backwards(tok2vec: DocsToVectors) -> bool:
    """Whether the recurrent layers of a model, if it has any, are bidirectional."""
    return any(node.attrs.get("bidirectional", False) for node in tok2vec.walk() if "cell" in node.attrs)
