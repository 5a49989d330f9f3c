"""The recurrent layer alone: our engine beside `torch.nn.LSTM` with the same weights on the same batches."""

from typing import Any, Dict, List, Mapping

import numpy as np

from spacy_rnn_tagger.recurrence import array_engine, torch_engine
from spacy_rnn_tagger.recurrence.packing import Packing, make_packing
from spacy_rnn_tagger.recurrence.serving_inputs import Rows
from spacy_rnn_tagger.recurrence.serving_weights import as_gates, input_columns, prepare

from ...common.table import Table, thousands, times
from ...common.timer import Task, measure
from ..setup import Setup
from ..texts import make_docs

BASE = "`torch.nn.LSTM` on a `PackedSequence`"
TOLERANCE = 1e-4


def measure_engine(setup: Setup) -> Table:
    """Tokens per second of one layer, on the vectors that the lexemes of the texts have."""
    nlp = setup.pipelines.load("ewt", ["tok2vec"])
    tok2vec = nlp.get_pipe("tok2vec").model
    layer = next(node for node in tok2vec.walk() if "cell" in node.attrs)
    params = {name: layer.get_param(name) for name in layer.param_names}
    weights = prepare("lstm", params, bidirectional=layer.attrs["bidirectional"])
    vectors = tok2vec.get_ref("embed").predict(make_docs(nlp.vocab, setup.sentences))
    batches = [vectors[i : i + setup.batch_size] for i in range(0, len(vectors), setup.batch_size)]
    packings = [make_packing([len(x) for x in batch]) for batch in batches]
    packed = [np.concatenate(batch)[packing.to_packed] for batch, packing in zip(batches, packings)]
    # What the lexeme cache keeps: the input product of each distinct vector, in a table laid out like its own.
    distinct, rows = np.unique(np.concatenate(packed), axis=0, return_inverse=True)
    kept = np.ascontiguousarray(as_gates(weights, distinct @ input_columns(weights)))
    starts = np.cumsum([0, *map(len, packed)])
    looked_up = [Rows(kept, rows.reshape(-1)[i:j]) for i, j in zip(starts, starts[1:])]
    module = torch_module(params, layer.attrs["bidirectional"])

    def ours(inputs: List[Any]) -> List[Any]:
        return [array_engine.run(weights, packing, x) for packing, x in zip(packings, inputs)]

    def theirs(inputs: List[Any]) -> List[Any]:
        return [run_torch(module, packing, x) for packing, x in zip(packings, inputs)]

    tasks: Dict[str, Task] = {
        BASE: Task(setup.n_tokens, lambda: packed, theirs, np.concatenate),
        "ours, from vectors": Task(setup.n_tokens, lambda: packed, ours, np.concatenate),
        "ours, from kept input products": Task(setup.n_tokens, lambda: looked_up, ours, np.concatenate),
    }
    found = measure(tasks, setup.rounds)
    table = Table(
        "engine",
        f"One bidirectional LSTM layer, {weights.inputs.shape[2]} to 2 × {weights.n_hidden}: tokens per second of one "
        f"core on {setup.described()}, in batches of {setup.batch_size}",
        ["engine", "tokens/s", "× torch"],
    )
    for name in tasks:
        rate, ratio = found.rate(name), found.ratio(name, BASE)
        table.add(name, thousands(rate), times(ratio), **{"tokens per second": rate, "times torch": ratio})
    worst = max(float(abs(y - found.results[BASE]).max()) for y in found.results.values())
    table.n_different = int(worst > TOLERANCE)
    table.notes.append(f"All hidden states agree to {worst:.0e}.")
    return table


def torch_module(params: Mapping[str, Any], bidirectional: bool) -> Any:
    """A `torch.nn.LSTM` with our weights, made once and for inference."""
    torch = torch_engine.import_torch()
    n_hidden, n_in = params["weight_hh"].shape[1], params["weight_ih"].shape[1]
    module = torch.nn.LSTM(n_in, n_hidden, bidirectional=bidirectional).eval()
    state = {}
    for suffix in ("", "_reverse") if bidirectional else ("",):
        for kind, name in (("weight_ih", "weight_ih"), ("weight_hh", "weight_hh"), ("bias_ih", "bias")):
            state[f"{kind}_l0{suffix}"] = torch.from_numpy(params[name + suffix])
        state[f"bias_hh_l0{suffix}"] = torch.zeros(4 * n_hidden)
    module.load_state_dict(state)
    return module


def run_torch(module: Any, packing: Packing, x: Any) -> Any:
    """(n_tokens, n_hidden * n_directions) packed hidden states, as `array_engine.run` gives them."""
    torch = torch_engine.import_torch()
    with torch.inference_mode():
        packed = torch.nn.utils.rnn.PackedSequence(torch.from_numpy(x), torch.from_numpy(packing.batch_sizes))
        return module(packed)[0].data.numpy()
