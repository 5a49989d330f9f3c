"""`python -m spacy rnn train` and `resume`: training that can be stopped at any moment and goes on."""

import shlex
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Dict, Iterator, List, Optional

import typer
from spacy.cli._util import Arg, Opt, parse_config_overrides, show_validation_error

from ..training.resumable import CHECKPOINT, Trained, resume, train
from .app import rnn_cli
from .next_steps import after_training
from .places import Places, running
from .shared import ForceOpt, JsonOpt, percent, tell_next

OverridesArg = Annotated[Optional[List[str]], Arg(help="Settings of the config, as --section.key value")]
EXTRA = {"ignore_unknown_options": True}


@rnn_cli.command("train", context_settings=EXTRA)
def train_cli(
    config: Annotated[Path, Arg(help="Config to train", exists=True, dir_okay=False)],
    settings: OverridesArg = None,
    *,
    output: Annotated[Path, Opt("--output", "-o", help="Folder for the pipelines and the checkpoint")],
    code_path: Annotated[Optional[Path], Opt("--code", "-c", help="Python file with further functions")] = None,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
    json_path: JsonOpt = None,
    force: ForceOpt = False,
) -> None:
    """
    Train as `spacy train` does, to the same weights, in a way that can be stopped at any moment: the state of training
    is kept at each evaluation, and `model-best` is always a whole pipeline.

    Example: python -m spacy rnn train config.cfg -o training --paths.train train.spacy --paths.dev dev.spacy
    """
    with running("rnn train", None, force=force, inputs=[config, code_path]) as places:
        places.add_json(json_path)
        with _training(output, config):
            overrides = _overrides(settings)
            done = train(config, output, overrides=overrides, gpu=gpu_id, code=code_path, force=force)
        _end(done, places, code_path)


@rnn_cli.command("resume", context_settings=EXTRA)
def resume_cli(
    folder: Annotated[Path, Arg(help="Folder of a training of `spacy rnn train`", exists=True, file_okay=False)],
    settings: OverridesArg = None,
    *,
    json_path: JsonOpt = None,
) -> None:
    """
    Go on with a training that was stopped, from its last evaluation. On a CPU it ends with the same weights as if it
    had not been stopped. A training that is complete goes on if it may take longer now.

    Example: python -m spacy rnn resume training --training.max_steps 40000
    """
    with running("rnn resume", None, force=False) as places:
        places.add_json(json_path)
        with _training(folder, folder / "config.cfg"):
            done = resume(folder, overrides=_overrides(settings))
        _end(done, places, None)


def _overrides(settings: Optional[List[str]]) -> Dict[str, Any]:
    return dict(parse_config_overrides(list(settings or [])))


@contextmanager
def _training(output: Path, config: Path) -> Iterator[None]:
    """Say how to go on with a training that is stopped."""
    try:
        with show_validation_error(config):
            yield
    except BaseException as e:
        if (output / CHECKPOINT).is_file() and isinstance(e, (KeyboardInterrupt, OSError, MemoryError)):
            typer.echo(f"Go on with: python -m spacy rnn resume {shlex.quote(str(output))}", err=True)
        raise


def _end(done: Trained, places: Places, code: Optional[Path]) -> None:
    places.write_json(done)
    print(
        f"Best score {percent(done.score)} at step {done.best_step}, of {done.n_steps:,} steps on {done.n_words:,} "
        f"words in {done.seconds:,.0f} s: {done.best}"
    )
    tell_next(*after_training({"output_path": done.output, "code_path": code}))
