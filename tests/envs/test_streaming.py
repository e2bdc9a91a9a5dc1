from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from operator import add
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box

from envs import streaming
from envs.actions import codebook as codebooks
from envs.actions.codebook import parse_codebook
from envs.loading import load_dataset, open_dataset, open_recording
from envs.streaming import (
    fit_streamed_codebook,
    open_stored,
    stream_recordings,
    stream_transitions,
)
from harness.core.errors import InputError
from harness.core.parts import merge_in_pairs, reduce_in_parts
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.distillation.exact import ExactDistiller
from harness.numerics.cell_moments import CellMoments, moments_of_chunks
from harness.numerics.certificates.bellman import certify_bellman
from harness.tasks.streaming import StoredParts

Write = Callable[..., str]
MEDIUM = "classic/cartpole/medium-v0"


def joined(chunks: list[Transitions]) -> dict[str, Any]:
    return {name: np.concatenate([getattr(c, name) for c in chunks]) for name in ARRAY_NAMES}


@pytest.mark.usefixtures("medium_root")
@pytest.mark.parametrize("budget", [1, 1000, 1 << 20])
def test_chunks_joined_are_the_dataset(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "ROW_BUDGET", budget)
    chunks = list(stream_transitions(MEDIUM))
    whole = load_dataset(MEDIUM)
    for name, values in joined(chunks).items():
        np.testing.assert_array_equal(values, getattr(whole, name))
        assert values.dtype == getattr(whole, name).dtype
    assert whole.episodes is not None
    np.testing.assert_array_equal(np.concatenate([c.episodes for c in chunks]), whole.episodes)
    assert all(chunk.action_count == 2 for chunk in chunks)
    longest = 500  # steps of a CartPole episode
    assert all(budget <= len(chunk) < budget + longest for chunk in chunks[:-1])
    assert len(chunks) == (open_stored(MEDIUM).episode_count if budget == 1 else len(chunks))


@pytest.mark.usefixtures("medium_root")
def test_ranges_joined_are_the_dataset() -> None:
    end = open_stored(MEDIUM).episode_count
    chunks = [
        chunk
        for first, last in [(0, 1), (1, 70), (70, end)]
        for chunk in stream_transitions(MEDIUM, first, last)
    ]
    np.testing.assert_array_equal(joined(chunks)["observations"], load_dataset(MEDIUM).observations)


def test_continuous_actions_are_streamed_as_recordings(
    write_minari: Write, sound_episode: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "ROW_BUDGET", 4)
    steps = {**sound_episode, "actions": np.arange(6, dtype=np.float32).reshape(3, 2)}
    dataset_id = write_minari(
        *[{**steps, "seed": seed} for seed in range(5)],
        action_space=Box(-9, 9, (2,), np.float32),
    )
    chunks = list(stream_recordings(dataset_id, 1))
    whole = open_recording(dataset_id)
    assert [len(chunk) for chunk in chunks] == [6, 6]
    assert [chunk.seeds for chunk in chunks] == [(1, 2), (3, 4)]
    for name in (*ARRAY_NAMES, "truncations", "episodes"):
        found = np.concatenate([getattr(chunk, name) for chunk in chunks])
        np.testing.assert_array_equal(found, getattr(whole, name)[3:])
    assert next(stream_transitions(dataset_id)).is_continuous


def test_nothing_is_read_before_it_is_asked_for(
    write_minari: Write, sound_episode: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "ROW_BUDGET", 1)
    broken = {**sound_episode, "rewards": np.zeros(2)}
    chunks = stream_transitions(write_minari(sound_episode, sound_episode, broken))
    assert [len(next(chunks)), len(next(chunks))] == [3, 3]
    with pytest.raises(InputError, match="episode 2: rewards of shape"):
        next(chunks)


@pytest.mark.parametrize("bounds", [(0, 0), (1, 1), (0, 3), (-1, 1), (2, None)])
def test_a_range_without_episodes_is_refused(
    write_minari: Write, sound_episode: dict[str, Any], bounds: tuple[int, int | None]
) -> None:
    dataset_id = write_minari(sound_episode, sound_episode)
    with pytest.raises(InputError, match="holds 2 episodes"):
        next(stream_transitions(dataset_id, *bounds))


