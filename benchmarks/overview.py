"""Put accuracy and speed, ours and the others', into one table of README.md and one figure.

    python -m benchmarks.overview --speed metrics/speed/components.json --figure docs/figures/overview.svg

Accuracy is read from the tables that `python -m benchmarks.accuracy` wrote into docs/accuracy.md. Speed is what the
table `components` of `python -m benchmarks.speed` measured: `--speed` keeps it in benchmarks/results/speed, without it
what was kept before counts.
"""

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

import srsly

from scripts.report import write_section

from .common.table import NOTHING, Table, thousands, times

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "accuracy.md"
SPEED = ROOT / "benchmarks" / "results" / "speed" / "components.json"
WARM = "warm: tokens per second", "warm: times spaCy"


class System(NamedTuple):
    """How a system is called in README, and in the tables of accuracy; and the recipes that its speed was measured
    with."""

    name: str
    tags: str = ""
    entities: str = ""
    tags_recipe: str = ""
    entities_recipe: str = ""


SYSTEMS = (
    System("**ours**", "ours, `ewt.cfg`", "ours, `wnut17.cfg`", "ewt", "wnut17"),
    System(
        "spaCy's `tagger`, `ner`",
        "spaCy, `peer_spacy_pos.cfg`",
        "spaCy, `peer_spacy_ner.cfg`",
        "ewt-peer",
        "wnut17-peer",
    ),
    System(
        "the same with `TorchBiLSTMEncoder`",
        "spaCy with `spacy.TorchBiLSTMEncoder.v1`",
        "spaCy with `spacy.TorchBiLSTMEncoder.v1`",
        "ewt-peer-bilstm",
        "wnut17-peer-bilstm",
    ),
    System(
        "**ours**, static vectors",
        "ours, `ewt_vectors.cfg`, static vectors",
        "ours, `wnut17_vectors.cfg`, static vectors",
    ),
    System(
        "spaCy's, static vectors",
        "spaCy, `peer_spacy_pos.cfg`, static vectors",
        "spaCy, `peer_spacy_ner.cfg`, static vectors",
    ),
    System("sklearn-crfsuite", "sklearn-crfsuite", "sklearn-crfsuite"),
    System("UDPipe 1", "UDPipe 1"),
    System("NLTK's perceptron", "NLTK averaged perceptron"),
)


@dataclass(frozen=True)
class Row:
    """What is known of a system.

    system (System): The system.
    tags (str): XPOS accuracy on UD English-EWT, as the table of accuracy has it; empty if it has none.
    entities (str): F1 on WNUT-17.
    tags_speed (Dict[str, Any]): The measurements of its tagger's speed; empty if there are none.
    entities_speed (Dict[str, Any]): Those of its entity recogniser.
    """

    system: System
    tags: str
    entities: str
    tags_speed: Dict[str, Any]
    entities_speed: Dict[str, Any]


def read_rows() -> List[Row]:
    """RETURNS (List[Row]): The systems, from docs/accuracy.md and the kept measurements of speed."""
    text = PAGE.read_text(encoding="utf8")
    tags = _column(text, "accuracy-ewt", "tags (XPOS)")
    entities = _column(text, "accuracy-wnut17", "F1")
    speed: Dict[str, Dict[str, Any]] = {}
    for figure in srsly.read_json(SPEED)["figures"] if SPEED.exists() else []:
        speed.setdefault(figure["recipe"], figure)
    return [
        Row(
            system,
            tags.get(system.tags, ""),
            entities.get(system.entities, ""),
            speed.get(system.tags_recipe, {}),
            speed.get(system.entities_recipe, {}),
        )
        for system in SYSTEMS
    ]


def markdown(rows: List[Row]) -> str:
    """RETURNS (str): The systems as a Markdown table. rows (List[Row]): The systems."""
    speed = ["tokens/s", "× spaCy"]
    head = ["", "tags, UD English-EWT: accuracy, %", *speed, "entities, WNUT-17: F1, %", *speed]
    table = Table("overview", "", head, n_texts=1)
    for row in rows:
        cells = [row.system.name]
        for score, found in ((row.tags, row.tags_speed), (row.entities, row.entities_speed)):
            cells.append(score or NOTHING)
            cells += [thousands(found[WARM[0]]), times(found[WARM[1]])] if found else [NOTHING, NOTHING]
        table.add(*cells)
    return table.markdown().strip()


def draw(rows: List[Row], path: Path) -> None:
    """One panel for tags, one for entities: accuracy against tokens per second.

    rows (List[Row]): The systems, of which those are drawn whose speed is known.
    path (Path): An .svg or .png file.
    RAISES (ImportError): Without matplotlib.
    """
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "spacy-rnn-tagger", "font.size": 9})
    from matplotlib import pyplot

    grey, blue = "#808080", "#2f7ed8"  # legible on white and on black
    fig, axes = pyplot.subplots(1, 2, figsize=(9, 3.3))
    panels = (
        ("Tags of UD English-EWT", "accuracy, %", [(row.system.name, row.tags, row.tags_speed) for row in rows]),
        ("Entities of WNUT-17", "F1, %", [(row.system.name, row.entities, row.entities_speed) for row in rows]),
    )
    for axis, (title, label, points) in zip(axes, panels):
        known = [
            (name, float(score.split()[0]), speed[WARM[0]] / 1000) for name, score, speed in points if score and speed
        ]
        for name, score, rate in known:
            ours = name.startswith("**")
            axis.plot(rate, score, "o", color=blue if ours else grey, markersize=8)
            axis.annotate(
                name.replace("`", "").replace("**", ""),
                (rate, score),
                xytext=(-8 if ours else 8, -3),
                textcoords="offset points",
                ha="right" if ours else "left",
                color=blue if ours else grey,
            )
        scores, rates = [score for _, score, _ in known], [rate for _, _, rate in known]
        margin = 0.25 * (max(scores) - min(scores))
        axis.set(xlim=(0, 1.08 * max(rates)), ylim=(min(scores) - margin, max(scores) + margin))
        axis.set_title(title, color=grey, fontsize=10)
        axis.set_xlabel("thousands of tokens per second of one core", color=grey)
        axis.set_ylabel(label, color=grey)
        axis.tick_params(colors=grey)
        for side, spine in axis.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(grey)
    fig.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, transparent=True, metadata={"Date": None} if path.suffix == ".svg" else None)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overview", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speed", type=Path, help="keep these measurements of `benchmarks.speed`, its components.json")
    parser.add_argument("--page", type=Path, default=ROOT / "README.md", help="the page of the table (README.md)")
    parser.add_argument("--figure", type=Path, help="also draw the systems into an .svg or .png file")
    args = parser.parse_args(argv)
    if args.speed is not None:
        if not args.speed.is_file():
            print(f"there is no {args.speed}; run python -m benchmarks.speed --only components", file=sys.stderr)
            return 1
        SPEED.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(args.speed, SPEED)
    rows = read_rows()
    write_section(args.page, "overview", markdown(rows))
    print(markdown(rows))
    if args.figure is not None:
        draw(rows, args.figure)
    return 0


def _column(text: str, section: str, head: str) -> Dict[str, str]:
    """RETURNS (Dict[str, str]): A column of a table between markers, by system."""
    table = text.split(f"<!-- {section}: start -->")[1].split(f"<!-- {section}: end -->")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    place = cells[0].index(head)
    return {row[0]: row[place] for row in cells[2:] if row[place] != NOTHING}


if __name__ == "__main__":
    sys.exit(main())
