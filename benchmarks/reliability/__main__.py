"""Attack our components, and those of others beside them, and write a page about what came of it.

    python -m benchmarks.reliability --page docs/reliability.md
    python -m benchmarks.reliability --part files --size 10

Parts that are named replace those of the kept result, so that a page can be made part by part.
"""

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from .attack import OURS, Attack, from_dict
from .page import machine, page
from .subjects import ROOT

PARTS = ("answers", "training", "files", "docs", "configs", "commands", "service")
RESULT = ROOT / "benchmarks" / "results" / "reliability.json"


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument("--size", type=float, default=1.0, help="how much is tried (1)")
    parser.add_argument("--result", type=Path, default=RESULT, help="file that keeps what came of it")
    parser.add_argument("--report-only", action="store_true", help="try nothing; write the page of what is kept")
    parser.add_argument("--page", type=Path, help="Markdown file to write")
    args = parser.parse_args(arguments)
    if not args.size > 0:
        parser.error(f"--size {args.size:g} is not allowed; it must be above 0")
    kept: Dict[str, Any] = json.loads(args.result.read_text(encoding="utf8")) if args.result.is_file() else {}
    for part in [] if args.report_only else args.part or PARTS:
        began = time.perf_counter()
        found: List[Attack] = []
        for attack in importlib.import_module(f"benchmarks.reliability.{part}").attacks(args.size):
            found.append(attack)
            count = attack.count(OURS)
            print(f"{attack.part}: {attack.name}: {count.failures:,} of {count.tries:,}", file=sys.stderr, flush=True)
            for what in count.first:
                print(f"    {what}", file=sys.stderr)
        seconds = round(time.perf_counter() - began)
        kept[part] = {"size": args.size, "seconds": seconds, "attacks": [attack.as_dict() for attack in found]}
        args.result.parent.mkdir(parents=True, exist_ok=True)
        args.result.write_text(json.dumps({**kept, "machine": machine()}, indent=1, ensure_ascii=False) + "\n", "utf8")
    kept.setdefault("machine", machine())
    attacks = [from_dict(record) for part in PARTS if part in kept for record in kept[part]["attacks"]]
    if args.page is not None:
        args.page.write_text(page(attacks, kept), encoding="utf8")
        print(f"wrote {args.page}")
    failures = sum(attack.counts[OURS].failures for attack in attacks if OURS in attack.counts)
    print(f"{failures:,} failures in our column")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
