"""Bellman matching finds the same sets where BLAS and NumPy take the processor for another one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from envs.loading import open_dataset
from harness.core.arrays import Float64Array
from harness.core.reduction import reduce_seeded
from harness.distillation.bellman import BellmanDistiller

SEARCHES: tuple[dict[str, Any], ...] = (
    {},  # next states of the few terminated rows have prescribed means, and no other slope
    {"actions": "product", "predictors": 20},
    {"law": "network", "feature_count": 16},
)


def find_sets(path: Path) -> None:
    """Keep what searches find, and a product by the processor's own instructions."""
    source = open_dataset("classic/cartpole/medium-v0").transitions
    sets = []
    for parameters in SEARCHES:
        rows = reduce_seeded(source, BellmanDistiller.model_validate(parameters), 100, 3).rows
        sets.append(np.column_stack([rows.observations, rows.rewards, rows.next_observations]))
    matrix = np.random.default_rng(0).normal(size=(200, 200))
    np.savez(path, product=matrix @ matrix.T, sets=np.stack(sets))


def on_processor(path: Path, core: str, without: str) -> tuple[Float64Array, Float64Array]:
    """Product and sets of a process that takes this processor for another one."""
    emulated = {"OPENBLAS_CORETYPE": core, "NPY_DISABLE_CPU_FEATURES": without}
    command = [sys.executable, "-m", __spec__.name, str(path)]
    root = Path(__file__).parents[3]
    done = subprocess.run(
        command, cwd=root, env=os.environ | emulated, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with np.load(path) as arrays:
        return arrays["product"], arrays["sets"]


FOUND = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])


@pytest.mark.slow
@pytest.mark.usefixtures("cartpole")
@pytest.mark.skipif(
    not {"AVX2", "X86_V3"}.intersection(FOUND)
    or all(found["internal_api"] != "openblas" for found in threadpool_info()),
    reason="only OpenBLAS can take a processor for another one, and Haswell needs AVX2",
)
def test_another_processor_finds_the_same_sets(tmp_path: Path) -> None:
    product, sets = on_processor(tmp_path / "old.npz", "Nehalem", " ".join(FOUND))
    other, others = on_processor(tmp_path / "new.npz", "Haswell", "")
    assert (product != other).any(), "the two processors have the same digits"
    np.testing.assert_allclose(sets, others, rtol=0, atol=1e-8)


if __name__ == "__main__":
    find_sets(Path(sys.argv[1]))
