"""Which kind actions are: told by what they hold, or by the user where that may be either."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.formats.arrays import Actions, as_actions
from harness.core.classes.reading import ActionKind
from harness.core.errors import InputError

TYPES = st.sampled_from([np.bool_, np.int64, np.uint8, np.float32, np.float64])


def take(values: Any, said: ActionKind | None = None) -> Actions:
    return as_actions("a.npz", np.asarray(values), said, [])


def refusal(values: Any, said: ActionKind | None = None) -> str:
    with pytest.raises(InputError) as caught:
        take(values, said)
    assert "\n" not in str(caught.value)
    assert "'a.npz'" in str(caught.value)
    return str(caught.value)


@given(
    numbers=st.lists(st.integers(0, 4), min_size=1),
    width=st.integers(5, 7),
    dtype=TYPES,
    said=st.sampled_from([None, "discrete"]),
)
def test_rows_with_one_1_are_numbers(
    numbers: list[int], width: int, dtype: Any, said: ActionKind | None
) -> None:
    rows = np.zeros((len(numbers), width), dtype)
    for row, number in enumerate(numbers):
        rows[row, number] = 1
    notes: list[str] = []
    taken = as_actions("a.npz", rows, said, notes)
    assert taken.values.tolist() == numbers
    assert taken.values.dtype == np.int64
    assert taken.width == width
    assert ("--continuous" in "".join(notes)) == (said is None)
    vectors = take(rows, "continuous")
    np.testing.assert_array_equal(vectors.values, rows)
    assert vectors.values.dtype.kind == "f"
    assert vectors.width is None


@given(numbers=st.lists(st.integers(0, 9), min_size=1), column=st.booleans())
def test_whole_numbers_as_floats_must_be_said(numbers: list[int], column: bool) -> None:
    values = np.array(numbers, np.float32)
    given_values = values[:, None] if column else values
    message = refusal(given_values)
    assert "--discrete" in message
    assert "--continuous" in message
    np.testing.assert_array_equal(take(given_values, "discrete").values, numbers)
    np.testing.assert_array_equal(take(given_values, "continuous").values, values[:, None])


@pytest.mark.parametrize("values", [[0, 3, 1], [[0], [3], [1]], np.array([0, 3, 1], np.uint8)])
def test_integers_are_numbers_unless_said(values: Any) -> None:
    assert take(values).values.tolist() == take(values, "discrete").values.tolist() == [0, 3, 1]
    assert take(values, "continuous").values.tolist() == [[0.0], [3.0], [1.0]]


def test_booleans_are_the_numbers_0_and_1() -> None:
    assert take([True, False]).values.tolist() == [1, 0]


@pytest.mark.parametrize("values", [[0.5, 1], [-1.0, 2.0], [[0.5, 2.0]], [[1.0, 1.0], [0.0, 1.0]]])
def test_other_real_numbers_are_vectors_and_no_numbers(values: Any) -> None:
    vectors = np.asarray(values, dtype=float).reshape(len(values), -1)
    np.testing.assert_array_equal(take(values).values, vectors)
    assert "--discrete" in refusal(values, "discrete") or "ravel" in refusal(values, "discrete")


@pytest.mark.parametrize("values", [[[0, 2], [1, 1]], [[True, True], [False, True]], [[0, 0]]])
def test_several_numbers_at_a_time_are_refused_with_what_helps(values: Any) -> None:
    for said in (None, "discrete"):
        assert "numpy.ravel_multi_index" in refusal(values, said)
        assert "--continuous" in refusal(values, said)
    np.testing.assert_array_equal(take(values, "continuous").values, np.array(values, float))


def test_what_is_no_number_is_refused_however_it_is_said() -> None:
    for said in (None, "continuous"):
        assert "numbers are needed" in refusal(["left", "right"], said)
        assert "single value" in refusal(1.0, said)
