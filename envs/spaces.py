"""The spaces that a dataset may have: flat observations and discrete actions."""

from __future__ import annotations

from typing import Any

from gymnasium.spaces import Box, Discrete, Space

from harness.errors import InputError


def flat_size(observations: Space[Any], dataset_id: str) -> int:
    """Return the numbers in one observation.

    Raises:
        InputError: If observations are not a Box of one dimension.
    """
    if not (isinstance(observations, Box) and len(observations.shape) == 1):
        raise InputError(
            f"{dataset_id!r} has observations {_one_line(observations)}: the rule is a Box of one "
            "dimension; flatten them first"
        )
    return observations.shape[0]


def discrete(actions: Space[Any], dataset_id: str) -> Discrete:
    """Return the action space.

    Raises:
        InputError: If it is not discrete.
    """
    if isinstance(actions, Box):
        raise InputError(
            f"{dataset_id!r} has continuous actions {_one_line(actions)}: the rule is Discrete; "
            "discretise them first"
        )
    if not isinstance(actions, Discrete):
        raise InputError(
            f"{dataset_id!r} has actions {_one_line(actions)}: the rule is Discrete; "
            "number their combinations first"
        )
    return actions


def _one_line(space: Space[Any]) -> str:
    return " ".join(str(space).split())
