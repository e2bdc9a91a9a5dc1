"""Defects planted in a share of the rows, steps, ends or episodes of sound data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.formats.recording import Recording
from tests.support.recordings import take

Arrays = dict[str, NDArray[Any]]
Plant = Callable[[Recording, float], Recording]
FilePlant = Callable[[Arrays, float], Arrays]


def some(candidates: NDArray[Any], share: float) -> NDArray[Any]:
    """A random share of the candidates, rounded up, in order."""
    count = int(np.ceil(share * len(candidates)))
    return np.sort(np.random.default_rng(0).choice(candidates, count, replace=False))


def last_rows(sound: Recording) -> NDArray[Any]:
    assert sound.episodes is not None
    return np.flatnonzero(np.diff(sound.episodes, append=-1))


def inside(sound: Recording, share: float) -> NDArray[Any]:
    """Whether each row lies in one of a random share of the episodes."""
    assert sound.episodes is not None
    chosen: NDArray[Any] = np.isin(sound.episodes, some(np.unique(sound.episodes), share))
    return chosen


def renumbered(sound: Recording, **flags: Any) -> Recording:
    """The same rows in episodes that end where flags say."""
    flagged = replace(sound, **flags)
    ends = flagged.terminations | flagged.truncations
    return replace(flagged, episodes=np.cumsum(ends) - ends, seeds=())


# --- planted into recordings


def shuffle(sound: Recording, share: float) -> Recording:
    order, rows = np.arange(len(sound)), some(np.arange(len(sound)), share)
    order[rows] = np.random.default_rng(1).permutation(rows)
    return take(sound, order)


def lag(sound: Recording, share: float) -> Recording:
    late = inside(sound, share)[:, None]
    return replace(
        sound, next_observations=np.where(late, sound.observations, sound.next_observations)
    )


def split_to_steps(sound: Recording, share: float) -> Recording:
    """Episodes fall apart into single rows until these are that share of all."""
    lengths, chosen = np.bincount(sound.episodes), np.zeros(len(sound), dtype=bool)  # type: ignore[arg-type]
    number = 0
    while chosen.sum() < share * (chosen.sum() + len(lengths) - number):
        chosen |= sound.episodes == number
        number += 1
    return renumbered(sound, truncations=sound.truncations | (chosen & ~sound.terminations))


def repeat_terminals(sound: Recording, share: float, length: int = 1) -> Recording:
    """Before a share of the terminations, as many rows are terminated as well."""
    terminations = sound.terminations.copy()
    for row in some(np.flatnonzero(sound.terminations), share):
        terminations[row - length : row] = True
    return renumbered(sound, terminations=terminations)


def cut(sound: Recording, share: float) -> Recording:
    """Time-outs in the middle of episodes, until these are that share of all."""
    last = last_rows(sound)
    rows = np.setdiff1d(np.arange(len(sound)), [*last, *(last - 1)])
    count = sound.truncations.sum() * min(share / (1 - share), 9) if share < 1 else len(last)
    truncations = sound.truncations if share < 1 else np.zeros_like(sound.truncations)
    truncations = truncations.copy()
    truncations[some(rows, np.ceil(count) / len(rows))] = True
    joined = replace(sound, terminations=sound.terminations | (sound.truncations & (share == 1)))
    return renumbered(joined, truncations=truncations)


def move_flags(sound: Recording, share: float, rows: int) -> Recording:
    """A share of the ends is flagged so many rows later."""
    moved = inside(sound, share)[last_rows(sound)]
    ends = last_rows(sound)
    wrong = np.minimum(ends + rows * moved, len(sound) - 1)
    terminations, truncations = np.zeros((2, len(sound)), dtype=bool)
    terminations[wrong], truncations[wrong] = sound.terminations[ends], sound.truncations[ends]
    return renumbered(sound, terminations=terminations, truncations=truncations)


def move_actions(sound: Recording, share: float, rows: int) -> Recording:
    rolled, moved = np.roll(sound.actions, rows, axis=0), inside(sound, share)
    wide = moved.reshape(-1, *[1] * (sound.actions.ndim - 1))
    return replace(sound, actions=np.where(wide, rolled, sound.actions))


def copy_rows(sound: Recording, share: float) -> Recording:
    rows = np.sort(np.append(np.arange(len(sound)), some(np.arange(len(sound) - 1), share)))
    assert sound.episodes is not None
    return take(sound, rows, episodes=sound.episodes[rows])


def lose_numbers(sound: Recording, share: float) -> Recording:
    rewards = sound.rewards.copy()
    rewards[some(np.arange(len(sound)), share)] = np.nan
    return replace(sound, rewards=rewards)


def lead_to_next_episode(sound: Recording, share: float) -> Recording:
    """The s' of truncated ends are the first s of the next episodes."""
    following = sound.next_observations.copy()
    ends = some(np.flatnonzero(sound.truncations)[:-1], share)
    following[ends] = sound.observations[ends + 1]
    return replace(sound, next_observations=following)


