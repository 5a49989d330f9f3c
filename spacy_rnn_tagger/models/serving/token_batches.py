from typing import Iterable, Iterator, List, Optional

from spacy.tokens import Doc

# Tokens that are served at once, unless a single doc has more: enough that larger batches would not be faster.
MAX_TOKENS = 2**14


def batch_by_tokens(docs: Iterable[Doc], max_tokens: int, max_docs: Optional[int] = None) -> Iterator[List[Doc]]:
    """Split a stream of docs into batches that stay below a number of tokens, in order.

    docs (Iterable[Doc]): The docs. No more than one batch, and the doc after it if that did not fit in, is held.
    max_tokens (int): Most tokens of a batch. A longer doc is a batch of its own.
    max_docs (Optional[int]): Most docs of a batch.
    YIELDS (List[Doc]): A batch, never empty.
    """
    batch: List[Doc] = []
    n_tokens = 0
    for doc in docs:
        length = len(doc)
        if batch and n_tokens + length > max_tokens:
            yield batch
            batch, n_tokens = [], 0
        batch.append(doc)
        n_tokens += length
        if len(batch) == max_docs or n_tokens >= max_tokens:
            yield batch
            batch, n_tokens = [], 0
    if batch:
        yield batch
