"""Where the time goes: the functions that take most of it themselves, in serving and in training, by processor time.

    python -m benchmarks.speed.hot_spots --model ewt=training/ewt/model-best

The profiler makes every call of a Python function dearer, so functions that call many others look worse than they are.
"""

import argparse
import cProfile
import pstats
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..common.table import Table
from ..common.timer import collected
from .arguments import add_arguments, read_setup
from .command import begin_again
from .machine import describe_machine, note
from .pipelines import MissingPart, clear_caches
from .sections.latency import short_texts
from .serving import serve
from .setup import Setup
from .steps import training_steps
from .texts import make_docs

PIPES = {"ewt": ("tok2vec", "rnn_tagger", "rnn_morphologizer"), "wnut17": ("tok2vec", "rnn_ner")}
CALLS, STEPS = 1000, 20
TITLES = {
    "warm": "Components alone, warm lexeme cache",
    "cold": "Components alone, cold lexeme cache",
    "whole": "Whole `nlp.pipe` from raw text",
    "latency": "`nlp(text)` on short texts",
    "training": "Training steps",
}
Work = Tuple[Callable[[], Any], Callable[[Any], Any]]


def works(setup: Setup, recipe: str) -> Dict[str, Work]:
    """By name: what makes that which the other function, whose time is taken, is given."""
    nlp = setup.pipelines.load(recipe, PIPES[recipe])
    shrink = 100 if setup.quick else 1
    steps = training_steps(setup.pipelines.load_stand_in(recipe))

    def fresh() -> List[Any]:
        return make_docs(nlp.vocab, setup.sentences)

    def forgotten() -> List[Any]:
        clear_caches(nlp)
        return fresh()

    return {
        "warm": (fresh, lambda docs: serve(nlp, docs, setup.batch_size)),
        "cold": (forgotten, lambda docs: serve(nlp, docs, setup.batch_size)),
        "whole": (lambda: setup.texts, lambda texts: list(nlp.pipe(texts, batch_size=setup.batch_size))),
        "latency": (
            lambda: (short_texts(nlp, setup.texts) * CALLS)[: CALLS // shrink],
            lambda texts: [nlp(text) for text in texts],
        ),
        "training": (lambda: None, lambda _: [next(steps) for _ in range(max(1, STEPS // shrink))]),
    }


def profile(work: Work, repeat: int) -> Tuple[float, List[Tuple[str, float]]]:
    """RETURNS (Tuple[float, List[Tuple[str, float]]]): Seconds of all runs but a first one, and of each function's own,
    most first."""
    prepare, run = work
    run(prepare())
    profiler = cProfile.Profile(time.process_time)
    for _ in range(repeat):
        prepared = prepare()
        with collected():
            profiler.enable()
            run(prepared)
            profiler.disable()
    stats: Any = pstats.Stats(profiler)
    own = [(where(function), entry[2]) for function, entry in stats.stats.items()]
    return stats.total_tt, sorted(own, key=lambda pair: -pair[1])


def where(function: Tuple[str, int, str]) -> str:
    """A function as the profiler names it, shortened."""
    path, line, name = function
    return name.strip("<>") if path == "~" else f"{'/'.join(Path(path).parts[-2:])}:{line} {name}"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.hot_spots",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser, ["hot_spots"])
    parser.add_argument("--top", type=int, default=20, help="functions of each profile (20)")
    args = parser.parse_args(argv)
    setup = read_setup(parser, args)
    again = begin_again("benchmarks.speed.hot_spots", argv)
    if again is not None:
        return again
    machine = describe_machine()
    args.output.mkdir(parents=True, exist_ok=True)
    try:
        for recipe in PIPES:
            for name, work in works(setup, recipe).items():
                title = f"{TITLES[name]}, {recipe}: each function's own share of the processor time"
                table = Table(f"hot_spots_{recipe}_{name}", title, ["function", "%"])
                total, own = profile(work, setup.rounds)
                for function, seconds in own[: args.top]:
                    table.add(f"`{function}`", f"{100 * seconds / total:.1f}", share=seconds / total)
                table.notes.append(note(machine))
                print(f"\n{table.markdown()}", flush=True)
                table.write(args.output, machine)
    except MissingPart as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
