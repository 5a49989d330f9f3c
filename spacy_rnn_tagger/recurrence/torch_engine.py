"""Training (and serving on a GPU): `torch.nn.LSTM`, `GRU` and `RNN` over a `PackedSequence`.

The tensors share the memory of the arrays they are made from. No module outlives a call, so nothing is shared between
threads, copied models or forked processes. PyTorch is imported on the first call, never with the package.
"""

from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from .cells import CELLS
from .packing import Packing, make_packing
from .pieces import cut
from .threads import one_thread_of_torch

Params = Mapping[str, Any]
Grads = Dict[str, Any]


def import_torch() -> Any:
    """RETURNS (module): `torch`. RAISES (ImportError): With the command that installs it."""
    try:
        import torch
    except ImportError as e:
        raise ImportError(
            "A recurrent layer needs PyTorch for training with engine = 'torch' and on a GPU, but it is not installed "
            "here: pip install 'spacy-rnn-tagger[torch]', or set engine = 'auto' to train on a CPU without it."
        ) from e
    return torch


def forward(cell: str, params: Params, packing: Packing, x: Any, *, bidirectional: bool) -> Any:
    """Run one recurrent layer without gradients: `array_engine.forward`, on PyTorch."""
    torch = import_torch()
    if x.ndim == 1:
        params, x = _look_up(torch, params, x, bidirectional)
    with one_thread_of_torch(torch), torch.no_grad():
        module, _ = _make_module(torch, cell, params, bidirectional)
        y, _ = module(_pack(torch, _to_torch(torch, x), packing))
        return _from_torch(x, y.data)


def begin_update(
    cell: str, params: Params, packing: Packing, x: Any, *, bidirectional: bool, bptt_steps: int = 0
) -> Tuple[Any, Callable[[Any], Tuple[Any, Grads]]]:
    """Run one recurrent layer and keep what its gradients need.

    cell (str): Name of the cell, a key of `cells.CELLS`.
    params (Mapping[str, array]): Weights by name, `_reverse` appended for the backward direction.
    packing (Packing): Layout of the batch.
    x (array): (n_tokens, n_in) packed inputs. Or, of one-hot inputs, (n_tokens,) the columns of their ones; their
        gradient is zero.
    bidirectional (bool): Whether there is a backward direction.
    bptt_steps (int): Through how many steps gradients flow back at most, see `pieces`; all if 0.
    RETURNS (Tuple[array, Callable]): The (n_tokens, n_hidden * n_directions) packed hidden states, and a function from
        their gradient to the gradient of `x` and the gradients of the weights by name.
    """
    torch = import_torch()
    if x.ndim == 1:
        return _begin_update_one_hot(torch, cell, params, packing, x, bidirectional, bptt_steps)
    with one_thread_of_torch(torch), torch.enable_grad():
        module, tensors = _make_module(torch, cell, params, bidirectional)
        x_tensor = _to_torch(torch, x).requires_grad_(True)
        if bptt_steps and packing.batch_sizes.shape[0] > bptt_steps:
            pieces = _Pieces(torch, cell, params, packing, bptt_steps)
            y_tensor = pieces.run(module, x_tensor, ("", "_reverse") if bidirectional else ("",))
        else:
            y_tensor = module(_pack(torch, x_tensor, packing))[0].data

    def backprop(d_y: Any) -> Tuple[Any, Grads]:
        names = list(tensors)
        inputs: List[Any] = [x_tensor, *tensors.values()]
        with one_thread_of_torch(torch):
            d_x, *d_params = torch.autograd.grad(y_tensor, inputs, _to_torch(torch, d_y))
        grads = {name: _from_torch(x, grad) for name, grad in zip(names, d_params)}
        n_hidden = params["weight_hh"].shape[1]
        for name in names:
            if name.startswith("bias_hn"):
                grads[name] = grads[name][-n_hidden:]
        return _from_torch(x, d_x), grads

    return _from_torch(x, y_tensor.detach()), backprop


def _begin_update_one_hot(
    torch: Any, cell: str, params: Params, packing: Packing, columns: Any, bidirectional: bool, bptt_steps: int
) -> Tuple[Any, Callable[[Any], Tuple[Any, Grads]]]:
    inner, x = _look_up(torch, params, columns, bidirectional)
    y, backprop_inner = begin_update(cell, inner, packing, x, bidirectional=bidirectional, bptt_steps=bptt_steps)

    def backprop(d_y: Any) -> Tuple[Any, Grads]:
        d_x, grads = backprop_inner(d_y)
        index, d_gates = _to_torch(torch, columns).long(), _to_torch(torch, d_x)
        n_gates, n_in = params["weight_ih"].shape
        for i, suffix in enumerate(("", "_reverse") if bidirectional else ("",)):
            table = torch.zeros(n_in, n_gates, device=d_gates.device)
            table.index_add_(0, index, d_gates[:, i * n_gates : (i + 1) * n_gates])
            grads["weight_ih" + suffix] = _from_torch(d_x, table.t().contiguous())
        return columns * 0, grads

    return y, backprop


