"""Confident learning: how many labels are wrong, and which, by probabilities of models that did not see them.

Northcutt, Jiang & Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset Labels", section 3,
https://arxiv.org/abs/1911.00068; written from the paper.
"""

from dataclasses import dataclass
from typing import NamedTuple, Sequence

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-3
"""Smaller probabilities are not kept. The mean that a probability is compared with is larger for any label that a model
knows at all."""


class SparseProbabilities(NamedTuple):
    """The larger probabilities of some tokens.

    sizes: (n_tokens,) how many of each token's probabilities are kept.
    labels: (n_kept,) label index of each, token by token.
    values: (n_kept,) the probabilities.
    """

    sizes: NDArray[np.int64]
    labels: NDArray[np.int64]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, probabilities: NDArray[np.float32], least: float = LEAST) -> "SparseProbabilities":
        """RETURNS (SparseProbabilities): Those of (n_tokens, n_labels) probabilities that are large enough.
        probabilities (array): The probabilities. least (float): The least one that is kept."""
        rows, labels = np.nonzero(probabilities >= least)
        sizes = np.bincount(rows, minlength=probabilities.shape[0]).astype("int64")
        return cls(sizes, labels.astype("int64"), probabilities[rows, labels].astype("float32"))

    @classmethod
    def joined(cls, parts: Sequence["SparseProbabilities"]) -> "SparseProbabilities":
        """RETURNS (SparseProbabilities): Those of several lots of tokens. parts (Sequence[SparseProbabilities]): The
        lots, which number the labels alike."""
        empty = cls.of(np.zeros((0, 1), dtype="float32"))
        return cls(*(np.concatenate(arrays) for arrays in zip(empty, *parts)))


@dataclass(frozen=True)
class ConfidentJoint:
    """What confident learning counts.

    thresholds: (n_labels,) mean probability of each label at the tokens that are given it; infinite for a label that
        none is given.
    confident: (n_tokens,) the label that the model is confident of at each token, -1 where there is none: the likeliest
        of those whose probability reaches their threshold (equation 1).
    counts: (n_labels, n_labels) tokens by the label that they are given and the one that the model is confident of.
    joint: (n_labels, n_labels) estimated share of tokens by given and right label; sums to 1 (equation 3).
    n_tokens: Number of tokens.
    """

    thresholds: NDArray[np.float64]
    confident: NDArray[np.int64]
    counts: NDArray[np.int64]
    joint: NDArray[np.float64]
    n_tokens: int

    @property
    def n_errors(self) -> float:
        """RETURNS (float): The estimated number of wrong labels: the joint off its diagonal."""
        return float(self.n_tokens * (self.joint.sum() - np.trace(self.joint)))


def confident_joint(
    given: NDArray[np.int64],
    self_confidence: NDArray[np.float32],
    probabilities: SparseProbabilities,
    n_labels: int,
) -> ConfidentJoint:
    """Count given labels against the labels that a model is confident of.

    given (array): (n_tokens,) index of each token's given label.
    self_confidence (array): (n_tokens,) its probability.
    probabilities (SparseProbabilities): The tokens' probabilities.
    n_labels (int): Number of labels.
    RETURNS (ConfidentJoint): The counts.
    """
    n_given = np.bincount(given, minlength=n_labels)
    sums = np.bincount(given, weights=self_confidence, minlength=n_labels)
    with np.errstate(invalid="ignore"):
        thresholds = np.where(n_given > 0, sums / n_given, np.inf)
    tokens = np.repeat(np.arange(given.shape[0]), probabilities.sizes)
    reaches = probabilities.values >= thresholds[probabilities.labels]
    # Assigned in order of probability, the likeliest stays. Of equal ones it is the first label.
    order = np.lexsort((-probabilities.labels[reaches], probabilities.values[reaches]))
    confident = np.full(given.shape, -1, dtype=np.int64)
    confident[tokens[reaches][order]] = probabilities.labels[reaches][order]
    sure = confident >= 0
    counts = np.bincount(given[sure] * n_labels + confident[sure], minlength=n_labels**2).reshape((n_labels, n_labels))
    return ConfidentJoint(thresholds, confident, counts, _joint(counts, n_given), given.shape[0])


def _joint(counts: NDArray[np.int64], n_given: NDArray[np.int64]) -> NDArray[np.float64]:
    """The counts with rows that sum to how often each label is given, all divided by their sum. A label of which no
    token is counted is taken to be right."""
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.where(rows > 0, counts / np.maximum(rows, 1), np.eye(len(counts)))
    weighted: NDArray[np.float64] = shares * n_given[:, None]
    return weighted / max(float(weighted.sum()), 1.0)
