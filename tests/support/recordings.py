"""Recordings of played, made and changed episodes for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from envs.catalogue import EMBEDDED_ENVIRONMENTS
from envs.embedded.collect import collect_episodes
from envs.embedded.tiers import BEHAVIOURS
from envs.formats.episodes import Episode
from envs.formats.recording import Recording
from envs.reference import Reference

ENVIRONMENTS = {environment.environment_id: environment for environment in EMBEDDED_ENVIRONMENTS}
ACTIONS = {"CartPole-v1": 2, "MountainCar-v0": 3, "Acrobot-v1": 3, "Pendulum-v1": None}


def record(episodes: list[Episode], reference: Reference, action_count: int | None) -> Recording:
    lengths = [len(episode.actions) for episode in episodes]

    def joined(part: Callable[[Episode], Any]) -> Any:
        return np.concatenate([part(episode) for episode in episodes])

    return Recording(
        source="made/by-hand",
        observations=joined(lambda episode: episode.observations[:-1]),
        actions=joined(lambda episode: episode.actions),
        rewards=joined(lambda episode: episode.rewards),
        next_observations=joined(lambda episode: episode.observations[1:]),
        terminations=joined(lambda episode: episode.terminations),
        truncations=joined(lambda episode: episode.truncations),
        episodes=np.repeat(np.arange(len(episodes)), lengths),
        weights=np.ones(sum(lengths)),
        action_count=action_count,
        reference=reference,
        seeds=tuple(episode.seed for episode in episodes),
    )


def play(environment_id: str, share: float, episodes: int) -> Recording:
    reference = Reference(environment_id=environment_id, reference_min=20.0, reference_max=500.0)
    behaviour = replace(BEHAVIOURS[environment_id]["expert"], random_share=share)
    played = collect_episodes(ENVIRONMENTS[environment_id], [behaviour] * episodes, "inspection")
    return record(played, reference, ACTIONS[environment_id])


def continuous(rows: int = 600) -> Recording:
    """A drifting state with continuous actions, in six episodes that are cut off."""
    draw = np.random.default_rng(5)
    states = np.cumsum(draw.normal(size=(rows + 1, 3)), axis=0).astype(np.float32)
    episodes = np.arange(rows) // 100
    ends = np.arange(rows) % 100 == 99
    following = states[1:].copy()
    following[ends] += 1
    return Recording(
        source="made/continuous",
        observations=states[:-1],
        actions=np.tanh(draw.normal(size=(rows, 2))),
        rewards=draw.normal(size=rows),
        next_observations=following,
        terminations=np.zeros(rows, dtype=bool),
        truncations=ends,
        episodes=episodes,
        weights=np.ones(rows),
        action_count=None,
        reference=Reference(),
    )


def point_mass(episodes: int = 40) -> Recording:
    """A point driven to the origin by noisy continuous actions, thrown anywhere at each start.

    Episodes end near the origin, or are cut off after 60 to 90 steps.
    """
    draw = np.random.default_rng(7)
    played = []
    for _ in range(episodes):
        observations, actions = [draw.normal(size=4)], []
        for _ in range(int(draw.integers(60, 91))):
            place, speed = np.split(observations[-1], 2)
            actions.append(-place - speed + draw.normal(size=2))
            observations.append(
                np.concatenate([place + 0.1 * speed, 0.95 * speed + 0.1 * actions[-1]])
            )
            if np.linalg.norm(observations[-1]) < 0.1:
                break
        steps, path = len(actions), np.array(observations)
        terminations = (np.arange(steps) == steps - 1) & bool(np.linalg.norm(path[-1]) < 0.1)
        played.append(
            Episode(
                observations=path,
                actions=np.array(actions),
                rewards=-np.linalg.norm(path[1:], axis=1),
                terminations=terminations,
                truncations=(np.arange(steps) == steps - 1) & ~terminations,
            )
        )
    return record(played, Reference(), None)


def changed(array: Any, rows: Any, value: Any) -> Any:
    copy = array.copy()
    copy[rows] = value
    return copy


def take(sound: Recording, rows: Any, **others: Any) -> Recording:
    names = ("observations", "actions", "rewards", "next_observations", "terminations")
    arrays = {name: getattr(sound, name)[rows] for name in (*names, "truncations", "weights")}
    return replace(sound, **arrays, **others)


def with_copies(sound: Recording, rows: Any) -> Recording:
    assert sound.episodes is not None
    return take(sound, rows, episodes=sound.episodes[rows])
