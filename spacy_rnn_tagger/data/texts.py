"""Texts to be annotated: plain text, a text a line, and the texts of all formats of annotated files."""

from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence

from spacy.tokens import Doc
from spacy.vocab import Vocab

from .building import META
from .conversion import Source
from .encodings import read_lines
from .formats import FORMATS
from .reading import Reading
from .recognizing import expand_inputs
from .report import ConversionReport
from .settings import ReadSettings, show_nothing

PLAIN = ".txt"


def read_texts(
    inputs: Sequence[Path],
    tokenize: Callable[[str], Doc],
    vocab: Vocab,
    settings: Optional[ReadSettings] = None,
) -> Iterator[Doc]:
    """The texts of some files as docs without annotation. Words are the files' own, where they have some.

    inputs (Sequence[Path]): Files and folders: .txt files with a text a line, or of any format of `FORMATS`.
    tokenize (Callable[[str], Doc]): Makes a doc of a text, such as `nlp.make_doc`.
    vocab (Vocab): The vocabulary of the docs, that of `tokenize`.
    settings (Optional[ReadSettings]): How files are read; None to recognise all.
    YIELDS (Doc): A doc, with what its file says about its text as meta data.
    RAISES (ValueError): If there is no such file, or a file is damaged.
    """
    settings = settings or ReadSettings()
    settings.check()
    for path in _files(inputs):
        if _is_plain(path) and settings.format is None:
            yield from (tokenize(line) for _, line in read_lines(Reading(path, settings, vocab)) if line.strip())
            continue
        report = ConversionReport([], "")
        source = Source(path, settings, report, vocab, show_nothing)
        builder = source.builder()
        for record in source.records():
            if record.words is None and record.doc is None:
                doc = tokenize(record.text)
                if record.meta:
                    doc.user_data[META] = record.meta
                yield doc
                continue
            built = builder.build(record)
            if built is not None:
                yield _bare(built)


def _files(inputs: Sequence[Path]) -> Iterator[Path]:
    for path in inputs:
        if path.is_dir() and not any(path.rglob("*.ann")):
            plain = [each for each in sorted(path.rglob(f"*{PLAIN}")) if each.is_file()]
            endings = {suffix for each in FORMATS.values() for suffix in each.suffixes} - {PLAIN}
            others = any(each.suffix.lower() in endings for each in path.rglob("*"))
            yield from plain if plain and not others else expand_inputs([path])
        else:
            yield from expand_inputs([path])


def _is_plain(path: Path) -> bool:
    """Whether a file is plain text. Beside an .ann file it is one of brat's, and is the text of a whole document."""
    return path.is_file() and path.suffix.lower() == PLAIN and not path.with_suffix(".ann").exists()


def _bare(doc: Doc) -> Doc:
    copy = Doc(doc.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
    if META in doc.user_data:
        copy.user_data[META] = doc.user_data[META]
    return copy
