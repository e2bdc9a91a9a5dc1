"""What a comparison of data with their environment shows, and what it leaves in peace."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from envs.comparison import Finding, compare, evidence_of
from envs.dataset import make_dataset
from envs.formats.recording import Recording
from envs.inspection.inspect import inspect
from envs.reference import Reference
from harness.core.classes.environments import EnvironmentSpec
from harness.core.errors import InputError
from harness.core.specs import CodebookSpec
from tests.support.recordings import ACTIONS, changed, play

Change = Callable[[Recording], Recording]


def compared(recording: Recording, spec: EnvironmentSpec | None = None) -> list[Finding]:
    named = spec or recording.reference.environment
    assert named is not None
    return list(compare(evidence_of(recording), named, named))


def only(findings: list[Finding], refused: bool) -> str:
    (finding,) = findings
    assert finding.refused == refused
    assert "\n" not in finding.text
    return finding.text


@pytest.fixture(scope="module")
def acrobot() -> Recording:
    return play("Acrobot-v1", 0.5, 3)


@pytest.fixture(scope="module")
def pendulum() -> Recording:
    return play("Pendulum-v1", 0.5, 4)


@pytest.mark.parametrize("environment_id", ACTIONS)
def test_sound_data_agree_with_their_environment(environment_id: str) -> None:
    sound = play(environment_id, 0.5, 4)
    assert compared(sound) == []
    codebook = CodebookSpec(size=9) if sound.continuous else None
    dataset = make_dataset(sound, codebook)
    assert dataset.environment is not None
    assert list(compare(evidence_of(dataset), dataset.environment, dataset.environment)) == []


def count(recording: Recording, add: int, declared: int) -> Recording:
    return replace(recording, actions=recording.actions + add, action_count=declared)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda rows: count(rows, 1, 4), "actions 1..3, but Acrobot-v1 has 3 .* subtracting 1$"),
        (lambda rows: count(rows, 40, 43), "actions 40..42, .* renumber .* subtracting 40$"),
        (
            lambda rows: replace(rows, actions=rows.actions * 2, action_count=5),
            "actions 0..4, but Acrobot-v1 has 3 actions, 0..2 in a dataset: correct them",
        ),
        (lambda rows: count(rows, 0, 7), "7 actions by its own account, .* correct the number"),
        (
            lambda rows: replace(
                rows, reference=rows.reference.model_copy(update={"action_start": 1})
            ),
            "counts from 1, but Acrobot-v1 has 3 actions, counted from 0",
        ),
        (
            lambda rows: replace(
                rows,
                observations=rows.observations[:, :5],
                next_observations=rows.next_observations[:, :5],
            ),
            "observations of 5 numbers, but Acrobot-v1 has observations of 6",
        ),
    ],
)
def test_what_no_policy_could_act_on_is_refused(
    acrobot: Recording, change: Change, rule: str
) -> None:
    wrong = change(acrobot)
    assert re.search(rule, only(compared(wrong), refused=True))
    assert any(re.search(rule, problem) for problem in inspect(wrong).problems)


def test_actions_that_are_never_taken_may_be_renumbered(acrobot: Recording) -> None:
    problems = inspect(count(acrobot, 1, 4)).problems
    assert any("counted from 1, renumber them from 0" in problem for problem in problems)


@pytest.mark.parametrize(
    ("environment_id", "rule"),
    [
        ("MountainCarContinuous-v0", "observations of 3 numbers, but MountainCarContinuous-v0"),
        ("Wide-v0", "actions of 1 numbers, but Wide-v0 takes actions of 2"),
        ("Numbered-v0", "continuous actions, but Numbered-v0 has a discrete action space"),
    ],
)
def test_continuous_actions_are_compared_too(
    pendulum: Recording, environment_id: str, rule: str
) -> None:
    class Other(gymnasium.Env[Any, Any]):
        observation_space = Box(-9, 9, (3,))
        action_space = Discrete(2) if environment_id == "Numbered-v0" else Box(-1, 1, (2,))

    if environment_id not in gymnasium.registry:
        gymnasium.register(environment_id, entry_point=lambda **_: Other())
    text = only(compared(pendulum, EnvironmentSpec(id=environment_id)), refused=True)
    assert rule in text


def test_shares_outside_the_bounds_are_told_exactly(pendulum: Recording) -> None:
    """Of 800 rows three have an impossible angle, and five a torque that is none."""
    moved = replace(
        pendulum,
        observations=changed(pendulum.observations, ([7, 90, 91], [1, 0, 1]), 1.5),
        actions=changed(pendulum.actions, np.s_[10:15], -40.0),
        seeds=(),
    )
    observations, actions = (finding.text for finding in compared(moved))
    assert not any(finding.refused for finding in compared(moved))
    assert "3 of 800 observations (0.375 %)" in observations
    assert "the first is row 7, number 1: 1.5, not in -1..1" in observations
    assert "5 of 800 actions (0.625 %)" in actions
    assert {observations, actions} <= set(inspect(moved).remarks)
    rounded = replace(
        moved, observations=pendulum.observations * (1 + 1e-6), actions=pendulum.actions
    )
    assert compared(rounded) == []


def test_another_reward_is_found_by_replaying(acrobot: Recording) -> None:
    halved = replace(acrobot, rewards=acrobot.rewards / 2)
    text = only(compared(halved), refused=True)
    assert f"from seed {acrobot.seeds[0]}, step 0 gives the reward -1, not -0.5" in text
    assert text in inspect(halved).problems
    named = acrobot.reference.environment
    assert named is not None
    told = list(compare(evidence_of(halved), named, named, is_named=True))
    assert told == [Finding(False, text)]
    late = replace(acrobot, rewards=changed(acrobot.rewards, 4, -3.0))
    assert "step 4 gives the reward -1, not -3" in only(compared(late), refused=True)
    assert compared(replace(halved, seeds=())) == []


def test_arguments_count_when_rewards_are_replayed() -> None:
    cartpole = play("CartPole-v1", 0.5, 3)
    paid = EnvironmentSpec(id="CartPole-v1", kwargs={"sutton_barto_reward": True})
    assert "step 0 gives the reward 0, not 1" in only(compared(cartpole, paid), refused=True)
    evidence, plain = evidence_of(cartpole), EnvironmentSpec(id="CartPole-v1")
    assert list(compare(evidence, environment=paid, recorded_in=plain)) == []


def test_steps_that_lead_elsewhere_are_told(acrobot: Recording) -> None:
    """Swapped actions lead to other states from the first step on, where rewards say nothing."""
    swapped = replace(acrobot, actions=2 - acrobot.actions)
    text = only(compared(swapped), refused=False)
    assert "leads elsewhere than recorded: check how actions are numbered" in text
    assert text in inspect(swapped).remarks
    other_seeds = tuple((seed or 0) + 1 for seed in acrobot.seeds)
    assert compared(replace(swapped, seeds=other_seeds)) == []  # another start says nothing


def test_actions_are_replayed_in_the_environments_own_numbers() -> None:
    class Late(gymnasium.Env[Any, Any]):
        observation_space = Box(-9, 9, (1,))
        action_space = Discrete(2, start=5)

        def reset(self, **_: Any) -> Any:
            return np.zeros(1, np.float32), {}

        def step(self, action: Any) -> Any:
            if not self.action_space.contains(action):
                raise ValueError("no such action")
            return np.full(1, action, np.float32), float(action), False, False, {}

    gymnasium.register("Late-v0", entry_point=lambda **_: Late())
    actions, states = np.array([1, 0, 1]), np.array([[0.0], [6], [5], [6]])
    recording = Recording(
        source="late.npz",
        observations=states[:-1],
        actions=actions,
        rewards=actions + 5.0,
        next_observations=states[1:],
        terminations=np.zeros(3, dtype=bool),
        truncations=np.arange(3) == 2,
        episodes=np.zeros(3, dtype=np.int64),
        weights=np.ones(3),
        action_count=2,
        reference=Reference(environment_id="Late-v0"),
        seeds=(1,),
    )
    assert compared(recording) == []
    assert "step 0 gives the reward 6" in only(
        compared(replace(recording, rewards=recording.rewards + 1)), refused=True
    )


def test_an_environment_that_fails_on_recorded_actions_is_one_line(acrobot: Recording) -> None:
    class Broken(gymnasium.Env[Any, Any]):
        observation_space = Box(-99, 99, (6,))
        action_space = Discrete(3)

        def reset(self, **_: Any) -> Any:
            return acrobot.observations[0], {}

        def step(self, action: Any) -> Any:
            raise ZeroDivisionError(f"at {action}\nand more")

    gymnasium.register("Broken-v0", entry_point=lambda **_: Broken())
    with pytest.raises(InputError, match=r"'Broken-v0' failed on a recorded action .*ZeroDiv") as e:
        compared(acrobot, EnvironmentSpec(id="Broken-v0"))
    assert "\n" not in str(e.value)
    named = replace(acrobot, reference=Reference(environment_id="Broken-v0"))
    assert any("not compared with its environment: " in line for line in inspect(named).remarks)
