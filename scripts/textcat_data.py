"""The bundled sets for text classification: check them, split them, convert them to .spacy files.

A set is a .tsv file with a header line. The first column is the class, the last the text; columns between them are
notes. The split is train, dev and test, 60/20/20, by a hash of the text itself, so that it needs no seed and an added
text moves no other. Near-duplicates share the least of their hashes, and so go together.
"""

import argparse
import csv
import hashlib
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, FrozenSet, List, Optional

import spacy
from spacy.tokens import Doc, DocBin

SPLITS = {"train": 6, "dev": 2, "test": 2}
"""How many of ten hash values go to each part."""
NEAR_DUPLICATE = 0.7
"""Share of common words, or of a single word's common letter pairs (Jaccard), from which texts count as
near-duplicates."""


class SetError(ValueError):
    """A place where a set breaks its format."""


@dataclass(frozen=True)
class Text:
    """One text and its class."""

    where: str
    label: str
    text: str

    @property
    def parts(self) -> FrozenSet[str]:
        """What is compared between texts: words, or the letter pairs of a single word."""
        words = self.text.casefold().split()
        if len(words) > 1:
            return frozenset(word.strip(".,;:!?\"'()") for word in words)
        spelt = f"^{words[0]}$"
        return frozenset(spelt[i : i + 2] for i in range(len(spelt) - 1))


def similar(a: FrozenSet[str], b: FrozenSet[str]) -> bool:
    """Whether two texts, by their parts, count as near-duplicates."""
    if min(len(a), len(b)) < NEAR_DUPLICATE * max(len(a), len(b)):
        return False
    n_common = len(a & b)
    return n_common >= NEAR_DUPLICATE * (len(a) + len(b) - n_common)


def read(path: Path) -> List[Text]:
    """Read one set.

    path (Path): The .tsv file.
    RETURNS (List[Text]): Its texts.
    RAISES (SetError): With file and line, if a line has another number of columns, an empty one, or a text that was
        there before.
    """
    texts: List[Text] = []
    seen: Dict[str, str] = {}
    rows = list(csv.reader(path.open(encoding="utf8", newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))
    if len(rows) < 2 or len(rows[0]) < 2:
        raise SetError(f"{path.name}: expected a header of at least two columns and a line for each text")
    for number, row in enumerate(rows[1:], start=2):
        where = f"{path.name}:{number}"
        if len(row) != len(rows[0]) or not all(cell.strip() == cell and cell for cell in row):
            raise SetError(
                f"{where}: expected {len(rows[0])} columns without stray spaces ({', '.join(rows[0])}), not {row}"
            )
        key = row[-1].casefold()
        if key in seen:
            raise SetError(f"{where}: {row[-1]!r} was there before, at {seen[key]}")
        seen[key] = where
        texts.append(Text(where, row[0], row[-1]))
    return texts


def split(texts: List[Text]) -> Dict[str, List[Text]]:
    """Divide a set.

    texts (List[Text]): The texts.
    RETURNS (Dict[str, List[Text]]): Those of each part, in their order.
    """
    parts = [text.parts for text in texts]
    leader = list(range(len(texts)))
    for i in range(len(texts)):
        near = {leader[j] for j in range(i) if similar(parts[i], parts[j])}
        if near:
            first = min(near)
            leader = [first if k in near else k for k in leader[:i]] + [first] + leader[i + 1 :]
    names = [name for name, share in SPLITS.items() for _ in range(share)]
    divided: Dict[str, List[Text]] = {name: [] for name in SPLITS}
    hashes = [int.from_bytes(hashlib.sha256(text.text.encode("utf8")).digest()[:8], "big") for text in texts]
    least: Dict[int, int] = {}
    for group, value in zip(leader, hashes):
        least[group] = min(value, least.get(group, value))
    for text, group in zip(texts, leader):
        divided[names[least[group] % len(names)]].append(text)
    return divided


def near_duplicates(divided: Dict[str, List[Text]]) -> List[str]:
    """Near-duplicates in different parts, in words; there should be none."""
    found = []
    placed = [(name, text, text.parts) for name, texts in divided.items() for text in texts]
    for i, (name, text, parts) in enumerate(placed):
        for other_name, other, other_parts in placed[:i]:
            if name != other_name and similar(parts, other_parts):
                found.append(f"{text.where} ({name}) and {other.where} ({other_name}): {text.text!r}, {other.text!r}")
    return found


def convert(texts: List[Text], labels: List[str], lang: str, path: Path) -> None:
    """Write one part. Every class is marked on every doc, so none is missing."""
    nlp = spacy.blank(lang)
    docs: List[Doc] = []
    for text in texts:
        doc = nlp.make_doc(text.text)
        doc.cats = {label: float(label == text.label) for label in labels}
        docs.append(doc)
    path.parent.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs, store_user_data=True).to_disk(path)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", type=Path, help="the .tsv file")
    parser.add_argument(
        "output", type=Path, nargs="?", help="folder for train.spacy, dev.spacy, test.spacy; without it, only check"
    )
    parser.add_argument("--lang", default="en", help="language of the tokenizer (en; xx for single words)")
    args = parser.parse_args(argv)
    try:
        texts = read(args.input)
    except (SetError, OSError, UnicodeDecodeError) as e:
        print(e, file=sys.stderr)
        return 1
    divided = split(texts)
    problems = near_duplicates(divided)
    labels = sorted({text.label for text in texts})
    problems += [
        f"{name}: no text of class {label}"
        for name, part in divided.items()
        for label in labels
        if label not in {t.label for t in part}
    ]
    for name, part in divided.items():
        counts = Counter(text.label for text in part)
        print(f"{name}: {len(part)} texts, " + ", ".join(f"{counts[label]} {label}" for label in labels))
        if args.output is not None and not problems:
            convert(part, labels, args.lang, args.output / f"{name}.spacy")
    if problems:
        print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
