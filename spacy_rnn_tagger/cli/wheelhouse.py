"""`python -m spacy rnn wheelhouse`: wheels of a trained pipeline and of this package, for other machines."""

from pathlib import Path
from typing import Annotated, Optional

from spacy.cli._util import Arg, Opt, import_code
from wasabi import msg

from ..pipeline.wheelhouse import WHEELS, Wheelhouse, write_wheelhouse
from .app import rnn_cli
from .places import running
from .shared import CodeOpt, ForceOpt, JsonOpt, ModelArg, load_pipeline, tell_next


@rnn_cli.command("wheelhouse")
def wheelhouse_cli(
    model: ModelArg,
    output: Annotated[Path, Arg(help="Folder for the wheels; wheels of other pipelines that lie there stay")],
    name: Annotated[
        Optional[str], Opt("--name", "-n", help="Pipeline's name; by default the one in its meta.json")
    ] = None,
    version: Annotated[
        Optional[str], Opt("--version", "-v", help="Pipeline's version; by default the one in its meta.json")
    ] = None,
    card: Annotated[
        Optional[Path],
        Opt("--card", help="JSON file with description, license, sources, notes for the package's page", exists=True),
    ] = None,
    with_requirements: Annotated[
        bool,
        Opt("--with-requirements", "-R", help="Add the wheels of all requirements, for machines without any index"),
    ] = False,
    force: ForceOpt = False,
    json_path: JsonOpt = None,
    code_path: CodeOpt = None,
) -> None:
    """
    Build the wheel of a trained pipeline, and the wheel of this package beside it, so that one line of pip installs the
    pipeline on a machine whose index has neither.

    Example: python -m spacy rnn wheelhouse training/model-best wheels --name addresses --version 1.0.0
    """
    import_code(code_path)
    with running("rnn wheelhouse", model, force=force, inputs=[code_path, card]) as places:
        folder = places.add_file(output, WHEELS, "OUTPUT")
        places.add_json(json_path)
        load_pipeline(model)
        done = write_wheelhouse(
            model, folder, name=name, version=version, card=card, with_requirements=with_requirements
        )
        print(format_wheelhouse(done))
        places.write_json(done)
        msg.good("Saved wheels to folder", str(output))
        index = "--no-index " if with_requirements else ""
        tell_next(
            f"pip install {index}--find-links {output} {done.name}",
            f"python -c \"import spacy; print(spacy.load('{done.name}')('A text.').to_json())\"",
        )


def format_wheelhouse(done: Wheelhouse) -> str:
    """RETURNS (str): The wheels with their sizes in millions of bytes, and what comes from elsewhere. done
    (Wheelhouse): What the folder holds."""
    lines = [f"{size / 1e6:>9.2f} MB  {name}" for name, size in done.wheels.items()]
    lines += [f"{'kept':>12}  {name}" for name in done.kept]
    needed = ", ".join(done.requirements)
    lines.append(f"pip takes from its index: {needed}" if needed else "The folder holds all requirements.")
    return "\n".join(lines)
