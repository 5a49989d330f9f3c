"""Annotation of a large corpus, from texts to Parquet: one process and two, beside `nlp.pipe` in one process and beside
`spacy apply` with spaCy's own tagger; memory; and what follows from that for corpora of any size.

    python -m benchmarks.annotate --page docs/annotate.md --capacity docs/capacity.md

The texts are the docs of UD English-EWT's training part and the tweets of WNUT-17's, again and again until there are
enough tokens, so that words repeat more than in as much real text. The pipelines are the recipes' tagger and spaCy's
own, trained for a few steps: how fast they are hardly depends on their weights. Runs take turns; figures are medians,
ratios are medians of the ratios of each turn. Both cores should have nothing else to do.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import spacy
import srsly

from scripts.report import write_section
from spacy_rnn_tagger.training.corpus import read_docs
from spacy_rnn_tagger.training.local_pool import one_thread_each

from .common.store import read_json, write_json
from .common.table import Table, thousands
from .speed.machine import describe_machine, note
from .speed.pipelines import Pipelines

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "annotate.json"
WORK = ROOT / "training" / "annotate"
CORPORA = [ROOT / "corpus" / "ewt" / "en_ewt-ud-train.spacy", ROOT / "corpus" / "wnut17" / "train.spacy"]
MILLION = 1_000_000
PEER_SHARE = 0.05
"""The share of the texts that the slow peer gets, whose rate does not depend on it."""
CORPUS = 10**12
SPACY_TIMES = {"Stanza, tags and trees of UD": 10.3, "Stanza, entities": 17.7, "Flair, entities": 51.8}
"""How much longer than spaCy these take on a CPU, by the appendix of Qi et al. 2020 (https://aclanthology.org/2020.acl-demos.14)."""


def write_texts(path: Path, n_tokens: int) -> int:
    """Write a text a line. path (Path): The file. n_tokens (int): About how many tokens. RETURNS (int): How many
    characters."""
    vocab = spacy.blank("en").vocab
    docs = [doc for corpus in CORPORA for doc in read_docs(vocab, corpus)]
    lines = [(" ".join(doc.text.split()), len(doc)) for doc in docs]
    written = 0
    with path.open("w", encoding="utf8") as file:
        while written < n_tokens:
            for line, size in lines:
                if written >= n_tokens:
                    break
                file.write(line + "\n")
                written += size
    return path.stat().st_size


def pipeline(name: str, pipes: List[str]) -> Path:
    """RETURNS (Path): A pipeline on disk. name (str): Its recipe. pipes (List[str]): The components that are kept."""
    path = WORK / "pipelines" / name
    if not path.exists():
        nlp = Pipelines({}, {}, WORK / "stand-ins", steps=20).load(name, pipes)
        for other in nlp.component_names:
            if other not in pipes:
                nlp.remove_pipe(other)
        path.parent.mkdir(parents=True, exist_ok=True)
        nlp.to_disk(path)
    return path


def run(*command: Any) -> float:
    """RETURNS (float): How long a process takes, in seconds. *command (Any): Its arguments, after Python."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **one_thread_each()},
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return time.perf_counter() - began


def annotate(model: Path, texts: Path, processes: int) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): What `rnn annotate` says of a run, and how long the whole process took."""
    output, numbers = WORK / "output", WORK / "numbers.json"
    shutil.rmtree(output, ignore_errors=True)
    seconds = run(
        *("-m", "spacy", "rnn", "annotate", model, texts, output, "-n", processes, "--json", numbers, "--force")
    )
    found = json.loads(numbers.read_text())
    return {"seconds": seconds, "tokens": found["n_tokens"], "memory": [found["memory"], found["worker_memory"]]}


def pipe(model: Path, texts: Path) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): `nlp.pipe` in one process, without the time to load, its docs thrown away."""
    numbers = WORK / "pipe.json"
    run("-m", "benchmarks.annotate", "--only-pipe", model, texts, numbers)
    return dict(json.loads(numbers.read_text()))


def only_pipe(model: Path, texts: Path, numbers: Path) -> None:
    """What the process of `pipe` does."""
    nlp = spacy.load(model)
    n_tokens = 0
    began = time.perf_counter()
    with texts.open(encoding="utf8") as lines:
        for doc in nlp.pipe((line.rstrip("\n") for line in lines), batch_size=256):
            n_tokens += len(doc)
    numbers.write_text(json.dumps({"seconds": time.perf_counter() - began, "tokens": n_tokens}))


def apply(model: Path, texts: Path) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): `spacy apply` in one process."""
    output, records = WORK / "applied.spacy", texts.with_suffix(".jsonl")
    output.unlink(missing_ok=True)
    # It would take a text file for one document.
    srsly.write_jsonl(records, ({"text": line} for line in texts.read_text(encoding="utf8").splitlines()))
    seconds = run("-m", "spacy", "apply", model, records, output, "--batch-size", 256)
    return {"seconds": seconds}


