"""The target "_.<extension>": a custom attribute of tokens."""

from typing import Any, Dict, List, Optional, Sequence, Set, Tuple, Union

import numpy as np
from numpy.typing import NDArray
from spacy.strings import get_string_id
from spacy.tokens import Doc, Span, Token
from spacy.tokens.underscore import Underscore
from spacy.training import Example
from spacy.vocab import Vocab

from ...errors import nearest
from ..writing import ABSTAIN
from .alignment import align_values, describe
from .base import Columns
from .path import Path
from .token_target import TokenTarget

PREFIX = "_."


class ExtensionTarget(TokenTarget):
    """A custom string attribute, `Token._.<extension>`.

    Gold is what the doc's user data hold, so a reference in which no token was ever given a value is unannotated,
    whatever the attribute's default is. In one that has some, the default stands for the other tokens; None and "" are
    missing.
    """

    def __init__(self, vocab: Vocab, extension: str, alternatives_key: Optional[str] = None) -> None:
        super().__init__(vocab, alternatives_key)
        self.name = PREFIX + extension
        self.extension = extension
        self.score_keys = (f"{extension}_acc",)

    def describe_missing(self) -> str:
        return (
            f"no doc has user data for token._.{self.extension}: set it on the tokens of the gold docs, and write "
            "them with DocBin(store_user_data=True), since a DocBin drops custom attributes by default."
        )

    def is_annotated(self, doc: Doc) -> bool:
        return bool(self._alternative_spans(doc)) or bool(self._tokens_with_data(doc))

    def check(self, example: Example, where: str) -> None:
        self._values(example.reference, where)

    def values_in(self, doc: Doc) -> Set[str]:
        return {value for value in self._values(doc) if value is not None}

    def gold(self, example: Example) -> List[Optional[str]]:
        return align_values(example, self._values(example.reference))

    def count_gold(self, example: Example) -> int:
        return sum(value is not None for value in self._values(example.reference))

    def state(self, tokens: Union[Doc, Span]) -> NDArray[np.uint64]:
        present = self._tokens_with_data(tokens)
        values = [token._.get(self.extension) if token.i in present else "" for token in tokens]
        keys: NDArray[np.uint64] = np.asarray([get_string_id(str(value)) for value in values], dtype=np.uint64)
        return keys.reshape((-1, 1))

    def annotate(self, doc: Doc, path: Path, labels: Sequence[str], *, overwrite: bool, extend: bool) -> None:
        _, method, getter, setter = self._require()
        if method is not None or (getter is not None and setter is None):
            raise ValueError(
                f"target {self.name!r}: token._.{self.extension} is computed, by a "
                f"{'method' if getter is None else 'getter'} without a setter, so predictions cannot be stored in it; "
                f"register it with a default, as in Token.set_extension({self.extension!r}, default=None, force=True)."
            )
        kept = set() if overwrite else self._tokens_with_data(doc)
        for token, tag in zip(doc, path.tolist()):
            if tag != ABSTAIN and token.i not in kept:
                token._.set(self.extension, labels[tag])

    def _columns(self, labels: Tuple[str, ...]) -> Columns:
        return (np.asarray([get_string_id(label) for label in labels], dtype=np.uint64),)

    def _values(self, doc: Doc, where: str = "") -> List[Optional[str]]:
        """(n_tokens,) the value of each token of a gold doc, None where it is missing."""
        if not self._tokens_with_data(doc):
            return [None] * len(doc)
        values = [token._.get(self.extension) for token in doc]
        for token, value in zip(doc, values):
            if value is not None and not isinstance(value, str):
                raise ValueError(
                    f"target {self.name!r}: token._.{self.extension} must be a string, but it is {value!r} (of type "
                    f"{type(value).__name__}) for token {token.i} ({token.text!r}) of {where or describe(doc)}."
                )
        return [value or None for value in values]

    def _tokens_with_data(self, tokens: Union[Doc, Span]) -> Set[int]:
        """Indices in the doc of those tokens that were given a value."""
        _, _, getter, _ = self._require()
        data: Dict[Any, Any] = tokens.doc.user_data
        if getter is None and not data:
            return set()
        # A getter knows itself where the values lie.
        values = (data.get(("._.", self.extension, t.idx, None)) if getter is None else getter(t) for t in tokens)
        return {token.i for token, value in zip(tokens, values) if value not in (None, "")}

    def _require(self) -> Tuple[Any, Any, Any, Any]:
        """RETURNS (Tuple): Default, method, getter and setter. RAISES (ValueError): If there is no such extension."""
        if not Token.has_extension(self.extension):
            raise ValueError(
                f"target {self.name!r}: tokens have no custom attribute {self.extension!r}; register it before the "
                f"pipeline is used, with Token.set_extension({self.extension!r}, default=None)."
                + nearest(self.extension, Underscore.token_extensions)
            )
        found: Tuple[Any, Any, Any, Any] = Token.get_extension(self.extension)
        return found
