"""Remove what the project's workflows made, and the lock file that remembers it."""

import argparse
import shutil
from pathlib import Path

MADE = ("corpus", "metrics", "packages", "training")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", choices=MADE, help="folders to remove")
    args = parser.parse_args()
    root = Path(__file__).parent.parent
    for name in args.folders:
        if (root / name).is_dir():
            shutil.rmtree(root / name)
            print(f"removed {name}/")
    (root / "project.lock").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
