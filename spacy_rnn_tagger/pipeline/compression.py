"""Trained pipelines that take less room on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Collection, Dict, List, Optional, Union

from spacy.language import Language
from thinc.api import Model

from ..models.storage.compact_vectors import REGISTERED, CompactVectors
from ..models.storage.stored_model import StoredModel, check_form, set_storage
from .rnn_language_model import RNNLanguageModel


@dataclass(frozen=True)
class Compression:
    """What became of a pipeline's components, by name.

    stored (List[str]): Components whose weights are saved in the form that was asked for.
    others (List[str]): Components whose weights are saved as before, since their models are of other packages.
    dropped (List[str]): Components that are left out, since only training needs them.
    vectors (Optional[str]): The form that static vectors are saved in now; None if they were left as they are.
    n_words (int): How many words have a vector.
    """

    stored: List[str]
    others: List[str]
    dropped: List[str]
    vectors: Optional[str] = None
    n_words: int = 0


def compress(
    nlp: Language,
    form: str,
    keep_language_model: bool = False,
    *,
    vectors: Optional[str] = None,
    words: Union[int, Collection[str], None] = None,
) -> Compression:
    """Let a pipeline save its weights in few bytes from now on, as a setting of its config. In memory, weights stay as
    they are; static vectors get the form that they will be saved in.

    nlp (Language): The pipeline.
    form (str): The form of the weights: "float32", "float16" or "int8".
    keep_language_model (bool): Whether to keep a component that predicts nothing, to train on.
    vectors (Optional[str]): The form of static vectors, one of the same; None leaves them alone.
    words (Union[int, Collection[str], None]): Of which words to keep the vectors: so many rows of the table from the
        first, which are the most frequent words in most tables; or these words, in their spelling or in lower case.
        None keeps all.
    RETURNS (Compression): What was done.
    RAISES (ValueError): If there is no such form, no component with a model of this package, or there are no vectors,
        or none of these words; nothing is changed then.
    """
    check_form("compress", "weights", form)
    models: Dict[str, Any] = {name: getattr(pipe, "model", None) for name, pipe in nlp.components}
    dropped = [name for name, pipe in nlp.components if isinstance(pipe, RNNLanguageModel) and not keep_language_model]
    stored = [name for name, model in models.items() if isinstance(model, StoredModel) and name not in dropped]
    if not stored:
        raise ValueError(
            "This pipeline has no component with a model of spacy-rnn-tagger to store: "
            f"{', '.join(nlp.component_names) or 'it is empty'}."
        )
    table = None if vectors is None else _compact(nlp, vectors, words)
    if table is not None:
        nlp.vocab.vectors = table
        nlp.config["nlp"]["vectors"] = {"@vectors": REGISTERED, "storage": vectors}
    for name in dropped:
        nlp.remove_pipe(name)
    for name in stored:
        set_storage(models[name], form)
        config: Any = nlp.get_pipe_config(name)["model"]
        _forget_storage(config)
        config["storage"] = form
    others = [name for name, model in models.items() if isinstance(model, Model) and name not in (*stored, *dropped)]
    return Compression(stored, others, dropped, vectors, 0 if table is None else table.n_keys)


def _compact(nlp: Language, form: str, words: Union[int, Collection[str], None]) -> CompactVectors:
    check_form("compress", "vectors", form)
    if not nlp.vocab.vectors.shape[0]:
        raise ValueError("This pipeline has no static vectors to store in another form; leave out that setting.")
    if isinstance(words, int):
        return CompactVectors.of(nlp.vocab.vectors, form, n_rows=words)
    return CompactVectors.of(nlp.vocab.vectors, form, words=words)


def size_on_disk(path: Path) -> int:
    """RETURNS (int): The bytes of all files in a directory."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _forget_storage(section: Dict[str, Any]) -> None:
    """Leave it to the outermost model of a config how the models in it are stored."""
    if "storage" in section and str(section.get("@architectures", "")).startswith("spacy-rnn-tagger."):
        section["storage"] = None
    for value in section.values():
        if isinstance(value, dict):
            _forget_storage(value)
