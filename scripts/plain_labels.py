"""Turn the entities of a .spacy file into plain labels of tokens, as the first source text has them: no B and I, one
label for each token, "Red Fort is in Delhi" being FAC FAC O O GPE. The labels become the tokens' tags
(`Token.tag_`)."""

import argparse
import sys
from pathlib import Path
from typing import List, Optional

import spacy
from spacy.tokens import Doc, DocBin


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", type=Path, help="the .spacy file, with entities")
    parser.add_argument("output", type=Path, help="the .spacy file to write, one doc for each sentence")
    parser.add_argument(
        "--labels", nargs="+", default=["FAC", "GPE", "ORG", "PERSON"], help="entity types to keep; others become O"
    )
    parser.add_argument(
        "--add", action="append", default=[], metavar="SENTENCE", help="a further sentence, as 'Red/FAC Fort/FAC'"
    )
    parser.add_argument("--lang", default="en", help="language of the vocabulary (en)")
    args = parser.parse_args(argv)
    if not args.input.exists():
        print(f"{args.input}: no such file; convert the corpus first", file=sys.stderr)
        return 1
    vocab = spacy.blank(args.lang).vocab
    docs = []
    for doc in DocBin().from_disk(args.input).get_docs(vocab):
        for sent in doc.sents if doc.has_annotation("SENT_START") else [doc[:]]:
            tags = [token.ent_type_ if token.ent_type_ in args.labels else "O" for token in sent]
            spaces = [bool(token.whitespace_) for token in sent]
            docs.append(Doc(vocab, words=[token.text for token in sent], spaces=spaces, tags=tags))
    for sentence in args.add:
        words, tags = zip(*(token.rsplit("/", 1) for token in sentence.split()))
        docs.append(Doc(vocab, words=list(words), tags=list(tags)))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs, attrs=["ORTH", "SPACY", "TAG"]).to_disk(args.output)
    n_labelled = sum(token.tag_ != "O" for doc in docs for token in doc)
    print(f"wrote {args.output}: {len(docs)} sentences, {sum(map(len, docs))} tokens, {n_labelled} of them labelled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
