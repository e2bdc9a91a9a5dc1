"""The inter-quartile mean over seeds, and its stratified bootstrap interval."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FloatArray = NDArray[np.float64]

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
    array = np.asarray(values, dtype=np.float64)
    if array.shape[-1] == 0:
        return np.full(array.shape[:-1], np.nan)
    means: FloatArray = stats.trim_mean(array, 0.25, axis=-1)
    return means


def bootstrap_interval(*strata: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """95 % percentile bootstrap interval of the inter-quartile mean of all strata together.

    Each stratum is resampled within itself. The order of values does not matter.

    Args:
        strata: Each of shape ``(..., n)``, with its own ``n``.

    Returns:
        The ends of the interval, each of shape ``(...)``; NaN if a stratum has fewer than two
        values, which say nothing about spread.
    """
    samples = [np.sort(np.asarray(stratum, dtype=np.float64), axis=-1) for stratum in strata]
    if not samples or min(sample.shape[-1] for sample in samples) < 2:
        unknown = np.full(samples[0].shape[:-1] if samples else (), np.nan)
        return unknown, unknown
    interval = stats.bootstrap(
        samples,
        _pooled_mean,
        n_resamples=RESAMPLES,
        vectorized=True,
        axis=-1,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(RNG_SEED),
    ).confidence_interval
    return interval.low, interval.high


def _pooled_mean(*strata: FloatArray, axis: int) -> FloatArray:
    pooled: NDArray[Any] = np.concatenate(strata, axis=axis)
    return interquartile_mean(np.moveaxis(pooled, axis, -1))
