"""A test of whether actions are recorded beside the steps that they led to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from envs.formats.recording import Recording
from envs.thresholds import (
    OFFSET_GAIN,
    OFFSET_NUMBERS,
    OFFSET_OWN,
    OFFSET_POLICY,
    OFFSET_ROWS,
)
from harness.core.arrays import Float64Array, IntArray
from harness.core.computing.threads import one_thread

_SAMPLED: Final = 6000  # rows; half of them are predicted from the other half
_WIDE: Final = 12  # numbers of an observation up to which their products are features
_ACTIONS: Final = 32  # up to which discrete actions, or numbers of continuous ones, are looked at
_RIDGE: Final = 1e-6
_WORDS: Final[Mapping[int, tuple[str, str]]] = {-1: ("before", "early"), 1: ("after", "late")}


def find_action_offset(recording: Recording) -> Iterator[str]:
    """Say that actions are recorded a row off, if a neighbour's explains a step better.

    The change of state is predicted by least squares from the state and the action of the row, of
    the one before or of the one after, in products of both, and from the state alone; compared are
    errors on rows not fitted to. The action of the row after may explain a step only because it was
    chosen in the state that the step led to: then that state alone predicts it about as well.

    Yields:
        At most one line.
    """
    inner = _inner_rows(recording)
    width = 1 if recording.actions.ndim == 1 else recording.actions.shape[1]
    if len(inner) < OFFSET_ROWS or max(recording.action_count or 0, width) > _ACTIONS:
        return
    with one_thread():
        gains = _explained(recording, inner)
        if gains is None:
            return
        offset = max(_WORDS, key=lambda candidate: gains[candidate])
        if gains[0] > min(gains[offset] - OFFSET_GAIN, OFFSET_OWN * gains[offset]):
            return
        if offset == 1 and _chosen_in_own_state(recording, inner):
            return
    where, word = _WORDS[offset]
    yield (
        f"the action of the row {where} explains {gains[offset]:.0%} of what s leaves open in s', "
        f"the row's own {max(gains[0], 0.0):.0%}: actions seem recorded a row {word}, so move them "
        "(or they act a step late)"
    )


def _inner_rows(recording: Recording) -> IntArray:
    """A sample of the rows with both neighbours in their episode, in order."""
    if recording.episodes is None or len(recording) < 3:
        return np.empty(0, dtype=np.int64)
    same = recording.episodes[1:] == recording.episodes[:-1]
    inner = np.flatnonzero(same[1:] & same[:-1]) + 1
    if len(inner) < OFFSET_ROWS:
        return inner
    rng = np.random.default_rng(0)
    inner = np.sort(rng.choice(inner, min(_SAMPLED, len(inner)), replace=False))
    finite = np.ones(len(inner), dtype=bool)
    for array in (recording.observations, recording.next_observations, recording.actions):
        for rows in (inner - 1, inner, inner + 1):
            finite &= np.isfinite(array[rows]).reshape(len(inner), -1).all(axis=1)
    return inner[finite]


def _explained(recording: Recording, inner: IntArray) -> dict[int, float] | None:
    """Share of the change of state that the action adds to the state, by offset of its row.

    Returns:
        The mean over the numbers of a state that any of these actions moves; None if none does.
    """
    states = _states(recording, inner)
    changes = _scaled(
        recording.next_observations[inner].astype(np.float64) - recording.observations[inner]
    )
    alone = _errors(_products(states), changes)
    gains = {
        offset: 1 - _errors(_with_actions(recording, inner, states, offset), changes) / alone
        for offset in (0, *_WORDS)
    }
    moved = np.max(list(gains.values()), axis=0) >= OFFSET_NUMBERS
    if not moved.any():
        return None
    return {offset: float(gain[moved].mean()) for offset, gain in gains.items()}


def _chosen_in_own_state(recording: Recording, inner: IntArray) -> bool:
    """Whether the action of the row after is told by its own state, without the state before.

    What a step led to and what it came from tell the action between them.
    """
    actions = _scaled(_codes(recording, inner + 1))
    own = _products(_states(recording, inner + 1))
    both = np.column_stack([own, _products(_states(recording, inner))])
    return bool(_errors(both, actions).mean() > OFFSET_POLICY * _errors(own, actions).mean())


def _with_actions(
    recording: Recording, inner: IntArray, states: Float64Array, offset: int
) -> Float64Array:
    codes = _scaled(_codes(recording, inner + offset))
    features = [_products(states), codes]
    if states.shape[1] <= _WIDE:
        features += [codes * column[:, None] for column in states.T]
    return np.column_stack(features)


def _codes(recording: Recording, rows: IntArray) -> Float64Array:
    """Continuous actions as they are, discrete ones one-hot, ``(n, columns)``."""
    actions = recording.actions[rows]
    if recording.action_count is None:
        return actions.astype(np.float64)
    codes: Float64Array = (actions[:, None] == np.arange(recording.action_count)).astype(np.float64)
    return codes


def _states(recording: Recording, rows: IntArray) -> Float64Array:
    return _scaled(recording.observations[rows].astype(np.float64))


def _products(states: Float64Array) -> Float64Array:
    """One, the numbers of the states and, of few, their products."""
    parts = [np.ones((len(states), 1)), states]
    if states.shape[1] <= _WIDE:
        first, second = np.triu_indices(states.shape[1])
        parts.append(states[:, first] * states[:, second])
    return np.column_stack(parts)


def _scaled(columns: Float64Array) -> Float64Array:
    """Columns that vary, in units of their standard deviation around the mean."""
    scale = columns.std(axis=0)
    kept = scale > 0
    scaled: Float64Array = (columns[:, kept] - columns[:, kept].mean(axis=0)) / scale[kept]
    return scaled


def _errors(features: Float64Array, targets: Float64Array) -> Float64Array:
    """Mean squared error of each target on every other row, of a ridge fit to the others."""
    fitted, kept = features[::2], features[1::2]
    moments = fitted.T @ fitted
    moments[np.diag_indices_from(moments)] += _RIDGE * len(fitted)
    weights = np.linalg.solve(moments, fitted.T @ targets[::2])
    errors: Float64Array = ((kept @ weights - targets[1::2]) ** 2).mean(axis=0)
    return errors + 1e-12
