from typing import Any, Optional

from thinc.api import Linear, Model, chain, with_array
from thinc.types import Floats2d

from ..errors import check_positive
from .tag_transitions import allocate, tag_transitions
from .types import DocsToVectors

# A column added after training: rarely chosen until it is trained, but near enough for its gradient to move it.
NEW_COLUMN_BIAS = -10.0


def build_rnn_tagger(tok2vec: DocsToVectors, nO: Optional[int] = None) -> DocsToVectors:
    """Score every token for every tag, on top of any token-to-vector model, a `spacy.Tok2VecListener.v1` included.

    The scores are logits: the component turns them into probabilities, losses and decoded paths.

    tok2vec (Model[List[Doc], List[Floats2d]]): The token-to-vector model.
    nO (Optional[int]): Number of tags; inferred from the data if None.
    RETURNS (Model[List[Doc], List[Floats2d]]): The scorer, one (n_tokens, nO) array per doc.
    """
    if nO is not None:
        check_positive("spacy-rnn-tagger.RNNTagger.v1", nO=nO)
    output: Any = Linear(nO=nO, nI=tok2vec.maybe_get_dim("nO"))
    transitions = tag_transitions()
    model: DocsToVectors = chain(tok2vec, with_array(output), transitions)
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output_layer", output)
    model.set_ref("transitions", transitions)
    model.attrs["resize_output"] = resize_output
    return model


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
            f"component {name!r}: [components.{name}.model] nO = {fixed}, but there are {nO} tags to score; leave nO out, it "
            "is inferred."
        )
    if fixed is None:
        _set_width(model, nO)
    elif fixed != nO:
        _replace(model, "output_layer", Linear(nO=nO, nI=output.maybe_get_dim("nI")))
        _set_width(model, nO)
    if crf:
        fresh = tag_transitions()
        allocate(fresh, nO)
        _replace(model, "transitions", fresh)


def resize_output(model: DocsToVectors, new_nO: int) -> DocsToVectors:
    """Add columns to an initialized scorer, in place. The scores of the existing columns stay as they are.

    model (Model[List[Doc], List[Floats2d]]): A model of `build_rnn_tagger`.
    new_nO (int): The new number of columns.
    RETURNS (Model[List[Doc], List[Floats2d]]): The same model.
    """
    old: Any = model.get_ref("output_layer")
    old_nO, nI = old.get_dim("nO"), old.get_dim("nI")
    W: Any = old.ops.alloc2f(new_nO, nI)
    b: Any = old.ops.alloc1f(new_nO)
    W[:old_nO] = old.get_param("W")
    b[:old_nO] = old.get_param("b")
    b[old_nO:] = NEW_COLUMN_BIAS
    new: Any = Linear(nO=new_nO, nI=nI)
    new.set_param("W", W)
    new.set_param("b", b)
    _replace(model, "output_layer", new)
    _set_width(model, new_nO)
    transitions = model.get_ref("transitions")
    if transitions.has_param("transitions"):
        wider = tag_transitions()
        allocate(wider, new_nO, transitions)
        _replace(model, "transitions", wider)
    return model


def _replace(model: DocsToVectors, ref: str, new: Model[Any, Any]) -> None:
    """Put another layer in a layer's place. Thinc fixes the dimensions of a layer that has weights."""
    old = model.get_ref(ref)
    for node in list(model.walk()):
        if old in node.layers:
            node.layers[node.layers.index(old)] = new
    model.set_ref(ref, new)


def _set_width(model: DocsToVectors, nO: int) -> None:
    """Tell the width of the scorer to every layer around it."""
    output = model.get_ref("output_layer")
    for node in model.walk():
        if output in node.walk():
            node.set_dim("nO", nO, force=True)
