from typing import Any, Callable, List, Optional, Tuple

from thinc.api import Model
from thinc.types import Floats2d

from ..types import VectorsToVectors


def tag_transitions() -> VectorsToVectors:
    """The scores of a path's tags beside those of its tokens: `transitions` from tag to tag, `start` and `end`.

    Emission scores pass through unchanged. The component that decodes reads the weights and adds to their gradients;
    they are only allocated if it asks for them, with `allocate`.
    """
    return Model(
        "tag_transitions",
        forward,
        dims={"nO": None},
        params={"transitions": None, "start": None, "end": None},
    )


def forward(
    model: VectorsToVectors, Xs: List[Floats2d], is_train: bool
) -> Tuple[List[Floats2d], Callable[[List[Floats2d]], List[Floats2d]]]:
    return Xs, lambda dXs: dXs


def allocate(model: Model[Any, Any], nO: int, old: Optional[Model[Any, Any]] = None) -> None:
    """Give a layer weights of zero, or those of another layer with fewer tags and zeros for the new ones.

    model (Model): A layer of `tag_transitions` without weights.
    nO (int): Number of tags.
    old (Optional[Model]): The layer to take weights from.
    """
    model.set_dim("nO", nO)
    transitions: Any = model.ops.alloc2f(nO, nO)
    start: Any = model.ops.alloc1f(nO)
    end: Any = model.ops.alloc1f(nO)
    if old is not None:
        n = old.get_dim("nO")
        transitions[:n, :n] = old.get_param("transitions")
        start[:n] = old.get_param("start")
        end[:n] = old.get_param("end")
    model.set_param("transitions", transitions)
    model.set_param("start", start)
    model.set_param("end", end)