def measure(n_tokens: int, rounds: int) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): All figures. n_tokens (int): Of the largest corpus. rounds (int): How many turns."""
    WORK.mkdir(parents=True, exist_ok=True)
    ours = pipeline("ewt", ["tok2vec", "rnn_tagger"])
    theirs = pipeline("ewt-peer", ["tok2vec", "tagger"])
    sizes = {
        "all": n_tokens,
        "fifth": n_tokens // 5,
        "two fifths": 2 * n_tokens // 5,
        "peer": int(n_tokens * PEER_SHARE),
    }
    texts = {name: WORK / f"{name.replace(' ', '-')}.txt" for name in sizes}
    n_bytes = {name: write_texts(path, sizes[name]) for name, path in texts.items()}
    found: Dict[str, Any] = {"machine": describe_machine(), "tokens": n_tokens, "bytes": n_bytes["all"], "rounds": []}
    found["small"] = {
        f"{processes} {name}": annotate(ours, texts[name], processes)
        for name in ("fifth", "two fifths")
        for processes in (1, 2)
    }
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        turn = {
            "two": annotate(ours, texts["all"], 2),
            "one": annotate(ours, texts["all"], 1),
            "pipe": pipe(ours, texts["two fifths"]),
            "their pipe": pipe(theirs, texts["peer"]),
        }
        turn["apply"] = {**apply(theirs, texts["peer"]), "tokens": turn["their pipe"]["tokens"]}
        found["rounds"].append(turn)
        print({name: round(rate(each)) for name, each in turn.items()}, file=sys.stderr)
    return found


def rate(run: Dict[str, Any]) -> float:
    """RETURNS (float): Tokens per second. run (Dict[str, Any]): A run."""
    return float(run["tokens"] / run["seconds"])


def median_rate(found: Dict[str, Any], name: str) -> float:
    """RETURNS (float): Tokens per second. found (Dict): All figures. name (str): Of which runs."""
    return statistics.median(rate(each[name]) for each in found["rounds"])


def speed_table(found: Dict[str, Any]) -> Table:
    """RETURNS (Table): Rates and ratios. found (Dict): All figures."""
    title = (
        f"{thousands(found['rounds'][0]['one']['tokens'])} tokens ({found['bytes'] / 1e6:.0f} MB of text), our tagger "
        f"of the EWT recipe; medians of {len(found['rounds'])} rounds, in one run. The ratio is to two processes."
    )
    table = Table("annotate", title, ["way", "tokens/s", "two processes are"])
    ways = {
        "two": "`rnn annotate`, 2 processes, text to Parquet, with start",
        "one": "`rnn annotate`, 1 process, the same",
        "pipe": "`nlp.pipe`, 1 process, loaded already, docs thrown away",
        "their pipe": "the same with spaCy's own tagger",
        "apply": "`spacy apply` with spaCy's own tagger, 1 process, with start",
    }
    for name, title in ways.items():
        ratio = statistics.median(rate(each["two"]) / rate(each[name]) for each in found["rounds"])
        table.add(title, thousands(median_rate(found, name)), "" if name == "two" else f"{ratio:.2f}x as fast")
    fifth, last = found["small"]["2 fifth"], found["rounds"][-1]["two"]
    table.notes.append(
        f"Most memory of two processes: {thousands(fifth['tokens'])} tokens {_memory(fifth)}; "
        f"{thousands(last['tokens'])} tokens {_memory(last)}."
    )
    table.notes.append(note(found["machine"]))
    return table


def _memory(run: Dict[str, Any]) -> str:
    parent, worker = (round(each / 1e6) for each in run["memory"])
    return f"{parent:,} MB in the parent, {worker:,} MB in a worker"


def cost_model(found: Dict[str, Any]) -> Dict[int, List[float]]:
    """Time = start + tokens / rate, by number of processes, from the two smaller corpora.

    found (Dict): All figures.
    RETURNS (Dict[int, List[float]]): The start in seconds and the rate in tokens per second.
    """
    model = {}
    for processes in (1, 2):
        small, large = (found["small"][f"{processes} {name}"] for name in ("fifth", "two fifths"))
        per_second = (large["tokens"] - small["tokens"]) / (large["seconds"] - small["seconds"])
        model[processes] = [small["seconds"] - small["tokens"] / per_second, per_second]
    return model


def model_table(found: Dict[str, Any]) -> Table:
    """RETURNS (Table): The cost model and its check. found (Dict): All figures."""
    title = "Seconds = start + tokens / rate, from two small runs, checked on a larger one that it has not seen."
    head = [
        "processes",
        "start, s",
        "tokens/s",
        "tokens/s of a core",
        "said of the large run, s",
        "measured, s",
        "off by",
    ]
    table = Table("capacity-model", title, head, n_texts=0)
    for processes, name in ((1, "one"), (2, "two")):
        start, per_second = cost_model(found)[processes]
        tokens = found["rounds"][0][name]["tokens"]
        said = start + tokens / per_second
        seconds = statistics.median(each[name]["seconds"] for each in found["rounds"])
        cells = [f"{start:.1f}", thousands(per_second), thousands(per_second / processes), f"{said:.1f}"]
        table.add(str(processes), *cells, f"{seconds:.1f}", f"{100 * (said / seconds - 1):+.1f} %")
    table.notes.append(note(found["machine"]))
    return table


def corpus_table(found: Dict[str, Any]) -> Table:
    """RETURNS (Table): Core-hours for a large corpus. found (Dict): All figures."""
    title = f"{CORPUS:.0e} tokens, in core-hours: tokens / (tokens/s of a core) / 3,600.".replace("e+", " x 10^")
    table = Table("capacity", title, ["who", "tokens/s of a core", "core-hours", "days on 1,000 cores"], n_texts=1)
    per_core = cost_model(found)[2][1] / 2
    peer = median_rate(found, "their pipe")
    rates = {
        "our tagger, `rnn annotate`, both cores busy": per_core,
        "spaCy's own tagger, `nlp.pipe`": peer,
        "spaCy's own tagger, `spacy apply`": median_rate(found, "apply"),
        **{f"{name}: {times:g} times the time of spaCy": peer / times for name, times in SPACY_TIMES.items()},
    }
    for who, per_second in rates.items():
        hours = CORPUS / per_second / 3600
        table.add(who, thousands(per_second), thousands(hours), f"{hours / 1000 / 24:,.1f}")
    return table


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.annotate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=float, default=5, help="millions of tokens of the largest corpus (5)")
    parser.add_argument("--rounds", type=int, default=3, help="turns (3)")
    parser.add_argument("--result", type=Path, default=RESULT, help="file that keeps the figures")
    parser.add_argument("--report-only", action="store_true", help="measure nothing; report the figures that are kept")
    parser.add_argument("--page", type=Path, help="Markdown file for the table of rates")
    parser.add_argument("--capacity", type=Path, help="Markdown file for the cost model and the table of corpora")
    parser.add_argument("--only-pipe", nargs=3, type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.only_pipe:
        only_pipe(*args.only_pipe)
        return 0
    missing = [str(path) for path in CORPORA if not path.exists()]
    if missing and not args.report_only:
        parser.error(f"there is no {', '.join(missing)}; `spacy project run ewt-corpus` and `wnut17-corpus` make them")
    if not args.report_only:
        write_json(args.result, measure(int(args.tokens * MILLION), args.rounds))
    found = read_json(args.result)
    if found is None:
        parser.error(f"there are no figures in {args.result}")
    for page, tables in (
        (args.page, [speed_table(found)]),
        (args.capacity, [model_table(found), corpus_table(found)]),
    ):
        for table in tables:
            print(table.markdown(), end="\n\n")
            if page is not None:
                write_section(page, table.name, table.markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
