"""Write a checksum of the Python source of a folder, so that a project command can depend on it.

Depending on the folder itself would not do: it also holds the bytecode that running it leaves behind.
"""

import argparse
import hashlib
from pathlib import Path


def fingerprint(folder: Path) -> str:
    """MD5 of the names and contents of all .py files below a folder."""
    checksum = hashlib.md5(usedforsecurity=False)
    for path in sorted(folder.rglob("*.py")):
        checksum.update(path.relative_to(folder).as_posix().encode("utf8"))
        checksum.update(path.read_bytes())
    return checksum.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the source")
    parser.add_argument("output", type=Path, help="file to write")
    args = parser.parse_args()
    if not args.folder.is_dir():
        parser.error(f"there is no folder {str(args.folder)!r}")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(fingerprint(args.folder) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
