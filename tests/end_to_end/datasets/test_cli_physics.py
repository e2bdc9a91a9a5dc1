"""Tasks with a physics engine through the command line, as any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.commands import Command
from tests.support.embedded import needs_of, store_small

LANDER, HOPPER = "box2d/lunarlander/medium-v0", "mujoco-bench/hopper/medium-v0"
LANDING = f"""
name = "landing"
description = "All rows, and few with other labels."
datasets = ["{LANDER}"]
sizes = [40]
seeds = [0]
episodes = 2
engine = "fast"
reducers = [{{ name = "full" }}, {{ name = "stratified", labels = "advantage" }}]
learners = [
    {{ name = "dqn", parameters = {{ steps = 100, checkpoints = 1 }} }},
    {{ name = "fqi", parameters = {{ steps = 100, checkpoints = 1 }} }},
]
"""


@pytest.fixture(scope="module", autouse=True)
def own_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A root in which a few episodes may have the names of whole datasets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("few")))
        yield


@pytest.fixture(params=[pytest.param(each, marks=needs_of(each)) for each in (LANDER, HOPPER)])
def stored(request: pytest.FixtureRequest) -> str:
    dataset_id: str = request.param
    store_small(dataset_id, 8)
    return dataset_id


def test_a_set_is_distilled_and_certified(stored: str, bench: Command, tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    codes = ["--codebook", "kmeans-8"] if stored == HOPPER else []
    words = ("--method", "stratified", "--labels", "advantage", "--size", "40", "--output", path)
    made = bench("distill", stored, *codes, *words)
    assert made.status == 0, made.errors
    with np.load(path, allow_pickle=False) as content:
        assert len(content["actions"]) == 40
        assert content["observations"].shape[1] == (11 if stored == HOPPER else 8)
    certified = bench("certify", path, "--against", stored)
    assert certified.status == 0, certified.errors


@pytest.mark.parametrize("stored", [pytest.param(LANDER, marks=needs_of(LANDER))], indirect=True)
@pytest.mark.usefixtures("stored")
def test_a_suite_lands_by_the_fast_engine(bench: Command, tmp_path: Path) -> None:
    suite = tmp_path / "landing.toml"
    suite.write_text(LANDING)
    done = bench("run", suite, "--results", tmp_path / "results", "--jobs", "1")
    assert done.status == 0, done.errors
    assert "4 runs done, 0 failed" in done.output + done.errors
