"""Docs made of records: words and values of tokens, entities and span groups, with a report of what did not fit."""

from functools import lru_cache
from pkgutil import iter_modules
from typing import Any, List, Optional, Sequence, Tuple

import spacy
import spacy.lang
from spacy.language import Language
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..errors import nearest
from .confidences import ENTS, keep_entity_scores, keep_token_scores
from .offsets import positions, to_characters
from .reading import Reading
from .records import CharSpan, Record
from .report import ConversionReport, Finding
from .schemes import decode_tags

ANY_LANGUAGE = "xx"
CONTEXT = 20
LONGEST_TEXT = 10**9
TOKENIZERS = {"ja": "sudachipy sudachidict_core", "ko": "natto-py", "th": "pythainlp", "vi": "pyvi"}
"""What the tokenizers of some languages need beside spaCy."""
META = "meta"
"""Where `Doc.user_data` holds what a file says about a text beside its annotation."""


@lru_cache(maxsize=4)
def make_tokenizer(lang: Optional[str]) -> Language:
    """An empty pipeline, for its tokenizer.

    lang (Optional[str]): The language's code; None for any language.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): If there is no such language, or its tokenizer needs a package that is not installed.
    """
    codes = [module.name for module in iter_modules(spacy.lang.__path__) if module.ispkg]
    if lang is not None and lang not in codes:
        raise ValueError(
            f"rnn convert: --lang = {lang!r} is unknown; allowed: the codes of spaCy's languages, such as 'en', "
            "'zh' or 'xx' (any)." + nearest(lang, codes)
        )
    try:
        nlp = spacy.blank(lang or ANY_LANGUAGE)
    except ImportError as e:
        hint = f"pip install {TOKENIZERS[lang]}" if lang in TOKENIZERS else " ".join(str(e).split())
        raise ValueError(
            f"rnn convert: the tokenizer of --lang {lang} needs a package that is not installed: {hint}"
        ) from e
    nlp.max_length = LONGEST_TEXT
    return nlp


