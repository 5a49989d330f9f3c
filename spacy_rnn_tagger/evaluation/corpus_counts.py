"""Counts of annotated docs: one pass, and nothing is kept but counts, hashes and a few examples."""

import unicodedata
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Optional, Sequence, Set, Tuple

from spacy.language import Language
from spacy.strings import get_string_id
from spacy.tokens import Doc, Token
from spacy.training import Example

from ..pipeline.targets import Target, annotated_targets, make_target
from ..pipeline.targets.biluo_target import BiluoTarget, is_ragged, show
from ..pipeline.targets.extension import PREFIX as EXTENSION
from ..pipeline.targets.sents import START

N_EXAMPLES = 5
LENGTHS = (0, 10, 20, 50, 100, 200, 500, 1000, 5000)
"""Upper bounds of the bins of doc lengths, in tokens. One more bin is for longer docs."""
SENTENCE = 20
"""Tokens that count as a sentence where a doc says nothing of sentences."""


@dataclass
class Found:
    """How often something was found, and where first.

    n (int): How often.
    examples (List[str]): The first few, with the index of their doc.
    """

    n: int = 0
    examples: List[str] = field(default_factory=list)

    def add(self, doc: int, what: str, n: int = 1) -> None:
        """Count something. doc (int): Index of its doc. what (str): Its text. n (int): How many there are."""
        self.n += n
        if len(self.examples) < N_EXAMPLES:
            self.examples.append(f"doc {doc}: {what}")


@dataclass
class TargetCounts:
    """How one part of a corpus is annotated for one target.

    n_docs (int): Docs with any such annotation.
    n_tokens (int): Tokens that are not whitespace and say what they are, be it that they are outside of all spans.
    n_gold (int): Labels in all: of tokens, spans, or sentence starts.
    labels (Dict[str, int]): How often each label occurs, the most frequent first; whole spans, not tokens.
    misaligned (Found): Labels that match no token boundaries of the tokenizer, or reach no token of it.
    ragged (Found): Spans that begin or end with whitespace.
    refused (Found): Docs whose gold no component can learn, such as overlapping spans, with the reason.
    contradictory (Found): Docs whose text occurred before with other labels.
    """

    n_docs: int = 0
    n_tokens: int = 0
    n_gold: int = 0
    labels: Dict[str, int] = field(default_factory=dict)
    misaligned: Found = field(default_factory=Found)
    ragged: Found = field(default_factory=Found)
    refused: Found = field(default_factory=Found)
    contradictory: Found = field(default_factory=Found)


@dataclass
class PartCounts:
    """What one part of a corpus holds.

    name (str): The part, such as the path of its file.
    n_docs (int): Docs.
    n_sentences (int): Sentences; a doc without annotation of sentences counts as one for each 20 tokens begun.
    n_tokens (int): Gold tokens that are not whitespace.
    n_words (int): Different tokens.
    empty (Found): Docs without any token that is not whitespace.
    longest (int): The length of the longest doc, in tokens.
    lengths (Dict[str, int]): Docs by length, in bins of tokens.
    copies (Found): Docs whose text occurred before in the part.
    near_copies (Found): Docs whose letters did, though not their case, digits, punctuation or spaces.
    shared (Dict[str, Found]): For each earlier part, docs whose text occurs there.
    nearly_shared (Dict[str, Found]): For each earlier part, docs whose letters alone occur there.
    with_vector (int): Tokens that have a static vector.
    without_vector (Dict[str, int]): The most frequent tokens that have none.
    targets (Dict[str, TargetCounts]): Annotation by target.
    """

    name: str
    n_docs: int = 0
    n_sentences: int = 0
    n_tokens: int = 0
    n_words: int = 0
    empty: Found = field(default_factory=Found)
    longest: int = 0
    lengths: Dict[str, int] = field(default_factory=dict)
    copies: Found = field(default_factory=Found)
    near_copies: Found = field(default_factory=Found)
    shared: Dict[str, Found] = field(default_factory=dict)
    nearly_shared: Dict[str, Found] = field(default_factory=dict)
    with_vector: int = 0
    without_vector: Dict[str, int] = field(default_factory=dict)
    targets: Dict[str, TargetCounts] = field(default_factory=dict)


