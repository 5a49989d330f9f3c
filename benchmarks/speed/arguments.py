"""What the commands understand, and what they make of it."""

import argparse
from pathlib import Path
from typing import Dict, List, Sequence

from ..accuracy.corpora import CORPORA
from .pipelines import Pipelines
from .recipes import RECIPES
from .setup import Setup
from .texts import read_texts

QUICK_LIMIT = 40


def add_arguments(parser: argparse.ArgumentParser, sections: Sequence[str]) -> None:
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help=f"a trained pipeline in place of a stand-in; names: {', '.join(RECIPES)}",
    )
    parser.add_argument("--texts", type=Path, default=CORPORA["ewt"].test, help=".spacy file of what is served")
    parser.add_argument("--title", default=CORPORA["ewt"].title, help="what these texts are called in the tables")
    parser.add_argument("--limit", type=int, help="only the first sentences of the texts")
    parser.add_argument(
        "--train",
        action="append",
        default=[],
        metavar="CORPUS=PATH",
        help=f"training .spacy file of stand-ins, if not the project's; corpora: {', '.join(CORPORA)}",
    )
    parser.add_argument("--steps", type=int, default=60, help="training steps of a stand-in (60)")
    parser.add_argument("--rounds", type=int, default=9, help="times that each variant is timed (9)")
    parser.add_argument("--batch-size", type=int, default=256, help="docs in a batch (256)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"only show that it runs: one round, {QUICK_LIMIT} sentences, stand-ins trained for two steps on few "
        "sentences",
    )
    if len(sections) > 1:
        parser.add_argument("--only", nargs="+", choices=sections, default=list(sections), metavar="TABLE")
        parser.add_argument("--figure", type=Path, help="also draw tokens per second into an .svg or .png file")
    parser.add_argument("--work", type=Path, default=Path("training/speed"), help="folder of stand-ins")
    parser.add_argument("--output", type=Path, default=Path("metrics/speed"), help="folder of the tables")


def read_setup(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Setup:
    """What was asked for. Wrong names and missing files end the command."""
    if args.quick:
        args.rounds, args.steps, args.limit = 1, 2, args.limit or QUICK_LIMIT
    for option, value in (("--rounds", args.rounds), ("--steps", args.steps), ("--batch-size", args.batch_size)):
        if value < 1:
            parser.error(f"{option} {value} must be at least 1")
    if not args.texts.is_file():
        parser.error(f"there is no {args.texts}; run `spacy project run ewt-corpus`, or name a file with --texts")
    given = _pairs(parser, "--model", args.model, list(RECIPES))
    train = _pairs(parser, "--train", args.train, list(CORPORA))
    sentences, texts = read_texts(args.texts, args.limit)
    limit = QUICK_LIMIT if args.quick else 0
    pipelines = Pipelines(given, train, args.work, args.steps, limit)
    return Setup(args.title, sentences, texts, pipelines, args.rounds, args.batch_size, args.quick)


def _pairs(parser: argparse.ArgumentParser, option: str, pairs: List[str], allowed: List[str]) -> Dict[str, Path]:
    """Paths by name."""
    found: Dict[str, Path] = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if name not in allowed or not path:
            parser.error(f"{option} {pair!r} is not NAME=PATH with one of these names: {', '.join(allowed)}")
        if not Path(path).exists():
            parser.error(f"{option} {pair!r}: there is no {path}")
        found[name] = Path(path)
    return found
