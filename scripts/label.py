"""Label one sentence with a trained pipeline: each token with its tag, part of speech and entity type, as far as they
are set."""

import argparse
import sys
from typing import List, Optional

import spacy


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", help="directory or name of a trained pipeline")
    parser.add_argument("text", help="the sentence")
    args = parser.parse_args(argv)
    doc = spacy.load(args.pipeline)(args.text)
    for token in doc:
        print("\t".join([token.text, *filter(None, (token.tag_, token.pos_, token.ent_type_))]))
    for label, score in sorted(doc.cats.items(), key=lambda item: -item[1]):
        print(f"{label}\t{score:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