class CorpusCounter:
    """Counts the parts of a corpus, one after the other.

    nlp (Language): A pipeline whose tokenizer is that of the one to train. If it holds static vectors, their coverage
        is counted.
    targets (Optional[Sequence[str]]): The targets to look at; all that are annotated if None.
    """

    def __init__(self, nlp: Language, targets: Optional[Sequence[str]] = None) -> None:
        self.nlp, self.only = nlp, targets
        self.targets: Dict[str, Target] = {}
        self._texts: Dict[str, Set[int]] = {}
        self._letters: Dict[str, Set[int]] = {}
        self._gold: Dict[Tuple[str, int], int] = {}
        self._registered: List[str] = []
        for name in targets or ():
            self._target(name)

    def close(self) -> None:
        """Forget the custom attributes that were registered to read the docs."""
        while self._registered:
            Token.remove_extension(self._registered.pop())

    def count(self, name: str, docs: Iterable[Doc]) -> PartCounts:
        """Count one part.

        name (str): The part.
        docs (Iterable[Doc]): Its gold docs; read once, and none is kept.
        RETURNS (PartCounts): The counts.
        """
        part = PartCounts(name)
        words: Counter[str] = Counter()
        sizes = [0] * (len(LENGTHS) + 1)
        for index, doc in enumerate(docs):
            part.n_docs += 1
            part.longest = max(part.longest, len(doc))
            sizes[sum(len(doc) > bound for bound in LENGTHS)] += 1
            tokens = [token.text for token in doc if not token.is_space]
            if not tokens:
                part.empty.add(index, repr(doc.text[:60]))
                continue
            part.n_tokens += len(tokens)
            words.update(tokens)
            self._compare(part, index, doc.text)
            example = Example(self._tokenize(doc), doc)
            for target in self._annotated(doc):
                counts = part.targets.setdefault(target.name, TargetCounts())
                self._add(counts, target, index, example)
            part.n_sentences += _count_sentences(doc)
        part.n_words = len(words)
        part.lengths = dict(zip(_bins(), sizes))
        for counts in part.targets.values():
            counts.labels = dict(Counter(counts.labels).most_common())
        self._count_vectors(part, words)
        return part

    def _tokenize(self, doc: Doc) -> Doc:
        """The doc as `spacy train` shows it to the pipeline."""
        if doc.has_unknown_spaces:
            spaces = [bool(token.whitespace_) for token in doc]
            return Doc(self.nlp.vocab, words=[token.text for token in doc], spaces=spaces)
        return self.nlp.make_doc(doc.text)

    def _annotated(self, doc: Doc) -> List[Target]:
        names = annotated_targets([doc])
        return [self._target(name) for name in names if self.only is None or name in self.only]

    def _target(self, name: str) -> Target:
        extension = name[len(EXTENSION) :]
        if name.startswith(EXTENSION) and not Token.has_extension(extension):
            Token.set_extension(extension, default=None)
            self._registered.append(extension)
        if name not in self.targets:
            self.targets[name] = make_target(name, self.nlp.vocab)
        return self.targets[name]

    def _compare(self, part: PartCounts, index: int, text: str) -> None:
        key, letters = get_string_id(text), get_string_id(_letters_of(text))
        shown = repr(text[:60])
        for other in self._texts:
            exact, near = (part.copies, part.near_copies)
            if other != part.name:
                exact = part.shared.setdefault(other, Found())
                near = part.nearly_shared.setdefault(other, Found())
            if key in self._texts[other]:
                exact.add(index, shown)
            elif letters in self._letters[other]:
                near.add(index, shown)
        self._texts.setdefault(part.name, set()).add(key)
        self._letters.setdefault(part.name, set()).add(letters)

    def _add(self, counts: TargetCounts, target: Target, index: int, example: Example) -> None:
        gold = example.reference
        counts.n_docs += 1
        labels: Sequence[Optional[str]]
        try:
            target.check(example, f"doc {index}")
            tags = target.gold(Example(gold, gold))
        except ValueError as e:
            counts.refused.add(index, str(e))
            if not isinstance(target, BiluoTarget):
                return
            labels = [span.label_ for span in target.spans_in(gold)]
        else:
            counts.n_tokens += sum(tag is not None and not token.is_space for token, tag in zip(gold, tags))
            labels = [span.label_ for span in target.spans_in(gold)] if isinstance(target, BiluoTarget) else tags
            counts.n_gold += target.count_gold(example)
            self._add_lost(counts, target, index, example, tags)
            self._compare_gold(counts, target, index, gold, tags)
        for label in labels:
            if label is not None:
                counts.labels[label] = counts.labels.get(label, 0) + 1

    def _add_lost(
        self, counts: TargetCounts, target: Target, index: int, example: Example, tags: Sequence[Optional[str]]
    ) -> None:
        if not target.may_lose(example):
            return
        gold = example.reference
        if isinstance(target, BiluoTarget):
            for span in target.spans_in(gold):
                if is_ragged(span):
                    counts.ragged.add(index, show(span))
                elif not example.get_aligned_spans_y2x([span], allow_overlap=True):
                    counts.misaligned.add(index, f"{show(span)} in {_around(gold, span.start, span.end)!r}")
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # W030, in whose place the count stands
            n_lost = target.count_gold(example) - target.count_aligned(example)
        if n_lost > 0:
            x2y, aligned = example.alignment.x2y, target.gold(example)
            reached = {j for i, tag in enumerate(aligned) if tag is not None for j in x2y[i].tolist()}
            first = next((j for j, tag in enumerate(tags) if tag is not None and j not in reached), 0)
            counts.misaligned.add(index, f"{gold[first].text!r} in {_around(gold, first, first + 1)!r}", n_lost)

    def _compare_gold(
        self, counts: TargetCounts, target: Target, index: int, gold: Doc, tags: Sequence[Optional[str]]
    ) -> None:
        words = [token.text for token in gold]
        key = (target.name, get_string_id("\t".join(words)))
        value = get_string_id("\t".join("" if tag is None else f"={tag}" for tag in tags))
        if self._gold.setdefault(key, value) != value:
            counts.contradictory.add(index, repr(gold.text[:60]))

    def _count_vectors(self, part: PartCounts, words: Counter[str]) -> None:
        vocab = self.nlp.vocab
        if not vocab.vectors.shape[0]:
            return
        missing = Counter({word: n for word, n in words.items() if not vocab[word].has_vector})
        part.with_vector = part.n_tokens - missing.total()
        part.without_vector = dict(missing.most_common(2 * N_EXAMPLES))


def _around(doc: Doc, start: int, end: int) -> str:
    """Tokens with a few on each side, for messages."""
    return doc[max(0, start - 2) : end + 2].text


def _letters_of(text: str) -> str:
    """Letters and the marks that belong to them, in one case; the text itself if it has none."""
    return "".join(c for c in text.casefold() if unicodedata.category(c)[0] in "LM") or text


def _bins() -> List[str]:
    lows = [0, *(bound + 1 for bound in LENGTHS)]
    names = [str(low) if low == high else f"{low}-{high}" for low, high in zip(lows, LENGTHS)]
    return [*names, f"over {LENGTHS[-1]}"]


def _count_sentences(doc: Doc) -> int:
    if not doc.has_annotation("SENT_START"):
        return -(-len(doc) // SENTENCE)
    return max(1, make_target("sents", doc.vocab).gold(Example(doc, doc)).count(START))
