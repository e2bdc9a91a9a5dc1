"""What `certify` reports of a saved reduction against its source."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from envs.tabular import Units, open_tabular
from harness.certificates import regression_certificate, regression_moments
from harness.errors import InputError
from harness.saved import load_regression_set


def certify_regression(path: Path, against: str) -> dict[str, str]:
    """Bound the loss gap of every linear regressor on standardised data.

    Args:
        path: A saved regression reduction, in the source's own units.
        against: The source's id.

    Returns:
        What was measured, and its value.

    Raises:
        InputError: If either cannot be read, or they differ in their columns.
    """
    source = open_tabular(against)
    reduced = load_regression_set(path)
    columns = source.features.shape[1]
    if reduced.features.shape[1] != columns:
        raise InputError(
            f"{str(path)!r} has {reduced.features.shape[1]} features and {against!r} {columns}: "
            "a certificate compares a reduction with its own source; name that one"
        )
    units = Units.of(source.features, source.targets)
    full = units.apply(source.features, source.targets, np.ones(len(source.targets)))
    small = units.apply(reduced.features, reduced.targets, reduced.weights)
    moments = regression_moments(full)
    certificate = regression_certificate(moments, regression_moments(small))
    largest = float(np.linalg.norm(moments.second_moment, 2))
    return {
        "rows": f"{len(small)} against {len(full)}",
        "largest loss gap over all linear regressors of norm at most 1": (
            f"{certificate.worst_gap:.3g} (their largest loss is {largest:.3g})"
        ),
        "largest relative loss gap over all linear regressors": f"{certificate.relative_gap:.3g}",
    }
