"""Trained pipelines that take less room on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List

from spacy.language import Language
from thinc.api import Model

from ..models.storage.stored_model import StoredModel, check_form, set_storage
from .rnn_language_model import RNNLanguageModel


@dataclass(frozen=True)
class Compression:
    """What became of a pipeline's components, by name.

    stored (List[str]): Components whose weights are saved in the form that was asked for.
    others (List[str]): Components whose weights are saved as before, since their models are of other packages.
    dropped (List[str]): Components that are left out, since only training needs them.
    """

    stored: List[str]
    others: List[str]
    dropped: List[str]


def compress(nlp: Language, form: str, keep_language_model: bool = False) -> Compression:
    """Let a pipeline save its weights in few bytes from now on, as a setting of its config. In memory nothing changes.

    nlp (Language): The pipeline.
    form (str): "float32", "float16" or "int8".
    keep_language_model (bool): Whether to keep a component that predicts nothing, to train on.
    RETURNS (Compression): What was done.
    RAISES (ValueError): If there is no such form, or no component with a model of this package; nothing is changed
        then.
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
    for name in dropped:
        nlp.remove_pipe(name)
    for name in stored:
        set_storage(models[name], form)
        config: Any = nlp.get_pipe_config(name)["model"]
        _forget_storage(config)
        config["storage"] = form
    others = [name for name, model in models.items() if isinstance(model, Model) and name not in (*stored, *dropped)]
    return Compression(stored, others, dropped)


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
