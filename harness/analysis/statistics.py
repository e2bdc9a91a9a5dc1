"""Means over seeds, and their bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray = NDArray[np.float64]
Statistic = Callable[[ArrayLike], FloatArray]  # (..., n) -> (...)

CONFIDENCE = 0.95
RESAMPLES = 2000
RNG_SEED = 0  # fixed, so that the same records give the same table


def interquartile_mean(values: ArrayLike) -> FloatArray:
    """Mean of what is left after cutting a quarter, rounded down, from either end.

    Args:
        values: Shape ``(..., n)``.

    Returns:
        Shape ``(...)``; NaN where ``n`` is zero.
    """
    return _trimmed_mean(values, 0.25)


def mean(values: ArrayLike) -> FloatArray:
    """Mean over the last axis, ``(..., n) -> (...)``; NaN where ``n`` is zero."""
    return _trimmed_mean(values, 0.0)


def ratio_of_means(numerators: ArrayLike, denominators: ArrayLike) -> FloatArray:
    """Ratio of two means over the last axis, ``(..., n)`` each ``-> (...)``.

    Infinite where the denominators' mean is not positive: what is divided by is meant to be a
    loss, and no numerator is small beside none. NaN where ``n`` is zero.
    """
    return _ratio(_angle(mean(numerators), mean(denominators)))


def bootstrap_interval(
    *strata: ArrayLike, statistic: Statistic = interquartile_mean
) -> tuple[FloatArray, FloatArray]:
    """95 % percentile bootstrap interval of a statistic of all strata together.

    Each stratum is resampled within itself. The order of values does not matter.

    Args:
        strata: Each of shape ``(..., n)``, with its own ``n``.
        statistic: Maps ``(..., n)`` to ``(...)``.

    Returns:
        The ends of the interval, each of shape ``(...)``; NaN if a stratum has fewer than two
        values, which say nothing about spread.
    """
    samples = [np.sort(np.asarray(stratum, dtype=np.float64), axis=-1) for stratum in strata]

    def of_all(*resampled: FloatArray, axis: int) -> FloatArray:
        pooled: NDArray[Any] = np.concatenate(resampled, axis=axis)
        return statistic(np.moveaxis(pooled, axis, -1))

    return _bootstrap(samples, of_all)


def ratio_interval(numerators: ArrayLike, denominators: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """95 % percentile bootstrap interval of the ratio of two means of paired values.

    Args:
        numerators: Shape ``(n,)``.
        denominators: Shape ``(n,)``, each the partner of a numerator.

    Returns:
        The ends of the interval, which may be infinite as in `ratio_of_means`; NaN if there are
        fewer than two pairs.
    """

    def of_pairs(above: FloatArray, below: FloatArray) -> FloatArray:
        return _angle(mean(above), mean(below))

    # angles, unlike ratios, are finite, and percentiles are taken between neighbours
    low, high = paired_interval(of_pairs, numerators, denominators)
    return _ratio(low), _ratio(high)


def mean_over_strata(*strata: ArrayLike) -> FloatArray:
    """Mean over strata of the mean over the last axis, ``(..., n_i) each -> (...)``.

    Every stratum counts alike, however many values it has.
    """
    arrays = [np.asarray(stratum, dtype=np.float64) for stratum in strata]
    means: FloatArray = np.mean([array.mean(axis=-1) for array in arrays], axis=0)
    return means


def mean_over_strata_interval(
    *strata: ArrayLike, confidence: float = CONFIDENCE
) -> tuple[FloatArray, FloatArray]:
    """Percentile bootstrap interval of `mean_over_strata`, each resampled within itself.

    Returns:
        The ends of the interval, each of shape ``(...)``; NaN if a stratum has fewer than two
        values.
    """
    samples = [np.sort(np.asarray(stratum, dtype=np.float64), axis=-1) for stratum in strata]

    def of_strata(*resampled: FloatArray, axis: int) -> FloatArray:
        return mean_over_strata(*(np.moveaxis(values, axis, -1) for values in resampled))

    return _bootstrap(samples, of_strata, confidence=confidence)


def paired_interval(
    statistic: Callable[..., FloatArray], *samples: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """95 % percentile bootstrap interval of a statistic of samples that are drawn together.

    Args:
        statistic: Maps arrays ``(..., n)``, one a sample, to ``(...)``.
        samples: Each of shape ``(n,)``; values of one place belong together.

    Returns:
        The ends of the interval; NaN if there are fewer than two places.
    """
    arrays = [np.asarray(sample, dtype=np.float64) for sample in samples]

    def of_places(*resampled: FloatArray, axis: int) -> FloatArray:
        return statistic(*(np.moveaxis(values, axis, -1) for values in resampled))

    return _bootstrap(arrays, of_places, paired=True)


def joint_confidence(count: int) -> float:
    """Confidence of each of so many intervals that hold all together with 95 % (Bonferroni)."""
    return 1 - (1 - CONFIDENCE) / count


def estimate_over_strata(
    name: str, strata: Sequence[FloatArray], confidence: float = CONFIDENCE
) -> dict[str, float]:
    """`mean_over_strata` and its interval, under ``name``, ``_low``, ``_high``.

    All three are NaN if there is no stratum, or one is empty.
    """
    values: Sequence[Any] = (np.nan, np.nan, np.nan)
    if strata and all(len(stratum) for stratum in strata):
        interval = mean_over_strata_interval(*strata, confidence=confidence)
        values = (mean_over_strata(*strata), *interval)
    return _named(name, values)


def estimate(
    name: str, strata: Sequence[FloatArray], statistic: Statistic = interquartile_mean
) -> dict[str, float]:
    """A statistic of all strata together and its interval, under ``name``, ``_low``, ``_high``.

    All three are NaN if there is no stratum, or one is empty or holds a value that is not finite.
    """
    values: Sequence[Any] = (np.nan, np.nan, np.nan)
    if strata and all(len(stratum) and np.isfinite(stratum).all() for stratum in strata):
        interval = bootstrap_interval(*strata, statistic=statistic)
        values = (statistic(np.concatenate(strata)), *interval)
    return _named(name, values)


def _named(name: str, values: Sequence[Any]) -> dict[str, float]:
    names = (name, f"{name}_low", f"{name}_high")
    return {key: float(value) for key, value in zip(names, values, strict=True)}


def _angle(above: FloatArray, below: FloatArray) -> FloatArray:
    """Angle whose tangent is the ratio, and at least a right one where the ratio is infinite."""
    angle: FloatArray = np.arctan2(above, below)
    return np.where((below <= 0) & (above <= 0), np.pi, angle)


def _ratio(angle: FloatArray) -> FloatArray:
    ratio: FloatArray = np.where(angle >= np.pi / 2, np.inf, np.tan(angle))[()]
    return ratio


def _trimmed_mean(values: ArrayLike, share: float) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.shape[-1] == 0:
        return np.full(array.shape[:-1], np.nan)
    means: FloatArray = stats.trim_mean(array, share, axis=-1)
    return means


def _bootstrap(
    samples: Sequence[FloatArray],
    statistic: Callable[..., FloatArray],
    paired: bool = False,
    confidence: float = CONFIDENCE,
) -> tuple[FloatArray, FloatArray]:
    if not samples or min(sample.shape[-1] for sample in samples) < 2:
        unknown = np.full(samples[0].shape[:-1] if samples else (), np.nan)
        return unknown, unknown
    interval = stats.bootstrap(
        samples,
        statistic,
        n_resamples=RESAMPLES,
        paired=paired,
        vectorized=True,
        axis=-1,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(RNG_SEED),
    ).confidence_interval
    return interval.low, interval.high
