"""Which texts to annotate next: those that a pipeline is least sure of, and that are not alike."""

import random
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from ..chain.decoding import kbest
from ..errors import check_positive, unknown_name
from ..pipeline.confidence import PathScores
from ..pipeline.rnn_tagger import RNNTagger
from .components import choose_components, get_tagger
from .progress import Progress, no_progress

BATCH_SIZE = 256
POOL = 4
"""Diversity chooses from the least sure texts, of as many times the tokens that are wanted."""
DIVERSE, UNCERTAINTY, ENTROPY, RANDOM = "diverse", "uncertainty", "entropy", "random"
STRATEGIES = (DIVERSE, UNCERTAINTY, ENTROPY, RANDOM)


class Unsure(NamedTuple):
    """How unsure a pipeline is of some docs, summed over its components.

    path: (n_docs,) minus the log-probability of the likeliest path per token, in nats: what Shen et al. (2017),
        https://arxiv.org/abs/1707.05928, call maximum normalized log-probability, with its sign changed.
    entropy: (n_docs,) the mean entropy of the tokens' tags, in nats (Settles & Craven 2008,
        https://aclanthology.org/D08-1112, token entropy).
    vectors: (n_docs, width) means of the tokens' context vectors, each weighed by the entropy of its tags, of length 1.
    """

    path: NDArray[np.float64]
    entropy: NDArray[np.float64]
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class Suggestion:
    """A text to annotate.

    index (int): Its number among the texts, from 0.
    text (str): The text.
    n_tokens (int): Its tokens.
    uncertainty (float): Minus the log-probability of its likeliest annotation per token, in nats.
    entropy (float): The mean entropy of its tokens' tags, in nats.
    """

    index: int
    text: str
    n_tokens: int
    uncertainty: float
    entropy: float


@dataclass(frozen=True)
class Suggestions:
    """The texts to annotate next.

    strategy (str): How they were chosen.
    components (List[str]): The components whose certainty counted.
    n_texts (int): Texts that there were to choose from, without those that have no words.
    n_tokens (int): Their tokens.
    mean_uncertainty (float): Their mean uncertainty, as that of `Suggestion`; NaN if there are none.
    chosen (List[Suggestion]): The texts, in the order in which they were chosen.
    """

    strategy: str
    components: List[str]
    n_texts: int
    n_tokens: int
    mean_uncertainty: float
    chosen: List[Suggestion]