class _Pieces:
    """Truncated back-propagation through time, see `pieces`.

    packing (Packing): Layout of the batch.
    n_steps (int): Length of a piece; the last of a sequence may be shorter.
    """

    def __init__(self, torch: Any, cell: str, params: Params, packing: Packing, n_steps: int) -> None:
        self.torch, self.cell, self.params = torch, cell, params
        self.pieces = cut(packing, n_steps)
        self._from_packed = packing.from_packed

    def run(self, module: Any, x: Any, suffixes: Sequence[str]) -> Any:
        """RETURNS (tensor): (n_tokens, n_hidden * n_directions) packed hidden states."""
        with self.torch.no_grad():
            starts = [self._initial_states(x, suffix) for suffix in suffixes]
        layout = self.pieces.packing
        ranks = layout.seqs[layout.firsts]
        states = [self.torch.stack([part[i][ranks] for part in starts]) for i in range(len(starts[0]))]
        packed = _pack(self.torch, x[self._index(x, self.pieces.rows)], layout)
        y = module(packed, tuple(states) if len(states) > 1 else states[0])[0].data
        return y[self._index(x, self.pieces.back)]

    def _initial_states(self, x: Any, suffix: str) -> List[Any]:
        """The states of one direction: the (n_pieces, n_hidden) hidden states that pieces start from, and the cell
        states of an LSTM."""
        params = {name: self.params[name + suffix] for name in CELLS[self.cell].param_shapes(1, 1)}
        module, _ = _make_module(self.torch, self.cell, params, False)
        pieces = self.pieces
        shape = (pieces.lengths.shape[0], params["weight_hh"].shape[1])
        states = [self.torch.zeros(shape, device=x.device) for _ in range(2 if self.cell == "lstm" else 1)]
        done, left, next_piece = (pieces.after, pieces.before, -1) if suffix else (pieces.before, pieces.after, 1)
        for stage in range(int(done.max())):
            chosen = np.flatnonzero((done == stage) & (left > 0))
            lengths = pieces.lengths[chosen]
            layout = make_packing(lengths)
            order = chosen[layout.seqs[layout.firsts]]
            rows = np.concatenate([np.arange(n) + start for n, start in zip(lengths, pieces.starts[chosen])])
            rows = rows[layout.to_packed[layout.mirror] if suffix else layout.to_packed]
            packed = _pack(self.torch, x[self._index(x, self._from_packed[rows])], layout)
            before = [state[order].unsqueeze(0) for state in states]
            after = module(packed, tuple(before) if len(before) > 1 else before[0])[1]
            for state, final in zip(states, after if isinstance(after, tuple) else (after,)):
                state[order + next_piece] = final[0]
        return states

    def _index(self, x: Any, rows: Any) -> Any:
        return self.torch.from_numpy(rows).to(x.device)


def _look_up(torch: Any, params: Params, columns: Any, bidirectional: bool) -> Tuple[Params, Any]:
    """A product with a one-hot vector is a column of the weights. So take the columns as inputs, those of both
    directions side by side, and let each direction read its own through an identity matrix."""
    index = _to_torch(torch, columns).long()
    suffixes = ("", "_reverse") if bidirectional else ("",)
    tables = [_to_torch(torch, params["weight_ih" + suffix]) for suffix in suffixes]
    x = torch.cat([table.t()[index] for table in tables], dim=1)
    n_gates = tables[0].shape[0]
    readers = torch.eye(n_gates * len(suffixes), device=x.device).split(n_gates)
    like = params["weight_ih"]
    inner = {"weight_ih" + suffix: _from_torch(like, reader) for suffix, reader in zip(suffixes, readers)}
    return {**params, **inner}, _from_torch(like, x)


def _make_module(torch: Any, cell: str, params: Params, bidirectional: bool) -> Tuple[Any, Grads]:
    """A one-layer module whose parameters are the given arrays, and those that need a gradient, by our names."""
    n_hidden, n_in = params["weight_hh"].shape[1], params["weight_ih"].shape[1]
    kinds = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
    if cell in kinds:
        module = kinds[cell](n_in, n_hidden, bidirectional=bidirectional, device="meta")
    else:
        module = torch.nn.RNN(
            n_in,
            n_hidden,
            nonlinearity=cell.split("_")[1],
            bidirectional=bidirectional,
            device="meta",
        )
    tensors: Grads = {}
    for suffix in ("", "_reverse") if bidirectional else ("",):
        ours = {
            name: torch.nn.Parameter(_to_torch(torch, params[name + suffix])) for name in CELLS[cell].param_shapes(1, 1)
        }
        # PyTorch's second bias is a constant zero but for the GRU's candidate.
        bias_hh = torch.zeros_like(ours["bias"])
        if "bias_hn" in ours:
            bias_hh[-n_hidden:] = ours["bias_hn"].detach()
        second = torch.nn.Parameter(bias_hh, requires_grad="bias_hn" in ours)
        setattr(module, f"weight_ih_l0{suffix}", ours["weight_ih"])
        setattr(module, f"weight_hh_l0{suffix}", ours["weight_hh"])
        setattr(module, f"bias_ih_l0{suffix}", ours["bias"])
        setattr(module, f"bias_hh_l0{suffix}", second)
        if "bias_hn" in ours:
            ours["bias_hn"] = second
        tensors.update({name + suffix: tensor for name, tensor in ours.items()})
    if tensors["bias"].is_cuda:
        module.flatten_parameters()  # cuDNN wants one buffer, and says so loudly
    return module, tensors


def _pack(torch: Any, x: Any, packing: Packing) -> Any:
    return torch.nn.utils.rnn.PackedSequence(x, torch.from_numpy(packing.batch_sizes))


def _to_torch(torch: Any, array: Any) -> Any:
    if hasattr(array, "get"):  # CuPy
        return torch.from_dlpack(array)
    return torch.from_numpy(array)


def _from_torch(like: Any, tensor: Any) -> Any:
    if hasattr(like, "get"):  # CuPy
        import cupy

        return cupy.from_dlpack(tensor.contiguous())
    return tensor.numpy()
