"""The reader of annotated docs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Optional

from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus, Example
from spacy.training.corpus import FILE_TYPE, walk_corpus
from spacy.vocab import Vocab

if TYPE_CHECKING:
    from spacy.language import Language


class CheckedCorpus(Corpus):
    """`spacy.Corpus.v1` that says which file is damaged, and where it splits docs into sentences, keeps their span
    groups and custom attributes."""

    def read_docbin(self, vocab: Vocab, locs: Any) -> Iterator[Doc]:
        n_docs = 0
        for loc in locs:
            for doc in self._read_file(vocab, loc):
                yield doc
                n_docs += 1
                if n_docs == self.limit:
                    return

    def make_examples(self, nlp: "Language", reference_docs: Iterable[Doc]) -> Iterator[Example]:
        for doc in reference_docs:
            parts = [doc] if self._fits(doc) else sentences_of(doc)
            yield from (self._make_example(nlp, part, False) for part in parts if len(part) and self._fits(part))

    def make_examples_gold_preproc(self, nlp: "Language", reference_docs: Iterable[Doc]) -> Iterator[Example]:
        for doc in reference_docs:
            yield from (self._make_example(nlp, part, True) for part in sentences_of(doc) if len(part))

    def _fits(self, doc: Doc) -> bool:
        return not self.max_length or len(doc) < self.max_length

    def docs(self, vocab: Vocab) -> Iterator[Doc]:
        """The gold docs as they lie in the files, empty ones too.

        vocab (Vocab): The vocabulary to read them with.
        YIELDS (Doc): A doc.
        """
        for loc in walk_corpus(self.path, FILE_TYPE):
            yield from read_docs(vocab, loc)

    def _read_file(self, vocab: Vocab, loc: Any) -> Iterator[Doc]:
        yield from (doc for doc in read_docs(vocab, loc) if len(doc))


def read_docs(vocab: Vocab, loc: Any) -> Iterator[Doc]:
    """The docs of one .spacy file.

    vocab (Vocab): The vocabulary to read them with.
    loc (Path): The file.
    YIELDS (Doc): A doc.
    RAISES (ValueError): If the file is damaged.
    """
    try:
        yield from DocBin().from_disk(loc).get_docs(vocab)
    except (GeneratorExit, KeyboardInterrupt):
        raise
    except Exception as e:
        size = Path(loc).stat().st_size if Path(loc).exists() else 0
        raise ValueError(
            f"Cannot read the training corpus {str(loc)!r} ({size} bytes): it is truncated, or not a .spacy file as "
            f"`spacy convert` writes it; convert it again. ({type(e).__name__}: {e})"
        ) from e


def sentences_of(doc: Doc) -> Iterator[Doc]:
    """The sentences of a doc as docs, with all that the doc says of them.

    doc (Doc): The doc.
    YIELDS (Doc): A sentence, with the span groups of the doc, without the spans that reach into others; the doc itself
        if it has no sentences.
    """
    if not doc.has_annotation("SENT_START"):
        yield doc
        return
    for sent in doc.sents:
        part = sent.as_doc(copy_user_data=True)
        for key, group in doc.spans.items():
            inside = [span for span in group if span.start >= sent.start and span.end <= sent.end]
            part.spans[key] = [
                Span(
                    part, span.start - sent.start, span.end - sent.start, span.label, kb_id=span.kb_id, span_id=span.id
                )
                for span in inside
            ]
        yield part


def create_corpus(
    path: Optional[Path],
    gold_preproc: bool = False,
    max_length: int = 0,
    limit: int = 0,
    augmenter: Optional[Any] = None,
) -> CheckedCorpus:
    """Read training or development data from .spacy files, with a clear message if a file is missing or damaged. Unlike
    `spacy.Corpus.v1`, it keeps span groups and custom attributes where it splits docs.

    path (Optional[Path]): A .spacy file, or a directory of them.
    gold_preproc (bool): Whether to use gold sentences and tokens instead of the pipeline's tokenizer.
    max_length (int): Longest doc in tokens; longer ones are split into sentences or skipped. 0 for no limit.
    limit (int): How many examples to read. 0 for all.
    augmenter (Optional[Callable]): Yields variations of an example.
    RETURNS (Corpus): A callable that yields examples, given the pipeline.
    RAISES (ValueError): If there is no path, or no .spacy file lies there.
    """
    if path is None:
        raise ValueError(
            "spacy-rnn-tagger.corpus.v1: no path to the data is given; pass --paths.train and --paths.dev, or set "
            "them in [paths]."
        )
    if not Path(path).exists():
        raise ValueError(
            f"spacy-rnn-tagger.corpus.v1: there is no file or directory {str(path)!r}; check [paths], or convert the "
            "data first."
        )
    files = Path(path).rglob(f"*{FILE_TYPE}") if Path(path).is_dir() else [Path(path)]
    if not any(file.name.endswith(FILE_TYPE) for file in files):
        raise ValueError(
            f"spacy-rnn-tagger.corpus.v1: {str(path)!r} is no {FILE_TYPE} file, and no directory with any; convert "
            "the data first, for instance by `spacy convert`."
        )
    options: Any = {} if augmenter is None else {"augmenter": augmenter}
    return CheckedCorpus(path, gold_preproc=gold_preproc, max_length=max_length, limit=limit, **options)
