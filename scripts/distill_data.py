"""Make the data of the distillation workflow in corpus/distill/. Of UD English-EWT: a tenth of the training sentences
as gold and the words of the others as raw text; all training sentences as raw text; development and test sentences as
text that neither teacher nor student has seen. And the tweets of the Broad Twitter Corpus (sections a, b, e, g, h)
without their labels. The same seed makes the same files.
"""

import argparse
import math
import random
import sys
from pathlib import Path
from typing import Iterator, List

import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus
from spacy.vocab import Vocab

ROOT = Path(__file__).parent.parent
SHARE, SEED = 0.1, 0


def bare(doc: Doc) -> Doc:
    """The words of a doc, and nothing else of it."""
    return Doc(doc.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])


def tweets(folder: Path, vocab: Vocab) -> Iterator[Doc]:
    """The tweets of the Broad Twitter Corpus, of which each line is a word and its label."""
    for section in "abegh":
        words: List[str] = []
        for line in [*(folder / f"{section}.conll").read_text(encoding="utf8").splitlines(), ""]:
            word = line.split("\t")[0].strip()
            if word:
                words.append(word)
            elif words:
                yield Doc(vocab, words=words)
                words = []


def save(docs: List[Doc], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    DocBin(docs=docs).to_disk(path)
    print(f"wrote {path.relative_to(ROOT)}: {len(docs):,} docs, {sum(map(len, docs)):,} tokens")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    nlp = spacy.blank("en")
    train = ROOT / "corpus" / "ewt" / "en_ewt-ud-train.spacy"
    sentences = [eg.reference for eg in Corpus(train, gold_preproc=True)(nlp)]
    order = random.Random(SEED).sample(range(len(sentences)), len(sentences))
    n_gold = math.ceil(SHARE * len(sentences))
    out = ROOT / "corpus" / "distill"
    save([sentences[i] for i in order[:n_gold]], out / "ewt-gold.spacy")
    save([bare(sentences[i]) for i in sorted(order[n_gold:])], out / "ewt-raw.spacy")
    save(list(tweets(ROOT / "assets" / "BTC", nlp.vocab)), out / "tweets.spacy")
    save([bare(sentence) for sentence in sentences], out / "web.spacy")
    for part in ("dev", "test"):
        docs = Corpus(ROOT / "corpus" / "ewt" / f"en_ewt-ud-{part}.spacy", gold_preproc=True)(nlp)
        lines = [" ".join(eg.reference.text.split()) for eg in docs]
        (out / f"unseen-{part}.txt").write_text("\n".join(lines) + "\n", encoding="utf8")
        print(f"wrote corpus/distill/unseen-{part}.txt: {len(lines):,} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
