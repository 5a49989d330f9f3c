"""Teacher, student, and the same config on the gold alone, over seeds: a table of the reports that `spacy rnn distill
--json` writes. Each lies in a file NAME-SEED.json, and those of one NAME make one group of rows.

    python -m benchmarks.distillation benchmarks/results/distillation --page docs/distill.md
"""

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import srsly

sys.path.append(str(Path(__file__).parent.parent))  # a script finds its own folder there, not the project's

from benchmarks.common.table import NOTHING, Table, mean_and_deviation, thousands
from scripts.report import write_section

Report = Dict[str, Any]
RESULTS = Path("benchmarks/results/distillation")
SCORES = {"tag_acc": "tags (XPOS)", "ents_f": "entities, F1"}
ROLES = ("teacher", "student", "gold alone")
TITLES = {
    "ewt-test": "UD English-EWT, test; a tenth of its sentences as gold",
    "wnut17-less-test": "WNUT-17, test; tweets and web text",
    "wnut17-test": "WNUT-17, test; with Wikipedia",
    "md": "UD English-EWT, test, without its gold",
}
"""What the distillations of project.yml are about."""


def read_reports(folder: Path) -> Dict[str, List[Report]]:
    """RETURNS (Dict[str, List[Report]]): The reports of each distillation, by its name, in the order of seeds. folder
    (Path): Where they lie."""
    groups: Dict[str, List[Report]] = {}
    for path in sorted(folder.glob("*.json")):
        groups.setdefault(path.stem.rpartition("-")[0], []).append(srsly.read_json(path))
    return groups


def make_table(groups: Dict[str, List[Report]]) -> Table:
    """RETURNS (Table): A row for each role in each group. groups (Dict[str, List[Report]]): The reports."""
    head = ["data", "pipeline", *SCORES.values(), "the same, against the teacher's answers", "ECE"]
    head += ["speed beside the teacher's", "MB", "seeds"]
    table = Table("distillation", "Mean ± standard deviation over seeds, %", head, n_texts=2)
    for name, reports in groups.items():
        n_tokens = thousands(statistics.fmean(report["n_tokens"] for report in reports))
        teachers = [_of_role(report, "teacher") for report in reports]
        for role in ROLES:
            found = [_of_role(report, role) for report in reports]
            if not all(found):
                continue
            scores = [_percent([each["scores"].get(key) for each in found]) for key in SCORES]
            agreement = [_percent([each["agreement"].get(key) for each in found]) for key in SCORES]
            errors = [statistics.fmean(each["ece"].values()) if each["ece"] else None for each in found]
            rates = [each["tokens_per_second"] / teacher["tokens_per_second"] for each, teacher in zip(found, teachers)]
            table.add(
                f"{TITLES.get(name, name)}; {n_tokens} tokens of raw text" if role == "teacher" else "",
                role,
                *scores,
                ", ".join(cell for cell in agreement if cell != NOTHING) or NOTHING,
                _percent(errors),
                "1" if role == "teacher" else f"{statistics.median(rates):.0f}×",
                f"{statistics.fmean(each['megabytes'] for each in found):.1f}",
                str(len(found)),
            )
    return table


def _of_role(report: Report, role: str) -> Report:
    return next((each for each in report["pipelines"] if each["role"] == role), {})


def _percent(values: List[Optional[float]]) -> str:
    known = [100 * value for value in values if value is not None]
    return mean_and_deviation(known, 2) if known and len(known) == len(values) else NOTHING


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.distillation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reports", type=Path, nargs="?", default=RESULTS, help=f"folder of reports ({RESULTS})")
    parser.add_argument("--page", type=Path, help="also write the table between its markers in this page")
    args = parser.parse_args(argv)
    groups = read_reports(args.reports)
    if not groups:
        parser.error(f"there is no NAME-SEED.json in {args.reports}; run `spacy project run distill`")
    text = make_table(groups).markdown()
    print(text)
    if args.page is not None:
        write_section(args.page, "distillation", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
