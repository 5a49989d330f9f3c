"""Learning curve: scores against the number of training sentences, ours and spaCy's, with one rule for the steps of
both.

    python -m benchmarks.accuracy.curve ewt --seeds 0 1 --figure docs/figures/learning_curve.svg

    python -m benchmarks.accuracy.curve wnut17 --systems recipe spacy --sentences 300 1000 3000

The sentences of a smaller share are among those of every larger one. For a share of the sentences a system trains for
as many steps as its config says, times the square root of the share, but `recipe` as `rnn init-config` decides; its
best state on all development sentences counts. Runs are kept as by `python -m benchmarks.accuracy`, which shares those
on all sentences.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from scripts.report import COLUMNS, write_section

from ..common.store import write_json
from ..common.table import Table
from .arguments import add_arguments, check_systems, read_data
from .corpora import Data
from .runs import complete_all, make_runs
from .sentences import read_docs
from .systems.base import System, TrainingError
from .systems.registry import Options, make_system
from .table import make_row, score_cell

Curve = Dict[str, Any]


def measure(data: Data, names: List[str], args: argparse.Namespace) -> Curve:
    """RETURNS (Curve): The numbers of sentences, and for each system its title and one row of scores for each
    number."""
    curve: Curve = {"sentences": [], "systems": {}}
    systems: Dict[str, List[System]] = {name: [] for name in names}
    for share in args.shares:
        part = data.shortened(args.work / "data", share=share, seed=args.subset_seed)
        curve["sentences"].append(len(read_docs(part.train)))
        for name in names:
            systems[name].append(make_system(name, part, Options(args.config, args.vectors, args.steps, share)))
    all_systems = [s for of_name in systems.values() for s in of_name]
    runs = make_runs(all_systems, args.seeds, args.part, args.work, args.results)
    done, _ = complete_all(runs, args.report_only)
    for name, of_name in systems.items():
        rows = [make_row(s, [m for run, m in done.items() if run.system is s], s.missing()) for s in of_name]
        curve["systems"][name] = {"title": of_name[-1].title, "rows": rows}
    return curve


def markdown(title: str, curve: Curve) -> str:
    """One line for each system and score."""
    counts = [f"{count:,} sentences" for count in curve["sentences"]]
    table = Table("curve", title, ["system", "score", *counts], n_texts=2)
    for system in curve["systems"].values():
        for key, name in COLUMNS:
            scores = [row["scores"].get(key) for row in system["rows"]]
            if any(scores):
                table.add(system["title"], name, *map(score_cell, scores))
    return table.markdown()


def figure(curve: Curve, path: Path) -> None:
    """One panel for each score; the bars are standard deviations over seeds. RAISES (ImportError): Without
    matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "spacy-rnn-tagger"  # the same figure, byte for byte, from the same numbers
    from matplotlib import pyplot

    found = {key for system in curve["systems"].values() for row in system["rows"] for key in row["scores"]}
    panels = [(key, name) for key, name in COLUMNS if key in found]
    fig, axes = pyplot.subplots(1, len(panels), figsize=(4 * len(panels), 3.5), squeeze=False)
    for axis, (key, name) in zip(axes[0], panels):
        for system in curve["systems"].values():
            points = [(n, row["scores"].get(key)) for n, row in zip(curve["sentences"], system["rows"])]
            points = [(n, score) for n, score in points if score is not None]
            means = [100 * score["mean"] for _, score in points]
            bars = [100 * (score["std"] or 0) for _, score in points]
            axis.errorbar(
                [n for n, _ in points], means, bars, marker="o", capsize=3, label=system["title"].replace("`", "")
            )
        axis.set(xscale="log", xlabel="training sentences", title=f"{name}, %")
        axis.set_xticks(curve["sentences"], [f"{count:,}" for count in curve["sentences"]], fontsize=7)
        axis.minorticks_off()
    axes[0][0].legend(fontsize=7)
    fig.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.curve",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.add_argument("--systems", nargs="+", metavar="NAME", default=["ours", "spacy"], help="(ours spacy)")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[0.1, 0.25, 0.5, 1.0], help="of the training sentences"
    )
    parser.add_argument("--sentences", type=int, nargs="+", metavar="N", help="in place of shares: how many sentences")
    parser.add_argument("--subset-seed", type=int, default=0, help="seed of the choice of sentences (0)")
    parser.add_argument("--figure", type=Path, help="also draw it, into an .svg or .png file; needs matplotlib")
    args = parser.parse_args(argv)
    if not all(0 < share <= 1 for share in args.shares):
        parser.error(f"--shares {args.shares} must lie above 0 and not above 1")
    names, data = check_systems(parser, args, args.systems), read_data(parser, args)
    if args.sentences is not None:
        n_all = len(read_docs(data.train))
        if not all(0 < n < n_all for n in args.sentences):
            parser.error(f"--sentences {args.sentences} must lie above 0 and below {n_all:,}, which are all")
        args.shares = [(n - 0.5) / n_all for n in args.sentences]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        curve = measure(data, names, args)
    except TrainingError as e:
        print(e, file=sys.stderr)
        return 1
    table = markdown(f"{data.title}, {args.part}, gold tokens: mean ± standard deviation over seeds", curve)
    print(table)
    if args.json is not None:
        write_json(args.json, {"corpus": data.name, "part": args.part, "limit": args.limit, **curve})
    if args.page is not None:
        write_section(args.page, f"{'curve' if args.sentences is None else 'small'}-{data.name}", table)
    if args.figure is not None:
        figure(curve, args.figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
