"""Weighted transitions, the format of data between datasets, methods and learners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.core.arrays import (
    ActionArray,
    BoolArray,
    Float64Array,
    FloatArray,
    IntArray,
    as_float,
    check_finite,
    hash_arrays,
)
from harness.core.errors import InputError, naming
from harness.core.storage.npz import load_arrays, save_arrays

GIVE_A_CODEBOOK: Final = (
    'give a codebook, as `--codebook kmeans-32`, load_dataset(…, codebook="kmeans-32") or '
    '`codebook = { method = "kmeans", size = 32 }` in a suite'
)


@dataclass(frozen=True, eq=False)
class Transitions:
    """Weighted transitions ``(s, a, r, s', b)``, validated at construction.

    Weights are relative: an expectation over the set is the weighted mean of its rows.
    Floats keep the source's precision; synthetic sets are float64. Actions are numbers, or vectors
    where they are continuous and no codebook has numbered them.

    Raises:
        InputError: If the set is empty, shapes disagree, values are not finite or too large, an
            action is outside ``[0, action_count)``, a weight is not positive or episodes are out of
            order.
    """

    noun: ClassVar[str] = "transitions"

    observations: FloatArray  # (N, obs_dim)
    actions: ActionArray  # (N,) from 0; continuous (N, action_dim)
    rewards: FloatArray  # (N,)
    next_observations: FloatArray  # (N, obs_dim)
    terminations: BoolArray  # (N,) True for terminations, not for truncations
    weights: FloatArray  # (N,)
    action_count: int  # actions of the environment, including any not in the data; 0: continuous
    episodes: IntArray | None = None  # (N,) number of each row's episode; None: unknown
    codes: Float64Array | None = None  # (action_count, action_dim) that numbers stand for, if any

    def __post_init__(self) -> None:
        for name in ("observations", "rewards", "next_observations", "weights"):
            self._freeze(name, as_float(name, getattr(self, name)))
        as_actions = as_float if self.is_continuous else _as_numbers
        self._freeze("actions", as_actions("actions", self.actions))
        self._freeze("terminations", _as_flags(self.terminations))
        for name in ("episodes", "codes"):
            if getattr(self, name) is not None:
                self._freeze(name, getattr(self, name))
        self._check_shapes()
        self._check_values()

    def _freeze(self, name: str, array: NDArray[Any]) -> None:
        view = array.view()
        view.flags.writeable = False
        object.__setattr__(self, name, view)

    def _check_shapes(self) -> None:
        shape = self.observations.shape
        if len(shape) != 2:
            raise InputError(
                f"observations of shape {shape}: the rule is (N, obs_dim); flatten them first"
            )
        if shape[0] == 0:
            raise InputError("0 transitions: a dataset needs at least one; collect or load more")
        expected = dict.fromkeys((*ARRAY_NAMES, "episodes"), shape[:1]) | {
            "observations": shape,
            "next_observations": shape,
        }
        if self.is_continuous:
            expected["actions"] = (*shape[:1], *(self.actions.shape[1:2] or (1,)))
        if self.episodes is None:
            del expected["episodes"]
        for name, wanted in expected.items():
            if getattr(self, name).shape != wanted:
                raise InputError(
                    f"{name} of shape {getattr(self, name).shape}: observations of shape {shape} "
                    f"need {wanted}; check how the arrays were sliced"
                )
        if self.codes is not None and (self.codes.ndim, len(self.codes)) != (2, self.action_count):
            raise InputError(
                f"codes of shape {self.codes.shape} for {self.action_count} actions: the rule is "
                "(action_count, action_dim), a code for each number; give the codes of the codebook"
            )

    def _check_values(self) -> None:
        for name in ("observations", "rewards", "next_observations", "weights"):
            check_finite(name, getattr(self, name))
        if self.is_continuous:
            check_finite("actions", self.actions)
        elif self.actions.min() < 0 or self.actions.max() >= self.action_count:
            raise InputError(
                f"actions span {self.actions.min()}..{self.actions.max()}: {self.action_count} "
                f"actions must be integers in 0..{self.action_count - 1}; renumber them or correct "
                "the action count"
            )
        if self.weights.min() <= 0:
            raise InputError(
                f"weight {self.weights.min()}: weights must be positive; drop rows of zero weight"
            )
        if self.episodes is not None and (np.diff(self.episodes) < 0).any():
            raise InputError(
                "episode numbers decrease: the rows of an episode must be contiguous and in order; "
                "sort the rows"
            )

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def obs_dim(self) -> int:
        """Dimension of an observation."""
        return int(self.observations.shape[1])

    @property
    def is_continuous(self) -> bool:
        """Whether actions are vectors rather than numbers."""
        return self.action_count == 0

    @property
    def action_dim(self) -> int:
        """Dimension of an action: 1 of a number."""
        return int(self.actions.shape[1]) if self.is_continuous else 1

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        return sum(getattr(self, name).nbytes for name in ARRAY_NAMES)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Normalised weights ``(N,)`` as float64."""
        weights = self.weights.astype(np.float64)
        shares: NDArray[np.float64] = weights / weights.sum()
        return shares

    def take(self, rows: IntArray, weights: FloatArray | None = None) -> Transitions:
        """Select rows, with their own weights unless others are given.

        The selected rows no longer form episodes.
        """
        arrays = {name: getattr(self, name)[rows] for name in ARRAY_NAMES}
        taken = replace(self, **arrays, episodes=None)
        return taken if weights is None else replace(taken, weights=weights)

    def check_numbered(self, subject: str) -> None:
        """Refuse continuous actions.

        Raises:
            InputError: If actions are vectors; ``subject`` is what asks for numbers.
        """
        if self.is_continuous:
            raise InputError(
                f"{subject}: actions must be discrete, and these are vectors of {self.action_dim} "
                f"numbers; {GIVE_A_CODEBOOK}"
            )

    def in_vectors(self, subject: str) -> Transitions:
        """Return the rows with continuous actions: codes in the place of their numbers.

        Raises:
            InputError: If actions are discrete; ``subject`` is what asks for vectors.
        """
        if self.is_continuous:
            return self
        if self.codes is None:
            raise InputError(
                f"{subject}: actions must be continuous, and these are {self.action_count} "
                "discrete ones; choose a learner of discrete actions, such as dqn or bc"
            )
        return replace(self, actions=self.codes[self.actions], action_count=0, codes=None)

    def content_hash(self) -> str:
        """SHA-256 over names, types, shapes and bytes of the arrays, and the action count.

        Episodes are not part of it: they describe how rows were recorded, not their content.
        """
        arrays = {name: getattr(self, name) for name in ARRAY_NAMES}
        return hash_arrays(arrays, prefix=f"action_count={self.action_count}")

    def save(self, path: Path, metadata: Mapping[str, Any]) -> None:
        """Write the arrays and a JSON ``metadata`` string to an ``.npz``, atomically.

        Episodes are not written: a file is an unordered set of rows.
        """
        arrays = {name: getattr(self, name) for name in ARRAY_NAMES}
        save_arrays(path, arrays, {"action_count": self.action_count, **metadata})

    @classmethod
    def load(cls, path: Path) -> tuple[Self, dict[str, Any]]:
        """Read what `save` wrote, without unpickling.

        Returns:
            The transitions and their metadata.

        Raises:
            InputError: If the file is missing, damaged, lacks an array or breaks a rule.
        """
        content, metadata = load_arrays(path)
        return cls.from_arrays(content, metadata, str(path)), metadata

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, ArrayLike], metadata: Mapping[str, Any], source: str
    ) -> Self:
        """Build transitions from named arrays; weights default to one.

        Raises:
            InputError: If an array is missing or breaks a rule; ``source`` is named in the message.
        """
        missing = [name for name in ARRAY_NAMES if name not in arrays and name != "weights"]
        if missing:
            raise InputError(
                f"{source!r} lacks {', '.join(missing)}: a dataset holds {', '.join(ARRAY_NAMES)}; "
                "add the missing arrays"
            )
        named = {name: arrays[name] for name in ARRAY_NAMES if name in arrays}
        with naming(source):
            count = metadata.get("action_count")
            if count is None:
                count = count_actions(_as_numbers("actions", arrays["actions"]))
            ones = np.ones(len(np.asarray(arrays["actions"])))
            values: dict[str, Any] = {"weights": ones, **named}
            return cls(**values, action_count=count)


ARRAY_NAMES = tuple(
    field.name
    for field in fields(Transitions)
    if field.name not in ("action_count", "episodes", "codes")
)


def count_actions(actions: IntArray) -> int:
    """Return the maximum action plus one, unless that cannot be a number of actions.

    Raises:
        InputError: If there would be more actions than rows.
    """
    count = int(actions.max(initial=0)) + 1
    if count > max(len(actions), 2):
        raise InputError(
            f"action {count - 1} in {len(actions)} rows: there would be more actions than rows; "
            "number them from 0, or say how many there are by --action-count (action_count in a "
            "suite, a Reading and the metadata of an .npz)"
        )
    return count


def _as_numbers(name: str, values: ArrayLike) -> IntArray:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise InputError(
            f"{name} of type {array.dtype}: transitions need integer actions 0, 1, …; "
            "discretise continuous actions first, as by a codebook"
        )
    return array.astype(np.int64, copy=False)


def _as_flags(values: ArrayLike) -> BoolArray:
    array = np.asarray(values)
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise InputError(
            f"terminations hold {np.unique(array)[:3]}…: flags must be 0 or 1; convert them"
        )
    return array.astype(np.bool_, copy=False)
