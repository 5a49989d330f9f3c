"""Convert two-column IOB files (a token, a tab, its B-X, I-X or O tag; a blank line after each text) to a .spacy file.

Ill-formed input is an error that names the line; nothing is guessed and nothing is written.
"""

import argparse
import sys
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

import spacy
from spacy.tokens import Doc, DocBin

Row = Tuple[str, str]


class FormatError(ValueError):
    """A line that breaks the format."""


def read_texts(path: Path) -> Iterator[List[Row]]:
    """Yield the tokens and tags of each text.

    path (Path): The file.
    YIELDS (List[Tuple[str, str]]): Token and IOB2 tag of each token.
    RAISES (FormatError): With file and line, if a line has no tag, an unknown tag, or an I-X that continues nothing.
    """
    rows: List[Row] = []
    for number, line in enumerate(path.read_text(encoding="utf8").split("\n"), start=1):
        fields = line.rstrip("\r").split("\t")
        if fields == [""] or not "".join(fields).strip():
            if rows:
                yield rows
            rows = []
            continue
        where = f"{path}:{number}"
        if len(fields) < 2 or not fields[0].strip():
            raise FormatError(f"{where}: expected a token, a tab and a tag, but found {line!r}")
        token, tag = fields[0], fields[1].strip()
        action, _, label = tag.partition("-")
        if tag != "O" and (action not in ("B", "I") or not label):
            raise FormatError(f"{where}: the tag {tag!r} is none of O, B-X, I-X")
        before = rows[-1][1] if rows else "O"
        if action == "I" and before[2:] != label:
            raise FormatError(f"{where}: {tag!r} continues no {label} entity: the tag before it is {before!r}")
        rows.append((token.strip(), tag))
    if rows:
        yield rows


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", type=Path, help="the IOB file")
    parser.add_argument("output", type=Path, help="the .spacy file to write")
    parser.add_argument("--lang", default="en", help="language of the vocabulary (default: en)")
    args = parser.parse_args(argv)
    vocab = spacy.blank(args.lang).vocab
    docs = []
    try:
        for rows in read_texts(args.input):
            words, tags = zip(*rows)
            docs.append(Doc(vocab, words=list(words), ents=list(tags)))
    except (FormatError, OSError, UnicodeDecodeError) as e:
        print(f"{type(e).__name__}: {e}" if not isinstance(e, FormatError) else e, file=sys.stderr)
        return 1
    if not docs:
        print(f"{args.input}: no text in it", file=sys.stderr)
        return 1
    args.output.parent.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs).to_disk(args.output)
    n_ents = sum(len(doc.ents) for doc in docs)
    print(f"wrote {args.output}: {len(docs)} texts, {sum(map(len, docs))} tokens, {n_ents} entities")
    return 0


if __name__ == "__main__":
    sys.exit(main())
