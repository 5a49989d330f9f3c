"""Label biases that fit the development corpus, found whenever training saves a pipeline."""

from typing import Any, Callable, Dict, List

import numpy as np
from spacy.language import Language
from spacy.training import Example
from spacy.util import resolve_dot_names

from ..errors import check_positive
from ..evaluation.bias_curve import best_point, bias_curve
from ..evaluation.bias_sweep import is_exhaustive
from ..evaluation.scored_batches import annotate_before, score_batches
from ..pipeline.rnn_tagger import RNNTagger
from ..pipeline.settings import labels_to_config


def make_tune_label_bias(high: float = 4.0, steps: int = 9) -> Callable[[Language], Language]:
    """For `[training] before_to_disk`: give the labels of each component that finds entities or spans the bias with the
    best F on the development corpus, the same for all labels.

    A network trained to be right as often as possible leaves out what it is unsure of. F counts a missed entity as much
    as a wrong one, so the best decision takes more of them, the more so the harder the task is (Lipton et al. 2014,
    https://arxiv.org/abs/1402.1892).

    high (float): The greatest bias to try, in nats; the least is 0.
    steps (int): How many biases to try.
    RETURNS (Callable[[Language], Language]): The callback. The biases become settings of the pipeline, and of the
        training that goes on.
    RAISES (ValueError): If a setting is out of range.
    """
    where = "spacy-rnn-tagger.tune_label_bias.v1"
    check_positive(where, steps=steps)
    if isinstance(high, bool) or not isinstance(high, (int, float)) or not 0 <= high < float("inf"):
        raise ValueError(f"{where}: high = {high!r} is not allowed; it must be a number of at least 0.")
    biases: List[float] = np.linspace(0.0, high, steps).tolist()

    def tune(nlp: Language) -> Language:
        for name, pipe in nlp.pipeline:
            if isinstance(pipe, RNNTagger) and not is_exhaustive(pipe):
                label_bias = best_bias(nlp, name, _development_examples(nlp), biases)
                pipe.label_bias = label_bias
                nlp.get_pipe_config(name)["label_bias"] = labels_to_config(label_bias)
        return nlp

    return tune


def best_bias(nlp: Language, name: str, examples: List[Example], biases: List[float]) -> Dict[str, float]:
    """The bias with the best F.

    nlp (Language): The pipeline.
    name (str): The component.
    examples (List[Example]): Development data, only tokenised.
    biases (List[float]): The biases to try; of several with the same F, the smallest is taken.
    RETURNS (Dict[str, float]): The bias by label.
    """
    pipe: Any = nlp.get_pipe(name)
    batches = list(score_batches(pipe, annotate_before(nlp, name, examples)))
    best = best_point(list(bias_curve(pipe, batches, pipe.labels, biases)))
    return dict.fromkeys(pipe.labels, best.bias)


def _development_examples(nlp: Language) -> List[Example]:
    config = nlp.config.interpolate()
    (corpus,) = resolve_dot_names(config, [config["training"]["dev_corpus"]])
    return list(corpus(nlp))
