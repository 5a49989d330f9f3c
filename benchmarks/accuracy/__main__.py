"""Train systems on the same files with the same gold tokens, score them alike, and print one table.

    python -m benchmarks.accuracy ewt --seeds 0 1 2 --systems ours spacy nltk

The metrics of every finished run are kept below --results, with the repository, and its model below --work. It is not
repeated, so that the command can be interrupted, continued, and started in several processes. Times are processor time
of training with one thread, with the evaluations on the way and without the last.
"""

import argparse
import os
import sys
from typing import List, Optional

from scripts.report import write_section

from ..common.store import write_json
from .arguments import add_arguments, check_systems, read_data
from .runs import complete_all, make_runs
from .systems.base import System, TrainingError
from .systems.registry import Options, make_system, system_names
from .table import Row, make_row, markdown


def compare(systems: List[System], args: argparse.Namespace) -> List[Row]:
    """One row for each system."""
    done, failed = complete_all(make_runs(systems, args.seeds, args.part, args.work, args.results), args.report_only)
    rows = []
    for system in systems:
        failures = [f"failed: {why.splitlines()[0]}" for run, why in failed.items() if run.system is system]
        metrics = [metrics for run, metrics in done.items() if run.system is system]
        rows.append(make_row(system, metrics, system.missing() or next(iter(failures), None)))
    return rows


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    parser.add_argument(
        "--systems", nargs="+", metavar="NAME", help="only these, for example ours ours+vectors spacy nltk"
    )
    args = parser.parse_args(argv)
    names = check_systems(parser, args, args.systems or system_names(args.corpus, vectors=bool(args.vectors)))
    data = read_data(parser, args)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        systems = [make_system(name, data, Options(args.config, args.vectors, args.steps)) for name in names]
        rows = compare(systems, args)
    except TrainingError as e:
        print(e, file=sys.stderr)
        return 1
    table = markdown(f"{data.title}, {args.part}, gold tokens", rows)
    print(table)
    if args.json is not None:
        write_json(args.json, {"corpus": data.name, "part": args.part, "limit": args.limit, "rows": rows})
    if args.page is not None:
        write_section(args.page, f"accuracy-{data.name}", table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
