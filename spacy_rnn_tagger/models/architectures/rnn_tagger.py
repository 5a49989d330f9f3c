from typing import Any, Callable, List, Optional, Tuple

from spacy.tokens import Doc
from thinc.api import Model, chain, with_array
from thinc.layers.chain import forward as chain_forward
from thinc.types import Floats2d

from ...errors import check_positive
from ..layers.output_layer import add_columns, make_output, replace_layer, set_width
from ..layers.tag_transitions import allocate, tag_transitions
from ..layers.vocabulary import CHAR, vocabulary_layers
from ..serving.lexeme_gates import lexeme_gates, no_backprop
from ..storage.stored_model import stored_model
from ..types import DocsToVectors

WHERE = "spacy-rnn-tagger.RNNTagger.v1"


def build_rnn_tagger(tok2vec: DocsToVectors, nO: Optional[int] = None, storage: Optional[str] = None) -> DocsToVectors:
    """Score every token for every tag, on top of any token-to-vector model, a `spacy.Tok2VecListener.v1` included.

    The scores are logits: the component turns them into probabilities, losses and decoded paths.

    tok2vec (Model[List[Doc], List[Floats2d]]): The token-to-vector model.
    nO (Optional[int]): Number of tags; inferred from the data if None.
    storage (Optional[str]): What weights are saved as, those of the token-to-vector model too unless it says otherwise:
        "float32" (the default), "float16" or "int8".
    RETURNS (Model[List[Doc], List[Floats2d]]): The scorer, one (n_tokens, nO) array per doc.
    """
    if nO is not None:
        check_positive(WHERE, nO=nO)
    if any(layer.attrs["symbol_attr"] == CHAR for layer in vocabulary_layers(tok2vec)):
        raise ValueError(
            f"{WHERE}: an embedding with attr = {CHAR!r} gives one vector for each character, but a tagger "
            "needs one for each token; name a lexeme attribute, or use it in a text classifier."
        )
    output: Any = make_output(nO, tok2vec.maybe_get_dim("nO"))
    transitions = tag_transitions()
    layers: Any = chain(tok2vec, with_array(output), transitions)
    dims = {name: layers.maybe_get_dim(name) for name in layers.dim_names}
    model: DocsToVectors = Model(layers.name, forward, init=layers.init, dims=dims, layers=layers.layers)
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output_layer", output)
    model.set_ref("transitions", transitions)
    model.attrs["resize_output"] = resize_output
    return stored_model(WHERE, model, storage)


def forward(
    model: DocsToVectors, docs: List[Doc], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], Any]]:
    """The layers one after another; but in serving, hidden states become scores block by block, where that can be."""
    tok2vec, output = model.get_ref("tok2vec"), model.get_ref("output_layer")
    if not is_train and "lexeme_gates" in tok2vec.attrs:
        gates = lexeme_gates(tok2vec, sum(len(doc) for doc in docs))
        if gates is not None:
            scores = gates.project(docs, output.get_param("W"), output.get_param("b"))
            return scores, no_backprop
    Y, backprop = chain_forward(model, docs, is_train)
    return Y, backprop


def set_output_width(model: DocsToVectors, nO: int, name: str, crf: bool = False) -> None:
    """Fix the number of columns of a model about to be initialized.

    model (Model[List[Doc], List[Floats2d]]): A model of `build_rnn_tagger`.
    nO (int): The number of tags.
    name (str): The component to report.
    crf (bool): Whether to allocate transition scores, starting from zero.
    RAISES (ValueError): If the config fixed another number.
    """
    output: Model[Floats2d, Floats2d] = model.get_ref("output_layer")
    fixed = output.maybe_get_dim("nO")
    if fixed is not None and fixed != nO and not output.has_param("W"):
        raise ValueError(
            f"component {name!r}: [components.{name}.model] nO = {fixed}, but there are {nO} tags to score; leave nO "
            "out, it is inferred."
        )
    if fixed is None:
        set_width(model, nO)
    elif fixed != nO:
        replace_layer(model, "output_layer", make_output(nO, output.maybe_get_dim("nI")))
        set_width(model, nO)
    if crf:
        fresh = tag_transitions()
        allocate(fresh, nO)
        replace_layer(model, "transitions", fresh)


def resize_output(model: DocsToVectors, new_nO: int) -> DocsToVectors:
    """Add columns to an initialized scorer, in place. The scores of the existing columns stay as they are.

    model (Model[List[Doc], List[Floats2d]]): A model of `build_rnn_tagger`.
    new_nO (int): The new number of columns.
    RETURNS (Model[List[Doc], List[Floats2d]]): The same model.
    """
    add_columns(model, new_nO)
    transitions = model.get_ref("transitions")
    if transitions.has_param("transitions"):
        wider = tag_transitions()
        allocate(wider, new_nO, transitions)
        replace_layer(model, "transitions", wider)
    return model
