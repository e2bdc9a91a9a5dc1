"""The contract of every reducer: a new one gets these tests by being listed in the registry."""

from __future__ import annotations

import json

import numpy as np
import pytest

from envs import Dataset
from harness import distill
from harness.errors import InputError
from harness.reduction import Reduction
from harness.registry import REDUCERS
from harness.transitions import ARRAY_NAMES, Transitions
from tests.arbitrary import random_transitions

SMALL = sorted(set(REDUCERS) - {"full"})


@pytest.fixture(params=sorted(REDUCERS))
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def reduction(cartpole: Dataset, method: str) -> Reduction:
    return distill(cartpole.transitions, method, size=40, seed=3)


def test_it_has_the_size_asked_for(cartpole: Dataset, method: str, reduction: Reduction) -> None:
    expected = len(cartpole.transitions) if method == "full" else 40
    assert len(reduction.transitions) == expected


def test_it_says_what_made_it(method: str, reduction: Reduction) -> None:
    assert reduction.method == method
    assert reduction.seconds > 0
    assert REDUCERS[method].model_validate(dict(reduction.parameters))
    json.dumps([dict(reduction.parameters), dict(reduction.diagnostics)], allow_nan=False)


def test_it_keeps_to_the_source(cartpole: Dataset, reduction: Reduction) -> None:
    source, reduced = cartpole.transitions, reduction.transitions
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
    cartpole: Dataset, method: str, reduction: Reduction
) -> None:
    again = distill(cartpole.transitions, method, size=40, seed=3)
    assert again.transitions.content_hash() == reduction.transitions.content_hash()


@pytest.mark.parametrize("method", SMALL)
def test_another_seed_gives_another_set(cartpole: Dataset, method: str) -> None:
    hashes = {
        distill(cartpole.transitions, method, size=40, seed=seed).transitions.content_hash()
        for seed in range(3)
    }
    assert len(hashes) == 3


def test_it_leaves_the_source_alone(method: str) -> None:
    source = random_transitions(np.random.default_rng(1), 60)
    before = source.content_hash()
    distill(source, method, size=12)
    assert source.content_hash() == before


@pytest.mark.parametrize("size", [0, -1, 61])
def test_a_size_that_the_data_cannot_give_is_refused(method: str, size: int) -> None:
    source = random_transitions(np.random.default_rng(1), 60)
    with pytest.raises(InputError, match=rf"size {size}: .*between 1 and the dataset's 60"):
        distill(source, method, size=size)


@pytest.mark.parametrize("size", [1, 5, 60])
def test_every_size_that_the_data_can_give_works(method: str, size: int) -> None:
    source = random_transitions(np.random.default_rng(1), 60)
    reduced = distill(source, method, size=size).transitions
    assert len(reduced) == (60 if method == "full" else size)


def test_data_without_terminations_works(method: str) -> None:
    source = random_transitions(np.random.default_rng(1), 60)
    kept = np.flatnonzero(~source.terminations)
    reduced = distill(source.take(kept), method, size=10).transitions
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
    )
    reduced = distill(source, method, size=100).transitions
    assert reduced.shares @ reduced.observations[:, 0] > 0.5


def test_names_and_parameters_are_checked() -> None:
    source = random_transitions(np.random.default_rng(1), 60)
    with pytest.raises(InputError, match=r"unknown method 'bellmann'.*did you mean 'bellman'"):
        distill(source, "bellmann")
    with pytest.raises(InputError, match=r"'predictor'.*did you mean 'predictors'"):
        distill(source, "bellman", predictor=3)
    with pytest.raises(InputError, match=r"predictors = 0: .*greater than 0"):
        distill(source, "bellman", predictors=0)
    with pytest.raises(InputError, match=r"discount = 1.0"):
        distill(source, "bellman", discount=1.0)
