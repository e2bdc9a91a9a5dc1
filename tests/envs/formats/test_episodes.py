from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.formats.episodes import Episode, fill_rows, join_episodes
from envs.formats.recording import Recording
from harness.core.errors import InputError


def make_episode(steps: int, ending: str, seed: int, continuous: bool = False) -> Episode:
    rng = np.random.default_rng(seed)
    last = np.arange(steps) == steps - 1
    return Episode(
        observations=rng.normal(size=(steps + 1, 3)),
        actions=rng.normal(size=(steps, 2)) if continuous else rng.integers(4, size=steps),
        rewards=rng.normal(size=steps),
        terminations=last & (ending == "terminated"),
        truncations=last & (ending == "truncated"),
        seed=None if seed % 2 else seed,
        weights=None if seed % 3 else rng.uniform(1, 2, size=steps),
    )


def lists_of_episodes(continuous: bool) -> st.SearchStrategy[list[Episode]]:
    endings = st.sampled_from(["terminated", "truncated", "unfinished"])
    seeds = st.integers(0, 2**32)
    episode = st.builds(make_episode, st.integers(1, 6), endings, seeds, st.just(continuous))
    return st.lists(episode, min_size=1, max_size=5)


@given(st.booleans().flatmap(lists_of_episodes), st.integers(0, 9))
def test_each_step_is_one_row_in_order(episodes: list[Episode], first: int) -> None:
    count = 4 if episodes[0].actions.ndim == 1 else None
    rows = join_episodes(episodes, obs_dim=3, action_count=count, source="made", first=first)
    steps = [
        (number, episode, t)
        for number, episode in enumerate(episodes, first)
        for t in range(len(episode.actions))
    ]
    assert len(rows) == len(steps)
    assert rows.episodes is not None
    for row, (number, episode, t) in enumerate(steps):
        assert rows.observations[row].tolist() == episode.observations[t].tolist()
        assert rows.next_observations[row].tolist() == episode.observations[t + 1].tolist()
        assert rows.actions[row].tolist() == episode.actions[t].tolist()
        assert rows.rewards[row] == episode.rewards[t]
        assert rows.terminations[row] == episode.terminations[t]
        assert rows.truncations[row] == episode.truncations[t]
        assert rows.weights[row] == (1 if episode.weights is None else episode.weights[t])
        assert rows.episodes[row] == number
    seeds = tuple(episode.seed for episode in episodes)
    assert rows.seeds == (() if set(seeds) == {None} else seeds)


def fill(episodes: list[Episode], rows: int, action_count: int | None = 4) -> Recording:
    return fill_rows(episodes, rows, obs_dim=3, action_count=action_count, source="made")


@pytest.mark.parametrize("rows", [0, 2, 4])
def test_rows_must_be_as_many_as_was_said(rows: int) -> None:
    with pytest.raises(InputError, match=f"says that it holds {rows} steps"):
        fill([make_episode(3, "terminated", 0)], rows)


def test_no_episode_is_refused() -> None:
    with pytest.raises(InputError, match="no episode"):
        fill([], 0)


SOUND = make_episode(3, "truncated", 1)
VECTORS = make_episode(3, "truncated", 1, continuous=True)


@pytest.mark.parametrize(
    ("sound", "name", "value", "rule"),
    [
        (SOUND, "terminations", np.array([0, 0, 2]), "hold more than 0 and 1"),
        (SOUND, "truncations", np.array([0.0, 0.0, np.nan]), "hold more than 0 and 1"),
        (SOUND, "actions", np.array([0.5, 1, 2]), "discretise them first"),
        (SOUND, "rewards", np.array(["a", "b", "c"]), "rewards of type <U1"),
        (SOUND, "weights", np.ones(2), "weights of shape"),
        (VECTORS, "actions", np.zeros(3), "actions of shape (3,)"),
        (VECTORS, "actions", np.zeros((3, 1)), "actions of shape (3, 1)"),
        (VECTORS, "actions", np.zeros((3, 2, 1)), "actions of shape (3, 2, 1)"),
        (VECTORS, "actions", np.zeros((0, 2)), "no actions"),
    ],
)
def test_a_malformed_episode_is_refused_by_its_number(
    sound: Episode, name: str, value: Any, rule: str
) -> None:
    count = 4 if sound is SOUND else None
    with pytest.raises(InputError, match=r"^'made', episode 1: ") as caught:
        fill([sound, replace(sound, **{name: value})], 6, count)
    assert rule in str(caught.value)


def test_flags_may_be_numbers() -> None:
    flags: dict[str, Any] = {"terminations": np.array([0, 0, 1]), "truncations": np.zeros(3)}
    rows = fill([replace(SOUND, **flags)], 3)
    assert rows.terminations.tolist() == [False, False, True]
    assert not rows.truncations.any()
