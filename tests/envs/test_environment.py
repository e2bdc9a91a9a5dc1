"""Environments as values, and making them: nothing that a file names is imported."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.spaces import Box, Discrete
from hypothesis import given
from hypothesis import strategies as st

from envs.environment import make_environment, spaces_of, step_reward, time_limit, to_actions
from harness.core.classes.environments import EnvironmentSpec, WrapperSpec
from harness.core.errors import InputError
from tests.support.commands import Command

values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)
arguments = st.dictionaries(st.sampled_from(["map", "size", "seed"]), values, max_size=2)
specs = st.builds(
    EnvironmentSpec,
    id=st.sampled_from(["A-v0", "B-v0"]),
    kwargs=arguments,
    max_episode_steps=st.none() | st.integers(1, 3),
    wrappers=st.lists(
        st.builds(WrapperSpec, name=st.sampled_from(["X", "m:Y"]), kwargs=arguments), max_size=2
    ).map(tuple),
)


@given(one=specs, other=specs)
def test_environments_are_equal_where_their_json_is(
    one: EnvironmentSpec, other: EnvironmentSpec
) -> None:
    same = one.model_dump(mode="json") == other.model_dump(mode="json")
    assert (one == other) == same
    assert len({one, other}) == (1 if same else 2)
    assert EnvironmentSpec.model_validate_json(one.model_dump_json()) == one
    assert one.is_plain == (str(one) == one.id) == (one == EnvironmentSpec(id=one.id))


def returns(environment: Any, actions: list[Any]) -> list[float]:
    with closing(environment) as env:
        env.reset(seed=3)
        found = []
        for action in actions:
            _, reward, terminated, truncated, _ = env.step(action)
            found.append(float(reward))
            if terminated or truncated:
                break
        return found


def test_arguments_limit_and_wrappers_are_applied() -> None:
    spec = EnvironmentSpec(
        id="Pendulum-v1",
        kwargs={"g": 3.5},
        max_episode_steps=7,
        wrappers=(
            WrapperSpec(name="RescaleAction", kwargs={"min_action": -1, "max_action": 1}),
            WrapperSpec(name="ClipReward", kwargs={"min_reward": -1.5, "max_reward": 0}),
        ),
    )
    expected = gymnasium.make("Pendulum-v1", g=3.5, max_episode_steps=7)
    expected = wrappers.RescaleAction(expected, np.float32(-1), np.float32(1))
    expected = wrappers.ClipReward(expected, -1.5, 0)
    actions = [np.array([a], dtype=np.float32) for a in np.linspace(-1, 1, 20)]
    found = returns(make_environment(spec), actions)
    assert found == returns(expected, actions)
    assert len(found) == time_limit(spec) == 7
    assert min(found) == -1.5
    assert spaces_of(spec)[1] == Box(-1, 1, (1,), np.float32)
    assert spaces_of(EnvironmentSpec(id="Pendulum-v1"))[1] == Box(-2, 2, (1,), np.float32)


def test_what_is_learned_of_one_is_not_taken_for_another() -> None:
    """Sizes, limits and rewards that are looked up once stay those of each environment."""
    small, large = (
        EnvironmentSpec(id="FrozenLake-v1", kwargs={"map_name": name}) for name in ("4x4", "8x8")
    )
    assert [spaces_of(spec)[0].shape for spec in (small, large)] == [(16,), (64,)]
    plain, paid = (
        EnvironmentSpec(id="CartPole-v1", kwargs={"sutton_barto_reward": paid} if paid else {})
        for paid in (False, True)
    )
    assert (step_reward(plain), step_reward(paid)) == (1.0, None)
    assert time_limit(EnvironmentSpec(id="CartPole-v1")) == 500
    assert time_limit(EnvironmentSpec(id="Nowhere-v0", max_episode_steps=9)) == 9


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that could be imported, and must not be."""
    (tmp_path / "trap_for_data.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return "trap_for_data"


@pytest.mark.parametrize(
    ("named", "rule"),
    [
        ({"id": "TRAP:Env-v0"}, "names a module, .* `--environment module:Env-v0`"),
        ({"id": "GymV26Environment-v0", "kwargs": {"env_id": "TRAP:Env-v0"}}, "names a module"),
        ({"id": "CartPole-v1", "wrappers": [{"name": "TRAP:Wrap"}]}, "only wrappers of gymnasium"),
        ({"id": "CartPole-v1", "wrappers": [{"name": "NumpyToTorch"}]}, "only wrappers of gym"),
        ({"id": "CartPole-v1", "wrappers": [{"name": "vector"}]}, "only wrappers of gymnasium"),
        ({"id": "CartPole-v1", "kwargs": {"gravity": 1}}, "cannot be made .*gravity"),
        ({"id": "CartPole-v1", "kwargs": {"id": "x"}}, "cannot be made"),
        ({"id": "CartPole-v1", "wrappers": [{"name": "ClipReward", "kwargs": {"a": 1}}]}, "made"),
    ],
)
def test_what_data_must_not_name_is_refused_in_one_line(
    trap: str, named: dict[str, Any], rule: str
) -> None:
    text = EnvironmentSpec(**named).model_dump_json().replace("TRAP", trap)
    with pytest.raises(InputError, match=rule) as refused:
        make_environment(EnvironmentSpec.model_validate_json(text))
    assert "\n" not in str(refused.value)
    assert trap not in sys.modules


def test_a_registered_environment_without_its_library_is_one_line() -> None:
    gymnasium.register("Libraryless-v0", entry_point="no_such_library_at_all:Env")
    with pytest.raises(InputError, match=r"cannot be made .*no_such_library_at_all.*install"):
        make_environment(EnvironmentSpec(id="Libraryless-v0"))
    assert step_reward(EnvironmentSpec(id="Libraryless-v0")) is None


@pytest.mark.parametrize(
    ("missing", "dataset_id", "extra"),
    [
        ("Box2D", "box2d/lunarlander/random-v0", "box2d"),
        ("pygame", "box2d/lunarlander/random-v0", "box2d"),
        ("mujoco", "mujoco-bench/hopper/random-v0", "mujoco"),
    ],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    missing: str,
    dataset_id: str,
    extra: str,
    bench: Command,
    empty_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = (f"gymnasium.envs.{extra}", f"{missing}.")
    for name in [each for each in sys.modules if each.startswith(loaded)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    refused = bench("collect", dataset_id)
    assert refused.status == 2
    (line,) = refused.errors.splitlines()
    assert f"needs the extra {extra}, " in line
    assert line.endswith(f"pip install 'bellman-bench[{extra}]'")
    assert not list(empty_root.iterdir())


def test_a_robot_without_its_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium_robotics", None)
    monkeypatch.delitem(gymnasium.registry, "AdroitHandPen-v1", raising=False)
    pen = EnvironmentSpec(id="AdroitHandPen-v1")
    with pytest.raises(InputError, match=r"extra robotics, .*'bellman-bench\[robotics\]'$"):
        make_environment(pen)
    assert (time_limit(pen), step_reward(pen)) == (None, None)


def test_numbers_are_counted_from_the_start_and_vectors_get_their_shape() -> None:
    space = Discrete(3, start=-7)
    taken = to_actions(space, np.array([0, 2, 1]))
    assert taken.tolist() == [-7, -5, -6]
    assert all(space.contains(action) for action in taken)
    grid = Box(-1, 1, (2, 2), np.float32)
    assert to_actions(grid, np.eye(4))[2].tolist() == [[0, 0], [1, 0]]
    assert grid.contains(to_actions(grid, np.eye(4))[0])
