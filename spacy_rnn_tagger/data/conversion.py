"""Annotated files to docs and docs to files: all formats, one function."""

import shutil
from itertools import chain, islice
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Union

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..errors import nearest
from .building import DocBuilder
from .formats import FORMATS
from .grouping import group_sentences
from .offsets import OffsetEvidence
from .reading import Reading, Writing
from .recognizing import expand_inputs, recognize_format
from .records import Record
from .report import ConversionReport, FileReport, PartReport, count
from .schemes import OTHER_NAMES, TagEvidence
from .settings import Progress, ReadSettings, WriteSettings
from .splitting import PARTS, split_texts

ALL = "all"
JOIN = "--group 10 joins ten to one."
GROUPED = f"The file has no document marks, so that each sentence is a doc; {JOIN}"
MANY_SENTENCES = 200


class Source:
    """One input file. It is read several times, so that no more than one doc is in memory: once to recognise the scheme
    of its tags and the unit of its offsets, once to split, and once for each part that is written.

    path (Path): The file.
    settings (ReadSettings): How it is read.
    report (ConversionReport): Is told what is found.
    vocab (Vocab): The vocabulary of the docs.
    progress (Callable): See `WriteSettings`.
    """

    def __init__(
        self, path: Path, settings: ReadSettings, report: ConversionReport, vocab: Vocab, progress: Progress
    ) -> None:
        self.settings, self.report, self.progress = settings, report, progress
        self.reading = Reading(path, settings, vocab)
        name = settings.format or recognize_format(self.reading)
        self.format = FORMATS[name]
        self.file = FileReport(str(path), name)
        self.scheme, self.unit = "iob2", "characters"
        self.marked = False
        self._survey()
        report.files.append(self.file)

    def records(self) -> Iterator[Record]:
        """YIELDS (Record): What becomes one doc."""
        records = self.format.read(self._reading())
        return group_sentences(records, self.settings.group, self.marked)

    def builder(self) -> DocBuilder:
        """RETURNS (DocBuilder): Makes docs of the records."""
        return DocBuilder(self._reading(), self.scheme, self.unit, self.report)

    def notes(self) -> Iterator[str]:
        """YIELDS (str): What was taken where there is a choice, and what was left out."""
        yield from self.reading.notes
        yield from (text.format(n=f"{n:,}") for text, n in self.reading.counts.items())

    def _reading(self) -> Reading:
        """Counts are those of the first reading; notes and damaged lines are the same in each."""
        mine = self.reading
        return Reading(
            mine.path,
            mine.settings,
            mine.vocab,
            skipped=mine.skipped,
            notes=mine.notes,
            untagged_is_outside=mine.untagged_is_outside,
        )

    def _survey(self) -> None:
        tags, offsets = TagEvidence(), OffsetEvidence()
        sentences = marks = 0
        has_tags = has_spans = False
        for record in self.progress(self.format.read(self.reading), f"reading {self.reading.path.name}"):
            sentences += record.is_sentence
            marks += record.new_doc
            if record.tags is not None:
                has_tags = True
                tags.add(record.tags)
            for spans in (record.spans, *record.groups.values()):
                has_spans |= spans is not None
                offsets.add(record.full_text(), spans or [], record.token_edges())
        self.marked = marks > 0
        self.file.encoding, self.file.columns = self.reading.encoding, self.reading.columns
        if has_tags:
            self.scheme, notes = tags.decide()
            self.reading.untagged_is_outside = not tags.outside and not self.reading.untagged_is_missing
            if self.settings.scheme is not None:
                self.scheme, notes = OTHER_NAMES.get(self.settings.scheme, self.settings.scheme), []
            self.file.scheme = self.scheme
            self.reading.notes.update(dict.fromkeys(notes))
        if has_spans:
            self.unit, notes = offsets.decide()
            if self.settings.offsets is not None:
                self.unit, notes = self.settings.offsets, []
            self.file.offsets = self.unit
            self.reading.notes.update(dict.fromkeys(notes))
        if sentences > 1 and not self.marked and self.settings.group is None:
            self.reading.note(GROUPED)
        if marks == 1 and sentences > MANY_SENTENCES and self.settings.group is None:
            self.reading.note(f"A document mark stands only once, so that {sentences:,} sentences are one doc; {JOIN}")