def teleport(sound: Recording, share: float) -> Recording:
    """A share of the rows leads somewhere else within its episode, from where it goes on."""
    rows = some(np.setdiff1d(np.arange(len(sound)), last_rows(sound)), share)
    elsewhere = np.random.default_rng(3).permutation(sound.observations)[: len(rows)]
    observations, following = sound.observations.copy(), sound.next_observations.copy()
    following[rows] = observations[rows + 1] = 3 * elsewhere
    return replace(sound, observations=observations, next_observations=following)


def merge_limits(sound: Recording, share: float) -> Recording:
    ends = some(np.flatnonzero(sound.truncations), share)
    truncations, terminations = sound.truncations.copy(), sound.terminations.copy()
    truncations[ends], terminations[ends] = False, True
    return replace(sound, truncations=truncations, terminations=terminations)


GRADED: dict[str, tuple[str, Plant, tuple[float, ...], str]] = {
    "shuffled rows": ("cartpole", shuffle, (0.01, 0.1, 0.5), "not the s of the next row"),
    "all rows shuffled": ("point", shuffle, (0.95, 1.0), "look shuffled or misread"),
    "s' of its own row": ("cartpole", lag, (0.1, 0.3), "not the s of the next row"),
    "most s' of their own row": ("point", lag, (0.6, 1.0), "take s' from one row on"),
    "single rows": ("cartpole", split_to_steps, (0.1, 0.5, 0.9), "episodes .* one step long"),
    "terminals twice": (
        "ending", repeat_terminals, (0.2, 0.5, 1.0), "terminated rows .* follow another",
    ),
    "ten terminals": (
        "point", lambda sound, share: repeat_terminals(sound, share, 10), (0.05, 0.5, 1.0),
        "terminated rows .* follow another",
    ),
    "cut in the middle": ("point", cut, (0.1, 0.5, 1.0), "time-outs .* next row simply goes on"),
    "flags a row late": (
        "point", lambda sound, share: move_flags(sound, share, 1), (0.2, 0.6, 1.0),
        "ends are flagged a row late",
    ),
    "flags a row early": (
        "cartpole", lambda sound, share: move_flags(sound, share, -1), (0.3, 0.6, 1.0),
        "ends are flagged a row early",
    ),
    "continuous actions late": (
        "point", lambda sound, share: move_actions(sound, share, 1), (0.7, 1.0),
        "the action of the row after explains .* a row late",
    ),
    "continuous actions early": (
        "point", lambda sound, share: move_actions(sound, share, -1), (0.7, 1.0),
        "the action of the row before explains .* a row early",
    ),
    "discrete actions late": (
        "cartpole", lambda sound, share: move_actions(sound, share, 1), (0.8, 1.0), "a row late",
    ),
    "discrete actions early": (
        "cartpole", lambda sound, share: move_actions(sound, share, -1), (0.8, 1.0), "a row early",
    ),
    "copied rows": ("cartpole", copy_rows, (0.01, 0.1, 0.5), "repeat an earlier one exactly"),
    "lost numbers": ("point", lose_numbers, (0.01, 0.5, 1.0), "NaN or infinity in reward"),
    "ends lead to the next episode": (
        "point", lead_to_next_episode, (0.1, 0.5, 1.0), "the first s of the next episode",
    ),
    "teleports": ("point", teleport, (0.001, 0.01, 0.05), r"jump from s to s'"),
    "merged limits": ("limited", merge_limits, (0.6, 1.0), "flag them truncated"),
}  # fmt: skip
GRADES = [(name, share) for name, (_, _, shares, _) in GRADED.items() for share in shares]


