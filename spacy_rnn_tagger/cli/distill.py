"""`python -m spacy rnn distill`: slow teachers in, one fast student out."""

import shlex
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Dict, List, Optional, Tuple

import typer
from spacy.cli._util import Arg, Opt, parse_config_overrides

from ..annotate import Progress
from ..distill import Distillation, DistillSettings, Workers, distill
from ..distill.settings import COMBINATIONS, WHERE
from ..training.local_pool import WorkerDied
from .app import rnn_cli
from .convert import with_options
from .places import running
from .shared import ForceOpt, JsonOpt, percent, tell_next


@dataclass
class DistillOptions:
    """The arguments of the command, in the order of its help."""

    teacher: Annotated[str, Arg(help="Teacher: directory of a pipeline, or name of an installed package")]
    raw: Annotated[
        List[str],
        Arg(help="Raw text: .txt, .jsonl, .csv, .parquet, .spacy; files, folders, patterns. Then --section.key value"),
    ]
    config: Annotated[Path, Opt("--config", "-c", help="The student's config", exists=True, dir_okay=False)]
    dev: Annotated[Path, Opt("--dev", help="Gold (.spacy) to choose the best student by, or raw text", exists=True)]
    output: Annotated[Path, Opt("--output", "-o", help="Folder for answers and students")]
    gold: Annotated[Optional[Path], Opt("--gold", help="Gold to train on (.spacy)", exists=True)] = None
    test: Annotated[Optional[Path], Opt("--test", help="Data to compare all on; else those of --dev")] = None
    also: Annotated[Optional[List[str]], Opt("--also", help="One more teacher; may be repeated")] = None
    combine: Annotated[str, Opt("--combine", help="Of several teachers: " + ", ".join(COMBINATIONS))] = "average"
    answers: Annotated[int, Opt("--answers", help="Tags kept of each token, the likeliest", min=1)] = 8
    weight: Annotated[float, Opt("--weight", help="Share a of the teacher: a T^2 KL + (1 - a) NLL")] = (
        DistillSettings.weight
    )
    temperature: Annotated[float, Opt("--temperature", "-t", help="Temperature T")] = DistillSettings.temperature
    min_confidence: Annotated[float, Opt("--min-confidence", help="Leave out tokens less sure than this")] = 0.0
    gold_share: Annotated[float, Opt("--gold-share", help="Share of gold in all tokens")] = DistillSettings.gold_share
    gold_steps: Annotated[int, Opt("--gold-steps", help="Steps on gold alone at the end", min=0)] = (
        DistillSettings.gold_steps
    )
    gold_rate: Annotated[float, Opt("--gold-rate", help="Learn rate of these steps")] = DistillSettings.gold_rate
    baseline: Annotated[bool, Opt("--baseline/--no-baseline", help="Also train on gold alone, to compare")] = True
    leave_out: Annotated[bool, Opt("--leave-out", help="Leave out texts with a sentence of --dev or --test")] = False
    processes: Annotated[
        int, Opt("--processes", "-n", help="Processes that ask teachers; 0 for as many as there are cores", min=0)
    ] = 0
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1
    code_path: Annotated[Optional[Path], Opt("--code", help="Python file with functions that pipelines need")] = None
    json_path: JsonOpt = None
    force: ForceOpt = False

    def settings(self) -> DistillSettings:
        """RETURNS (DistillSettings): What decides the student."""
        names = {each.name for each in fields(DistillSettings)}
        return DistillSettings(**{key: value for key, value in vars(self).items() if key in names})

    def texts_and_overrides(self) -> Tuple[List[str], Dict[str, Any]]:
        """RETURNS (Tuple[List[str], Dict[str, Any]]): The raw texts, and the settings of the config behind them."""
        at = next((i for i, each in enumerate(self.raw) if each.startswith("--")), len(self.raw))
        return self.raw[:at], parse_config_overrides(self.raw[at:])


@rnn_cli.command("distill", context_settings={"ignore_unknown_options": True})
@with_options(DistillOptions)
def distill_cli(**given: Any) -> None:
    """
    Teach one fast student what a slow or many-headed pipeline knows: TEACHER annotates the raw text once, and the
    student learns its probabilities, with gold between them if there is some. The same command goes on with one that
    was stopped, and ends with the same student.

    Example: python -m spacy rnn distill en_core_web_trf texts/ -c student.cfg --dev dev.spacy --gold train.spacy
    -o distilled --training.max_steps 4000
    """
    options = DistillOptions(**given)
    texts, overrides = options.texts_and_overrides()
    if not texts:
        raise typer.BadParameter("no raw text is named", param_hint="RAW")
    with running(WHERE, None, force=options.force, inputs=[options.config, options.dev]) as places:
        places.add_json(options.json_path)
        try:
            # spaCy's training prints its table to standard output, which is for the numbers.
            with redirect_stdout(sys.stderr):
                done = distill(
                    [options.teacher, *(options.also or [])],
                    texts,
                    options.config,
                    options.dev,
                    options.output,
                    gold=options.gold,
                    test=options.test,
                    settings=options.settings(),
                    overrides=overrides,
                    workers=Workers(options.processes, options.gpu_id, options.code_path),
                    force=options.force,
                    progress=_show,
                )
        except WorkerDied as e:
            raise ValueError(f"{WHERE}: {e}") from e
        places.write_json(done)
        print(format_distillation(done))
        tell_next(
            f"python -m spacy evaluate {shlex.quote(done.student)} TEST.spacy",
            f"python -m spacy rnn wheelhouse {shlex.quote(done.student)} wheels",
        )


def format_distillation(done: Distillation) -> str:
    """RETURNS (str): The comparison in lines. done (Distillation): What came of a distillation."""
    student = next(each for each in done.pipelines if each.role == "student")
    keys = [key for key in student.scores if any(key in each.scores for each in done.pipelines)]
    rows = [["", *keys, "agreement", "ECE", "tokens/s", "MB"]]
    for each in done.pipelines:
        agreed = [percent(each.agreement[key]) for key in keys if key in each.agreement]
        rows.append(
            [
                f"{each.role} {each.model}" if each.role == "teacher" else each.role,
                *(percent(each.scores[key]) if key in each.scores else "-" for key in keys),
                " ".join(agreed) or "-",
                " ".join(percent(ece) for ece in each.ece.values()) or "-",
                f"{each.tokens_per_second:,.0f}",
                f"{each.megabytes:.1f}",
            ]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    head = [f"{done.n_tokens:,} tokens of raw text in {done.n_docs:,} documents; compared on {done.data}"]
    for n, what in (
        (done.n_rejected, "documents were rejected by a teacher: see rejected.jsonl beside the answers"),
        (done.n_left_out, "documents were left out, since the teachers have other tokens"),
        (done.n_held_out, "documents were left out, since they have a sentence of the development or test data"),
    ):
        head += [f"{n:,} {what}"] if n else []
    return "\n".join([*head, *lines])


def _show(teacher: str, state: Progress) -> None:
    if not sys.stderr.isatty():
        return
    share = state.n_bytes / state.of_bytes if state.of_bytes else 1.0
    rate = state.n_tokens / state.seconds if state.seconds else 0.0
    sys.stderr.write(f"\r{teacher}: {state.stage} {100 * share:.0f} %, {rate:,.0f} tokens/s   ")
    sys.stderr.flush()
