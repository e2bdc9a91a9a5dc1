from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from envs.episodes import Episode, join_episodes


def make_episode(steps: int, ending: str, seed: int) -> Episode:
    rng = np.random.default_rng(seed)
    last = np.arange(steps) == steps - 1
    return Episode(
        observations=rng.normal(size=(steps + 1, 3)),
        actions=rng.integers(4, size=steps),
        rewards=rng.normal(size=steps),
        terminations=last & (ending == "terminated"),
        truncations=last & (ending == "truncated"),
    )


episode_lists = st.lists(
    st.builds(
        make_episode,
        st.integers(1, 6),
        st.sampled_from(["terminated", "truncated", "unfinished"]),
        st.integers(0, 2**32),
    ),
    min_size=1,
    max_size=5,
)


@given(episode_lists)
def test_each_step_is_one_row_in_order(episodes: list[Episode]) -> None:
    rows = join_episodes(episodes, obs_dim=3, action_count=4, source="made")
    steps = [(episode, t) for episode in episodes for t in range(len(episode.actions))]
    assert len(rows) == len(steps)
    for row, (episode, t) in enumerate(steps):
        assert rows.observations[row].tolist() == episode.observations[t].tolist()
        assert rows.next_observations[row].tolist() == episode.observations[t + 1].tolist()
        assert rows.actions[row] == episode.actions[t]
        assert rows.rewards[row] == episode.rewards[t]
        assert rows.terminations[row] == episode.terminations[t]
