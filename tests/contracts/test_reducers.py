"""The contract of every reducer: a new one gets these tests by being listed in the registry."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from envs.dataset import Dataset
from harness import distill
from harness.core.errors import InputError
from harness.core.reduction import Reduction
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.tasks.builtin import REDUCERS
from tests.support.arbitrary import random_transitions

OPTIONAL = {"herding"}  # also slow: its code is compiled for each number of rows
NEED_EPISODES = ["return-filter", "return-weighted"]
SEEDED = sorted(set(REDUCERS) - {"full", "herding"})


@pytest.fixture(params=sorted(REDUCERS))
def method(request: pytest.FixtureRequest) -> str:
    if request.param in OPTIONAL and find_spec("coreax") is None:
        pytest.skip("coreax is not installed")
    return str(request.param)


@pytest.fixture(scope="session")
def played(cartpole: Dataset) -> Transitions:
    """CartPole's rows in their episodes, which end where s' is not the s of the next row."""
    whole = cartpole.transitions
    ends = (whole.next_observations[:-1] != whole.observations[1:]).any(axis=1)
    return replace(whole, episodes=np.concatenate([[0], np.cumsum(ends)]))


@pytest.fixture
def source(played: Transitions, method: str) -> Transitions:
    return small_source() if method in OPTIONAL else played


@pytest.fixture
def reduction(source: Transitions, method: str) -> Reduction:
    return distill(source, method, size=40, seed=3)


def in_episodes(transitions: Transitions, length: int = 7) -> Transitions:
    return replace(transitions, episodes=np.arange(len(transitions)) // length)


def small_source(rows: int = 60) -> Transitions:
    return in_episodes(random_transitions(np.random.default_rng(1), rows))


def test_it_has_the_size_asked_for(source: Transitions, method: str, reduction: Reduction) -> None:
    expected = len(source) if method == "full" else 40
    assert len(reduction.transitions) == expected


def test_it_says_what_made_it(method: str, reduction: Reduction) -> None:
    assert reduction.method == method
    assert reduction.seconds > 0
    assert REDUCERS[method].model_validate(dict(reduction.parameters))
    json.dumps([dict(reduction.parameters), dict(reduction.diagnostics)], allow_nan=False)


def test_it_keeps_to_the_source(source: Transitions, reduction: Reduction) -> None:
    reduced = reduction.transitions
    assert reduced.action_count == source.action_count
    if reduction.source_indices is None:
        assert reduced.observations.dtype == np.float64
        for name in ("observations", "rewards", "next_observations"):
            low, high = getattr(source, name).min(axis=0), getattr(source, name).max(axis=0)
            outside = reduction.diagnostics.get("outside_box", 0.0)  # in units of the range
            margin = 1e-9 + (1e-9 + outside) * np.abs(high - low)
            assert (getattr(reduced, name) >= low - margin).all()
            assert (getattr(reduced, name) <= high + margin).all()
    else:
        assert len(np.unique(reduction.source_indices)) == len(reduced)
        for name in set(ARRAY_NAMES) - {"weights"}:
            taken = getattr(source, name)[reduction.source_indices]
            np.testing.assert_array_equal(getattr(reduced, name), taken)


def test_the_same_seed_gives_the_same_set(
    source: Transitions, method: str, reduction: Reduction
) -> None:
    again = distill(source, method, size=40, seed=3)
    assert again.transitions.content_hash() == reduction.transitions.content_hash()


@pytest.mark.parametrize("method", SEEDED, indirect=True)
def test_another_seed_gives_another_set(source: Transitions, method: str) -> None:
    hashes = {
        distill(source, method, size=40, seed=seed).transitions.content_hash() for seed in range(3)
    }
    assert len(hashes) == 3


def test_it_leaves_the_source_alone(method: str) -> None:
    source = small_source()
    before = source.content_hash()
    distill(source, method, size=5)
    assert source.content_hash() == before


@pytest.mark.parametrize("size", [0, -1, 61])
def test_a_size_that_the_data_cannot_give_is_refused(method: str, size: int) -> None:
    source = small_source()
    with pytest.raises(InputError, match=rf"size {size}: .*between 1 and the dataset's 60"):
        distill(source, method, size=size)


@pytest.mark.parametrize("size", [1, 5, 60])
def test_every_size_that_the_data_can_give_works(method: str, size: int) -> None:
    source = small_source()
    reduced = distill(source, method, size=size).transitions
    assert len(reduced) == (60 if method == "full" else size)


def test_data_without_terminations_works(method: str) -> None:
    source = small_source()
    kept = np.flatnonzero(~source.terminations)
    reduced = distill(in_episodes(source.take(kept)), method, size=10).transitions
    assert not reduced.terminations.any()


def test_source_weights_count(method: str) -> None:
    """A row of weight w stands for w rows: heavy rows must dominate the reduction's mean."""
    rng = np.random.default_rng(2)
    source = random_transitions(rng, 400)
    heavy = source.observations[:, 0] > 0.5
    source = Transitions(
        **{name: getattr(source, name) for name in set(ARRAY_NAMES) - {"weights"}},
        weights=np.where(heavy, 1000.0, 1.0),
        action_count=source.action_count,
        episodes=np.arange(400) // 7,
    )
    reduced = distill(source, method, size=100).transitions
    assert reduced.shares @ reduced.observations[:, 0] > 0.5


@pytest.mark.parametrize("method", NEED_EPISODES, indirect=True)
def test_rows_that_form_no_episodes_are_refused_where_they_must(method: str) -> None:
    loose = replace(small_source(), episodes=None)
    with pytest.raises(InputError, match=rf"method '{method}' needs episodes, .* choose another"):
        distill(loose, method, size=5)


def test_names_and_parameters_are_checked() -> None:
    source = small_source()
    with pytest.raises(InputError, match=r"unknown method 'bellmann'.*did you mean 'bellman'"):
        distill(source, "bellmann")
    with pytest.raises(InputError, match=r"'predictor'.*did you mean 'predictors'"):
        distill(source, "bellman", predictor=3)
    with pytest.raises(InputError, match=r"predictors = 0: .*greater than 0"):
        distill(source, "bellman", predictors=0)
    with pytest.raises(InputError, match=r"discount = 1.0"):
        distill(source, "bellman", discount=1.0)
