"""The bundled corpus: check it, convert it to .spacy files.

Format (assets/corpus/README.md): documents headed by `# doc ID | genre`; each sentence is its raw text, then its tokens
    as
`form/UPOS`, entities in brackets: `[FAC Red/PROPN Fort/PROPN] is/AUX in/ADP [GPE Delhi/PROPN] ./PUNCT`.
"""

import argparse
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Set, Tuple

import spacy
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

SPLITS = ("train", "dev", "test")
UPOS = set("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
ENTITIES = set(
    "CARDINAL DATE EVENT FAC GPE LANGUAGE LAW LOC MONEY NORP ORDINAL ORG PERCENT PERSON PRODUCT QUANTITY TIME "
    "WORK_OF_ART".split()
)
HEADER = re.compile(r"# doc (?P<id>[\w-]+) \| (?P<genre>[\w-]+)$")
NEAR_DUPLICATE = 0.7
"""Share of common words (Jaccard) from which two sentences count as near-duplicates."""


class CorpusError(ValueError):
    """A place where the corpus breaks its format."""


@dataclass
class Sentence:
    """One annotated sentence and where it stands."""

    where: str
    text: str
    words: List[str]
    tags: List[str]
    ents: List[Tuple[int, int, str]]


@dataclass
class Document:
    """A short text of one genre."""

    id: str
    genre: str
    sentences: List[Sentence]


def read(path: Path) -> List[Document]:
    """Parse one file.

    path (Path): The file.
    RETURNS (List[Document]): Its documents.
    RAISES (CorpusError): With file and line, where the format is broken.
    """
    documents: List[Document] = []
    text: Optional[str] = None
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), start=1):
        where = f"{path.name}:{number}"
        line = line.strip()
        header = HEADER.match(line)
        if header and text is None:
            documents.append(Document(header["id"], header["genre"], []))
        elif not line:
            if text is not None:
                raise CorpusError(f"{where}: the sentence {text!r} has no line of tokens after it")
        elif not documents:
            raise CorpusError(f"{where}: a '# doc ID | genre' line must come first, not {line[:40]!r}")
        elif text is None:
            text = line
        else:
            documents[-1].sentences.append(parse(where, text, line))
            text = None
    if text is not None:
        raise CorpusError(f"{path.name}: the last sentence {text!r} has no line of tokens after it")
    return documents


def parse(where: str, text: str, tagged: str) -> Sentence:
    """Parse the token line of one sentence and check it against its text.

    RAISES (CorpusError): If brackets, tags, labels or tokens are wrong.
    """
    words: List[str] = []
    tags: List[str] = []
    ents: List[Tuple[int, int, str]] = []
    opened: Optional[Tuple[int, str]] = None
    for piece in tagged.split():
        if piece.startswith("[") and "/" not in piece:
            if opened:
                raise CorpusError(f"{where}: {piece!r} opens an entity inside another")
            opened = (len(words), piece[1:])
            if piece[1:] not in ENTITIES:
                raise CorpusError(
                    f"{where}: {piece[1:]!r} is not an entity type; allowed: {' '.join(sorted(ENTITIES))}"
                )
            continue
        closes = piece.endswith("]")
        form, slash, tag = piece.rstrip("]").rpartition("/")
        if not slash or not form or tag not in UPOS:
            raise CorpusError(f"{where}: {piece!r} is not form/UPOS with one of {' '.join(sorted(UPOS))}")
        words.append(form)
        tags.append(tag)
        if closes:
            if not opened:
                raise CorpusError(f"{where}: {piece!r} closes an entity that was not opened")
            ents.append((opened[0], len(words), opened[1]))
            opened = None
    if opened:
        raise CorpusError(f"{where}: the entity [{opened[1]} ... is not closed")
    if "".join(words) != "".join(text.split()):
        raise CorpusError(f"{where}: the tokens spell {' '.join(words)!r}, but the text is {text!r}")
    return Sentence(where, text, words, tags, ents)


def spaces(sentence: Sentence) -> List[bool]:
    """Whether a space follows each token in the text."""
    found = []
    at = 0
    for word in sentence.words:
        at = sentence.text.index(word, at) + len(word)
        found.append(sentence.text[at : at + 1] == " ")
    return found


