"""How likely the tags and spans of decoded paths are."""

from typing import Any, Dict, NamedTuple, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from ..chain.decoding import decode
from ..chain.forward_backward import forward_backward, segment_probabilities
from ..chain.lattice import Lattice, make_lattice
from ..chain.temperature import temper
from .biluo import OUT, Segments
from .targets import ABSTAIN, Path, Target

Probabilities = NDArray[np.float32]


class PathScores(NamedTuple):
    """What decides between the paths through some docs.

    emissions: (n_tokens, n_tags) scores of the concatenated docs, on the CPU.
    lengths: (n_docs,) tokens per doc.
    rules: The transition scores and what is legal, as `decode` and `make_lattice` take them.
    temperature: What all scores are divided by for probabilities. It changes no path.
    """

    emissions: Any
    lengths: NDArray[np.int64]
    rules: Dict[str, Any]
    temperature: float = 1.0

    def best(self) -> Path:
        """RETURNS (array): (n_tokens,) the best legal path of every doc, concatenated."""
        return decode(self.emissions, self.lengths, **self.rules)

    def lattice(self) -> Lattice:
        """RETURNS (Lattice): All paths, with the scores that decide which is best."""
        return make_lattice(self.emissions, self.lengths, **self.rules)

    def tempered(self) -> Lattice:
        """RETURNS (Lattice): All paths, with the scores that decide how likely each is."""
        return temper(self.lattice(), self.temperature)

    def marginals(self) -> Probabilities:
        """RETURNS (array): (n_tokens, n_tags) the probability of each tag at each token."""
        marginals: Probabilities = forward_backward(self.tempered(), steady=True).marginals
        return marginals

    def select(self, keep: NDArray[np.bool_]) -> "PathScores":
        """RETURNS (PathScores): Those of some of the docs only. keep (array): (n_docs,) bool."""
        if keep.all():
            return self
        rows = np.flatnonzero(np.repeat(keep, self.lengths))
        allowed = self.rules.get("allowed")
        rules = {**self.rules, "allowed": None if allowed is None else allowed[rows]}
        return PathScores(self.emissions[rows], self.lengths[keep], rules, self.temperature)


class Decoded(NamedTuple):
    """What is to be written to a batch of docs, and how likely it is.

    path: (n_tokens,) tag indices of the concatenated docs, without what is too unlikely.
    spans: The spans of the path, if the target is spans and their probabilities are known.
    scores: (n_spans,) or (n_tokens,) probabilities of the spans, or of the path's tags, if they are known.
    marginals: (n_tokens, n_tags) probabilities of all tags, if they are known.
    """

    path: Path
    spans: Optional[Segments] = None
    scores: Optional[Probabilities] = None
    marginals: Optional[Probabilities] = None


def decode_confident(
    target: Target, path_scores: PathScores, labels: Sequence[str], *, threshold: float = 0.0
) -> Decoded:
    """Find the best paths, and leave out what is too unlikely: such entities become O, such tags `ABSTAIN`.

    target (Target): What the paths are about.
    path_scores (PathScores): The scores of some docs.
    labels (Sequence[str]): The labels.
    threshold (float): The least probability that is enough.
    RETURNS (Decoded): The paths, and the probabilities that a threshold needs.
    """
    decoded = Decoded(path_scores.best())
    if threshold <= 0:
        return decoded
    decoded = add_confidence(target, path_scores, decoded, labels)
    path, spans, likely = decoded.path, decoded.spans, decoded.scores
    assert likely is not None
    unlikely = likely < threshold
    if spans is None:
        return decoded._replace(path=np.where(unlikely, ABSTAIN, path))
    path[rows_of(spans.select(unlikely))] = OUT
    return Decoded(path, spans.select(~unlikely), likely[~unlikely])


def add_confidence(
    target: Target,
    path_scores: PathScores,
    decoded: Decoded,
    labels: Sequence[str],
    *,
    scores: bool = True,
    probs: bool = False,
) -> Decoded:
    """Find out how likely paths are, as far as it is not known yet.

    target (Target): What the paths are about.
    path_scores (PathScores): The scores of the docs.
    decoded (Decoded): The paths.
    labels (Sequence[str]): The labels.
    scores (bool): Whether to give the probabilities of the spans or tags.
    probs (bool): Whether to give those of all tags.
    RETURNS (Decoded): The same paths.
    """
    if probs and decoded.marginals is None:
        decoded = decoded._replace(marginals=path_scores.marginals())
    if not scores or decoded.scores is not None:
        return decoded
    spans = target.segments(decoded.path, labels)
    if spans is None:
        return decoded._replace(scores=tag_probabilities(path_scores, decoded.path, decoded.marginals))
    return decoded._replace(spans=spans, scores=span_probabilities(path_scores, decoded.path, spans))


def tag_probabilities(scores: PathScores, path: Path, marginals: Optional[Probabilities] = None) -> Probabilities:
    """How likely each tag of a path is, whatever the other tokens have.

    scores (PathScores): The scores of the docs.
    path (array): (n_tokens,) tag indices of the concatenated docs.
    marginals (Optional[array]): The marginals, if they are known already.
    RETURNS (array): (n_tokens,) float32 probabilities.
    """
    marginals = scores.marginals() if marginals is None else marginals
    return marginals[np.arange(path.shape[0]), path]


def span_probabilities(scores: PathScores, path: Path, spans: Segments) -> Probabilities:
    """How likely each span of a path is, with just these boundaries and this label, whatever is around it.

    scores (PathScores): The scores of the docs.
    path (array): (n_tokens,) tag indices of the concatenated docs.
    spans (Segments): Some of its spans.
    RETURNS (array): (n_spans,) float32 probabilities.
    """
    if not spans.starts.size:
        return np.zeros((0,), dtype="float32")
    ends = np.cumsum(scores.lengths)
    docs = np.searchsorted(ends, spans.starts, side="right")
    # Most docs have no span, and their sums over paths are not needed.
    needed = np.zeros(scores.lengths.shape, dtype=bool)
    needed[docs] = True
    offsets = (ends - scores.lengths)[docs]
    probabilities = segment_probabilities(
        forward_backward(scores.select(needed).tempered(), steady=True),
        (np.cumsum(needed) - 1)[docs],
        spans.starts - offsets,
        spans.ends - offsets,
        path[rows_of(spans)],
    )
    return probabilities.astype("float32")


def rows_of(spans: Segments) -> NDArray[np.int64]:
    """RETURNS (array): (sum of the spans' lengths,) the token rows of each span in turn."""
    sizes = spans.ends - spans.starts
    firsts = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) + np.repeat(spans.starts - firsts, sizes)
