"""The contract of every reducer: a new one gets these tests by being listed in tasks/builtin.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from envs.dataset import Dataset
from harness import distill
from harness.core.classes.registry import Registry
from harness.core.errors import InputError
from harness.core.reduction import Reducer
from harness.core.transitions import Transitions
from harness.tasks.builtin import REDUCERS, REGRESSION_REDUCERS
from harness.testing import ReducerContract
from harness.testing.reducers import small_source as small_source_of
from harness.testing.rows import in_episodes, random_transitions

OPTIONAL = {"herding", "kernel-herding", "tree-recombination"}  # they need coreax
NEED_EPISODES = ["return-filter", "return-weighted", "gradient-matching"]
LONG = OPTIONAL | {
    "operator",
    "pilot-selection",
    "gradient-matching",
    "av-pbc",
}  # what is compiled, or searches
BRIEF: Mapping[str, Mapping[str, Any]] = {
    "pilot-selection": {"pilots": 2, "hidden_units": [8], "steps": 50, "trials": 12},
    "gradient-matching": {"initialisations": 2, "updates": 5},
    "av-pbc": {"cloning_steps": 10, "steps": 10},
}
without_coreax = pytest.mark.skipif(find_spec("coreax") is None, reason="coreax is not installed")


def listed(registry: Registry[Any]) -> list[Any]:
    return [
        pytest.param(
            name,
            marks=[
                *([without_coreax] if name in OPTIONAL else []),
                *([pytest.mark.slow] if name in LONG else []),
            ],
        )
        for name in sorted(registry.names())
    ]


@pytest.fixture(scope="session")
def played(cartpole: Dataset) -> Transitions:
    """CartPole's rows in their episodes, which end where s' is not the s of the next row."""
    whole = cartpole.transitions
    ends = (whole.next_observations[:-1] != whole.observations[1:]).any(axis=1)
    return replace(whole, episodes=np.concatenate([[0], np.cumsum(ends)]))


class TestReducersOfTransitions(ReducerContract):
    @pytest.fixture(params=listed(REDUCERS))
    def reducer(self, request: pytest.FixtureRequest) -> Reducer[Any]:
        made: Reducer[Any] = REDUCERS.make(request.param, BRIEF.get(request.param, {}))
        return made

    @pytest.fixture
    def source(self, reducer: Reducer[Any], kind: type[Any], played: Transitions) -> Any:
        """All of CartPole, but for what is compiled for each number of rows."""
        return small_source_of(kind, 120) if reducer.name in OPTIONAL else played


class TestReducersOfRegressionSets(ReducerContract):
    @pytest.fixture(params=listed(REGRESSION_REDUCERS))
    def reducer(self, request: pytest.FixtureRequest) -> Reducer[Any]:
        made: Reducer[Any] = REGRESSION_REDUCERS.make(request.param, {})
        return made

    @pytest.fixture
    def kind(self) -> type[Any]:
        return REGRESSION_REDUCERS.rows or Transitions


def small_source() -> Transitions:
    return in_episodes(random_transitions(np.random.default_rng(1), 60))


@pytest.mark.parametrize("method", NEED_EPISODES)
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
