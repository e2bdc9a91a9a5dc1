"""Opening of regression datasets by id or path, and train-test splits."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from envs.regression.uci import DATA_VARIABLE, PUBLISHED, read_published
from envs.tables import read_table
from harness.core.arrays import Float64Array, hash_arrays
from harness.core.errors import InputError, unknown_name
from harness.core.regression_set import RegressionSet
from harness.core.seeding import stream
from harness.numerics.standardising import Units

if TYPE_CHECKING:
    import pandas as pd

DIABETES: Final = "regression/diabetes"
GAUSSIAN: Final = {f"regression/gaussian-{d}": d for d in (5, 10, 20)}  # features of each
GAUSSIAN_ROWS: Final = 1000
_CSV: Final = re.compile(r"(.+?\.csv)(?:#(.*))?", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Tabular:
    """A regression dataset in its original units."""

    dataset_id: str  # the id, or ``path.csv#column``
    features: Float64Array  # (n, d)
    targets: Float64Array  # (n,)
    feature_names: tuple[str, ...]  # d names

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over features and targets."""
        return hash_arrays({"features": self.features, "targets": self.targets})


@dataclass(frozen=True, eq=False)
class Split:
    """A train-test split, standardised by the training part.

    A mean squared error on ``test`` is in units of ``target_scale ** 2``: multiply by that for
    the original units. A target ``y`` reads ``target_mean + target_scale * y`` in the original.
    """

    train: RegressionSet
    test: RegressionSet
    target_mean: float  # of the training targets
    target_scale: float  # their standard deviation, 1 if they are constant


def is_tabular(id_or_path: str) -> bool:
    """Whether an id or path is that of a regression dataset; a table's path names its target."""
    path, separator, _ = id_or_path.partition("#")
    return id_or_path.startswith("regression/") or (
        bool(separator) and path.lower().endswith(".csv")
    )


def tabular_ids() -> list[str]:
    """Return the ids of all regression datasets, the embedded one first."""
    return [DIABETES, *PUBLISHED, *GAUSSIAN]


def last_changed(id_or_path: str) -> int | None:
    """Time of a ``.csv`` file's last change in nanoseconds, 0 for an embedded dataset.

    None: there is no such file, or a published set has to be fetched, whose content is fixed.
    """
    csv = _CSV.fullmatch(id_or_path)
    if csv is None:
        return None if id_or_path in PUBLISHED else 0
    return Path(csv[1]).stat().st_mtime_ns if Path(csv[1]).is_file() else None


def is_to_be_had(id_or_path: str) -> bool:
    """Whether a dataset is a published set that would be asked of OpenML to be opened."""
    return id_or_path in PUBLISHED and not os.environ.get(DATA_VARIABLE)


def open_tabular(
    id_or_path: str, *, data_dir: Path | None = None, target: str | None = None
) -> Tabular:
    """Open a regression dataset.

    Args:
        id_or_path: An id of `tabular_ids`, or the path of a ``.csv`` with a header row and numeric
            columns; ``data/my.csv#price`` names its target column.
        data_dir: A folder with the files of the published sets; None: the environment variable
        ``BELLMAN_BENCH_DATA`` or, if that is unset, OpenML. Other datasets ignore it.
        target: The target column of a ``.csv``, if the path does not name it.

    Raises:
        InputError: If there is no such dataset, or it cannot be used.
    """
    csv = _CSV.fullmatch(id_or_path)
    if csv is not None:
        return _open_csv(csv[1], csv[2], target)
    if id_or_path not in tabular_ids():
        raise unknown_name("regression dataset", id_or_path, [*tabular_ids(), "PATH.csv#COLUMN"])
    if target is not None:
        raise InputError(
            f"target {target!r}: {id_or_path!r} has its own target; leave the name out, or open a "
            ".csv file"
        )
    if id_or_path in GAUSSIAN:
        return _gaussian(id_or_path, GAUSSIAN[id_or_path])
    if id_or_path == DIABETES:
        return _tabular(id_or_path, _diabetes(), "target")
    return _tabular(id_or_path, read_published(PUBLISHED[id_or_path], data_dir), "target")


