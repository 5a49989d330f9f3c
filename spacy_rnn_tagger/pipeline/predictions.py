"""What a component predicts for docs: their paths, and how likely these are."""

from itertools import accumulate
from typing import Any, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from .biluo import Segments
from .confidence import Decoded, PathScores, Probabilities, add_confidence
from .targets import Path, Target


class Confidence(NamedTuple):
    """How likely the prediction for one doc is.

    scores: (n_spans,) or (n_tokens,) probabilities of the spans, or of the tags; None if they were not asked for.
    spans: The spans; None if the target is not spans, or their probabilities were not asked for.
    marginals: (n_tokens, n_tags) probabilities of all tags; None if they were not asked for.
    """

    scores: Optional[Probabilities]
    spans: Optional[Segments]
    marginals: Optional[Probabilities]


class Predictions(List[Path]):
    """One (n_tokens,) array of tag indices per doc, with the scores that they were decoded from, so that probabilities
    do not cost another run of the model. Code that overrides `predict` may give any list of arrays instead."""

    def __init__(self) -> None:
        super().__init__()
        self._batches: List[Tuple[PathScores, Decoded]] = []

    @classmethod
    def of(cls, path_scores: PathScores, paths: Sequence[Path]) -> "Predictions":
        """Paths that other code decided on, with the scores of the same docs.

        path_scores (PathScores): The scores.
        paths (Sequence[array]): The paths, one per doc.
        RETURNS (Predictions): The same paths.
        """
        predictions = cls()
        predictions.add(path_scores, Decoded(np.concatenate(paths)))
        return predictions

    def add(self, path_scores: PathScores, decoded: Decoded) -> None:
        """Add what was decoded for some more docs.

        path_scores (PathScores): Their scores.
        decoded (Decoded): Their paths.
        """
        self._batches.append((path_scores, decoded))
        self.extend(split(decoded.path, path_scores.lengths))

    def confidences(self, target: Target, labels: Sequence[str], *, scores: bool, probs: bool) -> List[Confidence]:
        """How likely the predictions are, those in the list as it is now.

        target (Target): What they are about.
        labels (Sequence[str]): The labels.
        scores (bool): Whether to give the probabilities of spans or tags.
        probs (bool): Whether to give those of all tags.
        RETURNS (List[Confidence]): One per doc.
        """
        found: List[Confidence] = []
        for path_scores, decoded in self._batches:
            paths = self[len(found) : len(found) + len(path_scores.lengths)]
            path = np.concatenate(paths) if paths else decoded.path
            if not np.array_equal(path, decoded.path):
                decoded = Decoded(path)
            decoded = add_confidence(target, path_scores, decoded, labels, scores=scores, probs=probs)
            if not scores:  # a threshold has found them out all the same
                decoded = decoded._replace(spans=None, scores=None)
            found.extend(_by_doc(decoded, path_scores.lengths))
        return found


def split(rows: Any, lengths: Iterable[int]) -> List[Any]:
    """RETURNS (List[array]): The rows of each of some concatenated docs. lengths (Iterable[int]): Tokens per doc."""
    ends = list(accumulate(lengths))
    return [rows[start:end] for start, end in zip([0, *ends], ends)]


def _by_doc(decoded: Decoded, lengths: NDArray[np.int64]) -> List[Confidence]:
    ends = np.cumsum(lengths)
    starts = ends - lengths
    nothing: List[Any] = [None] * len(ends)
    marginals = nothing if decoded.marginals is None else split(decoded.marginals, lengths)
    spans = nothing
    scores = nothing
    if decoded.spans is not None and decoded.scores is not None:
        bounds = np.searchsorted(decoded.spans.starts, np.append(starts, ends[-1:]))
        parts = [slice(first, last) for first, last in zip(bounds[:-1], bounds[1:])]
        scores = [decoded.scores[part] for part in parts]
        spans = [
            Segments(decoded.spans.starts[part] - start, decoded.spans.ends[part] - start, decoded.spans.labels[part])
            for part, start in zip(parts, starts)
        ]
    elif decoded.scores is not None:
        scores = split(decoded.scores, lengths)
    return [Confidence(*found) for found in zip(scores, spans, marginals)]