class DocBuilder:
    """Makes docs of one file's records.

    reading (Reading): The file, which is told of damaged records.
    scheme (str): The scheme of its entity tags.
    unit (str): The unit of its offsets.
    report (ConversionReport): Is told of all that does not fit.
    """

    def __init__(self, reading: Reading, scheme: str, unit: str, report: ConversionReport) -> None:
        self.reading, self.scheme, self.unit, self.report = reading, scheme, unit, report
        self._nlp: Optional[Language] = None

    def build(self, record: Record) -> Optional[Doc]:
        """RETURNS (Optional[Doc]): The doc; None if the record is damaged and left out. record (Record): The record."""
        doc = self._tokens(record)
        if doc is None:
            return None
        if record.meta:
            doc.user_data[META] = record.meta
        found = positions(doc.text, self.unit)
        if record.tags is not None:
            self._set_tags(doc, record)
        elif record.spans is not None:
            self._set_entities(
                doc, record, self._align(doc, record, [to_characters(span, found) for span in record.spans])
            )
        for name, scores in record.scores.items():
            if name != ENTS:
                keep_token_scores(doc, name, scores)
        for key, group in record.groups.items():
            aligned = self._align(doc, record, [to_characters(span, found) for span in group])
            self._set_group(doc, key, aligned)
        return doc

    def _tokens(self, record: Record) -> Optional[Doc]:
        if record.doc is not None:
            return record.doc
        if record.words is None:
            return self._tokenize(record.text)
        columns = record.columns
        for i, pos in enumerate(columns.get("pos", ())):
            if pos not in POS_IDS and pos:
                line = record.lines[i] if record.lines else record.line
                self.reading.bad(line, f"{pos!r} is no universal part of speech; name the column tag, not pos.")
                return None
        options: Any = {
            "tags": columns.get("tag"),
            "pos": columns.get("pos"),
            "morphs": columns.get("morph"),
            "lemmas": columns.get("lemma"),
            "spaces": record.spaces,
        }
        if record.heads is not None:
            options.update(heads=record.heads, deps=columns.get("dep"))
        else:
            options.update(deps=columns.get("dep"), sent_starts=record.sent_starts)
        try:
            return Doc(self.reading.vocab, words=record.words, **options)
        except ValueError as e:
            self.reading.bad(record.line, f"spaCy refuses these tokens: {' '.join(str(e).split())}")
            return None

    def _tokenize(self, text: str) -> Doc:
        if self._nlp is None:
            self._nlp = make_tokenizer(self.reading.settings.lang)
            if self.reading.settings.lang is None:
                self.reading.note(
                    "Texts are split into tokens as of any language (xx); pass --lang for a language's own rules."
                )
        return self._nlp.make_doc(text)

    def _set_tags(self, doc: Doc, record: Record) -> None:
        assert record.tags is not None and record.words is not None
        entities = decode_tags(record.tags, self.scheme, record.sent_starts)
        for index, sentence in entities.faults:
            line = record.lines[index] if record.lines else record.line
            word = doc[index].text if doc[index].text.strip() else "white space"
            finding = Finding(str(self.reading.path), line, word, record.tags[index], f"{sentence}; kept as an entity")
            self.report.ill_formed.add(finding)
        spans = [Span(doc, start, end, label=label) for start, end, label in entities.spans]
        missing = [Span(doc, i, i + 1) for i in entities.missing]
        doc.set_ents(spans, missing=missing, default="outside")
        scores = record.scores.get(ENTS, [None] * len(doc))
        keep_entity_scores(doc, [(span, scores[span.start]) for span in spans])
        if self.reading.settings.spans_key is not None:
            self._set_group(doc, self.reading.settings.spans_key, [(span, None) for span in spans])

    def _set_entities(self, doc: Doc, record: Record, aligned: Sequence[Tuple[Span, Optional[float]]]) -> None:
        key = self.reading.settings.spans_key
        if key is not None:
            self._set_group(doc, key, aligned)
        spans = [span for span, _ in aligned if span.text.strip()]
        kept = filter_spans(spans)
        for span in spans:
            if span not in kept:
                done = "left out of the entities" if key is None else f"kept in the span group {key!r} only"
                finding = Finding(
                    str(self.reading.path),
                    record.line,
                    _context(doc.text, span.start_char, span.end_char),
                    span.label_,
                    done,
                )
                self.report.overlapping.add(finding)
        doc.set_ents(kept, default="outside")
        keep_entity_scores(doc, [(span, score) for span, score in aligned if span in kept])

    def _set_group(self, doc: Doc, key: str, aligned: Sequence[Tuple[Span, Optional[float]]]) -> None:
        doc.spans[key] = [span for span, _ in aligned]
        scores = [score for _, score in aligned]
        if scores and all(score is not None for score in scores):
            doc.spans[key].attrs["scores"] = scores

    def _align(self, doc: Doc, record: Record, spans: Sequence[CharSpan]) -> List[Tuple[Span, Optional[float]]]:
        """The spans as tokens, without those that are dropped; the same span once."""
        found = {}
        mode = self.reading.settings.misaligned
        for span in spans:
            inside = 0 <= span.start < span.end <= len(doc.text)
            fits = doc.char_span(span.start, span.end, label=span.label) if inside else None
            if fits is None:
                place = f"{span.start} to {span.end}"
                if mode == "fail":
                    context = (
                        _context(doc.text, span.start, span.end) if inside else f"text of {len(doc.text)} characters"
                    )
                    raise self.reading.refuse(
                        record.line,
                        f"the span {span.label!r} from {place} does not begin and end at tokens ({context}); pass "
                        "--misaligned drop, "
                        "expand or contract to go on.",
                    )
                if inside and mode != "drop":
                    fits = doc.char_span(span.start, span.end, label=span.label, alignment_mode=mode)
                # The probability was that of other tokens.
                span = span._replace(score=None)
                done = "dropped" if fits is None else f"{mode}ed to {fits.text!r}"
                why = "" if inside else f" lies outside the text of {len(doc.text)} characters:"
                text = _context(doc.text, span.start, span.end) if inside else f"{place}{why[:-1]}"
                self.report.misaligned.add(Finding(str(self.reading.path), record.line, text, span.label, done))
            if fits is not None:
                found[fits.start, fits.end, fits.label] = (fits, span.score)
        return list(found.values())


def _context(text: str, start: int, end: int) -> str:
    """A piece of a text in brackets, with the characters around it, on one line."""
    before, after = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    return " ".join(f"{before}[{text[start:end]}]{after}".split())
