"""Static vectors in few bytes: a vocabulary's table of vectors that keeps its rows as float16 or int8."""

from pathlib import Path
from typing import Any, Callable, Collection, Iterable, Iterator, KeysView, Mapping, Optional, Tuple, Union

import numpy as np
import srsly
from numpy.typing import NDArray
from spacy.attrs import IDS, NAMES
from spacy.strings import StringStore, get_string_id
from spacy.util import ensure_path
from spacy.vectors import BaseVectors, Mode, Vectors
from spacy.vocab import Vocab
from thinc.api import NumpyOps, Ops, get_current_ops

from ...errors import unknown_name
from .finite import is_finite
from .forms import CODES, FORMS, decode, encode
from .row_of_key import MISSING, RowOfKey
from .unpacking import unpack
from .weights_error import WeightsError

REGISTERED = "spacy-rnn-tagger.CompactVectors.v1"
ATTRS = ("ORTH", "LOWER", "NORM")
FILE, SPACY_FILE = "compact_vectors", "vectors"
"""The file in a pipeline's folder `vocab`, and the one of spaCy's own vectors."""
PARTS = {"attr", "keys", "rows", "table", "name"}


class CompactVectors(BaseVectors):
    """Static vectors for a vocabulary, in place of `spacy.Vectors`: read-only, in few bytes on disk and in memory, with
    the attribute that they are looked up by saved along (spaCy's table saves it for floret only, so that vectors of
    lower-case words are looked up by the spelling once they were saved).

    A table of spaCy's own is read too, and given the form of this one.

    strings (Optional[StringStore]): The string store.
    storage (str): The form that a table of spaCy's is given: "float32", "float16" or "int8", one byte a number and a
        scale for each row.
    attr (Optional[str]): What a table of spaCy's is looked up by: "ORTH", "LOWER" or "NORM"; what it says itself if
        None.
    name (Optional[str]): The name of the table.
    RAISES (ValueError): If there is no such form or attribute.
    """

    def __init__(
        self,
        *,
        strings: Any = None,
        storage: str = "int8",
        attr: Optional[str] = None,
        name: Optional[str] = None,
    ) -> None:
        if storage not in FORMS:
            raise unknown_name(REGISTERED, "storage", storage, FORMS)
        if attr is not None and attr.upper() not in ATTRS:
            raise unknown_name(REGISTERED, "attr", attr, ATTRS)
        self.strings = StringStore() if strings is None else strings
        self.storage = storage
        self.name = name
        self.mode = Mode.default.value
        self._asked_attr = None if attr is None else attr.upper()
        self._ops: Ops = NumpyOps()
        self._fill(np.zeros((0,), dtype="uint64"), np.zeros((0,), dtype="uint16"), np.zeros((0, 0), dtype="float32"))
        self.attr = IDS[self._asked_attr or "ORTH"]

    def _fill(self, keys: Any, rows: Any, table: Any) -> None:
        order = np.argsort(keys, kind="stable")
        self.key2row = RowOfKey(keys[order], rows[order])
        self._table = table
        self.data = table[CODES] if isinstance(table, dict) else table
        """(n_rows, width) the rows, as whole numbers without their scales if they are kept as int8."""

    @property
    def shape(self) -> Tuple[int, int]:
        """RETURNS (Tuple[int, int]): The number of rows and their width."""
        n_rows, width = self.data.shape
        return int(n_rows), int(width)

    @property
    def size(self) -> int:
        """RETURNS (int): Rows times width."""
        return int(self.data.size)

    @property
    def vectors_length(self) -> int:
        """RETURNS (int): The width."""
        return self.shape[1]

    @property
    def n_keys(self) -> int:
        """RETURNS (int): How many words have a vector. Several may share one."""
        return len(self.key2row)

    @property
    def is_full(self) -> bool:
        """RETURNS (bool): True, since nothing can be added."""
        return True

    @property
    def n_bytes(self) -> int:
        """RETURNS (int): What the table and its keys take in memory."""
        parts = self._table.values() if isinstance(self._table, dict) else [self._table]
        keys, rows = self.key2row.sorted_keys, self.key2row.sorted_rows
        return int(sum(part.nbytes for part in (*parts, keys, rows)))

    def __len__(self) -> int:
        return self.shape[0]

    def __contains__(self, key: Union[int, str]) -> bool:
        return get_string_id(key) in self.key2row

    def __iter__(self) -> Iterator[int]:
        return iter(self.key2row)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, CompactVectors) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, key: Union[int, str]) -> Any:
        """The vector of a word.

        key (Union[int, str]): The word, or its hash.
        RETURNS (array): (width,) float32.
        RAISES (KeyError): If it has none.
        """
        if key not in self:
            raise KeyError(f"{REGISTERED}: {key!r} has no vector; ask with `in` first.")
        return self.get_batch([key])[0]

    def __setitem__(self, key: Union[int, str], vector: Any) -> None:
        raise _read_only()

    def add(self, key: Union[int, str], *, vector: Any = None, row: Optional[int] = None) -> int:
        """RAISES (ValueError): Always; the table is read-only."""
        raise _read_only()

    def resize(self, shape: Tuple[int, int], inplace: bool = False) -> Any:
        """RAISES (ValueError): Always; the table is read-only."""
        raise _read_only()

    def keys(self) -> KeysView[int]:
        """RETURNS (KeysView[int]): The hashes of all words that have a vector."""
        return self.key2row.keys()

    def find(self, *, keys: Iterable[Union[int, str]]) -> NDArray[np.int64]:
        """Look up the rows of words.

        keys (Iterable[Union[int, str]]): The words, or their hashes.
        RETURNS (array): (n,) rows, -1 where there is none.
        """
        if not isinstance(keys, np.ndarray):
            keys = np.asarray([get_string_id(key) for key in keys], dtype="uint64")
        return self.key2row.find(keys.astype("uint64", copy=False))

    def get_batch(self, keys: Iterable[Union[int, str]]) -> Any:
        """Look up the vectors of words.

        keys (Iterable[Union[int, str]]): The words, or their hashes.
        RETURNS (array): (n, width) float32, zeros where there is none, on the device of `to_ops`.
        """
        keys = get_current_ops().to_numpy(keys) if hasattr(keys, "dtype") else keys
        rows = self.find(keys=keys)
        if not self.shape[0]:
            vectors: Any = np.zeros((rows.shape[0], self.shape[1]), dtype="float32")
        else:
            vectors = decode(_take(self._table, rows))
            vectors[rows == MISSING] = 0
        return self._ops.asarray(vectors)

    def most_similar(self, queries: Any, **settings: Any) -> Any:
        """The words with the nearest vectors, as `Vectors.most_similar` of spaCy finds them, of a table in full size.

        queries (array): (n, width) vectors.
        **settings: `batch_size`, `n` and `sort`, as there.
        RETURNS (Tuple[array, array, array]): Keys, rows and scores, (n_queries, n) each.
        """
        return self.as_vectors().most_similar(queries, **settings)

    def as_vectors(self) -> Vectors:
        """RETURNS (Vectors): A table of spaCy's with the same words and vectors, in full size."""
        vectors = Vectors(
            strings=self.strings,
            data=decode(_take(self._table, slice(None))),
            name=self.name,
            attr=NAMES[int(self.attr)],
        )
        vectors.key2row = dict(self.key2row)
        return vectors

    @classmethod
    def of(
        cls,
        vectors: Any,
        storage: str = "int8",
        *,
        attr: Optional[str] = None,
        n_rows: Optional[int] = None,
        words: Optional[Collection[str]] = None,
    ) -> "CompactVectors":
        """Make a compact table of another one.

        vectors (Union[Vectors, CompactVectors]): The other table, with a key for each word.
        storage (str): "float32", "float16" or "int8".
        attr (Optional[str]): What it is looked up by; what the other one says if None.
        n_rows (Optional[int]): Keep only so many rows, the first: files of vectors begin with the most frequent words.
        words (Optional[Collection[str]]): Keep only the rows of these words, in their spelling or in lower case.
        RETURNS (CompactVectors): The table.
        RAISES (ValueError): If the other one has no keys (floret), nothing of it would be left, or a value is too large
            for the form.
        """
        made = cls(strings=vectors.strings, storage=storage, attr=attr, name=vectors.name)
        if not isinstance(vectors, (Vectors, CompactVectors)) or vectors.mode != Mode.default.value:
            raise ValueError(
                f"{REGISTERED}: {type(vectors).__name__} of mode {str(getattr(vectors, 'mode', None))!r} has no vector "
                "for each word, so its rows cannot be chosen or kept in this form; leave it as it is."
            )
        if attr is None:
            made.attr = vectors.attr
        keys, rows = _keys_and_rows(vectors.key2row)
        kept = np.ones(keys.shape, dtype=bool)
        if words is not None:
            wanted = {get_string_id(form) for word in words for form in (word, word.lower())}
            kept &= np.isin(keys, np.fromiter(wanted, dtype="uint64", count=len(wanted)))
        used = np.unique(rows[kept])
        if n_rows is not None:
            used = used[:n_rows]
            kept &= np.isin(rows, used)
        if keys.shape[0] and not kept.any():
            raise ValueError(f"{REGISTERED}: none of the {keys.shape[0]:,} words with a vector would be left.")
        data = get_current_ops().to_numpy(vectors.data) if isinstance(vectors, Vectors) else vectors._table
        table = decode(_take(data, used)).astype("float32", copy=False)
        if not is_finite(table):
            raise ValueError(f"{REGISTERED}: the vectors have NaN or infinite values; leave out their words.")
        try:
            encoded = encode(table, storage)
        except ValueError as e:
            raise ValueError(f"{REGISTERED}: storage = {storage!r}: {e}.") from e
        made._fill(keys[kept], np.searchsorted(used, rows[kept]).astype(_index_type(len(used))), encoded)
        return made

    def to_ops(self, ops: Ops) -> None:
        """Look vectors up for models on a device; the table itself stays on the CPU. ops (Ops): The device's."""
        self._ops = ops

    def to_bytes(self, *, exclude: Collection[str] = ()) -> bytes:
        """RETURNS (bytes): The table. exclude (Collection[str]): Ignored; strings are the vocabulary's."""
        message = {
            "attr": NAMES[int(self.attr)],
            "name": self.name,
            "keys": self.key2row.sorted_keys,
            "rows": self.key2row.sorted_rows,
            "table": self._table,
        }
        saved: bytes = srsly.msgpack_dumps(message)
        return saved

    def from_bytes(self, data: bytes, *, exclude: Collection[str] = ()) -> "CompactVectors":
        """Take a saved table in place of this one.

        data (bytes): What `to_bytes` gave.
        exclude (Collection[str]): Ignored.
        RETURNS (CompactVectors): This table.
        RAISES (ValueError): If the bytes are damaged, or no table.
        """
        return self._read(data, f"{REGISTERED}: the saved vectors")

    def to_disk(self, path: Union[str, Path], *, exclude: Collection[str] = ()) -> None:
        """Save the table. path (Union[str, Path]): The folder of the vocabulary; it is made if it is missing."""
        folder = ensure_path(path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_bytes(self.to_bytes())

    def from_disk(self, path: Union[str, Path], *, exclude: Collection[str] = ()) -> "CompactVectors":
        """Take a saved table in place of this one, or one of spaCy's, which is given the form and the attribute of this
        one's settings.

        path (Union[str, Path]): The folder of the vocabulary. The table stays as it is if there is none.
        exclude (Collection[str]): Ignored.
        RETURNS (CompactVectors): This table.
        RAISES (ValueError): If the file is damaged, or spaCy's table has no keys.
        """
        folder = ensure_path(path)
        if (folder / FILE).is_file():
            return self._read((folder / FILE).read_bytes(), f"{REGISTERED}: {folder / FILE}")
        if (folder / SPACY_FILE).is_file():
            table = Vectors().from_disk(folder, exclude=["strings"])
            if table.shape[0]:
                made = CompactVectors.of(table, self.storage, attr=self._asked_attr)
                self._take_over(made)
        return self

    def __reduce__(self) -> Tuple[Any, ...]:
        return _unpickle, (self.to_bytes(), self.storage, self._asked_attr)

    def _take_over(self, made: "CompactVectors") -> None:
        self.key2row, self._table, self.data, self.attr = made.key2row, made._table, made.data, made.attr
        self.name = made.name or self.name

    def _read(self, saved: bytes, where: str) -> "CompactVectors":
        try:
            message = unpack(saved)
        except ValueError as e:
            raise WeightsError(
                where, f"cannot be read ({len(saved)} bytes); the file is truncated or damaged: {e}."
            ) from e
        keys, rows, table = _checked(message, where)
        self._fill(keys, rows, table)
        self.attr, self.name = IDS[message["attr"]], message["name"] or self.name
        return self


def make_compact_vectors(storage: str = "int8", attr: Optional[str] = None) -> Callable[[Vocab], CompactVectors]:
    """The function that `[nlp.vectors]` of a config wants: it makes the vectors of a vocabulary.

    storage (str): The form of a table that is read from a pipeline with spaCy's own: "float32", "float16" or "int8".
        A table that was saved by this class keeps its form.
    attr (Optional[str]): What a table of spaCy's is looked up by: "ORTH", "LOWER" or "NORM"; what it says if None.
    RETURNS (Callable[[Vocab], CompactVectors]): The function.
    RAISES (ValueError): If there is no such form or attribute.
    """
    CompactVectors(storage=storage, attr=attr)  # a wrong setting is told before a vocabulary is made

    def make(vocab: Vocab) -> CompactVectors:
        return CompactVectors(strings=vocab.strings, storage=storage, attr=attr)

    return make


def _read_only() -> ValueError:
    return ValueError(
        f"{REGISTERED}: compact vectors cannot be changed; change the vectors that they were made of, or those of "
        "`as_vectors()`."
    )


def _unpickle(saved: bytes, storage: str, attr: Optional[str]) -> CompactVectors:
    return CompactVectors(storage=storage, attr=attr).from_bytes(saved)


def _take(data: Any, rows: Any) -> Any:
    """RETURNS (Any): Some rows of a table in any form, copied."""
    if isinstance(data, dict):
        return {name: part[rows] for name, part in data.items()}
    return np.array(data[rows])


def _keys_and_rows(key2row: Mapping[int, int]) -> Tuple[NDArray[np.uint64], NDArray[np.int64]]:
    if isinstance(key2row, RowOfKey):
        return key2row.sorted_keys, key2row.sorted_rows.astype("int64")
    n_keys = len(key2row)
    keys = np.fromiter(key2row.keys(), dtype="uint64", count=n_keys)
    rows = np.fromiter(key2row.values(), dtype="int64", count=n_keys)
    return keys[rows >= 0], rows[rows >= 0]


def _index_type(n_rows: int) -> str:
    """RETURNS (str): The smallest type that counts rows."""
    return "uint16" if n_rows <= 2**16 else "uint32"


def _checked(message: Any, where: str) -> Tuple[Any, Any, Any]:
    """RETURNS (Tuple[array, array, Any]): Keys, rows and table of a saved table. RAISES (WeightsError): If they do not
    go together."""
    damaged = WeightsError(where, "the file has no vectors that fit together; it is damaged, or is another file.")
    if not isinstance(message, dict) or {*message} != PARTS or message["attr"] not in ATTRS:
        raise damaged
    keys, rows, table = message["keys"], message["rows"], message["table"]
    try:
        first = decode(_take(table, slice(0, 1)))  # whether it is of a form that is known
        (n_rows,) = {len(part) for part in (table.values() if isinstance(table, dict) else [table])}
    except (ValueError, AttributeError, TypeError, IndexError) as e:
        raise damaged from e
    is_whole = (
        first.ndim == 2
        and isinstance(keys, np.ndarray)
        and isinstance(rows, np.ndarray)
        and keys.dtype == np.uint64
        and rows.dtype in (np.uint16, np.uint32)
        and keys.ndim == 1
        and keys.shape == rows.shape
        and (not rows.shape[0] or int(rows.max()) < n_rows)
        and bool((keys[1:] > keys[:-1]).all())
    )
    if not is_whole:
        raise damaged
    return keys, rows, table
