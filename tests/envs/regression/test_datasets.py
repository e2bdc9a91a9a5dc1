from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from envs.regression.datasets import open_tabular, tabular_ids
from harness.core.errors import InputError


def write_csv(folder: Path, content: str | bytes) -> str:
    path = folder / "my.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def refusal(id_or_path: str, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        open_tabular(id_or_path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_importing_needs_neither_pandas_nor_scikit_learn() -> None:
    heavy = "{'pandas', 'sklearn', 'scipy', 'torch'}"
    loaded = f"', '.join({heavy} & sys.modules.keys())"
    script = f"import sys, envs.regression.datasets; sys.exit({loaded} or 0)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_diabetes_is_embedded_in_its_original_units() -> None:
    tabular = open_tabular("regression/diabetes")
    assert tabular.dataset_id == tabular_ids()[0] == "regression/diabetes"
    assert tabular.features.shape == (442, 10)
    ages = tabular.features[:, tabular.feature_names.index("age")]
    assert (ages.min(), ages.max()) == (19, 79)
    np.testing.assert_array_equal(tabular.targets, load_diabetes().target)
    assert tabular.content_hash == open_tabular("regression/diabetes").content_hash


def test_unknown_ids_are_refused() -> None:
    assert "did you mean 'regression/wine-red'" in refusal("regression/wine_red")
    assert "regression/diabetes" in refusal("")


def test_a_target_for_a_set_that_has_its_own_is_refused() -> None:
    assert "has its own target" in refusal("regression/diabetes", target="age")


def test_a_csv_is_read_by_its_target(tmp_path: Path) -> None:
    path = write_csv(tmp_path, 'price,"rooms, all",area\n10,2,3.5\n-20,4,1e2\n')
    tabular = open_tabular(f"{path}#price")
    assert tabular.dataset_id == f"{path}#price"
    assert tabular.feature_names == ("rooms, all", "area")
    np.testing.assert_array_equal(tabular.features, [[2, 3.5], [4, 100]])
    np.testing.assert_array_equal(tabular.targets, [10, -20])
    for other in (
        open_tabular(path, target="price"),
        open_tabular(f"{path}#price", target="price"),
    ):
        assert other.dataset_id == tabular.dataset_id
        assert other.content_hash == tabular.content_hash
    middle = open_tabular(f"{path}#rooms, all")
    assert middle.feature_names == ("price", "area")
    assert middle.content_hash != tabular.content_hash


def test_a_csv_may_have_marks_that_spreadsheets_leave(tmp_path: Path) -> None:
    plain = open_tabular(write_csv(tmp_path, "a,b#1\n1,2\n3,4\n"), target="b#1")
    path = write_csv(tmp_path, b"\xef\xbb\xbfa, b#1\r\n1, 2\r\n\r\n3, 4\r\n")
    assert open_tabular(f"{path}#b#1").content_hash == plain.content_hash


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,y\n", "with 0 rows"),
        ("a,y\n1,2\n", "with 1 rows"),
        ("y\n1\n2\n", "no column but its target"),
        ("a,b,a,y\n1,2,3,4\n5,6,7,8\n", "2 columns are called 'a'"),
        ("a,y,y\n1,2,3\n4,5,6\n", "2 columns are called 'y'"),
        (",a,y\n0,1,2\n1,3,4\n", "column 1 has no name"),
        ("7.4,0.7,5\n7.8,0.8,6\n7.8,0.8,6\n", "add a header"),
        ("a,y\n1,2\nred,3\n4,5\n", "column 'a' holds 'red' in data row 2"),
        ("a,y\nTrue,2\nFalse,3\n", "column 'a' holds 'True' in data row 1"),
        ("a,y\n1,low\n2,high\n", "column 'y' holds 'low' in data row 1"),
        ("a,y\n1,2\n2,2024-01-05\n", "column 'y' holds '2024-01-05' in data row 2"),
        ("a,b,y\n1,1,2\n3,4,5\n6,,8\n", "column 'b' is empty, NaN or infinite in data row 3"),
        ("a,y\n1,2\nnan,4\n", "column 'a' is empty, NaN or infinite in data row 2"),
        ("a,y\n1,2\n3,-inf\n", "column 'y' is empty, NaN or infinite in data row 2"),
        ("a,y\n1,2\n3\n", "column 'y' is empty, NaN or infinite in data row 2"),
        ("a,y\n,1\n,2\n", "column 'a' is empty, NaN or infinite in data row 1"),
        ("a,y\nx,1\n,2\n", "column 'a' holds 'x' in data row 1"),
        ("a,y\n1,2,3\n4,5,6\n", "cannot be read"),
        ("a,y\n0,1,2\n1,5,6\n", "cannot be read"),
        ("a,y\n1,2\n4,5,6\n", "Expected 2 fields in line 3, saw 3"),
        (b"a,y\n1,\xff\n2,3\n", "cannot be read"),
        ('a,y\n1,2\n"3,4\n', "cannot be read"),
    ],
)
def test_an_unusable_csv_is_refused(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    path = write_csv(tmp_path, content)
    message = refusal(f"{path}#y")
    assert complaint in message
    assert path in message


def test_a_target_that_is_missing_or_ambiguous_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path, "rooms,price\n1,2\n3,4\n")
    for unnamed in (path, f"{path}#"):
        message = refusal(unnamed)
        assert f"{path}#COLUMN" in message
        assert "rooms, price" in message
    assert "did you mean 'price'" in refusal(f"{path}#prize")
    assert "did you mean 'price'" in refusal(path, target="Price")
    assert "name it once" in refusal(f"{path}#price", target="rooms")
    assert "no file" in refusal(str(tmp_path / "none.csv"))
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    assert "no file" in refusal(f"{folder}#y")
