"""What a file cannot say is said: by options of every command, and in suites."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import minari
import numpy as np
import pytest

from envs.loading import open_recording
from harness.core.records import RunResult, read_records
from harness.core.transitions import Transitions
from tests.envs.formats.layouts import Arrays, walk, without, write_csv, write_d4rl, write_npz
from tests.support.commands import Command

SAY = ("--environment", "CartPole-v1", "--reference-min", "9.5", "--reference-max", "500")
SUITE = """
name = "mine"
description = "For a test."
datasets = [{entry}]
sizes = [20]
seeds = [0]
episodes = 2
reducers = ["full"]
learners = ["linear-fqi"]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(action_dim: int = 0) -> Arrays:
    """Rows with the shapes of CartPole, of two actions."""
    arrays = walk(40, 30, terminated=(0,), obs_dim=4, action_dim=action_dim)
    return arrays if action_dim else arrays | {"actions": np.arange(70) % 2}


def write_suite(folder: Path, entry: str) -> Path:
    path = folder / "mine.toml"
    path.write_text("\ufeff" + SUITE.format(entry=entry), encoding="utf-8")  # as an editor marks it
    return path


def test_a_file_without_metadata_is_run(bench: Command, here: Path) -> None:
    path = write_d4rl(here / "mine.hdf5", rows())
    plain = write_suite(here, '"mine.hdf5"')
    refused = bench("run", plain, "--results", "out")
    assert refused.status == 2
    assert "--environment, --reference-min and --reference-max" in refused.errors
    assert not (here / "out").exists()
    assert bench("run", plain, "--results", "out", *SAY).status == 0
    (record,) = read_records(here / "out")
    assert record.spec.environment == "CartPole-v1"
    assert isinstance(record.result, RunResult)
    assert record.result.dataset.reference_max == 500
    assert (
        record.result.dataset.content_hash
        == Transitions(
            **{name: rows()[name] for name in ("observations", "actions", "rewards")},
            next_observations=open_recording(path).next_observations,
            terminations=rows()["terminations"],
            weights=np.ones(70),
            action_count=2,
        ).content_hash()
    )

    keys = 'environment = "CartPole-v1", reference_min = 9.5, reference_max = 500'
    said = write_suite(here, f'{{ id = "mine.hdf5", {keys} }}')
    again = bench("run", said, "--results", "out")
    assert "0 runs done, 0 failed, 1 already there" in again.output
    other = write_suite(here, f'{{ id = "mine.hdf5", {keys.replace("500", "400")} }}')
    refused = bench("run", other, "--results", "out")
    assert "was made with other settings" in refused.errors
    assert "0 problems" in bench("verify", "out", "--sample", "1").output


def test_what_changes_the_rows_is_part_of_a_run(bench: Command, here: Path) -> None:
    arrays = {"r" if name == "rewards" else name: array for name, array in rows().items()}
    arrays["actions"] = arrays["actions"].astype(float)
    write_csv(here / "mine.csv", without(arrays, "episodes"))
    keys = 'environment = "CartPole-v1", reference_min = 0, reference_max = 9'
    lacking = write_suite(here, f'{{ id = "mine.csv", {keys} }}')
    assert "--map rewards=NAME" in bench("run", lacking, "--results", "out").errors
    doubtful = write_suite(here, f'{{ id = "mine.csv", {keys}, map = {{ rewards = "r" }} }}')
    assert 'actions = "discrete"' in bench("run", doubtful, "--results", "out").errors
    told = f'{{ id = "mine.csv", {keys}, map = {{ rewards = "r" }}, actions = "discrete" }}'
    assert bench("run", write_suite(here, told), "--results", "out").status == 0
    (record,) = read_records(here / "out")
    stored = next((here / "out" / "records").iterdir()).read_text(encoding="utf-8")
    assert '"reading"' in stored
    assert record.spec.reading is not None
    assert record.spec.reading.map == {"rewards": "r"}
    assert "0 problems" in bench("verify", "out", "--sample", "1").output
    counted = told.replace('"discrete"', '"discrete", action_count = 2')
    refused = bench("run", write_suite(here, counted), "--results", "out")
    assert "was made with other settings" in refused.errors


