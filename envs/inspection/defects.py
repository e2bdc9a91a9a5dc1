"""Checks of a recording, with one line for each problem found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from envs.inspection.action_offset import find_action_offset
from envs.inspection.episode_defects import find_episode_problems
from envs.inspection.statistics import Statistics, columns
from envs.thresholds import FAR, HEAVY, MANY_REPEATS
from harness.core.arrays import IntArray
from harness.core.classes.environments import EnvironmentSpec
from harness.core.presentation.text import listed, rows, share

Rule = Callable[[Statistics], Iterator[str]]


def find_problems(statistics: Statistics) -> tuple[str, ...]:
    """One line for each defect: the value, the rule and the remedy."""
    return tuple(line for rule in _RULES for line in rule(statistics))


def _not_finite(statistics: Statistics) -> Iterator[str]:
    weights = ("weight", statistics.recording.weights)
    found = [
        f"{name} ({rows(len(bad))}, the first is row {bad[0]}: {column[bad[0]]})"
        for name, column in (*columns(statistics.recording), weights)
        if len(bad := np.flatnonzero(~np.isfinite(column)))
    ]
    if found:
        yield f"NaN or infinity in {listed(found)}: repair or drop those rows"


def _rewards(statistics: Statistics) -> Iterator[str]:
    rewards = statistics.recording.rewards
    if not rewards.any() or (statistics.returns is not None and not statistics.returns.any()):
        kind = "return" if rewards.any() else "reward"
        yield f"every {kind} is zero, so there is nothing to learn: check the reward column"
    elif "reward" in statistics.constant_columns:
        environment = statistics.recording.reference.source_environment
        expected = _step_reward(environment)
        if expected is None or not np.isclose(expected, rewards[0]):
            yield (
                f"every reward is {rewards[0]:g}, and nothing shows that "
                f"{environment or 'the environment, which is not named,'} gives just that: "
                "check the reward column"
            )


def _step_reward(environment: EnvironmentSpec | None) -> float | None:
    if environment is None:
        return None
    from envs.environment import step_reward  # imports gymnasium

    return step_reward(environment)


def _actions(statistics: Statistics) -> Iterator[str]:
    actions, count = statistics.recording.actions, statistics.recording.action_count
    if count is None:
        return
    outside = np.flatnonzero((actions < 0) | (actions >= count))
    if len(outside):
        yield (
            f"{rows(len(outside))} with an action outside 0..{count - 1} (the first is row "
            f"{outside[0]}: {actions[outside[0]]}): renumber actions or correct their count"
        )
    missing = np.setdiff1d(np.arange(count), actions)
    if len(missing):
        first = int(actions.min())
        shifted = f"if actions were counted from {first}, renumber them from 0; else " * (first > 0)
        yield (
            f"never taken: action {listed([*map(str, missing)])} of 0..{count - 1}, so that its "
            f"value is unknown: {shifted}collect data with it, or correct the number of actions"
        )


def _constant(statistics: Statistics) -> Iterator[str]:
    names = [name for name in statistics.constant_columns if name not in ("reward", "action")]
    if names:
        yield (
            f"constant in all rows: {listed(names)}: drop it as uninformative, or check how it was "
            "recorded"
        )


def _repeated_episodes(statistics: Statistics) -> Iterator[str]:
    copies, lengths = statistics.repeated_episodes, statistics.lengths
    if len(copies) and lengths is not None:
        yield (
            f"{share(len(copies), len(lengths), 'episodes')} repeat an earlier one row by row "
            f"(the first is episode {copies[0]}, counted from 0): drop them, and reset each "
            "episode with a seed of its own"
        )


def _repeated_seeds(statistics: Statistics) -> Iterator[str]:
    seeds = statistics.recording.seeds
    if len(seeds) > 1 and seeds[0] is not None and len({*seeds}) == 1:
        yield (
            f"all {len(seeds)} episodes were reset with seed {seeds[0]}, so that they start "
            "alike: collect them with seeds of their own"
        )


def _copied_rows(statistics: Statistics) -> Iterator[str]:
    copies = find_copies(statistics)
    if len(copies):
        total = len(statistics.recording)
        yield (
            f"{share(len(statistics.repeated_rows), total, 'rows')} repeat an earlier one exactly "
            f"(row {copies[0]} for one): each step is recorded once, so drop the copies"
        )


def find_copies(statistics: Statistics) -> IntArray:
    """Repeated rows that are copies rather than a return of the environment to a state.

    Either they do not continue the row before within the episode, or they are many and states are
    not on a grid.
    """
    repeated, taken = statistics.repeated_rows, statistics.recording
    many = len(repeated) > MANY_REPEATS * len(taken)
    if many and (taken.observations != np.rint(taken.observations)).any():
        return repeated
    if statistics.starts is None:
        return repeated[:0]
    inner = repeated[~np.isin(repeated, statistics.starts)]
    return inner[~statistics.joined[inner - 1]]


def _outliers(statistics: Statistics) -> Iterator[str]:
    found = []
    for number in range(statistics.recording.observations.shape[1]):
        far = _far_rows(statistics, number)
        if len(far):
            found.append(f"observation {number} ({rows(len(far))}, the first is row {far[0]})")
    if found:
        yield (
            f"values beyond {FAR:g} times the range of the middle 98 % in {listed(found)}: check "
            "their unit, or drop those rows"
        )


def _far_rows(statistics: Statistics, number: int) -> IntArray:
    column = statistics.recording.observations[:, number]
    following = statistics.recording.next_observations[:, number]
    finite = column[np.isfinite(column)]
    if not len(finite):
        return np.empty(0, dtype=np.int64)
    low, middle, high = np.quantile(finite, (0.01, 0.5, 0.99))
    bound = FAR * (high - low) or np.inf
    with np.errstate(invalid="ignore"):
        far = (np.abs(column - middle) > bound) & np.isfinite(column)
        far |= (np.abs(following - middle) > bound) & np.isfinite(following)
    return np.flatnonzero(far)


def _weights(statistics: Statistics) -> Iterator[str]:
    weights = statistics.recording.weights
    low, middle, high = np.nanmin(weights), np.nanmedian(weights), np.nanmax(weights)
    if low <= 0:
        yield (
            f"{rows(int((weights <= 0).sum()))} with a weight of zero or less (the minimum is "
            f"{low:g}): weights must be positive, so drop these rows"
        )
    elif high > HEAVY * middle or low < middle / HEAVY:
        yield (
            f"weights of {low:g}..{high:g} around a median of {middle:g}: few rows dominate, so "
            "check them, or leave weights out"
        )


_RULES: tuple[Rule, ...] = (
    _not_finite,
    find_episode_problems,
    _rewards,
    _actions,
    lambda statistics: find_action_offset(statistics.recording),
    _constant,
    _repeated_episodes,
    _repeated_seeds,
    _copied_rows,
    _outliers,
    _weights,
)
