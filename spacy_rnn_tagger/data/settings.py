"""How data are read and written."""

from dataclasses import dataclass
from typing import Any, Callable, Iterable, List, Optional, Tuple

from ..errors import check_positive, check_rate, unknown_name

WHERE = "rnn convert"
MISALIGNED = ("drop", "expand", "contract", "fail")
Progress = Callable[[Iterable[Any], str], Iterable[Any]]


def show_nothing(items: Iterable[Any], title: str) -> Iterable[Any]:
    """RETURNS (Iterable): The items. items (Iterable): The items. title (str): What is done with them."""
    return items


@dataclass
class ReadSettings:
    """How files are read. Whatever is None is recognised from the files and named in the report.

    format (Optional[str]): The name of the files' format, one of `FORMATS`.
    scheme (Optional[str]): The scheme of entity tags, one of `SCHEMES` or of their other names.
    columns (Optional[List[str]]): Names of CoNLL columns in order, such as ["word", "tag", "_", "ents"], where "_" is
        left out; for tables and JSON, "role=name" for fields with names of their own, such as ["text=body",
        "label=kind"].
    labels (Optional[List[str]]): Names of tags that a file gives as numbers from 0 on.
    lang (Optional[str]): The language whose tokenizer splits texts; None for the tokenizer of any language, "xx".
    offsets (Optional[str]): The unit of offsets: "characters", "utf16" or "bytes".
    misaligned (str): What is done with a span that does not begin and end at tokens: "drop" it, "expand" it to the
        tokens that it touches, "contract" it to those that it holds, or "fail".
    spans_key (Optional[str]): The key of the span group in which all spans are kept, overlapping ones too; None for
        entities only.
    skip_bad (bool): Whether damaged lines are listed and left out; else the first is an error.
    group (Optional[int]): How many sentences make a doc; None for a doc as the file marks it, or each sentence where it
        marks none.
    """

    format: Optional[str] = None
    scheme: Optional[str] = None
    columns: Optional[List[str]] = None
    labels: Optional[List[str]] = None
    lang: Optional[str] = None
    offsets: Optional[str] = None
    misaligned: str = "drop"
    spans_key: Optional[str] = None
    skip_bad: bool = False
    group: Optional[int] = None

    def check(self) -> None:
        """Refuse values that are not allowed. RAISES (ValueError): On the first."""
        from .formats import FORMATS
        from .offsets import UNITS
        from .schemes import SCHEME_NAMES

        for setting, given, allowed in (
            ("--from", self.format, FORMATS),
            ("--scheme", self.scheme, SCHEME_NAMES),
            ("--offsets", self.offsets, UNITS),
            ("--misaligned", self.misaligned, MISALIGNED),
        ):
            if given is not None and given not in allowed:
                raise unknown_name(WHERE, setting, given, allowed)
        if self.group is not None:
            check_positive(WHERE, **{"--group": self.group})


@dataclass
class WriteSettings:
    """How docs are written.

    format (str): The name of the format, one of `FORMATS`.
    split (Optional[Tuple[float, float]]): The shares of docs that become development and test data; None for one part.
    seed (int): Decides which docs.
    shard_docs (Optional[int]): The most docs of a file; None for one file.
    spans_key (Optional[str]): The key of the span group that is written; None for the entities.
    confidences (bool): Whether CoNLL and CoNLL-U files get the probabilities that docs have. Other formats always do.
    register_scores (Optional[Callable[[str], Any]]): Makes the probabilities of tokens that lie in a doc under a key
        readable as `Token._.<key>_score`; not needed where a pipeline that stores them is loaded.
    progress (Callable[[Iterable, str], Iterable]): Is given what is read or written, one by one, with a title, and
        shows how many.
    """

    format: str = "spacy"
    split: Optional[Tuple[float, float]] = None
    seed: int = 0
    shard_docs: Optional[int] = None
    spans_key: Optional[str] = None
    confidences: bool = False
    register_scores: Optional[Callable[[str], Any]] = None
    progress: Progress = show_nothing

    def check(self) -> None:
        """Refuse values that are not allowed. RAISES (ValueError): On the first."""
        from .formats import FORMATS

        if self.format not in FORMATS:
            raise unknown_name(WHERE, "--to", self.format, FORMATS)
        if self.shard_docs is not None:
            check_positive(WHERE, **{"--shard-docs": self.shard_docs})
        if self.split is not None:
            dev, test = self.split
            check_rate(WHERE, **{"--split (development)": dev, "--split (test)": test})
            if dev + test >= 1:
                raise ValueError(
                    f"{WHERE}: --split {dev:g} {test:g} leaves nothing to train on; the two shares must sum to less "
                    "than 1."
                )

    def is_folder(self) -> bool:
        """RETURNS (bool): Whether a folder is written, not a file."""
        return self.split is not None or self.shard_docs is not None or self.format == "brat"
