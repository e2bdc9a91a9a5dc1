from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import replace
from http.client import IncompleteRead
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest

from envs.regression.datasets import open_tabular
from envs.regression.uci import PUBLISHED, PublishedSet
from harness.core.errors import InputError

# Feature names as OpenML spells them, and those that it calls nominal.
WINE_COLUMNS = (
    "fixed_acidity volatile_acidity citric_acid residual_sugar chlorides free_sulfur_dioxide "
    "total_sulfur_dioxide density pH sulphates alcohol"
)
BOSTON_COLUMNS = "CRIM ZN INDUS CHAS NOX RM AGE DIS RAD TAX PTRATIO B LSTAT"
OPENML_COLUMNS = {
    "regression/wine-red": WINE_COLUMNS.split(),
    "regression/wine-white": [f"V{number}" for number in range(1, 12)],
    "regression/boston": BOSTON_COLUMNS.split(),
}
NOMINAL = ("CHAS", "RAD")


class SmallSet:
    """A published set cut down to a few invented rows, in the layout of both of its sources."""

    def __init__(self, dataset_id: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        published = PUBLISHED[dataset_id]
        rng = np.random.default_rng(5)
        self.dataset_id = dataset_id
        self.features = rng.integers(0, 300, size=(12, len(published.feature_names))) / 100
        self.targets = rng.integers(3, 9, size=12)
        rows = [
            [*map(str, row), str(target)]
            for row, target in zip(self.features, self.targets, strict=True)
        ]
        joint = "," if published.separator == "," else "  "
        content = "\n".join(joint.join(row) for row in rows).encode()
        folder.mkdir()
        self.folder = folder
        self.path = folder / published.file_name
        self.path.write_bytes(content)
        self.published = replace(
            published,
            rows=12,
            target_mean=float(self.targets.mean()),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        monkeypatch.setattr("envs.regression.datasets.PUBLISHED", {dataset_id: self.published})

    def on_openml(self) -> SimpleNamespace:
        """What scikit-learn returns: rows and columns in another order, classes as categories."""
        columns = OPENML_COLUMNS[self.dataset_id]
        data = pd.DataFrame(self.features, columns=columns)
        for name in set(NOMINAL) & set(columns):
            data[name] = data[name].astype(str).astype("category")
        shift = 2 if self.dataset_id == "regression/wine-white" else 0
        target = pd.Series(self.targets - shift, name="class").astype(str).astype("category")
        rows = np.random.default_rng(1).permutation(12)
        return SimpleNamespace(data=data[columns[::-1]].iloc[rows], target=target.iloc[rows])


@pytest.fixture(params=sorted(PUBLISHED))
def small_set(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> SmallSet:
    monkeypatch.delenv("BELLMAN_BENCH_DATA", raising=False)
    return SmallSet(request.param, monkeypatch, tmp_path / "published")


@pytest.fixture
def no_fetching(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        pytest.fail("fetched")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", refuse)


def serve(monkeypatch: pytest.MonkeyPatch, bunch: SimpleNamespace) -> list[dict[str, Any]]:
    """Let OpenML answer with ``bunch``; the list collects what was asked of it."""
    asked: list[dict[str, Any]] = []

    def fetch(**options: Any) -> SimpleNamespace:
        warnings.warn("A network error occurred. Retrying...", stacklevel=1)
        asked.append(options)
        return bunch

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    return asked


def sorted_rows(features: np.ndarray, targets: np.ndarray) -> list[tuple[float, ...]]:
    return sorted(map(tuple, np.column_stack([features, targets]).tolist()))


def refusal(id_or_path: str, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        open_tabular(id_or_path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.usefixtures("no_fetching")
def test_a_published_set_is_read_from_a_folder(
    small_set: SmallSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tabular = open_tabular(small_set.dataset_id, data_dir=small_set.folder)
    assert tabular.dataset_id == small_set.dataset_id
    assert tabular.features.dtype == tabular.targets.dtype == np.float64
    assert tabular.feature_names == small_set.published.feature_names
    expected = sorted_rows(small_set.features, small_set.targets)
    assert sorted_rows(tabular.features, tabular.targets) == expected

    monkeypatch.setenv("BELLMAN_BENCH_DATA", str(small_set.folder))
    assert open_tabular(small_set.dataset_id).content_hash == tabular.content_hash
    monkeypatch.setenv("BELLMAN_BENCH_DATA", str(tmp_path / "elsewhere"))
    open_tabular(small_set.dataset_id, data_dir=small_set.folder)


def test_openml_and_the_folder_give_the_same_data(
    small_set: SmallSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELLMAN_BENCH_DATA", "")
    asked = serve(monkeypatch, small_set.on_openml())
    fetched = open_tabular(small_set.dataset_id)
    read = open_tabular(small_set.dataset_id, data_dir=small_set.folder)
    assert [options["data_id"] for options in asked] == [PUBLISHED[small_set.dataset_id].openml_id]
    assert fetched.feature_names == read.feature_names
    assert fetched.content_hash == read.content_hash


@pytest.mark.parametrize(
    "failure",
    [
        URLError("Name or service not known"),
        TimeoutError("timed out"),
        IncompleteRead(b"half"),
        ValueError("The md5 checksum\nof the file does not match"),
    ],
)
def test_without_a_network_the_folder_is_named_as_remedy(
    small_set: SmallSet, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(**_: Any) -> None:
        raise failure

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fail)
    message = refusal(small_set.dataset_id)
    for part in ("cannot be fetched", "BELLMAN_BENCH_DATA", "--data-dir", small_set.path.name):
        assert part in message


def test_an_openml_set_that_has_changed_is_refused(
    small_set: SmallSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    bunch = small_set.on_openml()
    shifted = SimpleNamespace(data=bunch.data, target=bunch.target.astype(int) + 1)
    shorter = SimpleNamespace(data=bunch.data[:-1], target=bunch.target[:-1])
    renamed = SimpleNamespace(data=bunch.data.add_prefix("x"), target=bunch.target)
    for changed, complaint in ((shifted, "mean"), (shorter, "11 rows"), (renamed, "columns")):
        serve(monkeypatch, changed)
        message = refusal(small_set.dataset_id)
        assert complaint in message
        assert "it has changed" in message


@pytest.mark.usefixtures("no_fetching")
def test_a_folder_that_lacks_the_file_is_refused(
    small_set: SmallSet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BELLMAN_BENCH_DATA", str(tmp_path))
    missing = str(tmp_path / small_set.path.name)
    for message in (
        refusal(small_set.dataset_id),
        refusal(small_set.dataset_id, data_dir=tmp_path),
    ):
        assert f"no file {missing!r}" in message
        assert "OpenML" in message


@pytest.mark.usefixtures("no_fetching")
def test_a_file_with_another_hash_is_refused(small_set: SmallSet) -> None:
    content = small_set.path.read_bytes() + b"\n"
    small_set.path.write_bytes(content)
    message = refusal(small_set.dataset_id, data_dir=small_set.folder)
    assert repr(str(small_set.path)) in message
    assert small_set.published.sha256 in message
    assert hashlib.sha256(content).hexdigest() in message


@pytest.mark.skipif(not os.environ.get("BELLMAN_BENCH_DATA"), reason="names no folder of real sets")
@pytest.mark.parametrize("published", PUBLISHED.items(), ids=PUBLISHED)
def test_the_real_files_are_the_published_ones(published: tuple[str, PublishedSet]) -> None:
    tabular = open_tabular(published[0])
    assert tabular.features.shape == (published[1].rows, len(published[1].feature_names))
    assert tabular.targets.mean() == pytest.approx(published[1].target_mean, abs=5e-5)
