"""Rows of a flat file: finds episode boundaries and builds missing next observations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.formats import row_order
from envs.formats.arrays import as_actions, flag_notes
from envs.formats.recording import Recording
from envs.reference import Reference
from envs.thresholds import SHUFFLED
from harness.core.arrays import BoolArray, FloatArray
from harness.core.classes.reading import ActionKind
from harness.core.errors import InputError, naming
from harness.core.presentation.text import share
from harness.core.transitions import count_actions


@dataclass(eq=False)
class Columns:
    """Arrays of a file by standard names; `to_recording` consumes them and may move rows."""

    source: str
    observations: FloatArray  # (N, obs_dim); (N+1, obs_dim) around the N steps of one episode
    actions: NDArray[Any]  # (N,) or (N, k), as stored
    rewards: FloatArray  # (N,)
    terminations: BoolArray  # (N,)
    truncations: BoolArray | None = None  # (N,)
    next_observations: FloatArray | None = None  # (N, obs_dim)
    ends: BoolArray | None = None  # (N,) last rows of episodes, if the file numbers episodes
    weights: FloatArray | None = None  # (N,)
    time_limit: int | None = None  # steps after which episodes are known to be truncated
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def to_recording(
        self,
        reference: Reference,
        action_count: int | None = None,
        said: ActionKind | None = None,
    ) -> Recording:
        """Find episode boundaries and each row's next observation, and note what was done.

        Without flags of truncations or numbers of episodes, episodes end at terminations and where
        the next observation differs from the observation of the next row; without next
        observations, at terminations and after ``time_limit`` steps. A set of rows of which fewer
        follow each other than not has no episodes.

        If next observations are missing, a row takes the observation of the next row of its
        episode. At the end of an episode, a terminated row takes its own observation, which no
        learner uses, and any other row is dropped, unless the next row simply goes on.

        Args:
            reference: The environment and the scores, as far as known.
            action_count: Discrete actions of the environment; by default the maximum plus one.
            said: Which kind actions are; None: what their type and values suggest, see
                `as_actions`.

        Raises:
            InputError: If there is no row, lengths differ, a next observation is unknown, or the
                kind of actions is.
        """
        taken = as_actions(self.source, self.actions, said, self.notes)
        self.actions = taken.values
        self._check_lengths()
        self.notes += flag_notes(self.terminations, self.truncations)
        ends = self._tell_ends()
        if self.next_observations is None:
            following, ends = self._build_next(ends)
        else:
            following = self.next_observations
            ends = self._check_chain(ends, following)
        return self._recording(following, ends, reference, action_count or taken.width)

    def _check_lengths(self) -> None:
        """Check that arrays have rows, and equal lengths."""
        rows = len(self.actions)
        if rows == 0:
            raise InputError(f"{self.source!r} holds no row: at least one is needed; collect some")
        for name, array in self._row_arrays():
            if len(array) != rows and not (name == "observations" and self._encloses_episode()):
                raise InputError(
                    f"{self.source!r}: {len(array)} {name} for {rows} actions: every array needs "
                    "one row per action; check how they were sliced, and if every episode has one "
                    "observation more, store next_observations instead"
                )

    def _row_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        for name in _ROW_ARRAYS:
            array = getattr(self, name)
            if array is not None:
                yield name, array

    def _encloses_episode(self) -> bool:
        """Whether the rows are one episode, including the observation after its last step."""
        flags = (self.terminations, self.truncations, self.ends)
        return (
            self.next_observations is None
            and len(self.observations) == len(self.actions) + 1
            and not any(array[:-1].any() for array in flags if array is not None)
        )

    def _tell_ends(self) -> BoolArray | None:
        """Return the last rows of episodes ``(N,)``, or None if unknown."""
        if self.truncations is None and self.ends is None and not self._encloses_episode():
            self.truncations = self._tell_truncations()
        flagged = self.terminations.copy()
        if self.truncations is not None:
            flagged |= self.truncations
        ends = self.ends
        if ends is not None:
            inside = np.flatnonzero((flagged & ~ends)[:-1])
            if inside.size:
                self._refuse_building(int(inside[0]))
                return None
        elif self.truncations is not None or self._encloses_episode():
            ends = flagged.copy()
        else:
            return None
        ends[-1] = True
        unflagged = int((ends & ~flagged).sum())
        if unflagged:
            self.notes.append(f"{unflagged} episodes end without a flag: taken as truncated")
        return ends

    def _tell_truncations(self) -> BoolArray | None:
        """Find where episodes were cut off, in a file that does not flag it, if possible."""
        if self.next_observations is not None:
            return self._cuts_of_chain(self.next_observations)
        if self.time_limit is None or self.terminations.all():
            return None
        self.notes.append(
            f"no timeouts: episodes taken as truncated after {self.time_limit} steps, the time "
            "limit of the task"
        )
        return row_order.cut_at(self.terminations, self.time_limit)

    def _cuts_of_chain(self, following: FloatArray) -> BoolArray | None:
        if following.shape != self.observations.shape:
            return None  # `Recording` checks the shapes
        going_on = ~self.terminations
        cuts = row_order.find_jumps(self.observations, following) & going_on
        count, joined = int(cuts.sum()), int((going_on & ~cuts).sum())
        if joined == 0 or count > joined:
            self.notes.append("no timeouts, and rows do not follow each other: taken as a set")
            return None
        self.notes.append(
            f"no timeouts: {count} episodes taken as truncated where the next observation differs "
            "from the observation of the next row"
            if count
            else "no timeouts, and none is missing: rows follow each other up to terminations"
        )
        return cuts

    def _refuse_building(self, row: int) -> None:
        """Treat the rows as an unordered set, or reject them if next observations are missing."""
        found = (
            f"rows are shuffled or misaligned: row {row} ends an episode, but the next row belongs "
            "to the same one"
        )
        if self.next_observations is None:
            raise InputError(
                f"{self.source!r}: {found}; sort them, or store next_observations, which cannot be "
                "built from such rows"
            )
        self.problems.append(f"{found}; they are taken as a set without episodes: sort them")

    def _build_next(self, ends: BoolArray | None) -> tuple[FloatArray, BoolArray | None]:
        if self._encloses_episode():
            following, self.observations = self.observations[1:], self.observations[:-1]
            self.notes.append("one episode, with the observation after its last step")
            return following, ends
        if ends is not None:
            return self._follow(ends)
        if not self.terminations.all():
            raise InputError(
                f"{self.source!r} has no next_observations, and no timeouts, episode_starts or "
                "episodes to build them from: a row at an unknown time limit would get one from "
                "another episode; add one of these arrays, or name yours, as by --map episodes=NAME"
            )
        return self._follow(self.terminations)[0], None

    def _follow(self, ends: BoolArray) -> tuple[FloatArray, BoolArray | None]:
        """Take next observations from the next rows; drop rows without a next row."""
        shuffled = self._note_building(ends)
        cut = ends & ~self.terminations
        continued = row_order.find_continued(self.observations, ends, cut)
        lost = cut & ~continued
        self._note_rows(int(continued.sum()), int(lost.sum()))
        kept = np.flatnonzero(~lost)
        own = (ends & ~continued)[kept]
        following = self.observations[np.where(own, kept, kept + 1)]
        if lost.any():
            # The row before a dropped one is now where its episode is truncated.
            ends = ends.copy()
            ends[:-1] |= lost[1:]
            self.truncations = self._truncated(ends)
            for name, array in self._row_arrays():
                setattr(self, name, row_order.keep_rows(array, kept))
        return following, None if shuffled else ends[kept]

    def _note_building(self, ends: BoolArray) -> bool:
        """Note how next observations are built; return whether rows are shuffled."""
        self.notes.append("next observations are built from the rows that follow")
        terminated = int(self.terminations.sum())
        if terminated:
            self.notes.append(
                f"{terminated} terminated rows have their own observation as the next, which no "
                "learner uses"
            )
        if not row_order.look_shuffled(self.observations, ends):
            return False
        self.problems.append(
            "no number of an observation resembles itself a row later, as if the rows were "
            "shuffled: the next observations built from them are then wrong; restore the order of "
            "the rows, or store next_observations"
        )
        return self.ends is None  # episode numbers do not depend on order

    def _note_rows(self, continued: int, lost: int) -> None:
        if continued:
            self.notes.append(
                f"{continued} rows at a time-out have the observation of the next row as the next, "
                "since it simply goes on"
            )
        if lost:
            self.notes.append(
                f"{lost} rows dropped: the last of each truncated episode, whose next observation "
                "is not in the file"
            )

    def _check_chain(self, ends: BoolArray | None, following: FloatArray) -> BoolArray | None:
        """Compare next observations with the next rows; where most differ, there is no episode."""
        if ends is None or following.shape != self.observations.shape:
            return ends  # `Recording` checks the shapes
        broken = row_order.find_jumps(self.observations, following) & ~ends
        steps, count = int((~ends).sum()), int(broken.sum())
        if count <= SHUFFLED * steps or self.ends is not None:
            return ends  # numbers of episodes do not depend on order
        if row_order.find_lag(following, self.observations) is not None:
            return ends
        self.problems.append(
            f"at {share(count, steps, 'steps')} the next observation is not the observation of the "
            "row that follows, as if rows were shuffled: they are taken as a set without episodes; "
            "for methods that need these, restore the order"
        )
        return None

    def _truncated(self, ends: BoolArray) -> BoolArray:
        cut = ends & ~self.terminations
        return cut if self.truncations is None else cut | self.truncations

    def _recording(
        self,
        following: FloatArray,
        ends: BoolArray | None,
        reference: Reference,
        action_count: int | None,
    ) -> Recording:
        rows = len(self.actions)
        truncations = np.zeros(rows, bool) if self.truncations is None else self.truncations
        return Recording(
            source=self.source,
            observations=self.observations,
            actions=self.actions,
            rewards=self.rewards,
            next_observations=following,
            terminations=self.terminations,
            truncations=truncations if ends is None else self._truncated(ends),
            episodes=None if ends is None else np.cumsum(ends) - ends,
            weights=np.ones(rows) if self.weights is None else self.weights,
            action_count=self._count_actions(action_count),
            reference=reference,
            notes=tuple(self.notes),
            problems=tuple(self.problems),
        )

    def _count_actions(self, known: int | None) -> int | None:
        if self.actions.dtype.kind == "f":
            return None
        with naming(self.source):
            return known or count_actions(self.actions)


_ROW_ARRAYS = (
    "observations",
    "actions",
    "rewards",
    "terminations",
    "truncations",
    "next_observations",
    "ends",
    "weights",
)