def suggest(
    nlp: Language,
    docs: Iterable[Doc],
    *,
    n: int = 100,
    n_tokens: int = 0,
    strategy: str = DIVERSE,
    component: Optional[str] = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Tuple[Suggestions, List[Doc]]:
    """Choose texts to annotate next, and annotate them by the pipeline, with probabilities.

    nlp (Language): The pipeline.
    docs (Iterable[Doc]): The texts, tokenised and without annotation. Repeated texts count once.
    n (int): How many texts to choose.
    n_tokens (int): How many tokens to choose at most, instead of a number of texts; 0 for no limit.
    strategy (str): "uncertainty" takes the texts with the least likely best path, "entropy" those with the largest
        entropies of their tags, both divided by the square root of the number of tokens; "diverse" chooses of the first
        of these some that are not alike, and "random" any.
    component (Optional[str]): Name of the component whose certainty counts; all of this package's if None.
    seed (int): Decides what "random" takes.
    progress (Progress): Shows how many texts are read.
    RETURNS (Tuple[Suggestions, List[Doc]]): What was chosen, and the docs with what the pipeline found.
    RAISES (ValueError): If there is no such strategy or component, or no text has words.
    """
    check_positive("suggest", n=n)
    if strategy not in STRATEGIES:
        raise unknown_name("suggest", "strategy", strategy, STRATEGIES)
    names = choose_components(nlp, component)
    different = list({doc.text: doc for doc in docs if len(doc)}.values())
    if not different:
        raise ValueError("suggest: none of the texts has words.")
    annotated, unsure = annotate_unsure(nlp, different, names, progress)
    lengths = np.asarray([len(doc) for doc in annotated])
    chosen = choose(unsure, lengths, n=n, n_tokens=n_tokens, strategy=strategy, seed=seed)
    found = [
        Suggestion(i, annotated[i].text, len(annotated[i]), float(unsure.path[i]), float(unsure.entropy[i]))
        for i in chosen
    ]
    done = Suggestions(strategy, names, len(annotated), int(lengths.sum()), float(unsure.path.mean()), found)
    return done, [annotated[i] for i in chosen]


def annotate_unsure(
    nlp: Language, docs: Sequence[Doc], names: Sequence[str], progress: Progress = no_progress
) -> Tuple[List[Doc], Unsure]:
    """Annotate docs, and measure how unsure components are of them, each before it writes.

    nlp (Language): The pipeline.
    docs (Sequence[Doc]): The docs, none of them empty; they are annotated in place.
    names (Sequence[str]): The components, of this package.
    progress (Progress): Shows how many are done.
    RETURNS (Tuple[List[Doc], Unsure]): The docs, and how unsure the components are.
    """
    done: List[Doc] = []
    parts: List[Unsure] = []
    batches = minibatch(docs, size=BATCH_SIZE)
    for batch in progress(batches, -(-len(docs) // BATCH_SIZE), "reading texts"):
        found: List[Unsure] = []
        for name, pipe in nlp.pipeline:
            if name in names:
                found.append(measure(get_tagger(nlp, name), batch))
            options: Dict[str, Any] = {"store_scores": True} if isinstance(pipe, RNNTagger) else {}
            batch = list(pipe.pipe(batch, **options)) if hasattr(pipe, "pipe") else [pipe(doc) for doc in batch]
        done += batch
        parts.append(
            Unsure(
                np.sum([each.path for each in found], axis=0),
                np.sum([each.entropy for each in found], axis=0),
                _unit(np.hstack([each.vectors for each in found])),
            )
        )
    return done, Unsure(*(np.concatenate(arrays) for arrays in zip(*parts)))


def measure(pipe: RNNTagger, docs: Sequence[Doc]) -> Unsure:
    """How unsure one component is of docs.

    pipe (RNNTagger): The component.
    docs (Sequence[Doc]): The docs, none of them empty, as the components before it leave them.
    RETURNS (Unsure): What was found.
    """
    scores: PathScores = pipe.path_scores(docs)
    lengths = scores.lengths
    best = [paths[0][1] for paths in kbest(scores.lattice(), 1, scores.temperature)]
    marginals = scores.marginals()
    entropies = -(marginals * np.log(np.maximum(marginals, np.finfo(marginals.dtype).tiny))).sum(axis=1)
    firsts = np.cumsum(lengths) - lengths
    sums = np.add.reduceat(entropies.astype("float64"), firsts)
    rows = pipe.model.ops.to_numpy(pipe.model.ops.xp.concatenate(pipe.model.get_ref("tok2vec").predict(docs)))
    # A text of which nothing is unsure is still somewhere.
    weights = (entropies + 1e-6)[:, None]
    return Unsure(-np.asarray(best) / lengths, sums / lengths, _unit(np.add.reduceat(rows * weights, firsts)))


def choose(
    unsure: Unsure,
    lengths: NDArray[np.int64],
    *,
    n: int,
    n_tokens: int = 0,
    strategy: str = DIVERSE,
    seed: int = 0,
) -> List[int]:
    """Choose docs.

    unsure (Unsure): How unsure a pipeline is of each.
    lengths (array): (n_docs,) their tokens.
    n (int): How many docs to choose; without effect if there is a number of tokens.
    n_tokens (int): How many tokens to choose at most, but at least one doc; 0 for no limit.
    strategy (str): One of `STRATEGIES`.
    seed (int): Decides what "random" takes.
    RETURNS (List[int]): Indices, in the order in which they were chosen.
    """
    n_docs = lengths.shape[0]
    if strategy == RANDOM:
        order = random.Random(seed).sample(range(n_docs), n_docs)
    else:
        # Per token, one-word texts come first, and without regard to tokens the longest texts.
        value = (unsure.entropy if strategy == ENTROPY else unsure.path) * np.sqrt(lengths)
        order = np.argsort(-value, kind="stable").tolist()
    if strategy == DIVERSE:
        pool = _first(order, lengths, POOL * n, POOL * n_tokens)
        order = [pool[i] for i in farthest_first(unsure.vectors[pool])]
    return _first(order, lengths, n, n_tokens)


def farthest_first(vectors: NDArray[np.float32]) -> List[int]:
    """Order vectors so that each is as far as can be from the nearest of those before it: the greedy choice of centres
    by Gonzalez (1985), https://doi.org/10.1016/0304-3975(85)90224-5, used for active learning by Sener & Savarese
    (2018), https://arxiv.org/abs/1708.00489.

    vectors (array): (n, width) vectors. The first stays the first.
    RETURNS (List[int]): (n,) indices; of equally far ones the earlier is first.
    """
    order: List[int] = []
    distances = np.full((vectors.shape[0],), np.inf)
    for _ in range(vectors.shape[0]):
        at = int(distances.argmax())
        order.append(at)
        distances = np.minimum(distances, ((vectors - vectors[at]) ** 2).sum(axis=1))
        distances[order] = -1.0
    return order


def _first(order: Sequence[int], lengths: NDArray[np.int64], n: int, n_tokens: int) -> List[int]:
    """The first docs of an order, as many as are wanted."""
    if not n_tokens:
        return list(order[:n])
    total = np.cumsum(lengths[list(order)])
    return list(order[: max(1, int(np.searchsorted(total, n_tokens, side="right")))])


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors at a length of 1."""
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype="float32")
