from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.formats.recording import Recording
from envs.inspection.figure import write_figure
from envs.inspection.inspect import inspect
from envs.inspection.report import lines
from envs.inspection.statistics import count_distinct, count_pairs, hash_rows, pair_limits, repeats
from envs.reference import Reference
from harness.core.errors import InputError
from harness.testing.rows import random_transitions
from tests.support.planted import DEFECTS, WITH_COMPANY
from tests.support.recordings import ACTIONS, changed, continuous, play, take, with_copies


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def clean() -> Recording:
    """CartPole episodes, two of which reach the time limit."""
    sound = play("CartPole-v1", 0.3, 12)
    assert sound.truncations.sum() >= 2
    assert sound.terminations.any()
    return sound


@pytest.mark.parametrize("environment_id", ACTIONS)
@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_sound_data_have_no_problem(environment_id: str, share: float) -> None:
    assert inspect(play(environment_id, share, 6)).problems == ()


def test_sound_continuous_data_have_no_problem() -> None:
    inspection = inspect(continuous())
    assert inspection.problems == ()
    assert inspection.action_counts is None
    assert inspection.action_ranges is not None
    assert len(inspection.action_ranges) == 2


def test_sound_data_are_sound(clean: Recording) -> None:
    assert inspect(clean).problems == ()


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(clean: Recording, name: str) -> None:
    plant, message = DEFECTS[name]
    problems = inspect(plant(clean)).problems
    assert any(re.search(message, problem) for problem in problems), problems
    assert all("\n" not in problem for problem in problems)
    if name not in WITH_COMPANY:
        assert len(problems) == 1


def test_measures_are_those_of_the_data(clean: Recording) -> None:
    inspection = inspect(clean)
    assert clean.episodes is not None
    lengths = np.bincount(clean.episodes)
    returns = [clean.rewards[clean.episodes == number].sum() for number in range(12)]
    assert inspection.lengths == (lengths.min(), np.median(lengths), lengths.max())
    assert inspection.returns == pytest.approx((min(returns), np.mean(returns), max(returns)))
    assert inspection.trajectory_quality == pytest.approx((np.mean(returns) - 20) / 480)
    assert inspection.time_limit == 500
    assert inspection.terminated == clean.terminations.mean()
    assert inspection.truncated_episodes == clean.truncations.sum() / 12
    assert inspection.action_counts == tuple(np.bincount(clean.actions.astype(int)))
    assert inspection.constant_columns == ("reward",)
    assert (inspection.misalignment, inspection.duplicate_rows) == (0, 0)


def test_the_share_of_misaligned_rows_is_exact(clean: Recording) -> None:
    assert clean.episodes is not None
    rows = rng().choice(np.flatnonzero(np.diff(clean.episodes) == 0), 37, replace=False)
    moved = replace(
        clean, next_observations=changed(clean.next_observations, rows, [9.0, 9.0, 9.0, 9.0])
    )
    assert inspect(moved).misalignment == pytest.approx(37 / (len(clean) - 12))


@given(seed=st.integers(0, 999), rows=st.integers(1, 80))
def test_rows_hash_alike_when_they_are_equal(seed: int, rows: int) -> None:
    draw = rng(seed)
    numbers, codes = draw.integers(0, 3, (rows, 2)) / 7, draw.integers(0, 2, rows)
    hashes = hash_rows(numbers, codes)
    distinct = len(np.unique(np.column_stack([numbers, codes]), axis=0))
    assert count_distinct(hashes) == distinct
    assert np.count_nonzero(~repeats(hashes)) == distinct


def test_pairs_are_counted_in_a_hundred_bins_a_column(clean: Recording) -> None:
    limits = pair_limits(clean)
    edges = [np.linspace(low, high, 100) for low, high in limits.T]
    found = {
        (*(int((edge <= value).sum()) for edge, value in zip(edges, row, strict=True)), int(action))
        for row, action in zip(clean.observations, clean.actions, strict=True)
    }
    assert count_pairs(clean, limits) == len(found)
    assert inspect(clean).unique_pairs == len(found)
    assert inspect(clean).coverage is None


def test_coverage_is_in_units_of_the_reference(clean: Recording) -> None:
    part = take(clean, np.s_[:300], episodes=None, seeds=())
    assert inspect(clean, clean).coverage == 1
    covered = inspect(part, clean)
    assert covered.reference_pairs == inspect(clean).unique_pairs
    assert covered.coverage is not None
    assert 0 < covered.coverage <= 300 / (covered.reference_pairs or 1)
    twice = with_copies(clean, np.repeat(np.arange(len(clean)), 2))
    assert inspect(twice, clean).coverage == 1  # copies cover nothing new


def test_a_reference_of_another_kind_is_refused(clean: Recording) -> None:
    with pytest.raises(InputError, match=r" 3 wide .* 4 wide .*same environment"):
        inspect(clean, continuous())


def test_metadata_cannot_make_gymnasium_import_a_module(clean: Recording) -> None:
    named = replace(clean, reference=Reference(environment_id="os:CartPole-v1"))
    assert inspect(named).time_limit is None


def test_rows_without_episodes_are_inspected() -> None:
    loose = random_transitions(rng(), 50)
    recording = Recording(
        source="loose.npz",
        truncations=np.zeros(50, dtype=bool),
        episodes=None,
        reference=Reference(),
        **{
            name: getattr(loose, name)
            for name in ("observations", "actions", "rewards", "next_observations")
        },
        terminations=loose.terminations,
        weights=loose.weights,
        action_count=2,
    )
    inspection = inspect(recording)
    assert inspection.problems == ()
    assert [inspection.episodes, inspection.returns, inspection.misalignment] == [None] * 3
    assert "unknown, since episodes are" in "\n".join(lines(inspection))


def test_a_random_tier_without_terminations_is_remarked_upon() -> None:
    inspection = inspect(play("MountainCar-v0", 1.0, 3))
    assert any("no row is flagged terminated" in remark for remark in inspection.remarks)


@pytest.mark.parametrize("name", [None, *DEFECTS])
def test_every_report_can_be_written(clean: Recording, name: str | None) -> None:
    inspection = inspect(clean if name is None else DEFECTS[name][0](clean))
    report = [*lines(inspection)]
    assert report[0] == "made/by-hand"
    for problem in inspection.problems or ("none found",):
        assert f"  - {problem}" in report


@pytest.mark.parametrize("name", [None, "NaN", "infinite reward", "all rows twice"])
def test_a_figure_is_written_where_asked(
    clean: Recording, name: str | None, tmp_path: Path
) -> None:
    recording = clean if name is None else DEFECTS[name][0](clean)
    path = write_figure(recording, inspect(recording), tmp_path / "figures")
    assert path == tmp_path / "figures" / "inspect-made-by-hand.png"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_figure_of_continuous_actions_goes_to_the_file_named(tmp_path: Path) -> None:
    path = write_figure(continuous(), inspect(continuous()), tmp_path / "here.png")
    assert path == tmp_path / "here.png"
    assert path.stat().st_size > 10_000
    blocked = tmp_path / "here.png" / "inside"
    with pytest.raises(InputError, match="cannot be used"):
        write_figure(continuous(), inspect(continuous()), blocked)
