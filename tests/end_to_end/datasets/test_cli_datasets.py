"""Datasets of every form from the command line: inspected, converted, quantised, streamed."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs.inspection.inspect import inspect
from envs.loading import load_dataset, open_recording
from harness.core.storage.npz import load_arrays
from harness.core.transitions import ARRAY_NAMES
from harness.suites.run import run_suite
from tests.envs.formats.layouts import walk, without, write_d4rl, write_npz
from tests.support.commands import Command
from tests.support.graded import as_arrays, cut_file
from tests.support.recordings import point_mass

PENDULUM = "classic/pendulum/expert-v0"


@pytest.fixture(autouse=True)
def restored_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELLMAN_BENCH_OFFLINE", os.environ["BELLMAN_BENCH_OFFLINE"])


def write_walk(path: Path, **renamed: str) -> Path:
    arrays = walk(40, 30, terminated=(0,), action_dim=0)
    return Path(write_npz(path, {renamed.get(name, name): array for name, array in arrays.items()}))


def test_arrays_are_inspected_and_converted(bench: Command, tmp_path: Path) -> None:
    path = write_walk(tmp_path / "walk.npz", rewards="r")
    missed = bench("inspect", path)
    assert missed.status == 2
    assert "rewards" in missed.errors
    found = bench("inspect", path, "--map", "rewards=r", "--figure", tmp_path)
    assert found.status == 0
    assert "episodes    2" in found.output
    (figure,) = tmp_path.glob("inspect-*.png")
    assert str(figure) in found.output

    written = bench("convert", path, "--map", "rewards=r", "--output", "mine/walk-v0")
    assert written.status == 0
    assert "70 rows" in written.output
    back = load_dataset("mine/walk-v0")
    np.testing.assert_array_equal(
        back.rewards, walk(40, 30, terminated=(0,), action_dim=0)["rewards"]
    )
    again = bench("convert", path, "--map", "rewards=r", "--output", "mine/walk-v0")
    assert again.status == 2
    assert "never overwritten" in again.errors


def test_a_d4rl_file_is_converted_with_its_continuous_actions(
    bench: Command, tmp_path: Path
) -> None:
    arrays = walk(50, 50)
    path = write_d4rl(tmp_path / "walk.hdf5", without(arrays, "episodes"))
    assert bench("convert", path, "--output", "mine/d4rl-v0").status == 0
    back = open_recording("mine/d4rl-v0")
    for name in ("observations", "actions", "rewards", "next_observations", "truncations"):
        np.testing.assert_array_equal(getattr(back, name), arrays[name])


def test_continuous_actions_need_a_codebook_and_keep_it(bench: Command, tmp_path: Path) -> None:
    path = tmp_path / "swing.npz"
    refused = bench("distill", PENDULUM, "--output", path)
    assert refused.status == 2
    assert "--codebook" in refused.errors
    assert not path.exists()
    words = ("--codebook", "kmeans-6", "--method", "exact", "--size", "40", "--output", path)
    assert bench("distill", PENDULUM, *words).status == 0
    certified = bench("certify", path, "--against", PENDULUM)
    assert certified.status == 0
    assert "made from other data" not in certified.output
    told = bench("inspect", PENDULUM, "--codebook", "bins-5").output
    assert "codebook: 5 codes" in told
    assert "in 20 episodes of Pendulum-v1" in told


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("inspect", PENDULUM, "--codebook", "guess"), "METHOD-SIZE"),
        (("inspect", "classic/cartpole/expert-v0", "--codebook", "kmeans-4"), "leave it out"),
        (("inspect", PENDULUM, "--map", "rewards"), "ours=theirs"),
        (("inspect", PENDULUM, "--map", "rewards=r"), "leave out --map"),
        (("inspect", "hub/absent-v0", "--offline"), "offline"),
        (("distill", PENDULUM, "--jobs", "2", "--output", "a.npz"), "without --stream"),
        (("distill", PENDULUM, "--jobs", "0", "--output", "a.npz"), "without --stream"),
        (("distill", PENDULUM, "--stream", "--output", "a.npz"), "give a codebook, as"),
        (("distill", "a.hdf5", "--stream", "--output", "a.npz"), "leave out --stream"),
        (("inspect", PENDULUM, "--figure", "a.pdf"), "written as PNG"),
        (("convert", PENDULUM, "--output", "walk"), "namespace/name-vN"),
        (("run", "smoke", "--results", __file__), "is not a writable folder"),
    ],
)
def test_what_cannot_be_done_is_one_line(bench: Command, words: tuple[str, ...], rule: str) -> None:
    refused = bench(*words)
    assert refused.status == 2
    assert rule in refused.errors
    assert len(refused.errors.splitlines()) == 1
    assert not refused.output


def test_rows_that_form_no_episodes_are_told_so(bench: Command, tmp_path: Path) -> None:
    arrays = without(walk(40, 30, terminated=(0,), action_dim=0), "truncations", "episodes")
    order = np.random.default_rng(0).permutation(70)
    path = write_npz(tmp_path / "rows.npz", {name: rows[order] for name, rows in arrays.items()})
    written = bench("convert", path, "--output", "mine/rows-v0")
    assert "episodes of one step" in written.errors
    assert "every episode is one step long" in bench("inspect", "mine/rows-v0").output


def write_half_rewards(path: Path) -> Path:
    """CartPole's rows, of which a reward tells half."""
    taken = load_dataset("classic/cartpole/random-v0").take(np.arange(400))
    reference = {"environment_id": "CartPole-v1", "reference_min": 9.0, "reference_max": 500.0}
    replace(taken, rewards=np.full(400, 0.5)).save(path, reference)
    return path


