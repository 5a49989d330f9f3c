"""Write docs/project.md: what Weasel documents of project.yml, with links that hold from its folder."""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, Optional

ROOT = Path(__file__).parent.parent
PAGE = Path("docs") / "project.md"
INTRODUCTION = """# The project's workflows

The default workflow needs no download. The public corpora are fetched by `spacy project assets --extra`, or copied by
`python scripts/local_assets.py FOLDER` from any folder that has them.

"""
LINK = re.compile(r"\]\((?!https?:|#|\.\./)")


def document(project: Path) -> str:
    """RETURNS (str): The page of a project. project (Path): Its folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "project.md"
        command = [sys.executable, "-m", "weasel", "document", str(project), "--output", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        generated = path.read_text(encoding="utf8").strip()
    return INTRODUCTION + LINK.sub("](../", generated) + "\n"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, default=ROOT, help="the project's folder (default: this one)")
    parser.add_argument("--output", type=Path, default=ROOT / PAGE, help="the page (default: docs/project.md)")
    args = parser.parse_args(argv)
    args.output.write_text(document(args.project), encoding="utf8")
    print(f"wrote {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
