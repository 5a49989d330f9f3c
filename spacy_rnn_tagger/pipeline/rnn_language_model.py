from typing import Callable, Iterable, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ..chain.gold_tags import MISSING
from ..chain.softmax_loss import softmax_loss
from ..errors import check_rate
from ..models.layers.vocabulary import EOS, SOS, UNK, find_columns, learn_vocabulary
from ..recurrence.threads import one_thread
from .initialization import take_sample
from .pipeline_checks import check_listeners
from .serialization import SavedPipe

DIRECTIONS = ("next", "previous")


class RNNLanguageModel(SavedPipe):
    """Teach a shared encoder to guess the words beside each word, while other components train it for their labels. It
    reads only the words, and does nothing to docs.

    DOCS: docs/components.md
    """

    score_keys: Tuple[str, ...] = ()

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], List[Floats2d]],
        name: str = "rnn_language_model",
        *,
        weight: float = 0.1,
    ) -> None:
        """Initialize the component.

        vocab (Vocab): The shared vocabulary.
        model (Model[List[Doc], List[Floats2d]]): Scorer of neighbouring words, such as
            `spacy-rnn-tagger.LanguageModel.v1`.
        name (str): The component instance name, used to add entries to the losses during training.
        weight (float): What its loss counts beside that of a component with labels.
        """
        super().__init__(vocab, model, name)
        check_rate(f"component {name!r}", weight=weight)
        self.weight = weight

    def initialize(self, get_examples: Callable[[], Iterable[Example]], *, nlp: Optional[Language] = None) -> None:
        """Collect the words to tell apart and initialize the model's weights.

        get_examples (Callable[[], Iterable[Example]]): Returns examples; called more than once.
        nlp (Optional[Language]): The pipeline that the component is part of.
        """
        validate_get_examples(get_examples, "RNNLanguageModel.initialize")
        if nlp is not None:
            check_listeners(nlp, self.name, self.model)
        learn_vocabulary(self.model, (eg.x for eg in get_examples()))
        self.model.initialize(X=take_sample(get_examples))

    def predict(self, docs: Iterable[Doc]) -> List[None]:
        """Nothing: the component only serves training."""
        return [None for _ in docs]

    def set_annotations(self, docs: Iterable[Doc], scores: Sequence[None]) -> None:
        """Docs stay as they are."""

    def get_loss(self, examples: Iterable[Example], scores: Sequence[Floats2d]) -> Tuple[float, List[Floats2d]]:
        """The negative log-likelihood of the next and the previous words among the words of the batch, times `weight`.
        Words that are not told apart are not guessed.

        examples (Iterable[Example]): The batch.
        scores (Sequence[Floats2d]): The model's guesses.
        RETURNS (Tuple[float, List[Floats2d]]): The loss in nats, and its gradient with respect to the guesses. The
            gradients of the word vectors are added to the model's own.
        """
        ops = self.model.ops
        guesses = ops.xp.concatenate(scores)
        gold = np.concatenate([self._neighbours(eg.x) for eg in examples])
        half = guesses.shape[1] // 2
        total = 0.0
        gradient = ops.alloc2f(*guesses.shape)
        for i, direction in enumerate(DIRECTIONS):
            part = slice(i * half, (i + 1) * half)
            loss, gradient[:, part] = self._guess(direction, guesses[:, part], gold[:, i])
            total += loss
        return total, ops.unflatten(gradient, ops.asarray1i([len(s) for s in scores]))

    @one_thread
    def _guess(self, direction: str, guesses: Floats2d, gold: NDArray[np.int32]) -> Tuple[float, Floats2d]:
        """Loss and gradient of one direction's guesses."""
        layer = self.model.get_ref("words")
        ops = layer.ops
        if not gold.size:
            return 0.0, guesses
        candidates, ranks = np.unique(gold, return_inverse=True)
        if candidates[0] == MISSING:
            candidates, ranks = candidates[1:], ranks - 1
        rows = ops.asarray1i(candidates)
        vectors = layer.get_param(direction)[rows]
        scores = guesses @ vectors.T + layer.get_param(f"{direction}_bias")[rows]
        loss, d_scores = softmax_loss(ops.xp, scores, ops.asarray1i(ranks))
        d_scores *= self.weight
        for name, d_rows in ((direction, d_scores.T @ guesses), (f"{direction}_bias", d_scores.sum(axis=0))):
            grad = ops.xp.zeros_like(layer.get_param(name))
            grad[rows] = d_rows
            layer.inc_grad(name, grad)
        return self.weight * loss, d_scores @ vectors

    def _neighbours(self, doc: Doc) -> NDArray[np.int32]:
        """(n_tokens, 2) columns of the next and previous words."""
        layer = self.model.get_ref("words")
        columns = find_columns(layer, doc.to_array(layer.attrs["symbol_attr"]))
        columns[columns == UNK] = MISSING
        padded = np.concatenate(([SOS], columns, [EOS]))
        return np.stack((padded[2:], padded[:-2]), axis=1)
