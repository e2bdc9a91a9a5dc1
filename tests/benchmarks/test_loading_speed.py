"""Speed and memory of reading a Minari dataset of a million transitions."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import h5py
import minari
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, Space
from minari.data_collector import EpisodeBuffer
from numpy.typing import NDArray

from envs.formats.minari.store import read_recording
from tests.benchmarks.timing import seconds

pytestmark = pytest.mark.benchmark
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")

EPISODES, STEPS, OBS_DIM = 1000, 1000, 11
ROWS = EPISODES * STEPS
CONTINUOUS = {np.float32: "big/continuous32-v0", np.float64: "big/continuous64-v0"}
NUMBERED = "big/numbered-v0"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("million")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        patch.setenv("MINARI_DATASETS_PATH", str(folder))
        for dtype, dataset_id in CONTINUOUS.items():
            write(dataset_id, dtype, Box(-9, 9, (3,), np.float32))
        write(NUMBERED, np.float64, Discrete(3))
    return folder


def write(dataset_id: str, dtype: Any, actions: Space[Any]) -> None:
    rng = np.random.default_rng(0)
    last = np.arange(STEPS) == STEPS - 1

    def episode(number: int) -> EpisodeBuffer:
        shape = actions.shape or ()
        taken = rng.normal(size=(STEPS, *shape)).astype(np.float32)
        return EpisodeBuffer(
            seed=number,
            observations=rng.normal(size=(STEPS + 1, OBS_DIM)).astype(dtype),
            actions=taken if shape else rng.integers(3, size=STEPS),
            rewards=rng.normal(size=STEPS),
            terminations=last & (number % 2 == 0),
            truncations=last & (number % 2 == 1),
            infos={},
        )

    minari.create_dataset_from_buffers(
        dataset_id,
        buffer=[episode(number) for number in range(EPISODES)],
        observation_space=Box(-np.inf, np.inf, (OBS_DIM,), dtype),
        action_space=actions,
    )


def read_plainly(path: Path, dtype: Any) -> dict[str, NDArray[Any]]:
    """Read the arrays of every episode with h5py into arrays that are made once."""
    arrays = {
        "observations": np.empty((ROWS + EPISODES, OBS_DIM), dtype),
        "actions": np.empty((ROWS, 3), np.float32),
        "rewards": np.empty(ROWS),
        "terminations": np.empty(ROWS, bool),
        "truncations": np.empty(ROWS, bool),
    }
    with h5py.File(path, "r") as file:
        for number in range(EPISODES):
            group = file[f"episode_{number}"]
            for name, array in arrays.items():
                steps = len(array) // EPISODES
                array[number * steps : (number + 1) * steps] = group[name][()]
    return arrays


@pytest.mark.parametrize("dtype", CONTINUOUS)
def test_reading_is_about_as_fast_as_h5py(
    root: Path, monkeypatch: pytest.MonkeyPatch, dtype: Any
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    path = root / CONTINUOUS[dtype] / "data" / "main_data.hdf5"
    ours, plain = seconds(
        lambda: read_recording(CONTINUOUS[dtype]), lambda: read_plainly(path, dtype), repeats=5
    )
    print(f"speed of h5py reached = {plain / ours:.2f} ({ROWS / ours:,.0f} transitions/s)")
    assert plain >= 0.8 * ours


def peak_of(root: Path, code: str) -> list[float]:
    """Run code in a process of its own, which prints what it finds."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK + code],
        capture_output=True,
        text=True,
        check=True,
        env={"MINARI_DATASETS_PATH": str(root), "OMP_NUM_THREADS": "1"},
    )
    return [float(word) for word in done.stdout.split()]


# Linux hands the highest ru_maxrss of a parent on to its children, but not this.
PEAK = """
from pathlib import Path

def peak():  # bytes
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x]
    return 1024 * int(line.split()[1])
"""
READ = """
from envs.formats.minari.store import read_recording
before = peak()
recording = read_recording("{dataset_id}")
print(peak() - before, recording.nbytes)
"""
DISTIL = """
from concurrent.futures import ThreadPoolExecutor
from envs.actions.codebook import parse_codebook
from envs.streaming import fit_streamed_codebook
from harness.core.classes.specs import LabelsSpec
from harness.core.parts import reduce_in_parts
from harness.tasks.builtin import REDUCERS
from harness.tasks.streaming import StoredParts
from harness.tasks.teaching.labelling import label_by
from harness.tasks.teaching.labelling_in_parts import LabelledInParts
reducer = REDUCERS.make("{method}", {{}}, discount=0.99)
if {labelled}:
    spec = LabelsSpec(name="advantage", when={labelled})
    reducer = label_by(reducer, "{method}", spec, 0.99, LabelledInParts)
codebook = {codebook} and fit_streamed_codebook("{dataset_id}", parse_codebook({codebook}))
with ThreadPoolExecutor(1) as executor:
    parts = StoredParts("{dataset_id}", executor, codebook)
    reduction = reduce_in_parts(reducer, parts, 100, 0)
assert len(reduction.transitions) == 100
print(peak())
"""


@needs_proc
@pytest.mark.parametrize("dataset_id", [*CONTINUOUS.values(), NUMBERED])
def test_reading_needs_little_more_than_its_result(root: Path, dataset_id: str) -> None:
    needed, result = peak_of(root, READ.format(dataset_id=dataset_id))
    print(f"peak / arrays = {needed / result:.2f}")
    assert needed <= 1.3 * result


@needs_proc
@pytest.mark.parametrize(
    ("method", "dataset_id", "codebook", "labelled"),
    [
        ("exact", NUMBERED, None, None),
        ("random", NUMBERED, None, None),
        ("stratified", NUMBERED, None, None),
        ("leverage", NUMBERED, None, None),
        ("exact", CONTINUOUS[np.float32], "kmeans-16", None),
        ("leverage", NUMBERED, None, "after"),
        ("exact", NUMBERED, None, "before"),
    ],
)
def test_streaming_holds_little(
    root: Path, method: str, dataset_id: str, codebook: str | None, labelled: str | None
) -> None:
    words = {"codebook": repr(codebook), "labelled": repr(labelled)}
    (peak,) = peak_of(root, DISTIL.format(method=method, dataset_id=dataset_id, **words))
    labels = f", labelled {labelled}" if labelled else ""
    print(f"streamed {method}{labels}, imports included: {peak / 2**20:.0f} MiB")
    assert peak <= 300 * 2**20
