"""What both commands understand, and what they make of it."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import List

from .corpora import CORPORA, PARTS, Data
from .systems.registry import WITH_VECTORS, system_names

# Kept with the repository: a table takes hours, and whoever adds a seed need not repeat the others.
RESULTS = Path("benchmarks/results/accuracy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--part", choices=PARTS, default="dev", help="what is scored (dev)")
    parser.add_argument("--vectors", help="path or package of a pipeline with static vectors, for systems +vectors")
    parser.add_argument("--config", type=Path, help="another config for ours")
    parser.add_argument("--limit", type=int, help="only the first sentences of each part, to try it out")
    parser.add_argument("--steps", type=int, help="other max_steps for pipelines of spaCy, to try it out")
    parser.add_argument("--train", type=Path, help="training .spacy file, if not the project's")
    parser.add_argument("--dev", type=Path, help="development .spacy file, if not the project's")
    parser.add_argument("--test", type=Path, help="test .spacy file, if not the project's")
    parser.add_argument("--work", type=Path, default=Path("training/accuracy"), help="folder of trained models")
    parser.add_argument("--results", type=Path, help=f"folder of metrics ({RESULTS}; of trials, that of --work)")
    parser.add_argument("--report-only", action="store_true", help="train nothing")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--page", type=Path, help="also write the table between its markers in this page")


def read_data(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Data:
    """The corpus, with the files and the limit asked for; what is not the whole corpus of the project is a trial.
    Missing files end the command."""
    given = {part: path for part, path in vars(args).items() if part in ("train", *PARTS) and path is not None}
    if args.results is None:
        args.results = args.work if given or args.limit or args.steps else RESULTS
    data = replace(CORPORA[args.corpus], **given)
    for part in {"train", "dev", args.part}:
        if not data.part(part).is_file():
            make = f"run `spacy project run {args.corpus}-corpus`, or name it with --{part}"
            parser.error(f"there is no {data.part(part)}; {make}")
    return data.shortened(args.work / "data", limit=args.limit)


def check_systems(parser: argparse.ArgumentParser, args: argparse.Namespace, names: List[str]) -> List[str]:
    """The names, or the end of the command if one is unknown or does not go with --vectors."""
    known = system_names(args.corpus)
    for name in names:
        if name not in known:
            parser.error(f"--systems {name!r} is unknown for {args.corpus}; allowed: {', '.join(known)}")
    using = [name for name in names if WITH_VECTORS in name]
    if using and not args.vectors:
        parser.error(f"{using[0]} needs --vectors")
    if args.vectors and not using:
        parser.error(f"none of {', '.join(names)} uses --vectors; name {names[0]}{WITH_VECTORS} for example")
    return names