def split(tabular: Tabular, seed: int, test_share: float = 0.2) -> Split:
    """Shuffle and split a dataset, and standardise both parts by the training part.

    Targets are standardised as well. The regressors of loss matching and the linear learners are
    homogeneous, so that otherwise their slopes would have to fit the target's mean; for centred
    data, the homogeneous least-squares fit is the fit with an intercept. And isotropic regressors
    on ``(x, y)`` weight the target like one feature only if it has unit variance. All methods get
    the same units, which do not depend on the test part.

    Args:
        tabular: The dataset to split.
        seed: Chooses the rows; the same data and seed give the same parts on every machine.
        test_share: Share of the rows in the test part; each part gets at least one row.

    Raises:
        InputError: If ``test_share`` does not lie strictly between 0 and 1.
    """
    if not 0 < test_share < 1:
        raise InputError(
            f"test_share {test_share}: it must lie strictly between 0 and 1; choose such as 0.2"
        )
    count = len(tabular.targets)
    test_rows = min(max(round(count * test_share), 1), count - 1)
    order = stream("split", tabular.content_hash, seed).permutation(count)
    test, train = order[:test_rows], order[test_rows:]
    units = Units.of(tabular.features[train], tabular.targets[train])
    train_part, test_part = (
        units.apply(tabular.features[rows], tabular.targets[rows], np.ones(len(rows)))
        for rows in (train, test)
    )
    return Split(train_part, test_part, units.target_mean, units.target_scale)


def _gaussian(dataset_id: str, features: int) -> Tabular:
    """Standard normal features, and a linear target with equal variance of noise and signal."""
    rng = stream("gaussian", features)
    rows = rng.normal(size=(GAUSSIAN_ROWS, features))
    targets = rows @ rng.normal(size=features) / np.sqrt(features) + rng.normal(size=GAUSSIAN_ROWS)
    return Tabular(dataset_id, rows, targets, tuple(f"x{column}" for column in range(features)))


def _diabetes() -> pd.DataFrame:
    from sklearn.datasets import load_diabetes  # slow to import

    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    return frame


def _open_csv(path: str, named: str | None, target: str | None) -> Tabular:
    if named is not None and target is not None and named != target:
        raise InputError(
            f"targets {named!r} and {target!r} for {path!r}: one column is the target; name it once"
        )
    column = named if target is None else target
    frame = read_table(path)
    if not column:
        raise InputError(
            f"{path!r} without a target: one column must be it; write {path}#COLUMN with one of "
            f"{', '.join(frame.columns)}"
        )
    if column not in frame.columns:
        raise unknown_name(f"target of {path!r}:", column, frame.columns)
    return _tabular(f"{path}#{column}", frame, column)


def _tabular(dataset_id: str, frame: pd.DataFrame, target: str) -> Tabular:
    if len(frame) < 2:
        raise InputError(
            f"{dataset_id!r} with {len(frame)} rows: at least two are needed, one to train on and "
            "one to test on; add rows"
        )
    names = tuple(str(name) for name in frame.columns if name != target)
    if not names:
        raise InputError(
            f"{dataset_id!r} has no column but its target: a feature is needed; add a column"
        )
    numbers = {str(name): _numbers(dataset_id, frame[name]) for name in frame.columns}
    return Tabular(
        dataset_id=dataset_id,
        features=np.column_stack([numbers[name] for name in names]),
        targets=numbers[target],
        feature_names=names,
    )


def _numbers(dataset_id: str, column: pd.Series) -> Float64Array:
    """Return a column ``(n,)`` as finite float64, or raise an error that names a bad cell."""
    import pandas as pd

    if column.dtype.kind not in "iuf":
        text = column.astype(str)
        converted = pd.to_numeric(text, errors="coerce")
        wrong = np.flatnonzero(converted.isna() & column.notna())
        if wrong.size:
            raise InputError(
                f"{dataset_id!r}: column {column.name!r} holds {text.iloc[wrong[0]]!r} in data row "
                f"{wrong[0] + 1}; columns must be numeric: encode the column or drop it"
            )
        column = converted
    values: Float64Array = column.to_numpy(dtype=np.float64)
    unusable = np.flatnonzero(~np.isfinite(values))
    if unusable.size:
        raise InputError(
            f"{dataset_id!r}: column {column.name!r} is empty, NaN or infinite in data row "
            f"{unusable[0] + 1}; every cell must hold a number: fill it or drop the row"
        )
    return values
