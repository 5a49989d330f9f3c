"""`python -m spacy rnn sweep`: many trainings, one table."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Dict, List, Optional, Sequence

import typer
from spacy.cli._util import Arg, Opt
from spacy.util import load_config

from ..pipeline.safe_output import OutputKind
from ..training.local_pool import WorkerDied
from ..training.sweep import ENGINES, WHERE, SettingResult, SweepResult, read_space, sweep
from .app import rnn_cli
from .convert import with_options
from .places import running
from .shared import ForceOpt, JsonOpt, percent, show_progress, tell_next


@dataclass
class SweepOptions:
    """The arguments of the command, in the order of its help."""

    config: Annotated[Path, Arg(help="Config to train", exists=True, dir_okay=False)]
    output: Annotated[Path, Opt("--output", "-o", help="Folder for the trainings")]
    space: Annotated[
        Optional[Path], Opt("--space", help="JSON or YAML file: lists of values by section.key", exists=True)
    ] = None
    values: Annotated[
        Optional[List[str]], Opt("--set", help="Values of one setting: section.key=a,b,c; may be repeated")
    ] = None
    seeds: Annotated[int, Opt("--seeds", help="Train each combination with so many seeds, from 0", min=1)] = 1
    processes: Annotated[
        int, Opt("--processes", "-n", help="Trainings at a time; 0 for as many as there are cores", min=0)
    ] = 0
    engine: Annotated[str, Opt("--engine", "-e", help=" or ".join(ENGINES))] = "local"
    address: Annotated[str, Opt("--address", help="Address of a Ray cluster; else one is started here")] = ""
    table: Annotated[Optional[Path], Opt("--csv", help="CSV file to write the table to")] = None
    json_path: JsonOpt = None
    force: ForceOpt = False
    code_path: Annotated[Optional[Path], Opt("--code", "-c", help="Python file with further functions")] = None
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1
    override: Annotated[
        Optional[List[str]], Opt("--override", help="Setting of all trainings: section.key=value; may be repeated")
    ] = None

    def space_of_all(self) -> Dict[str, List[Any]]:
        """RETURNS (Dict[str, List[Any]]): The values to try, by setting."""
        chosen = {**({} if self.space is None else read_space(self.space)), **dict(map(read_values, self.values or []))}
        return {**chosen, "system.seed": list(range(self.seeds))} if self.seeds > 1 else chosen

    def overrides(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): Settings of all trainings."""
        return {key: values[0] for key, values in map(read_values, self.override or [])}


@rnn_cli.command("sweep")
@with_options(SweepOptions)
def sweep_cli(**given: Any) -> None:
    """
    Train a config with each combination of some settings, as many at a time as there are cores, each with one thread,
    and compare them: mean and deviation over seeds. What is complete is kept, so that the same command goes on with a
    sweep that was interrupted.

    Example: python -m spacy rnn sweep config.cfg -o sweep --set training.dropout=0.2,0.4 --seeds 3
    """
    options = SweepOptions(**given)
    with running(WHERE, None, force=options.force, inputs=[options.config]) as places:
        wanted = None if options.table is None else places.add_file(options.table, TABLE, "--csv")
        places.add_json(options.json_path)
        try:
            done = sweep(
                options.config,
                options.space_of_all(),
                options.output,
                overrides=options.overrides(),
                processes=options.processes,
                engine=options.engine,
                address=options.address,
                gpu=options.gpu_id,
                code=options.code_path,
                progress=show_progress,
            )
        except WorkerDied as e:
            raise ValueError(f"{WHERE}: {e}") from e
        if wanted is not None:
            wanted.write(lambda path: path.write_text(_as_csv(done.settings), encoding="utf8"))
        places.write_json(done)
        print(format_sweep(done))
        tell_next(*next_steps(done, options.config))
        if all(each.score is None for each in done.settings):
            raise typer.Exit(1)


def read_values(given: str) -> "tuple[str, List[Any]]":
    """The values of one setting.

    given (str): Such as "training.dropout=0.2,0.4"; a value is JSON if it can be, else a string.
    RETURNS (Tuple[str, List[Any]]): The setting and its values.
    RAISES (ValueError): If there is no "=".
    """
    key, equals, rest = given.partition("=")
    if not equals or not rest:
        raise ValueError(f"{WHERE}: {given!r} must be section.key=a,b,c, such as training.dropout=0.2,0.4.")
    try:
        return key, list(json.loads(f"[{rest}]"))
    except ValueError:
        return key, [_value(each) for each in rest.split(",")]


def format_sweep(done: SweepResult) -> str:
    """RETURNS (str): The table in lines, the best first. done (SweepResult): What came of the sweep."""
    rows = _rows(done.settings)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    failed = [trial for trial in done.trials if trial.error]
    n_kept = sum(trial.is_kept for trial in done.trials)
    lines += [f"{n_kept} of {len(done.trials)} trainings were there already"] if n_kept else []
    return "\n".join([*lines, *(f"failed: {_name(trial.settings)}: {trial.error}" for trial in failed)])


def next_steps(done: SweepResult, config: Path) -> List[str]:
    """RETURNS (List[str]): What to do next. done (SweepResult): What came of the sweep. config (Path): The config."""
    best = done.settings[0].best if done.settings else ""
    if not best:
        return [f"See why: tail {done.trials[0].folder}/log.txt" if done.trials else "Name settings by --set."]
    dev = load_config(Path(best) / "config.cfg").get("paths", {}).get("dev") or "DEV.spacy"
    return [f"python -m spacy rnn report {best}/model-best {dev} --output report.html"]


def _rows(settings: Sequence[SettingResult]) -> List[List[str]]:
    keys = list(settings[0].settings) if settings else []
    scores = list(next((each.scores for each in settings if each.scores), {}))
    rows = [[*keys, "score", "deviation", *scores, "trainings", "seconds", "best"]]
    for each in settings:
        numbers = [each.score, each.deviation, *(each.scores.get(key) for key in scores)]
        cells = ["-" if number is None else percent(number) for number in numbers]
        count = str(each.n) if not each.n_failed else f"{each.n}, {each.n_failed} failed"
        values = [json.dumps(value) for value in each.settings.values()]
        rows.append([*values, *cells, count, f"{each.seconds:.0f}", each.best or "-"])
    return rows


def _as_csv(settings: Sequence[SettingResult]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(_rows(settings))
    return out.getvalue()


def _name(settings: Dict[str, Any]) -> str:
    return ", ".join(f"{key} = {value!r}" for key, value in settings.items()) or "the config"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _table_objection(path: Path) -> Optional[str]:
    first = path.open(encoding="utf8", errors="replace").readline().strip().split(",")
    return None if {"score", "deviation", "trainings"} <= set(first) else "is no table of a sweep"


TABLE = OutputKind("table", False, _table_objection)