def to_doc(vocab: Vocab, document: Document) -> Doc:
    """A gold Doc with tags, parts of speech, entities and sentence starts."""
    words: List[str] = []
    follows: List[bool] = []
    tags: List[str] = []
    starts: List[bool] = []
    ents: List[str] = []
    for sentence in document.sentences:
        iob = ["O"] * len(sentence.words)
        for start, end, label in sentence.ents:
            iob[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
        words += sentence.words
        follows += spaces(sentence)[:-1] + [True]
        tags += sentence.tags
        ents += iob
        starts += [True] + [False] * (len(sentence.words) - 1)
    return Doc(vocab, words=words, spaces=follows, pos=tags, tags=tags, ents=ents, sent_starts=starts)


def sentences(documents: List[Document]) -> Iterator[Sentence]:
    for document in documents:
        yield from document.sentences


def check(corpus: Dict[str, List[Document]]) -> List[str]:
    """Problems of the corpus as a whole: tokens, duplicates, leakage between splits, the sentence that the test must
    have."""
    problems = []
    tokenize = spacy.blank("en").tokenizer
    for part in corpus.values():
        for sentence in sentences(part):
            expected = [token.text for token in tokenize(sentence.text)]
            if expected != sentence.words:
                problems.append(f"{sentence.where}: tokens {sentence.words} are not spaCy's {expected}")
    ids = Counter(document.id for part in corpus.values() for document in part)
    problems += [f"document id {name!r} is used {n} times" for name, n in ids.items() if n > 1]
    problems += near_duplicates(corpus)
    if not any(sentence.text == "Red Fort is in Delhi." for sentence in sentences(corpus["test"])):
        problems.append("the test part lacks 'Red Fort is in Delhi.'")
    total = sum(1 for part in corpus.values() for _ in sentences(part))
    if total < 500:
        problems.append(f"there are {total} sentences, fewer than 500")
    return problems


def near_duplicates(corpus: Dict[str, List[Document]]) -> List[str]:
    """Pairs of sentences, within or across splits, that share most of their words."""
    found = []
    seen: List[Tuple[str, Sentence, Set[str]]] = []
    for split, part in corpus.items():
        for sentence in sentences(part):
            words = {word.lower() for word in sentence.words if word.isalnum()}
            for other_split, other, other_words in seen:
                same = sentence.text == other.text
                overlap = len(words & other_words) / (len(words | other_words) or 1)
                if same or (overlap >= NEAR_DUPLICATE and min(len(words), len(other_words)) > 2):
                    found.append(f"{split} {sentence.where} repeats {other_split} {other.where}: {sentence.text!r}")
            seen.append((split, sentence, words))
    return found


def load(folder: Path) -> Dict[str, List[Document]]:
    """Read train.txt, dev.txt and test.txt of a folder."""
    missing = [split for split in SPLITS if not (folder / f"{split}.txt").is_file()]
    if missing:
        raise CorpusError(f"{folder}: there is no {missing[0]}.txt; the corpus is train.txt, dev.txt and test.txt")
    return {split: read(folder / f"{split}.txt") for split in SPLITS}


def describe(corpus: Dict[str, List[Document]]) -> str:
    """A table of sizes, entity types and genres."""
    lines = [f"{'':7}{'docs':>6}{'sents':>7}{'tokens':>8}{'ents':>6}  genres"]
    for split, part in corpus.items():
        sents = list(sentences(part))
        genres = Counter(document.genre for document in part)
        n_tokens, n_ents = sum(len(s.words) for s in sents), sum(len(s.ents) for s in sents)
        lines.append(
            f"{split:7}{len(part):6}{len(sents):7}{n_tokens:8}{n_ents:6}  "
            + ", ".join(f"{genre} {n}" for genre, n in sorted(genres.items()))
        )
    types = Counter(label for part in corpus.values() for s in sentences(part) for _, _, label in s.ents)
    lines.append("entity types: " + ", ".join(f"{label} {n}" for label, n in types.most_common()))
    return "\n".join(lines)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["check", "convert"])
    parser.add_argument("folder", type=Path, help="folder with train.txt, dev.txt and test.txt")
    parser.add_argument("output", type=Path, nargs="?", help="folder for the .spacy files (convert)")
    args = parser.parse_args(argv)
    if args.command == "convert" and args.output is None:
        parser.error("convert needs an output folder")
    try:
        corpus = load(args.folder)
    except CorpusError as e:
        print(e, file=sys.stderr)
        return 1
    problems = check(corpus)
    print(describe(corpus))
    if problems:
        print(*problems, f"{len(problems)} problems", sep="\n", file=sys.stderr)
        return 1
    if args.command == "convert":
        args.output.mkdir(parents=True, exist_ok=True)
        vocab = spacy.blank("en").vocab
        for split, part in corpus.items():
            path = args.output / f"{split}.spacy"
            DocBin(docs=[to_doc(vocab, document) for document in part]).to_disk(path)
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
