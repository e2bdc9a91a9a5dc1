"""Checks of a recording, with one line for each problem found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from envs.environment import step_reward, time_limit
from envs.inspection.statistics import Statistics, columns, follows
from harness.core.arrays import IntArray
from harness.core.presentation.text import listed, rows, share

Rule = Callable[[Statistics], Iterator[str]]

FAR = 1e3  # distance of an outlier from the median, relative to the range of the middle 98 %
HEAVY = 100.0  # ratio to the median, in either direction, of an extreme weight
MANY_REPEATS = 0.1  # share of the rows; a deterministic environment may return to a state


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


def _misalignment(statistics: Statistics) -> Iterator[str]:
    broken, last = statistics.misaligned, statistics.last
    if broken is None or last is None or not len(broken):
        return
    inside = int(np.count_nonzero(~last))
    yield (
        f"{share(len(broken), inside, 'rows inside episodes')} have an s' that is not the s of "
        f"the next row (the first is row {broken[0]}): "
        f"{_diagnose(statistics, len(broken) / inside)}"
    )


def _diagnose(statistics: Statistics, misaligned: float) -> str:
    if misaligned > 0.5:
        if follows(statistics.recording, 0).mean() > 0.5:
            return "it is the s of its own row, so take s' from one row on"
        if follows(statistics.recording, 2).mean() > 0.5:
            return "it is the s of two rows on, so take s' from one row back"
        return "rows look shuffled or misread; restore their order, or read the source again"
    return "mark where episodes end, or drop those rows"


def _flags(statistics: Statistics) -> Iterator[str]:
    terminations, truncations = statistics.recording.terminations, statistics.recording.truncations
    if len(terminations) > 1 and terminations.all():
        yield (
            f"all {rows(len(terminations))} are flagged terminated, so that none bootstraps: "
            "flag only the last row of an episode"
        )
    elif not terminations.any() and not truncations.any():
        yield (
            f"none of {rows(len(terminations))} is flagged terminated or truncated: flag where "
            "episodes end, or map the array that does"
        )
    else:
        yield from _early_flags(statistics)


def _early_flags(statistics: Statistics) -> Iterator[str]:
    taken = statistics.recording
    if statistics.last is None:
        return
    for kind, flags in (("terminated", taken.terminations), ("truncated", taken.truncations)):
        early = np.flatnonzero(flags & ~statistics.last)
        if len(early):
            yield (
                f"{rows(len(early))} flagged {kind} before the episode's last (the first is row "
                f"{early[0]}): only the last may be, so split the episodes there"
            )


def _time_limit(statistics: Statistics) -> Iterator[str]:
    environment = statistics.recording.reference.source_environment
    limit, lengths = time_limit(environment), statistics.lengths
    if limit is None or lengths is None:
        return
    longer = np.flatnonzero(lengths > limit)
    if len(longer):
        yield (
            f"{share(len(longer), len(lengths), 'episodes')} are longer than the {limit} steps of "
            f"{environment} (the first is episode {longer[0]}, {lengths[longer[0]]} steps): "
            "mark where episodes end, or correct the environment id"
        )
    cut, merged = statistics.ended_at(limit)
    if merged > 1 and merged > cut / 2:
        yield (
            f"{merged} of {cut} episodes of {limit} steps, the time limit of {environment}, "
            "are flagged terminated: flag them truncated, for they did not end there"
        )


def _rewards(statistics: Statistics) -> Iterator[str]:
    rewards = statistics.recording.rewards
    if not rewards.any() or (statistics.returns is not None and not statistics.returns.any()):
        kind = "return" if rewards.any() else "reward"
        yield f"every {kind} is zero, so there is nothing to learn: check the reward column"
    elif "reward" in statistics.constant_columns:
        environment = statistics.recording.reference.source_environment
        expected = step_reward(environment)
        if expected is None or not np.isclose(expected, rewards[0]):
            yield (
                f"every reward is {rewards[0]:g}, and nothing shows that "
                f"{environment or 'the environment, which is not named,'} gives just that: "
                "check the reward column"
            )


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
    _misalignment,
    _flags,
    _time_limit,
    _rewards,
    _actions,
    _constant,
    _repeated_episodes,
    _repeated_seeds,
    _copied_rows,
    _outliers,
    _weights,
)
