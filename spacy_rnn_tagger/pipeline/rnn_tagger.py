import warnings
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Union

import numpy as np
from numpy.typing import NDArray
from spacy.errors import Errors
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer
from thinc.types import Floats2d

from ..chain.decoding import kbest
from ..chain.lattice import check_scores
from ..chain.path_loss import path_loss
from ..errors import check_positive, unknown_name
from ..models.architectures.rnn_tagger import set_output_width
from ..models.layers.vocabulary import learn_vocabulary
from ..models.serving.token_batches import MAX_TOKENS, batch_by_tokens
from .annotator import Annotator
from .checked_steps import NotFinite
from .confidence import PathScores, decode_confident
from .gold import read_gold, read_incorrect
from .initialization import collect_labels, take_sample
from .mixed_loss import mixed_loss, read_answers
from .pipeline_checks import check_listeners, check_score_weights, check_scores_key
from .predictions import Predictions, split
from .rehearsal import rehearse
from .serialization import SavedTagger
from .settings import AUTO, balanced_weights
from .targets import make_target, unseen_labels

DECODERS = ("softmax", "crf")


class RNNTagger(Annotator, SavedTagger):
    """Label every token of a doc: tags, parts of speech, morphology, entities, other spans, sentence starts or a custom
    attribute.

    DOCS: docs/components.md
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], List[Floats2d]],
        name: str = "rnn_tagger",
        *,
        target: str = "tag",
        decoder: str = "softmax",
        overwrite: bool = False,
        extend: bool = False,
        alternatives_key: Optional[str] = None,
        incorrect_spans_key: Optional[str] = None,
        max_tokens: int = MAX_TOKENS,
        store_scores: bool = False,
        store_probs: bool = False,
        scores_key: Optional[str] = None,
        threshold: float = 0.0,
        label_bias: Optional[Dict[str, float]] = None,
        class_weights: Optional[Union[str, Dict[str, float]]] = None,
        scorer: Optional[Callable[..., Dict[str, Any]]] = None,
    ) -> None:
        """Initialize the component.

        vocab (Vocab): The shared vocabulary.
        model (Model[List[Doc], List[Floats2d]]): Token scorer, such as `spacy-rnn-tagger.RNNTagger.v1`.
        name (str): The component instance name, used to add entries to the losses during training.
        target (str): What to predict: "tag", "pos", "morph", "ents", "sents", "spans:<key>" or "_.<extension>".
        decoder (str): "softmax" decides each token by itself, "crf" scores transitions between tags too (Lafferty et
            al. 2001). Both take the likeliest path that is legal.
        overwrite (bool): Whether to replace annotation that docs already have. Blocked entity tokens stay outside.
        extend (bool): Target "morph": merge predicted features with present ones, instead of either replacing the
            other.
        alternatives_key (Optional[str]): Gold tags that are not decided, for targets of one label per token: under this
            key of a reference's `doc.spans`, spans whose tokens may have the span's label. Any of a token's labels is
            right.
        incorrect_spans_key (Optional[str]): Gold spans that are wrong, for targets "ents" and "spans:<key>": under this
            key of a reference's `doc.spans`, spans that are not what their label says, or nothing at all if they have
            none.
        max_tokens (int): Most tokens to annotate at once, which bounds memory whatever the docs; a longer doc goes
            alone.
        store_scores (bool): Whether to keep the probability of each prediction on the doc.
        store_probs (bool): Whether to keep the probabilities of all tags of each token on the doc.
        scores_key (Optional[str]): What to keep them under; the component's name if None.
        threshold (float): Probability below which a prediction is not written.
        label_bias (Optional[Dict[str, float]]): What to add to labels' scores before decoding, in nats.
        class_weights (Optional[Union[str, Dict[str, float]]]): Weights of labels (and of "O") in the loss, 1 where none
            is given; "auto" for `balanced_weights`.
        scorer (Optional[Callable]): The scoring method.
        RAISES (ValueError): If a setting is not allowed.
        """
        super().__init__(vocab, model, name)
        if decoder not in DECODERS:
            raise unknown_name(f"component {name!r}", "decoder", decoder, DECODERS)
        check_positive(f"component {name!r}", max_tokens=max_tokens)
        self.target = make_target(
            target, vocab, alternatives_key=alternatives_key, incorrect_spans_key=incorrect_spans_key
        )
        # Only what training decides is saved; settings belong to the config, which may override them on loading.
        self.cfg: Dict[str, Any] = {
            "target": target,
            "decoder": decoder,
            "labels": list(self.target.fixed_labels),
            "temperature": 1.0,
        }
        self.decoder = decoder
        self.overwrite = overwrite
        self.extend = extend
        self.max_tokens = max_tokens
        self.store_scores = store_scores
        self.store_probs = store_probs
        self.scores_key = scores_key
        self.threshold = threshold
        self.label_bias = label_bias
        self.class_weights = class_weights
        self.scorer = scorer
        self._rehearsal_model: Optional[Model[List[Doc], List[Floats2d]]] = None
        self._warned_labels: List[str] = []

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str]): The labels, in column order; of entities, the types."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> List[str]:
        """RETURNS (List[str]): The labels, as `spacy init labels` writes them and `initialize` takes them."""
        return list(self.cfg["labels"])

    @property
    def tags(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str]): The tags scored per token, in column order: the labels, or O, B-X, I-X, L-X, U-X of
        each."""
        return tuple(self.target.make_tags(self.labels))

    @property
    def score_keys(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str]): Keys of the scores that `score` gives, the deciding one first."""
        return self.target.score_keys

    def add_label(self, label: str) -> int:
        """Add a label. An initialized model gets new columns and keeps the scores of the old ones.

        label (str): The label.
        RETURNS (int): 0 if the label was there already, else 1.
        RAISES (ValueError): If it is not a string, or the target cannot take it.
        """
        if not isinstance(label, str):
            raise ValueError(Errors.E187)
        label = self.target.normalize_label(label)
        if label in self.labels:
            return 0
        old_width = len(self.tags)
        self.cfg["labels"].append(label)
        output = self.model.get_ref("output_layer") if self.model.has_ref("output_layer") else None
        if output is not None and output.has_param("W"):
            if "resize_output" not in self.model.attrs:
                self.cfg["labels"].pop()
                raise ValueError(Errors.E922.format(name=self.name, nO=old_width))
            self.model.attrs["resize_output"](self.model, len(self.tags))
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Any] = None,
    ) -> None:
        """Collect the labels and initialize the model's weights.

        get_examples (Callable[[], Iterable[Example]]): Returns gold examples; called more than once.
        nlp (Optional[Language]): The pipeline that the component is part of.
        labels (Optional[List[str]]): The labels, as written by `spacy init labels`, instead of those in the examples.
        RAISES (ValueError): If the examples lack the target's annotation, if the given labels are not of this target,
            or if [training.score_weights] gives this component's score no weight, or another component keeps its scores
            under the same key.
        """
        validate_get_examples(get_examples, "RNNTagger.initialize")
        if nlp is not None:
            check_scores_key(nlp, self.name, self.scores_key)
            check_score_weights(nlp, self.name, self.target)
            check_listeners(nlp, self.name, self.model)
        found = collect_labels(self.name, self.target, get_examples, self.labels, labels)
        for label in found:
            self.add_label(label)
        self._require_labels()
        self.temperature = 1.0
        if self.class_weights == AUTO:
            self.cfg["class_weights"] = balanced_weights(self.target, get_examples(), self.tags)
        self.check_settings()
        set_output_width(self.model, len(self.tags), self.name, crf=self.decoder == "crf")
        learn_vocabulary(self.model, (eg.x for eg in get_examples()))
        self.model.initialize(X=take_sample(get_examples))

    def predict(self, docs: Iterable[Doc]) -> Predictions:
        """Decode a batch of docs, without changing them.

        docs (Iterable[Doc]): The docs.
        RETURNS (Predictions): A list with one (n_tokens,) array of indices into `tags` per doc. What is less likely
            than the threshold is left out: entities are O, other targets' tokens `ABSTAIN`.
        """
        predictions = Predictions()
        for batch in batch_by_tokens(docs, self.max_tokens):
            scores = self.path_scores(batch)
            predictions.add(scores, decode_confident(self.target, scores, self.labels, threshold=self.threshold))
        return predictions

    def predict_proba(self, docs: Iterable[Doc]) -> List[NDArray[np.float32]]:
        """The probability of every tag at every token, over all legal paths: the marginals of the lattice that
        `predict` decodes, so present annotation that binds decoding counts here too.

        docs (Iterable[Doc]): The docs; not changed.
        RETURNS (List[array]): One (n_tokens, len(tags)) array per doc; rows sum to 1.
        """
        docs = list(docs)
        if not any(len(doc) for doc in docs):
            return [np.zeros((0, len(self.tags)), dtype="float32") for _ in docs]
        return split(self.path_scores(docs).marginals(), [len(doc) for doc in docs])

    def kbest(self, docs: Iterable[Doc], k: int) -> List[List[Tuple[List[str], float]]]:
        """The k likeliest distinct legal paths of each doc. The first is the one that `predict` decodes, before any
        threshold.

        docs (Iterable[Doc]): The docs; not changed.
        k (int): How many paths.
        RETURNS (List[List[Tuple[List[str], float]]]): For each doc up to k pairs of tags and log-probability, best
            first.
        RAISES (ValueError): If k is less than 1.
        """
        docs = list(docs)
        if not any(len(doc) for doc in docs):
            return [[([], 0.0)] for _ in docs]
        tags = self.tags
        return [
            [([tags[i] for i in path.tolist()], log_prob) for path, log_prob in paths]
            for paths in kbest(self.path_scores(docs).lattice(), k, self.temperature)
        ]

    def path_scores(self, docs: Sequence[Doc]) -> PathScores:
        """What decides between the paths through a batch of docs: the model's scores, biases, constraints and what the
        docs rule out.

        docs (Sequence[Doc]): The docs; not changed.
        RETURNS (PathScores): The scores, on the CPU.
        RAISES (ValueError): If one is NaN or infinite.
        """
        lengths = np.asarray([len(doc) for doc in docs], dtype=np.int64)
        if not lengths.any():
            return PathScores(np.zeros((0, len(self.tags)), dtype="float32"), lengths, {})
        try:
            rows = self.model.predict(docs)
        except Exception:
            self.require_weights()
            raise
        scores = self.model.ops.to_numpy(rows[0] if len(rows) == 1 else self.model.ops.xp.concatenate(rows))
        check_scores(scores, *self._transition_weights().values())
        bias = self.tag_biases(self.labels, self.tags)
        # Merging changes what is there, so it does not bind.
        allowed = self.target.allowed(docs, self.labels, self.overwrite or self.extend)
        return PathScores(scores if bias is None else scores + bias, lengths, self._rules(allowed), self.temperature)

    def _transition_weights(self) -> Dict[str, NDArray[np.float32]]:
        """The transition, start and end scores of a CRF, on the CPU; nothing for softmax."""
        if self.decoder != "crf":
            return {}
        layer = self.model.get_ref("transitions")
        return {name: layer.ops.to_numpy(layer.get_param(name)) for name in layer.param_names}

    def _rules(self, allowed: Optional[NDArray[np.bool_]]) -> Dict[str, Any]:
        """What makes paths legal and better or worse, in decoding as in training.

        allowed (Optional[array]): (n_tokens, n_tags) bool, the tags that each token may have; all if None.
        """
        constraints = self.target.make_constraints(self.labels)
        return {"constraints": constraints, "allowed": allowed, **self._transition_weights()}

    def set_annotations(self, docs: Iterable[Doc], scores: Sequence[NDArray[np.int64]]) -> None:
        """Write decoded tags to docs.

        docs (Iterable[Doc]): The docs.
        scores (Sequence[array]): The paths that `predict` returned for them.
        """
        docs = [docs] if isinstance(docs, Doc) else docs
        labels = self.labels
        for doc, path in zip(docs, scores):
            if doc.vocab is not self.vocab:
                self.target.adopt(doc.vocab, labels)
            if len(doc):
                self.target.annotate(doc, path, labels, overwrite=self.overwrite, extend=self.extend)

    def get_loss(self, examples: Iterable[Example], scores: Sequence[Floats2d]) -> Tuple[float, List[Floats2d]]:
        """The negative log-likelihood of the gold tags, summed over the batch, and its gradient: probabilities minus
        gold. For softmax it is the sum of the tokens' cross-entropies. Tokens whose gold tag is missing, misaligned or
        unknown may have any tag: softmax leaves them out, a CRF sums over them. Class weights multiply what each token
        adds. Of a token's alternatives, any is right. Each incorrect span adds -log(1 - P), P being its exact
        probability over all legal paths, for softmax too. Docs about which teachers have answered add the divergence
        from their answers as well, in the share that the docs ask for (`spacy-rnn-tagger.soft_corpus.v1`).

        examples (Iterable[Example]): The batch.
        scores (Sequence[Floats2d]): The model's scores, (n_tokens, n_tags) per doc.
        RETURNS (Tuple[float, List[Floats2d]]): The loss in nats and its gradient with respect to the scores. The
            gradients of a CRF's transition scores are added to the model's own.
        RAISES (ValueError): If the loss or its gradient is NaN or infinite.
        """
        examples = list(examples)
        validate_examples(examples, "RNNTagger.get_loss")
        ops = self.model.ops
        docs = [eg.predicted for eg in examples]
        lengths = [len(doc) for doc in docs]
        tags = self.tags
        gold, unknown = read_gold(examples, self.target, tags)
        segments, wrong = read_incorrect(examples, self.target, self.labels, len(tags))
        self._warn_unknown({self.target.label_of(tag) for tag in unknown} | wrong)
        emissions = ops.to_numpy(ops.xp.concatenate(scores))
        rules = self._rules(self.target.permitted(docs, self.labels))
        weights = self.tag_weights(tags)
        answers = read_answers(examples, self.target, tags)
        if any(found is not None for found in answers):
            result = mixed_loss(emissions, gold, answers, examples, weights=weights, excluded=segments, rules=rules)
        else:
            result = path_loss(emissions, lengths, gold, weights=weights, excluded=segments, **rules)
        if not np.isfinite(result.loss) or not np.isfinite(result.emissions).all():
            raise NotFinite(f"the loss is {result.loss:g}, or its gradient is not finite,")
        for name in self._transition_weights():
            layer = self.model.get_ref("transitions")
            layer.inc_grad(name, layer.ops.asarray(getattr(result, name)))
        return result.loss, ops.unflatten(ops.asarray2f(result.emissions), ops.asarray1i(lengths))

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Pull the model towards what it predicted when training was resumed, against forgetting.

        examples (Iterable[Example]): A batch of examples.
        drop (float): The dropout rate.
        sgd (Optional[Optimizer]): The optimizer; gradients are only collected if it is None or False.
        losses (Optional[Dict[str, float]]): Record of the losses to add to.
        RETURNS (Dict[str, float]): The losses.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        if self._rehearsal_model is None:
            return losses
        examples = list(examples)
        validate_examples(examples, "RNNTagger.rehearse")
        docs = [eg.predicted for eg in examples]
        if not any(len(doc) for doc in docs):
            return losses
        losses[self.name] += rehearse(self.model, self._rehearsal_model, docs, drop)
        if sgd not in (None, False):
            self.finish_update(sgd)
        return losses

    def check_cfg(self) -> None:
        """Refuse labels and settings that cannot be. RAISES (ValueError): If so."""
        super().check_cfg()
        self.check_settings()

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """Score a batch of examples.

        examples (Iterable[Example]): The examples.
        RETURNS (Dict[str, Any]): The scores, by the keys of the target.
        """
        if self.scorer is None:
            return {}
        examples = list(examples)
        if not any(self.target.is_annotated(eg.reference) for eg in examples):
            warnings.warn(
                f"component {self.name!r}: none of the {len(examples)} docs to be scored is annotated for its target "
                f"{self.target.name!r}, so its scores say nothing; {self.target.describe_missing()}",
                stacklevel=2,
            )
        return self.scorer(examples, target=self.target.name, labels=self.labels, **kwargs)

    def _warn_unknown(self, labels: Set[str]) -> None:
        """Say once for each unknown gold label that its tokens are not learned from."""
        new = labels - set(self._warned_labels)
        if new:
            self._warned_labels.extend(sorted(new))
            warnings.warn(
                f"component {self.name!r}: the training data have labels that it was not initialized with, and their "
                f"tokens are left out of the loss: {', '.join(unseen_labels(self.labels, new))}",
                stacklevel=3,
            )