def test_a_dataset_without_an_episode_is_refused(write_minari: Write) -> None:
    dataset_id = write_minari()
    for ask in (open_stored, lambda name: next(stream_transitions(name))):
        with pytest.raises(InputError, match="no episode"):
            ask(dataset_id)


@pytest.mark.usefixtures("empty_root")
def test_unknown_datasets_are_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'classic/cartpole/medium-v0'"):
        next(stream_transitions("classic/cartpole/medum-v0"))
    with pytest.raises(InputError, match="unknown dataset"):
        open_stored("mine/walk-v0")


@pytest.mark.usefixtures("medium_root")
@pytest.mark.parametrize("parts", [1, 3, 1000])
def test_moments_do_not_depend_on_the_parts(parts: int) -> None:
    with ThreadPoolExecutor(1) as executor:
        stored = StoredParts(MEDIUM, executor, parts=parts)
        found = merge_in_pairs(stored.map(moments_of_chunks), add)
    expected = CellMoments.of(load_dataset(MEDIUM))
    np.testing.assert_array_equal(found.counts, expected.counts)
    np.testing.assert_array_equal(found.high, expected.high)
    for one, two in zip(found.cells, expected.cells, strict=True):
        assert one is not None
        assert two is not None
        np.testing.assert_allclose(one.covariance, two.covariance, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(one.mean, two.mean, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("medium_root")
def test_a_stored_dataset_distils_exactly_in_two_processes() -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        parts = StoredParts(MEDIUM, executor, parts=2)
        reduction = reduce_in_parts(ExactDistiller(), parts, 100, 0)
    assert len(reduction.transitions) == 100
    assert certify_bellman(load_dataset(MEDIUM), reduction.transitions, 0.99).bound < 1e-12


@pytest.mark.usefixtures("medium_root")
def test_parts_and_sizes_that_make_no_sense_are_refused() -> None:
    with ThreadPoolExecutor(1) as executor:
        with pytest.raises(InputError, match="parts 0"):
            StoredParts(MEDIUM, executor, parts=0)
        for size in (0, 10**6):
            with pytest.raises(InputError, match=f"size {size}"):
                reduce_in_parts(ExactDistiller(), StoredParts(MEDIUM, executor), size, 0)


@pytest.mark.parametrize(
    ("codebook", "decimals"),
    [("kmeans-4", 1), ("bins-4", 1), ("kmeans-64", 0)],  # of fewer actions than codes the last
)
@pytest.mark.parametrize("rows", [40, 1 << 15])  # sampled, and all
def test_a_streamed_codebook_is_the_one_of_the_whole(
    codebook: str,
    decimals: int,
    rows: int,
    write_minari: Write,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "ROW_BUDGET", 30)
    monkeypatch.setattr(codebooks, "FIT_ROWS", rows)
    rng = np.random.default_rng(0)
    steps = [
        {
            "observations": rng.normal(size=(21, 2)),
            "actions": rng.normal(size=(20, 2)).astype(np.float32).round(decimals) + 5,
            "rewards": rng.normal(size=20),
            "terminations": np.zeros(20, bool),
            "truncations": np.arange(20) == 19,
        }
        for _ in range(9)
    ]
    dataset_id = write_minari(*steps, action_space=Box(-9, 9, (2,), np.float32))
    whole = open_dataset(dataset_id, parse_codebook(codebook))
    assert whole.codebook is not None
    found = fit_streamed_codebook(dataset_id, parse_codebook(codebook))
    np.testing.assert_allclose(found.codes, whole.codebook.codes, rtol=1e-9)
    np.testing.assert_allclose(found.scale, whole.codebook.scale, rtol=1e-9)
    chunks = list(stream_transitions(dataset_id, codebook=found))
    np.testing.assert_array_equal(joined(chunks)["actions"], whole.transitions.actions)


@pytest.mark.usefixtures("medium_root")
def test_discrete_actions_need_no_codebook() -> None:
    with pytest.raises(InputError, match=r"2 discrete actions, .*leave it out"):
        fit_streamed_codebook(MEDIUM, parse_codebook("kmeans-4"))
