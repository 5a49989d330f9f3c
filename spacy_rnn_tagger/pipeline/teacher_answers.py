"""What teachers say about the tokens of a doc, kept on the doc: the likeliest tags of each token, and how likely they
are.

The answers lie in `doc.user_data` under the key of a custom attribute, so that a DocBin with user data keeps them, and
`Span.as_doc` takes them along. A token's answers are found by where it begins.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.training import Example

from .targets import align_rows, to_array

NAME = "spacy_rnn_tagger:teacher:"
Answers = NDArray[np.float32]


class Mixture(NamedTuple):
    """How a teacher's answers and gold tags are mixed in the loss.

    weight: The share a of the divergence from the teacher in `a T^2 KL + (1 - a) NLL`, from 0 to 1.
    temperature: The temperature T, above 0.
    min_confidence: The least probability of the likeliest tag for a token to count; less likely ones are left out of
        both parts.
    """

    weight: float = 1.0
    temperature: float = 1.0
    min_confidence: float = 0.0


def keep_answers(doc: Doc, target: str, tags: Sequence[str], probabilities: NDArray[np.floating], k: int) -> None:
    """Keep the k likeliest tags of each token of a doc.

    doc (Doc): The doc.
    target (str): The name of the target that the tags are of.
    tags (Sequence[str]): The tags, in column order.
    probabilities (array): (n_tokens, n_tags) of each tag; NaN where the teacher has no answer.
    k (int): How many are kept, in float16.
    """
    k = min(k, len(tags))
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    record = {
        "offsets": to_array(doc, "IDX")[:, 0].astype("int64"),
        "columns": likeliest.astype("uint16"),
        "probabilities": np.take_along_axis(probabilities, likeliest, axis=1).astype("float16"),
        "tags": list(tags),
    }
    _data(doc)["._.", NAME + target, 0, None] = record


def answered_targets(doc: Doc) -> List[str]:
    """RETURNS (List[str]): The names of the targets that a doc has answers about. doc (Doc): The doc."""
    keys = (key for key in _data(doc) if isinstance(key, tuple) and len(key) == 4)
    return sorted({key[1][len(NAME) :] for key in keys if str(key[1]).startswith(NAME)})


def keep_only_answers(doc: Doc) -> None:
    """Forget all that a doc's data hold but what teachers said. doc (Doc): The doc."""
    data = _data(doc)
    for key in [key for key in data if not (isinstance(key, tuple) and str(key[1]).startswith(NAME))]:
        del data[key]


def drop_answers(doc: Doc) -> None:
    """Forget all that teachers said about a doc. doc (Doc): The doc."""
    for key in [key for key in _data(doc) if isinstance(key, tuple) and str(key[1]).startswith(NAME)]:
        del _data(doc)[key]


def answers_of(doc: Doc, target: str, tags: Sequence[str]) -> Optional[Answers]:
    """The answers about a doc, for tags of another model.

    doc (Doc): The doc.
    target (str): The name of the target.
    tags (Sequence[str]): The tags to tell about, in column order. What the teacher gave others is left out, and the
        rest sums to 1 again.
    RETURNS (Optional[array]): (n_tokens, n_tags) float32 probabilities; zero rows where there is no answer. None if
        there is none at all.
    """
    found: Optional[Answers] = None
    for key, record in list(_data(doc).items()):
        if not isinstance(key, tuple) or key[1] != NAME + target:
            continue
        found = np.zeros((len(doc), len(tags)), dtype="float32") if found is None else found
        _add(found, doc, key[2], record, tags)
    if found is not None:
        totals = found.sum(axis=1, keepdims=True)
        np.divide(found, totals, out=found, where=totals > 0)
    return found


def aligned_answers(example: Example, target: str, tags: Sequence[str]) -> Optional[Answers]:
    """RETURNS (Optional[array]): `answers_of` the reference, on the tokens of the predicted doc; zero rows for tokens
    that are not one token of the reference. example (Example): The example. target (str): The name of the target. tags
    (Sequence[str]): The tags."""
    answers = answers_of(example.reference, target, tags)
    return None if answers is None else align_rows(example, answers)


def set_mixture(doc: Doc, mixture: Mixture) -> None:
    """Say how the answers about a doc enter the loss. doc (Doc): The doc. mixture (Mixture): How."""
    _data(doc)[MIXTURE] = tuple(mixture)


def mixture_of(doc: Doc) -> Mixture:
    """RETURNS (Mixture): How the answers about a doc enter the loss. doc (Doc): The doc."""
    return Mixture(*_data(doc).get(MIXTURE, ()))


MIXTURE = "spacy_rnn_tagger:mixture"


def _add(found: Answers, doc: Doc, place: int, record: Dict[str, Any], tags: Sequence[str]) -> None:
    offsets = np.asarray(record["offsets"])
    at = to_array(doc, "IDX")[:, 0].astype("int64") - place
    rows = np.minimum(np.searchsorted(offsets, at), max(len(offsets) - 1, 0))
    tokens = np.flatnonzero(offsets[rows] == at) if len(offsets) else np.zeros((0,), dtype="int64")
    index = {tag: i for i, tag in enumerate(tags)}
    # One more column for what is none of the tags.
    columns = np.asarray([index.get(tag, len(tags)) for tag in record["tags"]], dtype="int64")
    kept = columns[np.asarray(record["columns"])[rows[tokens]]]
    wide = np.zeros((len(tokens), len(tags) + 1), dtype="float32")
    probabilities = np.nan_to_num(np.asarray(record["probabilities"])[rows[tokens]].astype("float32"))
    np.add.at(wide, (np.arange(len(tokens))[:, None], kept), probabilities)
    found[tokens] = wide[:, :-1]


def _data(doc: Doc) -> Dict[Any, Any]:
    data: Dict[Any, Any] = doc.user_data
    return data
