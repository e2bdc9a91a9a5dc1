"""Recorded rows: what every format is read into, before actions are numbered."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from envs.reference import Reference
from harness.core.arrays import BoolArray, FloatArray, IntArray
from harness.core.errors import InputError


@dataclass(frozen=True, eq=False)
class Recording:
    """Rows of episodes as a source holds them: their shapes are checked, their values are not.

    Values that no learner could use are for `inspect` to find and for `Transitions` to refuse.

    Raises:
        InputError: If there is no row, or an array's shape does not fit the others.
    """

    source: str  # the id or path that it was opened by
    observations: FloatArray  # (N, obs_dim)
    actions: IntArray | FloatArray  # (N,) counted from 0, or continuous (N, action_dim)
    rewards: FloatArray  # (N,)
    next_observations: FloatArray  # (N, obs_dim)
    terminations: BoolArray  # (N,) where the episode terminated
    truncations: BoolArray  # (N,) where it was cut off
    episodes: IntArray | None  # (N,) number of each row's episode, never falling; None: unknown
    weights: FloatArray  # (N,)
    action_count: int | None  # actions that the environment offers; None: continuous
    reference: Reference
    seeds: tuple[int | None, ...] = ()  # that each episode was reset with; empty: unknown
    notes: tuple[str, ...] = field(default=())  # what was found in the source and how it was taken

    def __post_init__(self) -> None:
        rows = len(self.observations)
        if rows == 0:
            raise InputError(f"{self.source!r} holds no row: at least one is needed; collect some")
        if self.observations.ndim != 2 or (self.continuous and self.actions.ndim != 2):
            raise InputError(
                f"{self.source!r}: observations of shape {self.observations.shape} and actions of "
                f"shape {self.actions.shape}: the rule is (N, obs_dim) and (N, action_dim), or "
                "(N,) for numbered actions; flatten them first"
            )
        for name in _ROW_ARRAYS:
            array = getattr(self, name)
            if array is not None and len(array) != rows:
                raise InputError(
                    f"{self.source!r}: {len(array)} {name} for {rows} observations: every array "
                    "needs a row for each; check how they were cut"
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
        """Whether actions are vectors rather than numbers."""
        return self.action_count is None

    @property
    def episode_starts(self) -> IntArray:
        """First row of each episode, ``(E,)``.

        Raises:
            InputError: If the source does not tell episodes apart.
        """
        if self.episodes is None:
            raise InputError(
                f"{self.source!r} does not say where episodes end: name its timeouts or "
                "episode_starts"
            )
        return np.flatnonzero(np.diff(self.episodes, prepend=self.episodes[0] - 1))

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays hold."""
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
