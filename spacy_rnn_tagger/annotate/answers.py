"""How likely the components of a pipeline find each tag, kept on the docs for students to learn from."""

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.pipeline import Morphologizer, Tagger
from spacy.tokens import Doc

from ..pipeline.rnn_tagger import RNNTagger
from ..pipeline.stored_scores import take_probs
from ..pipeline.targets import make_target
from ..pipeline.teacher_answers import keep_answers, keep_only_answers

WITH_SOFTMAX = {"tagger": "tag", "morphologizer": "morph"}
"""spaCy's factories whose models give probabilities, and the targets of ours that they are about."""


def answer_settings(nlp: Language) -> Dict[str, Dict[str, Any]]:
    """RETURNS (Dict[str, Dict[str, Any]]): What `nlp.pipe` is given as `component_cfg`, so that our components keep
    the probabilities of all tags. nlp (Language): The pipeline."""
    return {name: {"store_probs": True} for name, pipe in nlp.pipeline if isinstance(pipe, RNNTagger)}


def keep_all_answers(nlp: Language, docs: Sequence[Doc], k: int) -> None:
    """Keep the probabilities of all components that have some: ours, their exact marginals; spaCy's tagger and
    morphologizer, their softmax. Nothing else stays in `doc.user_data`.

    nlp (Language): The pipeline that has annotated the docs.
    docs (Sequence[Doc]): The docs.
    k (int): How many tags are kept for each token.
    """
    for name, pipe in nlp.pipeline:
        if isinstance(pipe, RNNTagger):
            for doc in docs:
                found = take_probs(pipe.scores_key, doc)
                if found is not None:
                    keep_answers(doc, pipe.target.name, pipe.tags, found, k)
        elif nlp.get_pipe_meta(name).factory in WITH_SOFTMAX and isinstance(pipe, (Tagger, Morphologizer)):
            target, tags = _tags_of(nlp, name, pipe)
            for doc, probabilities in zip(docs, _softmax_of(pipe, docs)):
                keep_answers(doc, target, tags, probabilities, k)
    for doc in docs:
        # What a transformer leaves on a doc is a thousand times as large as all else.
        keep_only_answers(doc)


def _tags_of(nlp: Language, name: str, pipe: Any) -> Tuple[str, List[str]]:
    """The name of our target that a component of spaCy's predicts, and its labels as that target writes them."""
    target = WITH_SOFTMAX[nlp.get_pipe_meta(name).factory]
    if target == "tag":
        return target, list(pipe.labels)
    normalize = make_target(target, nlp.vocab).normalize_label
    return target, [normalize(label) for label in pipe.labels]


def _softmax_of(pipe: Any, docs: Sequence[Doc]) -> List[NDArray[np.float32]]:
    """The probabilities of one of spaCy's components. Its model gives scores or their softmax, as its config says; the
    softmax of spaCy's own has rows that sum to 1 already. What it shares with others is on the docs still."""
    full = [doc for doc in docs if len(doc)]
    found: Dict[int, NDArray[np.float32]] = {}
    if full:
        for doc, scores in zip(full, pipe.model.predict(full)):
            rows = np.asarray(pipe.model.ops.to_numpy(scores), dtype="float32")
            if (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1, atol=1e-3):
                rows = np.exp(rows - rows.max(axis=1, keepdims=True))
                rows /= rows.sum(axis=1, keepdims=True)
            found[id(doc)] = rows
    nothing = np.zeros((0, len(pipe.labels)), dtype="float32")
    return [found.get(id(doc), nothing) for doc in docs]