def test_what_inspect_finds_is_said_wherever_data_are_used(
    bench: Command, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_half_rewards(tmp_path / "rows.npz")
    found = [f"{path}: {problem}" for problem in inspect(open_recording(str(path))).problems]
    assert any("every reward is 0.5" in line for line in found)
    for words in (
        ("distill", path, "--method", "random", "--output", tmp_path / "set.npz"),
        ("convert", path, "--output", "mine/half-v0"),
    ):
        caplog.clear()
        assert bench(*words).status == 0
        assert caplog.messages == found
    caplog.clear()
    load_dataset(str(path))
    assert caplog.messages == found


def test_a_suite_says_once_what_is_wrong_with_a_dataset(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("bellman_bench"), "handlers", [])  # of other tests
    path = write_half_rewards(tmp_path / "rows.npz")
    suite = {
        "name": "said-once", "description": "Two processes open a dataset that has a defect.",
        "datasets": [str(path)], "sizes": [20], "seeds": [0, 1, 2], "episodes": 1,
        "reducers": [{"name": "random"}, {"name": "stratified"}],
        "learners": [{"name": "linear-fqi"}],
    }  # fmt: skip
    records = run_suite(suite, tmp_path / "results", jobs=2)
    assert [record.status for record in records] == ["completed"] * 6
    assert sum("every reward is 0.5" in line for line in caplog.messages) == 1
    assert "every reward" not in capfd.readouterr().err  # workers say nothing


def test_time_outs_in_the_middle_of_episodes_are_joined(bench: Command, tmp_path: Path) -> None:
    arrays = as_arrays(point_mass())
    cut = cut_file(arrays, 1.0)
    path = write_d4rl(tmp_path / "tapes.hdf5", cut)
    assert "`convert --join` joins them" in bench("inspect", path).output
    assert bench("convert", path, "--join", "--output", "mine/joined-v0").status == 0
    whole = write_d4rl(tmp_path / "whole.hdf5", {**cut, "truncations": arrays["truncations"]})
    joined, expected = open_recording("mine/joined-v0"), open_recording(whole)
    for name in ("observations", "next_observations", "terminations", "truncations", "episodes"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(expected, name))
    refused = bench("convert", whole, "--join", "--output", "mine/whole-v0")
    assert (refused.status, "leave out --join" in refused.errors) == (2, True)


def test_an_interrupted_command_says_so(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.tasks.distilling.distill_file", interrupt)
    stopped = bench("distill", PENDULUM, "--output", tmp_path / "set.npz")
    assert stopped.status == 130
    assert stopped.errors == "error: interrupted; run the same command again to resume\n"


def test_a_set_is_certified_against_actions_of_its_kind(bench: Command, tmp_path: Path) -> None:
    path = tmp_path / "swing.npz"
    words = ("--codebook", "kmeans-6", "--method", "random", "--size", "40", "--output", path)
    bench("distill", PENDULUM, *words)
    refused = bench("certify", path, "--against", "classic/mountaincar/expert-v0")
    assert refused.status == 2
    assert "give the dataset that it was made from as --against" in refused.errors


def test_a_suite_whose_reducer_needs_episodes_is_refused_at_its_start(
    bench: Command, tmp_path: Path
) -> None:
    bench("distill", "classic/mountaincar/expert-v0", "--output", tmp_path / "set.npz")
    suite = tmp_path / "top.toml"
    suite.write_text(
        f"""
        name = "top"
        description = "Rows without episodes."
        datasets = ["{tmp_path / "set.npz"}"]
        sizes = [10]
        seeds = [0]
        [[reducers]]
        name = "return-filter"
        [[learners]]
        name = "linear-fqi"
        """
    )
    refused = bench("run", suite, "--results", tmp_path / "results")
    assert refused.status == 2
    assert "needs episodes" in refused.errors
    assert not (tmp_path / "results").exists()


def test_a_dataset_is_streamed(bench: Command, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    words = ("--stream", "--size", "40", "--output", path)
    made = bench("distill", "classic/mountaincar/expert-v0", *words)
    assert made.status == 0
    certified = bench("certify", path, "--against", "classic/mountaincar/expert-v0")
    bound = float(certified.output.split("loss gap at most ")[1].split(",")[0])
    assert bound < 1e-12


def test_a_dataset_of_continuous_actions_is_streamed(bench: Command, tmp_path: Path) -> None:
    found = {}
    for how in ("--stream", "--offline"):  # which changes nothing
        path = tmp_path / f"{how}.npz"
        words = ("--codebook", "kmeans-5", "--method", "stratified", "--size", "40")
        assert bench("distill", PENDULUM, *words, how, "--output", path).status == 0
        found[how] = load_arrays(path)
    (streamed, about), (whole, about_whole) = found.values()
    for name in ARRAY_NAMES:
        np.testing.assert_allclose(streamed[name], whole[name], rtol=1e-12)
    codes, expected = (origin["codebook"]["codes"] for origin in (about, about_whole))
    np.testing.assert_allclose(codes, expected, rtol=1e-12)