def convert(
    inputs: Union[str, Path, Sequence[Union[str, Path]]],
    output: Union[str, Path],
    *,
    read: Optional[ReadSettings] = None,
    write: Optional[WriteSettings] = None,
) -> ConversionReport:
    """Convert annotated files to another format. What is in memory does not grow with the files, but for a .spacy file
    that is written, which lies in memory until it is complete: write large data in shards.

    inputs (Union[str, Path, Sequence[Union[str, Path]]]): Files and folders to read.
    output (Union[str, Path]): The file to write; a folder where `write` has shares or shards, or the format is brat.
    read (Optional[ReadSettings]): How the inputs are read; None to recognise all.
    write (Optional[WriteSettings]): How the output is written; None for one .spacy file.
    RETURNS (ConversionReport): What was read, what was taken where there is a choice, and what was written.
    RAISES (ValueError): If a file is damaged, in one sentence with file and line, if a setting is not allowed, or if
        something lies at the output. Nothing is written then.

    EXAMPLE:
        >>> from spacy_rnn_tagger.data import ReadSettings, convert
        >>> report = convert("annotated.jsonl", "train.spacy", read=ReadSettings(lang="en"))
        >>> report.labels
        {'PERSON': 12, 'GPE': 7}
    """
    read, write = read or ReadSettings(), write or WriteSettings()
    read.check()
    write.check()
    output = Path(output)
    if output.exists() and not (write.is_folder() and output.is_dir() and not any(output.iterdir())):
        raise ValueError(
            f"rnn convert: something lies at {str(output)!r} already; name another place, or move it away."
        )
    report = ConversionReport([], write.format)
    vocab = Vocab()
    given = [inputs] if isinstance(inputs, (str, Path)) else inputs
    sources = [
        Source(path, read, report, vocab, write.progress) for path in expand_inputs([Path(each) for each in given])
    ]
    existed = output.exists()
    try:
        _write_parts(sources, output, write, report)
    except BaseException:
        if not existed:
            shutil.rmtree(output, ignore_errors=True) if output.is_dir() else output.unlink(missing_ok=True)
        raise
    report.skipped = list(dict.fromkeys(text for source in sources for text in source.reading.skipped.values()))
    report.notes = [*_gathered(sources), *report.notes]
    return report


def _gathered(sources: List[Source]) -> Iterator[str]:
    """The notes on all files, each once."""
    files: Dict[str, List[str]] = {}
    for source in sources:
        for note in source.notes():
            files.setdefault(note, []).append(source.file.path)
    for note, paths in files.items():
        more = "" if len(paths) == 1 else f" and {count(len(paths) - 1, 'other file')}"
        yield f"{paths[0]}{more}: {note}"


def _write_parts(sources: List[Source], output: Path, write: WriteSettings, report: ConversionReport) -> None:
    if write.split is None:
        _write_part(_docs(sources, report), output, ALL, write, report)
    else:
        texts = (record.full_text() for source in sources for record in source.records())
        split = split_texts(write.progress(texts, "comparing texts"), *write.split, seed=write.seed)
        report.near_duplicates = split.near_duplicates
        for i, name in enumerate(PARTS):
            wanted = split.parts == i
            if wanted.any():
                _write_part(_docs(sources, report, wanted.tolist()), output, name, write, report)
            elif i == 0 or write.split[i - 1] > 0:
                report.notes.append(f"The part {name} is empty: there are too few texts that are not nearly the same.")
    key = write.spans_key
    if report.docs and key is not None and key not in report.groups:
        found = ", ".join(map(repr, sorted(report.groups))) or "none"
        raise ValueError(
            f"rnn convert: no doc has a span group {key!r}; the groups are {found}.{nearest(key, report.groups)}"
        )
    if not report.docs:
        raise ValueError(
            f"rnn convert: no text could be read from {', '.join(repr(source.file.path) for source in sources)}."
            + "".join(f" {sentence}" for source in sources for sentence in list(source.reading.skipped.values())[:3])
        )


def _docs(sources: List[Source], report: ConversionReport, wanted: Optional[List[bool]] = None) -> Iterator[Doc]:
    """The docs of all files, or those of one part."""
    i = -1
    for source in sources:
        builder = source.builder()
        for record in source.records():
            i += 1
            if wanted is not None and not wanted[i]:
                continue
            doc = builder.build(record)
            if doc is not None:
                source.file.docs += 1
                yield doc


def _write_part(docs: Iterator[Doc], output: Path, name: str, write: WriteSettings, report: ConversionReport) -> None:
    """Write the docs of one part to its file, its shards or its folder."""
    part = report.parts.setdefault(name, PartReport())
    kind = FORMATS[write.format]
    ending = "" if write.format == "brat" else kind.suffixes[0]
    place = output if name == ALL else output / name
    docs = iter(write.progress(_counted(docs, part, write, report), f"writing {place.name}"))
    shard = 0
    while (first := next(docs, None)) is not None:
        shard += 1
        if write.shard_docs is not None:
            path = place / f"part-{shard:04d}{ending}"
            batch: Iterator[Doc] = islice(docs, write.shard_docs - 1)
        else:
            path, batch = (place if name == ALL else place.with_name(name + ending)), docs
        path.parent.mkdir(parents=True, exist_ok=True)
        writing = Writing(path, write.spans_key, report.note, write.register_scores, write.confidences)
        kind.write(chain([first], batch), writing)
        part.files.append(str(path))


def _counted(docs: Iterable[Doc], part: PartReport, write: WriteSettings, report: ConversionReport) -> Iterator[Doc]:
    single = 0
    for doc in docs:
        part.docs += 1
        part.tokens += len(doc)
        report.docs += 1
        report.tokens += len(doc)
        if len(doc) == 1:
            single += 1
        elif doc.has_annotation("SENT_START"):
            report.sentences += len(list(doc.sents))
        for span in doc.ents if write.spans_key is None else doc.spans.get(write.spans_key, ()):
            report.labels[span.label_] = report.labels.get(span.label_, 0) + 1
        report.groups.update((key, None) for key in doc.spans)
        for token in doc if doc.has_annotation("TAG") else ():
            report.tags[token.tag_] = report.tags.get(token.tag_, 0) + bool(token.tag)
        yield doc
    # spaCy takes each doc of one token for a sentence; the others tell whether that was known.
    report.sentences += single if report.sentences else 0
