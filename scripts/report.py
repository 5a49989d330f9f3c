"""Print the scores in metrics files as tables, or write them into a page between its result markers."""

import argparse
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import srsly

# Key in the metrics file, heading, and how spaCy's own peer on the same files is called.
COLUMNS = [
    ("tag_acc", "tags (XPOS)"),
    ("pos_acc", "parts of speech (UPOS)"),
    ("morph_acc", "morphology (FEATS)"),
    ("ents_p", "entities: precision"),
    ("ents_r", "recall"),
    ("ents_f", "F1"),
]
TITLES = {
    "bundled": ("Bundled corpus, test", "`spacy project run all`"),
    "ewt": ("UD English-EWT 2.16 test, gold tokens", "`spacy project run ewt`"),
    "ewt-vectors": ("UD English-EWT 2.16 test, gold tokens", "with static vectors, `spacy project run vectors`"),
    "wnut17": ("WNUT-17 test, gold tokens", "`spacy project run wnut17`"),
    "wnut17-vectors": ("WNUT-17 test, gold tokens", "with static vectors, `spacy project run vectors`"),
}
PEER = "-peer"


def percent(value: Any) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def rows(files: List[Path]) -> List[Tuple[str, str, Dict[str, Any]]]:
    """Name of the test set, who was measured, and the scores, of each file."""
    found = []
    for path in files:
        base = path.stem.removesuffix(PEER)
        title, command = TITLES.get(base, (base, ""))
        who = "spaCy's own, `spacy project run peers`" if path.stem.endswith(PEER) else f"ours, {command}"
        found.append((title, who, srsly.read_json(path)))
    return found


def plain(title: str, who: str, scores: Dict[str, Any]) -> str:
    """One file as a table for the terminal."""
    lines = [f"{title} ({who.replace('`', '')})"]
    lines += [f"  {name:24}{percent(scores[key]):>8}" for key, name in COLUMNS if scores.get(key) is not None]
    per_type = scores.get("ents_per_type") or {}
    if per_type:
        lines.append(f"  {'entity type':24}{'P':>8}{'R':>8}{'F1':>8}")
        lines += [
            f"  {label:24}{percent(s['p']):>8}{percent(s['r']):>8}{percent(s['f']):>8}"
            for label, s in sorted(per_type.items())
        ]
    lines.append(f"  {'words per second':24}{scores['speed']:8.0f}")
    return "\n".join(lines)


def markdown(found: List[Tuple[str, str, Dict[str, Any]]]) -> str:
    """All files as one table. Seed 0 is that of project.yml."""
    head = ["test set", "trained by (seed 0)", *(name for _, name in COLUMNS)]
    lines = ["| " + " | ".join(head) + " |", "| --- | --- |" + " ---: |" * len(COLUMNS)]
    for title, who, scores in found:
        lines.append("| " + " | ".join([title, who, *(percent(scores.get(key)) for key, _ in COLUMNS)]) + " |")
    return "\n".join(lines)


def write_section(page: Path, name: str, body: str) -> None:
    """Replace what stands between two markers of a Markdown page.

    page (Path): The page, which is rewritten.
    name (str): The name in the markers.
    body (str): What shall stand between them.
    RAISES (ValueError): If the page lacks them; it is left as it is.
    """
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    text = page.read_text(encoding="utf8")
    if start not in text or end not in text:
        raise ValueError(f"{page} lacks the markers {start} and {end}; nothing was written")
    before, rest = text.split(start, 1)
    after = rest.split(end, 1)[1]
    page.write_text(f"{before}{start}\n{body}\n{end}{after}", encoding="utf8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("metrics", type=Path, nargs="+", help="metrics files, or a folder of them")
    parser.add_argument("--page", type=Path, help="write a table between the result markers of this file instead")
    args = parser.parse_args()
    files = [f for path in args.metrics for f in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    missing = [str(f) for f in files if not f.is_file()]
    if missing or not files:
        print(
            f"no metrics in {', '.join(missing or map(str, args.metrics))}; evaluate a pipeline first", file=sys.stderr
        )
        return 1
    found = rows(files)
    if args.page is None:
        print("\n\n".join(plain(*row) for row in found))
        return 0
    try:
        write_section(args.page, "results", markdown(found))
    except ValueError as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
