"""How sure scores are, given that the data are a sample: the bootstrap over docs.

Efron (1979), https://doi.org/10.1214/aos/1176344552; for two systems on the same data Koehn (2004),
https://aclanthology.org/W04-3250, and Berg-Kirkpatrick et al. (2012), https://aclanthology.org/D12-1091.
"""

from dataclasses import dataclass
from typing import Iterator

import numpy as np
from numpy.typing import NDArray

N_SAMPLES = 1000
LEVEL = 0.95
CHUNK = 50


@dataclass(frozen=True)
class Interval:
    """A score and where it would probably lie on other data of the kind.

    value (float): The score on the data.
    low (float): The lower end of the interval; NaN if there is nothing to resample.
    high (float): The upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The score of a second pipeline minus that of a first, on the same docs.

    value (float): The difference on the data.
    low (float): The lower end of its interval.
    high (float): The upper end.
    p_value (float): Two-sided: how probable a difference of this size is by the choice of docs alone.
    """

    value: float
    low: float
    high: float
    p_value: float


def resample(counts: NDArray[np.int64], n_samples: int = N_SAMPLES, seed: int = 0) -> NDArray[np.float64]:
    """Draw as many docs as there are, with replacement, again and again, and add up their counts. The same number of
    docs and the same seed draw the same docs.

    counts (array): (n_docs, ...) counts of each doc.
    n_samples (int): How many times to draw.
    seed (int): Seed of the draws.
    RETURNS (array): (n_samples, ...) sums.
    """
    n_docs = counts.shape[0]
    flat = counts.reshape((n_docs, -1)).astype("float64")
    sums = [weights @ flat for weights in _draw(n_docs, n_samples, seed)]
    return np.concatenate(sums).reshape((n_samples, *counts.shape[1:]))


def _draw(n_docs: int, n_samples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each doc is drawn, some samples at a time, so that many docs need little memory."""
    rng = np.random.default_rng(seed)
    for start in range(0, n_samples, CHUNK):
        size = min(CHUNK, n_samples - start)
        yield rng.multinomial(n_docs, np.full(n_docs, 1 / n_docs), size=size).astype("float64")


def interval(value: float, samples: NDArray[np.float64], level: float = LEVEL) -> Interval:
    """The percentile interval of a score.

    value (float): The score on the data.
    samples (array): (n_samples,) its values on resampled data; NaN where it has none.
    level (float): The share of the samples inside.
    RETURNS (Interval): The score with its interval.
    """
    finite = samples[np.isfinite(samples)]
    if not finite.size:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def difference(
    first: float,
    second: float,
    first_samples: NDArray[np.float64],
    second_samples: NDArray[np.float64],
    level: float = LEVEL,
) -> Difference:
    """How sure the difference of two scores on the same docs is.

    first (float): The first score on the data.
    second (float): The second.
    first_samples (array): (n_samples,) the first on resampled data.
    second_samples (array): (n_samples,) the second on the same resampled data.
    level (float): The share of the samples inside of the interval.
    RETURNS (Difference): The difference. The p-value is twice the share of samples on the other side of no difference,
        counting one more sample, since no finite number of samples shows that something cannot be.
    """
    samples = second_samples - first_samples
    samples = samples[np.isfinite(samples)]
    found = interval(second - first, samples, level)
    if not samples.size:
        return Difference(found.value, found.low, found.high, float("nan"))
    n_below, n_above = int((samples <= 0).sum()), int((samples >= 0).sum())
    p_value = min(1.0, 2 * (min(n_below, n_above) + 1) / (samples.size + 1))
    return Difference(found.value, found.low, found.high, p_value)


def precision(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """RETURNS (array): (...) TP / (TP + FP); NaN if nothing is predicted. counts (array): (..., 3) TP, FP, FN."""
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 1])


def recall(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """RETURNS (array): (...) TP / (TP + FN); NaN if there is no gold. counts (array): (..., 3) TP, FP, FN."""
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 2])


def f_score(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """RETURNS (array): (...) 2 TP / (2 TP + FP + FN); NaN if there is neither. counts (array): (..., 3) TP, FP, FN."""
    return _ratio(2 * counts[..., 0], 2 * counts[..., 0] + counts[..., 1] + counts[..., 2])


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: NDArray[np.float64] = np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
    return ratio
