"""What decides the rows that a run writes."""

from dataclasses import dataclass
from typing import Optional

from ..errors import check_positive, unknown_name

WHERE = "rnn annotate"
OUTPUT_FORMATS = {"parquet": ".parquet", "jsonl": ".jsonl", "conllu": ".conllu", "spacy": ".spacy"}
"""The formats of shards, and the endings of their files."""
SHARD_TOKENS = 250_000


@dataclass(frozen=True)
class AnnotateSettings:
    """Settings that change what is written. All of them are kept in the manifest, and a run is only resumed with the
    same.

    format: Format of the shards: "parquet", "jsonl", "conllu" or "spacy".
    with_text: Whether rows of Parquet and JSONL hold the text.
    scores: Whether the probabilities of predictions are written, by components that know them.
    whole_files: Whether a .txt file is one document; else each of its lines is one.
    text_field: The field of JSONL, column of CSV or Parquet that holds the text.
    id_field: The field or column that holds the id, if there is one; else the file and line are the id.
    shard_tokens: About how many tokens a shard has at most. A longer document is a shard of its own.
    max_characters: The longest document that is annotated, in characters; longer ones are rejected. If None, there is
        no limit, unless spaCy's own parser or ner is in the pipeline: then it is the pipeline's own.
    answers: How many of the likeliest tags of each token are kept in `.spacy` shards with their probabilities, for
        students to learn from (`spacy rnn distill`). If None, none are.
    """

    format: str = "parquet"
    with_text: bool = False
    scores: bool = False
    whole_files: bool = False
    text_field: str = "text"
    id_field: str = "id"
    shard_tokens: int = SHARD_TOKENS
    max_characters: Optional[int] = None
    answers: Optional[int] = None

    def check(self) -> None:
        """Refuse settings that are not allowed. RAISES (ValueError): On the first."""
        if self.format not in OUTPUT_FORMATS:
            raise unknown_name(WHERE, "format", self.format, OUTPUT_FORMATS)
        check_positive(WHERE, shard_tokens=self.shard_tokens)
        if self.max_characters is not None:
            check_positive(WHERE, max_characters=self.max_characters)
        if self.answers is not None:
            check_positive(WHERE, answers=self.answers)
            if self.format != "spacy":
                raise ValueError(f"{WHERE}: answers are kept in the format 'spacy' only, not in {self.format!r}.")
        for name in ("text_field", "id_field"):
            if not getattr(self, name):
                raise ValueError(f"{WHERE}: {name} is empty; name a field or column, such as {name.split('_')[0]!r}.")
        if self.format == "parquet":
            import_pyarrow("writing Parquet")

    @property
    def suffix(self) -> str:
        """RETURNS (str): The ending of a shard's file."""
        return OUTPUT_FORMATS[self.format]


def import_pyarrow(purpose: str) -> None:
    """Refuse to go on without pyarrow. purpose (str): What needs it. RAISES (ValueError): If it is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as e:
        raise ValueError(f"{WHERE}: {purpose} needs pyarrow: pip install 'spacy-rnn-tagger[data]'") from e
