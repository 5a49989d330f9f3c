from typing import Callable, Tuple

from thinc.api import Model

from ..types import Packed


def packed_dropout(rate: float = 0.0) -> Model[Packed, Packed]:
    """Dropout over packed rows, after each recurrent layer. `set_dropout_rate` reaches it."""
    return Model("packed_dropout", forward, attrs={"dropout_rate": rate})


def forward(model: Model[Packed, Packed], Xp: Packed, is_train: bool) -> Tuple[Packed, Callable[[Packed], Packed]]:
    rate = model.attrs["dropout_rate"]
    if not is_train or not rate:
        return Xp, lambda dYp: dYp
    mask = model.ops.get_dropout_mask(Xp.data.shape, rate)

    def backprop(dYp: Packed) -> Packed:
        return Packed(dYp.data * mask, dYp.packing)

    return Packed(Xp.data * mask, Xp.packing), backprop
