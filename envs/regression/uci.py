"""The paper's three regression datasets, from a local folder or from OpenML."""

from __future__ import annotations

import hashlib
import io
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

DATA_VARIABLE: Final = "BELLMAN_BENCH_DATA"


@dataclass(frozen=True)
class PublishedSet:
    """The sources of a published set, and its checksum."""

    file_name: str  # numbers only, no header, target last
    separator: str
    sha256: str  # of the file
    rows: int
    target_mean: float  # to four decimals
    feature_names: tuple[str, ...]  # in the file's order
    openml_id: int
    openml_names: tuple[str, ...]  # OpenML's name of each feature, as spelt by `_plain`
    openml_target_shift: int = 0  # what to add to OpenML's targets


_WINE = (
    *("fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar", "chlorides"),
    *("free_sulfur_dioxide", "total_sulfur_dioxide", "density", "ph", "sulphates", "alcohol"),
)
_BOSTON = (
    *("crim", "zn", "indus", "chas", "nox", "rm", "age", "dis", "rad", "tax", "ptratio", "b"),
    "lstat",
)

PUBLISHED: Final[Mapping[str, PublishedSet]] = {
    "regression/wine-red": PublishedSet(
        file_name="winequality-red.csv",
        separator=",",
        sha256="c9614512e980f1cbd221c796daa97f00c4898c3cd1716863abac60f6cd1a522e",
        rows=1599,
        target_mean=5.6360,
        feature_names=_WINE,
        openml_id=40691,
        openml_names=_WINE,
    ),
    "regression/wine-white": PublishedSet(
        file_name="winequality-white.csv",
        separator=",",
        sha256="659d419fff887f225bf977d20520bb64a64cae203e460087f809721d4430ba27",
        rows=4898,
        target_mean=5.8779,
        feature_names=_WINE,
        openml_id=40498,
        openml_names=tuple(f"v{number}" for number in range(1, 12)),
        openml_target_shift=2,  # OpenML numbers the qualities 3 to 9 as classes 1 to 7
    ),
    "regression/boston": PublishedSet(
        file_name="housing.data",
        separator=r"\s+",
        sha256="e3e36f7b9e5435f9eb8320e106aebad00031fefa3064527da0c71dec59e49b76",
        rows=506,
        target_mean=22.5328,
        feature_names=_BOSTON,
        openml_id=531,
        openml_names=_BOSTON,
    ),
}


def read_published(published: PublishedSet, data_dir: Path | None) -> pd.DataFrame:
    """Read a published set, target last, with rows sorted so that both sources agree.

    Args:
        published: The set to read.
        data_dir: The folder of its file; None: the environment variable ``BELLMAN_BENCH_DATA`` or,
        if that is unset or empty, OpenML.

    Raises:
        InputError: If the folder lacks the file, the file is not the published one, or OpenML
        cannot be reached or has other data.
    """
    named = os.environ.get(DATA_VARIABLE)
    folder = data_dir or (Path(named) if named else None)
    frame = _fetch(published) if folder is None else _read_file(published, folder)
    return frame.sort_values(list(frame.columns), ignore_index=True)


def _read_file(published: PublishedSet, folder: Path) -> pd.DataFrame:
    import pandas as pd  # slow to import: only where a file is read

    path = folder / published.file_name
    if not path.is_file():
        raise InputError(
            f"no file {str(path)!r}: --data-dir or {DATA_VARIABLE} names the folder that holds "
            f"{published.file_name}; put it there, or give neither to fetch it from OpenML"
        )
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != published.sha256:
        raise InputError(
            f"{str(path)!r} has SHA-256 {found}, expected {published.sha256}: only the published "
            "file gives comparable results; download it again (numbers only, no header, target "
            "last)"
        )
    names = [*published.feature_names, "target"]
    return pd.read_csv(io.BytesIO(content), header=None, names=names, sep=published.separator)


def _fetch(published: PublishedSet) -> pd.DataFrame:
    from sklearn.datasets import fetch_openml  # slow to import

    remedy = f"or name a folder that holds {published.file_name} by --data-dir or {DATA_VARIABLE}"
    try:
        with warnings.catch_warnings(action="ignore"):  # one for each retry
            fetched = fetch_openml(data_id=published.openml_id, as_frame=True, parser="pandas")
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a wrong checksum
        reason = " ".join(str(error).split())
        raise InputError(
            f"OpenML's set {published.openml_id} cannot be fetched ({reason}): a network is "
            f"needed the first time; connect, {remedy}"
        ) from error
    frame = _rename(published, fetched.data)
    frame["target"] = fetched.target.astype(float) + published.openml_target_shift
    mean = float(frame["target"].mean())
    if len(frame) != published.rows or abs(mean - published.target_mean) > 1e-4:
        raise InputError(
            f"OpenML's set {published.openml_id} has {len(frame)} rows of mean target {mean:.4f}, "
            f"expected {published.rows} and {published.target_mean:.4f}: it has changed; update "
            f"this program, {remedy}"
        )
    return frame


def _rename(published: PublishedSet, features: pd.DataFrame) -> pd.DataFrame:
    plain = features.set_axis([_plain(name) for name in features.columns], axis="columns")
    if sorted(plain.columns) != sorted(published.openml_names):
        raise InputError(
            f"OpenML's set {published.openml_id} has the columns {', '.join(features.columns)}, "
            f"expected {', '.join(published.openml_names)}: it has changed; name a folder that "
            f"holds {published.file_name} by --data-dir or {DATA_VARIABLE}"
        )
    # Nominal columns are strings: the numbers are in the text, not in the category codes.
    ordered = plain[list(published.openml_names)].astype(float)
    return ordered.set_axis(list(published.feature_names), axis="columns")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower())
