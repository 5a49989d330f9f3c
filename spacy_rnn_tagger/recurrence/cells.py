"""The recurrent cells: their gates and the shapes of their weights.

Weights use PyTorch's layout, so that the training engine can point its tensors at them without a copy: `weight_ih`
(gates * hidden, input), `weight_hh` (gates * hidden, hidden), gates stacked in PyTorch's order. There is one bias
vector per gate (PyTorch keeps two that are only ever added), except that the GRU's candidate has a second one inside
its reset product, `bias_hn` (hidden,), as in https://pytorch.org/docs/stable/generated/torch.nn.GRU.html.
"""

from dataclasses import dataclass
from typing import Dict, Tuple

Shape = Tuple[int, ...]


@dataclass(frozen=True)
class Cell:
    """A recurrent cell: its name and its gates, in the order in which they are stacked."""

    name: str
    gates: Tuple[str, ...]

    def param_shapes(self, n_in: int, n_hidden: int) -> Dict[str, Shape]:
        """The shapes of one direction's weights, by name."""
        rows = len(self.gates) * n_hidden
        shapes: Dict[str, Shape] = {
            "weight_ih": (rows, n_in),
            "weight_hh": (rows, n_hidden),
            "bias": (rows,),
        }
        if self.name == "gru":
            shapes["bias_hn"] = (n_hidden,)
        return shapes


CELLS: Dict[str, Cell] = {
    cell.name: cell
    for cell in (
        Cell("lstm", ("input", "forget", "candidate", "output")),
        Cell("gru", ("reset", "update", "candidate")),
        Cell("rnn_tanh", ("state",)),
        Cell("rnn_relu", ("state",)),
    )
}
