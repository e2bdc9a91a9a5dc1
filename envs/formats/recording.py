"""Recordings: rows as read from any format, before actions are discretised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from envs.reference import Reference
from harness.core.arrays import BoolArray, FloatArray, IntArray
from harness.core.errors import InputError

MOST_ACTIONS: Final = 1 << 20  # each is counted, and no learner has more values


@dataclass(frozen=True, eq=False)
class Recording:
    """Rows of episodes as stored in a source, with checked shapes and unchecked values.

    Unusable values are reported by `inspect` and rejected by `Transitions`.

    Raises:
        InputError: If there is no row, or an array's shape does not fit the others.
    """

    source: str  # the id or path that it was opened with
    observations: FloatArray  # (N, obs_dim)
    actions: IntArray | FloatArray  # (N,) from 0, or continuous (N, action_dim)
    rewards: FloatArray  # (N,)
    next_observations: FloatArray  # (N, obs_dim)
    terminations: BoolArray  # (N,) where the episode terminated
    truncations: BoolArray  # (N,) where the episode was truncated
    episodes: IntArray | None  # (N,) non-decreasing number of each row's episode; None: unknown
    weights: FloatArray  # (N,)
    action_count: int | None  # actions of the environment; None: continuous
    reference: Reference
    seeds: tuple[int | None, ...] = ()  # of each episode's reset; empty: unknown
    notes: tuple[str, ...] = field(default=())  # findings in the source and their treatment
    problems: tuple[str, ...] = field(default=())  # defects of the source, a line each

    def __post_init__(self) -> None:
        rows = len(self.observations)
        if rows == 0:
            raise InputError(f"{self.source!r} holds no row: at least one is needed; collect some")
        if self.observations.ndim != 2 or (self.continuous and self.actions.ndim != 2):
            raise InputError(
                f"{self.source!r}: observations of shape {self.observations.shape} and actions of "
                f"shape {self.actions.shape}: the rule is (N, obs_dim) and (N, action_dim), or "
                "(N,) for discrete actions; flatten them first"
            )
        for name in _ROW_ARRAYS:
            array = getattr(self, name)
            if array is not None and len(array) != rows:
                raise InputError(
                    f"{self.source!r}: {len(array)} {name} for {rows} observations: every array "
                    "needs one row per observation; check how they were sliced"
                )
        if self.action_count is not None and self.action_count > MOST_ACTIONS:
            raise InputError(
                f"{self.source!r}: {self.action_count} actions: at most {MOST_ACTIONS} can be "
                "counted; correct the number of actions"
            )
        if self.next_observations.shape != self.observations.shape:
            raise InputError(
                f"{self.source!r}: next_observations of shape {self.next_observations.shape} for "
                f"observations of shape {self.observations.shape}: they must agree"
            )

    def __len__(self) -> int:
        return len(self.observations)

    @property
    def continuous(self) -> bool:
        """Whether actions are continuous vectors rather than integers."""
        return self.action_count is None

    @property
    def episode_starts(self) -> IntArray:
        """First row of each episode, ``(E,)``.

        Raises:
            InputError: If episode boundaries are unknown.
        """
        if self.episodes is None:
            raise InputError(
                f"{self.source!r} has no episode boundaries: give rows in order, with where "
                "episodes end; in a file, --map truncations=NAME or --map episodes=NAME names it"
            )
        return np.flatnonzero(np.diff(self.episodes, prepend=self.episodes[0] - 1))

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        arrays = [getattr(self, name) for name in ("observations", *_ROW_ARRAYS)]
        return sum(array.nbytes for array in arrays if array is not None)


_ROW_ARRAYS = (
    "actions",
    "rewards",
    "next_observations",
    "terminations",
    "truncations",
    "episodes",
    "weights",
)
