"""Supported observation and action spaces, and flattening of their values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Tuple
from gymnasium.spaces.utils import flatdim
from numpy.typing import NDArray

from envs.formats.episodes import misshapen
from harness.core.arrays import FloatArray, IntArray, as_float
from harness.core.errors import InputError

IMAGE_SIDE: Final = 32  # minimum from which Minari treats two dimensions of bytes as an image


def flat_size(observations: Space[Any], dataset_id: str) -> int:
    """Return the dimension of an observation, flattened as by `flatten_steps`.

    Raises:
        InputError: If it contains an image, or a space that is not Box, Discrete,
            MultiBinary, MultiDiscrete or a Dict or Tuple of these.
    """
    for leaf in _leaves(observations):
        if not isinstance(leaf, Box | Discrete | MultiBinary | MultiDiscrete):
            raise InputError(
                f"{dataset_id!r} has observations {_one_line(leaf)}: the rule is Box, Discrete, "
                "MultiBinary, MultiDiscrete and Dict or Tuple of these; store that one as a Box"
            )
        _refuse_image(leaf, "observations", dataset_id)
    size = flatdim(observations)
    if size == 0:
        raise InputError(
            f"{dataset_id!r} has observations {_one_line(observations)}: they hold no number, but "
            "at least one is needed; store the policy's observations"
        )
    return size


def check_actions(actions: Space[Any], dataset_id: str) -> Box | Discrete:
    """Return the action space if it is Box or Discrete.

    Raises:
        InputError: If it is another space.
    """
    if not isinstance(actions, Box | Discrete):
        raise InputError(
            f"{dataset_id!r} has actions {_one_line(actions)}: the rule is Discrete or Box; number "
            "the combinations as Discrete, or store them as a Box"
        )
    _refuse_image(actions, "actions", dataset_id)
    return actions


def flatten_steps(
    space: Space[Any], values: Any, rows: int, *, steps: int, name: str, where: str
) -> FloatArray:
    """Flatten the values of many steps at once, each as by `gymnasium.spaces.flatten`.

    Dict and Tuple are concatenated in the order of their space (gymnasium sorts keys); Discrete and
    MultiDiscrete become one-hot.

    Args:
        space: A space that `flat_size` or `check_actions` has accepted.
        values: An array with a first axis of ``rows``, or dicts and tuples of them.
        rows: Expected number of values.
        steps: Steps of the episode, for error messages.
        name: Name of the values, for error messages.
        where: Dataset and episode, for error messages.

    Returns:
        Shape ``(rows, flatdim(space))``; an array of a one-dimensional Box is returned unchanged.

    Raises:
        InputError: If an array has the wrong shape, or a number is outside its space.
    """
    parts = [
        _flatten_leaf(leaf, np.asarray(array), rows, steps, name + key, where)
        for key, leaf, array in _named_leaves(space, values, name, where)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def unbounded(vectors: FloatArray | IntArray) -> Box:
    """Return the space of all vectors of the width and precision of ``vectors (N, d)``."""
    bound = np.full(vectors.shape[1], np.inf, dtype=vectors.dtype)
    return Box(-bound, bound, dtype=vectors.dtype.type)


def _flatten_leaf(
    leaf: Space[Any], values: NDArray[Any], rows: int, steps: int, name: str, where: str
) -> FloatArray:
    wanted = (rows, *(leaf.shape or ()))
    if values.shape != wanted:
        raise misshapen(where, name, values.shape, steps, wanted)
    if isinstance(leaf, Discrete):
        return _one_hot(values[:, None], [leaf.n], leaf.start, leaf, name, where)
    if isinstance(leaf, MultiDiscrete):
        return _one_hot(values, leaf.nvec, leaf.start, leaf, name, where)
    if isinstance(leaf, MultiBinary):
        values = values.astype(np.float32)
    return as_float(f"{where}: {name}", values).reshape(rows, math.prod(wanted[1:]))


def _one_hot(
    values: NDArray[Any], counts: Any, start: Any, leaf: Space[Any], name: str, where: str
) -> FloatArray:
    """One-hot encoding of integers ``(rows, …)`` in ``start .. start + counts - 1``."""
    numbers = (values - start).reshape(len(values), -1)
    sizes = np.ravel(counts)
    if numbers.dtype.kind not in "iu" or (numbers < 0).any() or (numbers >= sizes).any():
        raise InputError(
            f"{where}: {name} span {values.min()}..{values.max()} ({values.dtype}), but "
            f"{_one_line(leaf)} holds other numbers; write that episode again or drop it"
        )
    offsets = np.cumsum(sizes) - sizes
    encoded = np.zeros((len(values), sizes.sum()), dtype=np.float32)
    encoded[np.arange(len(values))[:, None], offsets + numbers] = 1
    return encoded


def _leaves(space: Space[Any]) -> Iterator[Space[Any]]:
    if isinstance(space, Dict | Tuple):
        for part in space.spaces.values() if isinstance(space, Dict) else space.spaces:
            yield from _leaves(part)
    else:
        yield space


def _named_leaves(
    space: Space[Any], values: Any, name: str, where: str, key: str = ""
) -> Iterator[tuple[str, Space[Any], Any]]:
    """Yield each leaf with its key and its values."""
    if not isinstance(space, Dict | Tuple):
        yield key, space, values
        return
    parts = space.spaces.items() if isinstance(space, Dict) else enumerate(space.spaces)
    for part, subspace in parts:
        inner = f"{key}[{part!r}]"
        try:
            found = values[part]
        except (LookupError, TypeError) as error:
            raise InputError(
                f"{where}: {name}{inner} is missing, but {_one_line(subspace)} is declared; write "
                "that episode again or drop it"
            ) from error
        yield from _named_leaves(subspace, found, name, where, inner)


def _refuse_image(leaf: Space[Any], name: str, dataset_id: str) -> None:
    shape = leaf.shape or ()
    if leaf.dtype == np.uint8 and (
        len(shape) > 2 or (len(shape) == 2 and min(shape) >= IMAGE_SIDE)
    ):
        raise InputError(
            f"{dataset_id!r} has {name} Box{shape} of bytes: images are not supported, only "
            "vectors of features; encode them first, or choose a dataset of states"
        )


def _one_line(space: Space[Any]) -> str:
    return " ".join(str(space).split())
