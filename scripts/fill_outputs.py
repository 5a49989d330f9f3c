"""Run the commands that a Markdown page shows, and paste what they print.

A command stands in a comment, its output in the fenced block after it:

    <!-- output: python -m spacy rnn summary configs/source_lstm_ner.cfg -->

A table that another command wrote is included whole:

    <!-- include: metrics/sources/gradients.md -->

Both end at `<!-- end -->`. Commands run from the project's root, in order, without a shell.
"""

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import List, Optional

BLOCK = re.compile(r"<!-- (?P<kind>output|include): (?P<what>.*?) -->\n.*?<!-- end -->", re.DOTALL)
ANSI = re.compile(r"\x1b\[[0-9;]*m")
ROOT = Path(__file__).parent.parent


def run(command: str) -> str:
    """RETURNS (str): What a command prints. RAISES (RuntimeError): If it fails."""
    words = shlex.split(command)
    done = subprocess.run(
        [sys.executable if words[0] == "python" else words[0], *words[1:]], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return "\n".join(line.rstrip() for line in ANSI.sub("", done.stdout).strip("\n").splitlines())


def fill(match: "re.Match[str]") -> str:
    kind, what = match["kind"], match["what"]
    if kind == "include":
        path = ROOT / what
        if not path.exists():
            return match[0]
        body = path.read_text(encoding="utf8").strip()
    else:
        print(what, file=sys.stderr, flush=True)
        body = f"```console\n$ {what}\n{run(what)}\n```"
    return f"<!-- {kind}: {what} -->\n{body}\n<!-- end -->"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, help="the Markdown page, which is rewritten")
    parser.add_argument("--only", default="", help="only commands and files that contain this text")
    args = parser.parse_args(argv)
    text = args.page.read_text(encoding="utf8")
    try:
        filled = BLOCK.sub(lambda match: fill(match) if args.only in match["what"] else match[0], text)
    except RuntimeError as e:
        print(e, file=sys.stderr)
        return 1
    args.page.write_text(filled, encoding="utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
