from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import load_dataset
from harness.core.errors import InputError
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.testing.rows import random_transitions


@pytest.fixture
def transitions() -> Transitions:
    return random_transitions(np.random.default_rng(0), 8)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"observations": np.zeros(8)}, r"shape \(8,\).*\(N, obs_dim\)"),
        ({"observations": np.zeros((0, 3))}, "at least one"),
        ({"next_observations": np.zeros((8, 2))}, r"next_observations of shape \(8, 2\)"),
        ({"rewards": np.zeros(7)}, r"rewards of shape \(7,\)"),
        ({"rewards": np.full(8, np.nan)}, "rewards: 8 rows hold NaN"),
        ({"observations": np.full((8, 3), np.inf)}, "first is row 0"),
        ({"rewards": np.arange(8) * 2e69}, "rewards: 3 rows hold values of 1e70 or more, .*row 5"),
        ({"weights": np.full(8, 1e300)}, "be smaller: rescale the data"),
        ({"actions": np.full(8, 2)}, r"actions span 2\.\.2.*2 actions must be integers in 0\.\.1"),
        ({"actions": np.full(8, -1)}, "actions span -1"),
        ({"actions": np.full(8, 0.5)}, "continuous actions"),
        ({"actions": np.zeros(8), "action_count": 0}, r"actions of shape \(8,\).*\(8, 1\)"),
        ({"actions": np.full((8, 2), np.nan), "action_count": 0}, "actions: 8 rows hold NaN"),
        ({"codes": np.zeros((3, 1))}, r"codes of shape \(3, 1\) for 2 actions"),
        ({"actions": np.zeros((8, 2), dtype=int)}, r"actions of shape \(8, 2\)"),
        ({"terminations": np.full(8, 0.5)}, "flags must be 0 or 1"),
        ({"weights": np.zeros(8)}, "weights must be positive"),
        ({"rewards": np.full(8, "x")}, "numbers are needed"),
    ],
)
def test_bad_arrays_are_refused_by_name(
    transitions: Transitions, change: dict[str, Any], rule: str
) -> None:
    with pytest.raises(InputError, match=rule):
        replace(transitions, **change)


def test_arrays_cannot_be_written(transitions: Transitions) -> None:
    with pytest.raises(ValueError, match="read-only"):
        transitions.rewards[0] = 1.0


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 30),
    obs_dim=st.integers(1, 5),
    action_count=st.integers(1, 4),
)
def test_a_saved_set_is_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rows: int, obs_dim: int, action_count: int
) -> None:
    transitions = random_transitions(np.random.default_rng(seed), rows, obs_dim, action_count)
    path = tmp_path_factory.mktemp("npz") / "set.npz"
    transitions.save(path, {"environment_id": "CartPole-v1"})
    loaded, metadata = Transitions.load(path)
    for name in ARRAY_NAMES:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(transitions, name))
    assert loaded.content_hash() == transitions.content_hash()
    assert metadata == {"environment_id": "CartPole-v1", "action_count": action_count}
    assert list(path.parent.iterdir()) == [path]


def test_continuous_actions_are_saved_and_read_back(
    transitions: Transitions, tmp_path: Path
) -> None:
    """Whole numbers, which are discrete where nothing says that they are not."""
    vectors = replace(transitions, actions=np.eye(8)[:, :3], action_count=0)
    path = tmp_path / "set.npz"
    vectors.save(path, {})
    for read in (Transitions.load(path)[0], load_dataset(str(path))):
        assert read.is_continuous
        assert read.content_hash() == vectors.content_hash()


def test_codes_take_the_place_of_numbers(transitions: Transitions) -> None:
    coded = replace(transitions, codes=np.array([[-2.0, 0.0], [3.0, 1.0]]))
    assert coded.content_hash() == transitions.content_hash()  # as before rows had codes
    vectors = coded.take(np.array([0, 5])).in_vectors("a test")
    assert coded.codes is not None
    np.testing.assert_array_equal(vectors.actions, coded.codes[transitions.actions[[0, 5]]])
    assert vectors.in_vectors("a test") is vectors
    with pytest.raises(InputError, match=r"a test: actions must be continuous, .* 2 discrete"):
        transitions.in_vectors("a test")


def test_a_file_holds_exactly_the_named_arrays(transitions: Transitions, tmp_path: Path) -> None:
    transitions.save(tmp_path / "set.npz", {})
    with np.load(tmp_path / "set.npz", allow_pickle=False) as file:
        assert sorted(file.files) == sorted([*ARRAY_NAMES, "metadata"])


@pytest.mark.parametrize("name", ARRAY_NAMES)
def test_the_hash_sees_every_array(transitions: Transitions, name: str) -> None:
    array = getattr(transitions, name).copy()
    array[0] = 1 - array[0]
    changed = replace(transitions, **{name: np.abs(array) if name == "weights" else array})
    assert changed.content_hash() != transitions.content_hash()


def test_a_missing_or_pickled_or_cut_file_is_refused(
    transitions: Transitions, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no file"):
        Transitions.load(tmp_path / "absent.npz")

    np.savez(tmp_path / "pickled.npz", observations=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="plain arrays"):
        Transitions.load(tmp_path / "pickled.npz")

    transitions.save(tmp_path / "set.npz", {})
    whole = (tmp_path / "set.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        Transitions.load(tmp_path / "cut.npz")


def test_a_file_that_lacks_an_array_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "few.npz", observations=np.zeros((2, 1)), actions=np.zeros(2, int))
    with pytest.raises(InputError, match="lacks rewards, next_observations, terminations"):
        Transitions.load(tmp_path / "few.npz")


def test_an_action_number_that_no_count_explains_is_refused(tmp_path: Path) -> None:
    arrays = {
        "observations": np.zeros((3, 1)),
        "actions": np.array([0, 10**9, 1]),
        "rewards": np.zeros(3),
        "next_observations": np.zeros((3, 1)),
        "terminations": np.zeros(3, bool),
    }
    np.savez(tmp_path / "wild.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"action 1000000000 in 3 rows"):
        Transitions.load(tmp_path / "wild.npz")


def test_shares_are_relative_weights(transitions: Transitions) -> None:
    np.testing.assert_allclose(
        transitions.shares, transitions.weights / transitions.weights.sum(), rtol=1e-15
    )
    tenfold = replace(transitions, weights=10 * transitions.weights)
    np.testing.assert_allclose(tenfold.shares, transitions.shares, rtol=1e-14)
