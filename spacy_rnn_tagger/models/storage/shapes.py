"""The shapes that weights must have, by the sizes of their layers. Where they do not fit, NumPy may repeat rows in
silence."""

from typing import Any, Dict, Optional, Sequence, Tuple

from thinc.api import Model

from ...recurrence.cells import CELLS, Shape

# Sizes by layer and weights. The names of Thinc's layers, spaCy's and ours.
_LINEAR = {"W": ("nO", "nI"), "b": ("nO",)}
_PIECES = {"W": ("nO", "nP", "nI"), "b": ("nO", "nP")}
SHAPES: Dict[str, Dict[str, Tuple[str, ...]]] = {
    "hashembed": {"E": ("nV", "nO")},
    "embed": {"E": ("nV", "nO")},
    "layernorm": {"G": ("nO",), "b": ("nO",)},
    "maxout": _PIECES,
    **dict.fromkeys(("linear", "softmax", "relu", "mish", "gelu", "swish", "sigmoid"), _LINEAR),
    "lexeme_vectors": {"W": ("nO", "nM")},
    "static_vectors": {"W": ("nO", "nM")},
    "word_vectors": {
        **{name: ("nV", "nO") for name in ("next", "previous")},
        **{name: ("nV",) for name in ("next_bias", "previous_bias")},
    },
    "tag_transitions": {"transitions": ("nO", "nO"), "start": ("nO",), "end": ("nO",)},
    "with_boundaries": {"sos": ("nI",), "eos": ("nI",)},
}


def shape_of(node: Model[Any, Any], name: str, dims: Dict[str, Optional[int]]) -> Optional[Shape]:
    """The shape of a layer's weights.

    node (Model): The layer.
    name (str): The name of the weights.
    dims (Dict[str, Optional[int]]): The sizes of the layer, by name.
    RETURNS (Optional[Tuple[int, ...]]): The shape; None if the layer is of no kind that is known here, or lacks a size.
    """
    if "cell_name" in node.attrs:
        n_in, n_hidden = dims.get("nI"), dims.get("nH")
        if n_in is None or n_hidden is None:
            return None
        return CELLS[node.attrs["cell_name"]].param_shapes(n_in, n_hidden).get(name.removesuffix("_reverse"))
    sizes = [dims.get(dim) for dim in SHAPES.get(kind_of(node), {}).get(name, ())]
    return tuple(size for size in sizes if size is not None) if sizes and None not in sizes else None


def may_lack_weights(node: Model[Any, Any], nodes: Sequence[Model[Any, Any]]) -> bool:
    """Whether a layer of a trained model may have no weights: transitions that no CRF reads, and boundaries that are
    columns of a one-hot input.

    node (Model): The layer.
    nodes (Sequence[Model]): All layers of its model.
    RETURNS (bool): Whether it may.
    """
    kind = kind_of(node)
    return kind == "tag_transitions" or (
        kind == "with_boundaries" and any(kind_of(other) == "one_hot_columns" for other in nodes)
    )


def kind_of(node: Model[Any, Any]) -> str:
    """The name of a layer without the names of those in it."""
    return node.name.partition("(")[0]
