"""Copy the public corpora from a local folder to assets/, where the project looks for them before downloading anything.

The folder may hold the files anywhere below it. Each is found by name and taken only if its checksum is the one in
project.yml; a file already in place is left alone.
"""

import argparse
import hashlib
import shutil
import sys
from pathlib import Path
from typing import Dict, List

import srsly

ROOT = Path(__file__).parent.parent


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def wanted() -> Dict[Path, str]:
    """The files with a checksum among the project's assets."""
    assets = srsly.read_yaml(ROOT / "project.yml")["assets"]
    return {ROOT / asset["dest"]: asset["checksum"] for asset in assets if "checksum" in asset}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="local folder that holds the corpora")
    args = parser.parse_args()
    if not args.folder.is_dir():
        parser.error(f"there is no folder {str(args.folder)!r}")
    missing: List[str] = []
    for dest, checksum in wanted().items():
        name = dest.relative_to(ROOT)
        if dest.is_file() and md5(dest) == checksum:
            print(f"{name} is in place")
            continue
        found = [path for path in sorted(args.folder.rglob(dest.name)) if path.is_file() and md5(path) == checksum]
        if not found:
            missing.append(str(name))
            continue
        if dest.exists():
            print(f"{name} exists with another checksum; move it away first", file=sys.stderr)
            return 1
        dest.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found[0], dest)
        print(f"{name} copied from {found[0]}")
    if missing:
        print(f"not found in {args.folder} with the right checksum: {', '.join(missing)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
