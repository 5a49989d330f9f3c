from pathlib import Path
from typing import Any, Iterator, Optional

from spacy.tokens import Doc
from spacy.training import Corpus
from spacy.vocab import Vocab


class CheckedCorpus(Corpus):
    """`spacy.Corpus.v1` that says which file is damaged."""

    def read_docbin(self, vocab: Vocab, locs: Any) -> Iterator[Doc]:
        for loc in locs:
            try:
                yield from super().read_docbin(vocab, [loc])
            except (GeneratorExit, KeyboardInterrupt):
                raise
            except Exception as e:
                size = Path(loc).stat().st_size if Path(loc).exists() else 0
                raise ValueError(
                    f"Cannot read the training corpus {str(loc)!r} ({size} bytes): it is truncated, or not a .spacy file as "
                    f"`spacy convert` writes it; convert it again. ({type(e).__name__}: {e})"
                ) from e


def create_corpus(
    path: Optional[Path],
    gold_preproc: bool = False,
    max_length: int = 0,
    limit: int = 0,
    augmenter: Optional[Any] = None,
) -> CheckedCorpus:
    """Read training or development data from .spacy files, with a clear message if a file is missing or damaged.

    path (Optional[Path]): A .spacy file, or a directory of them.
    gold_preproc (bool): Whether to use gold sentences and tokens instead of the pipeline's tokenizer.
    max_length (int): Longest doc in tokens; longer ones are split into sentences or skipped. 0 for no limit.
    limit (int): How many examples to read. 0 for all.
    augmenter (Optional[Callable]): Yields variations of an example.
    RETURNS (Corpus): A callable that yields examples, given the pipeline.
    RAISES (ValueError): If there is no path, or nothing lies there.
    """
    if path is None:
        raise ValueError(
            "spacy-rnn-tagger.corpus.v1: no path to the data is given; pass --paths.train and --paths.dev, or set them in [paths]."
        )
    if not Path(path).exists():
        raise ValueError(
            f"spacy-rnn-tagger.corpus.v1: there is no file or directory {str(path)!r}; check [paths], or convert the data first."
        )
    options: Any = {} if augmenter is None else {"augmenter": augmenter}
    return CheckedCorpus(path, gold_preproc=gold_preproc, max_length=max_length, limit=limit, **options)
