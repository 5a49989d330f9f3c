"""`python -m spacy rnn summary`: layers, output shapes, parameters and bytes of a pipeline's recurrent components."""

from typing import Annotated, List, Optional

import typer
from spacy.cli._util import Arg, import_code, parse_config_overrides

from ..evaluation.layer_summary import Layer, Shape, load_untrained, summarize_layers
from .app import rnn_cli
from .places import running
from .shared import CodeOpt, ComponentOpt, ForceOpt, JsonOpt, heading, loading, tell_next


@rnn_cli.command("summary", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def summary_cli(
    ctx: typer.Context,
    pipeline: Annotated[str, Arg(help="Config file, trained pipeline directory, or name of an installed pipeline")],
    component: ComponentOpt = None,
    json_path: JsonOpt = None,
    force: ForceOpt = False,
    code_path: CodeOpt = None,
) -> None:
    """
    Print the recurrent components of a pipeline as tables: layers, output shapes, parameters and bytes. A config may be
    untrained; what its data would decide is shown as None. Settings of a config can be overridden, for instance
    --components.rnn_tagger.model.nO 17.

    Example: python -m spacy rnn summary config.cfg --component rnn_tagger
    """
    import_code(code_path)
    with running("rnn summary", pipeline, force=force, inputs=[code_path]) as places:
        places.add_json(json_path)
        overrides = parse_config_overrides(ctx.args)
        with loading(pipeline):
            nlp = load_untrained(pipeline, overrides)
        done = summarize_layers(nlp, component)
        if not done.components:
            print(f"No component of this pipeline has a recurrent layer: {', '.join(nlp.pipe_names) or 'it is empty'}.")
        print("\n\n".join(format_table(name, layers) for name, layers in done.components.items()))
        places.write_json(done)
        if pipeline.endswith(".cfg"):
            tell_next(
                f"python -m spacy train {pipeline} --paths.train TRAIN.spacy --paths.dev DEV.spacy --output training"
            )
        else:
            tell_next(f"python -m spacy rnn compress {pipeline} NEW")


def format_table(name: str, layers: List[Layer]) -> str:
    """RETURNS (str): One component as a table. name (str): The component. layers (List[Layer]): Its layers."""
    cells = [("Layer", "Output shape", "Parameters", "Bytes")]
    cells += [(row.name, _format_shape(row.shape), _number(row.n_params), _number(row.n_bytes)) for row in layers]
    widths = [max(len(line[i]) for line in cells) for i in range(4)]
    lines = [f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}" for a, b, c, d in cells]
    lines.insert(1, "-" * len(lines[0]))
    n_params = sum(row.n_params or 0 for row in layers)
    n_bytes = sum(row.n_bytes or 0 for row in layers)
    open_end = " and what the data decide" if any(row.n_params is None for row in layers) else ""
    lines.append(f"Total: {n_params:,} parameters ({n_bytes / 1024**2:.2f} MB){open_end}")
    return f"{heading(name)}\n" + "\n".join(lines)


def _format_shape(shape: Shape) -> str:
    return "(" + ", ".join(str(size) for size in shape) + ")"


def _number(value: Optional[int]) -> str:
    return "None" if value is None else f"{value:,}"