# --- planted into files


def as_arrays(sound: Recording) -> Arrays:
    names = ("observations", "actions", "rewards", "next_observations", "terminations")
    return {name: getattr(sound, name) for name in (*names, "truncations")}


def file_without_next(arrays: Arrays) -> Arrays:
    return {name: array for name, array in arrays.items() if name != "next_observations"}


def shuffle_file(arrays: Arrays, share: float) -> Arrays:
    order = np.arange(len(arrays["rewards"]))
    rows = some(order, share)
    order[rows] = np.random.default_rng(1).permutation(rows)
    return {name: array[order] for name, array in arrays.items()}


def lose_ends(arrays: Arrays, share: float) -> Arrays:
    """A share of the truncations is not flagged."""
    truncations = arrays["truncations"].copy()
    truncations[some(np.flatnonzero(truncations)[:-1], share)] = False
    return {**file_without_next(arrays), "truncations": truncations}


def cut_file(arrays: Arrays, share: float) -> Arrays:
    """Time-outs every 30 rows of a share of the episodes that are longer, as on a tape."""
    truncations = arrays["truncations"].copy()
    ends = np.flatnonzero(truncations | arrays["terminations"])
    starts = np.append(0, ends[:-1] + 1)
    for number in some(np.flatnonzero(ends - starts > 40), share):
        truncations[starts[number] + 29 : ends[number] - 5 : 30] = True
    return {**file_without_next(arrays), "truncations": truncations}


def roll_flags(arrays: Arrays, rows: int) -> Arrays:
    flags = ("terminations", "truncations")
    return {**file_without_next(arrays), **{name: np.roll(arrays[name], rows) for name in flags}}


def contradict(arrays: Arrays, name: str, share: float) -> Arrays:
    wrong = some(np.arange(len(arrays["rewards"])), share)
    says = ~arrays["terminations"]
    says[wrong] = ~says[wrong]
    return {**arrays, name: says * (0.99 if name == "discounts" else 1.0)}


FILES: dict[str, tuple[str, FilePlant, tuple[float, ...], str]] = {
    "shuffled": (".npz", shuffle_file, (0.8, 0.97, 1.0), "as a set without episodes"),
    "shuffled HDF5": (".hdf5", shuffle_file, (0.97, 1.0), "as a set without episodes"),
    "shuffled, without s'": (
        ".npz", lambda arrays, share: shuffle_file(file_without_next(arrays), share), (0.95, 1.0),
        "as if the rows were shuffled",
    ),
    "lost ends": (".npz", lose_ends, (0.05, 0.3, 1.0), "jump from s to s'"),
    "cut tapes": (".hdf5", cut_file, (0.3, 0.6, 1.0), r"time-outs .* the next row simply goes on"),
    "flags late": (
        ".npz", lambda arrays, _: roll_flags(arrays, 1), (1.0,), "ends are flagged a row late",
    ),
    "flags early": (
        ".npz", lambda arrays, _: roll_flags(arrays, -1), (1.0,), "ends are flagged a row early",
    ),
    **{
        f"{name} {suffix}": (
            suffix, lambda arrays, share, name=name: contradict(arrays, name, share),  # type: ignore[misc]
            (0.01, 0.5, 1.0), f"{name} contradict terminations",
        )
        for name, suffix in (("masks", ".npz"), ("discounts", ".npz"), ("masks", ".hdf5"))
    },
}  # fmt: skip
FILE_GRADES = [(name, share) for name, (_, _, shares, _) in FILES.items() for share in shares]