def test_what_is_said_is_kept_in_what_is_written(bench: Command, here: Path) -> None:
    write_npz(here / "rows.npz", rows())
    assert bench("convert", "rows.npz", *SAY, "--output", "said/rows-v0").status == 0
    stored = minari.load_dataset("said/rows-v0")
    assert stored.env_spec is not None
    assert stored.env_spec.id == "CartPole-v1"
    assert stored.storage.metadata["ref_max_score"] == 500
    words = ("--method", "stratified", "--size", "10", "--output", "set.npz")
    assert bench("distill", "rows.npz", *SAY, *words).status == 0
    with np.load("set.npz") as file:
        about = json.loads(str(file["metadata"]))
    assert (about["environment_id"], about["reference_min"]) == ("CartPole-v1", 9.5)
    streamed = ("--stream", "--size", "10", "--reference-max", "400", "--output", "small.npz")
    assert bench("distill", "said/rows-v0", *streamed).status == 0
    with np.load("small.npz") as file:
        assert json.loads(str(file["metadata"]))["reference_max"] == 400
    assert "environment CartPole-v1" in " ".join(bench("inspect", "rows.npz", *SAY).output.split())


def test_whole_numbers_are_what_they_are_said_to_be(bench: Command, here: Path) -> None:
    doses = rows() | {"actions": np.random.default_rng(0).choice([20.0, 30.0, 40.0], (70, 1))}
    write_npz(here / "doses.npz", doses)
    with h5py.File("doses.h5", "w") as file:
        for name, array in doses.items():
            file[name] = array
    for path in ("doses.npz", "doses.h5"):
        refused = bench("inspect", path)
        assert refused.status == 2
        assert "--discrete" in refused.errors
        assert "1 continuous: 20..40" in bench("inspect", path, "--continuous").output
        words = ("--codebook", "kmeans-3", "--method", "random", "--size", "9")
        made = bench("distill", path, "--continuous", *words, "--output", "set.npz")
        assert made.status == 0
        certified = bench("certify", "set.npz", "--against", path, "--continuous")
        assert certified.status == 0
        assert "made from other data" not in certified.output
        told = bench("inspect", path, "--discrete", "--action-count", "41")
        assert "of the environment's are taken" in told.output


def test_one_hot_actions_are_offered_as_numbers(bench: Command, here: Path) -> None:
    write_npz(here / "rows.npz", rows() | {"actions": np.eye(2)[np.arange(70) % 2]})
    told = bench("inspect", "rows.npz").output
    assert "0: 50.0%, 1: 50.0%" in told
    assert "say --continuous" in told
    words = ("--method", "random", "--size", "9", "--output", "set.npz")
    assert bench("distill", "rows.npz", *words).status == 0
    assert Transitions.load(here / "set.npz")[0].action_count == 2
    refused = bench("distill", "rows.npz", "--codebook", "kmeans-2", *words)
    assert "or say --continuous" in refused.errors
    coded = ("--continuous", "--codebook", "kmeans-2")
    assert bench("distill", "rows.npz", *coded, *words).status == 0


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("inspect", "rows.npz", "--map", "rewards"), "ours=theirs"),
        (("inspect", "rows.npz", "--reference-min", "5", "--reference-max", "3"), "swap"),
        (("inspect", "rows.npz", "--continuous", "--action-count", "3"), "leave one out"),
        (("inspect", "rows.npz", "--environment", "Nowhere-v0"), "registers 'Nowhere-v0'"),
        (("certify", "rows.npz", "--against", "rows.npz", *SAY), "--environment"),
        (
            ("distill", "regression/diabetes", "--discrete", "--output", "set.npz"),
            "regression has neither",
        ),
        (("distill", "rows.csv", "--output", "set.npz"), "PATH.csv#COLUMN"),
        (("distill", "rows.npz", "--stream", "--output", "set.npz"), "leave out --stream"),
        (("run", "quickstart", "--map", "rewards=r", "--results", "out"), "leave out --map"),
    ],
)
def test_what_cannot_be_said_is_one_line(
    bench: Command, here: Path, words: tuple[str, ...], rule: str
) -> None:
    write_npz(here / "rows.npz", rows())
    (here / "rows.csv").write_text("height,price\n1,2\n3,4\n")
    refused = bench(*words)
    assert refused.status == 2
    assert rule in refused.errors
    assert len(refused.errors.splitlines()) == 1
    assert not (here / "set.npz").exists()
    assert not (here / "out").exists()
