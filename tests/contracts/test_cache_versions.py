"""A method that gives other rows than it did has a new `cache_version`, or caches would lie.

`python -m tests.contracts.test_cache_versions` writes what methods give now; it refuses to do so
for one whose rows have changed and whose version has not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.classes.registry import Registry
from harness.core.reduction import Reducer, reduce_seeded
from harness.core.transitions import Transitions
from harness.tasks.builtin import REDUCERS, REGRESSION_REDUCERS
from harness.testing.reducers import COLUMNS, small_source

GIVEN = Path(__file__).parents[1] / "data" / "reductions.json"
OPTIONAL = {"herding", "kernel-herding", "tree-recombination"}  # they need coreax
# A few steps of a search end at the same place on every processor, many do not.
SHORT: dict[str, dict[str, Any]] = {
    "bellman": {"predictors": 10, "iterations": 2},
    "gradient-matching": {"networks": 1, "initialisations": 1, "updates": 2},
    "av-pbc": {"networks": 1, "cloning_steps": 2, "steps": 2},
    "operator": {"maps": 2, "feature_count": 16, "predictors": 4, "steps": 2},
    "loss-matching": {"iterations": 2},
    "moved-points": {"rounds": 1, "iterations": 2},
    "pilot-selection": {"pilots": 1, "hidden_units": (8,), "steps": 5, "trials": 6},
}


def methods() -> Iterator[tuple[str, Registry[Any], str]]:
    for task, registry in (("control", REDUCERS), ("regression", REGRESSION_REDUCERS)):
        for name in registry.builtin:
            yield f"{task} {name}", registry, name


def given_by(registry: Registry[Any], name: str) -> dict[str, Any]:
    """Summarise what a method gives: the version, the rows kept, and means of all columns."""
    reducer: Reducer[Any] = registry.make(name, SHORT.get(name, {}))
    kind = registry.rows or Transitions
    reduction = reduce_seeded(small_source(kind), reducer, 12, 0)
    kept = reduction.source_indices
    columns = [getattr(reduction.rows, column) for column in COLUMNS[kind]]
    shares = reduction.rows.shares
    return {
        "cache_version": reducer.cache_version,
        "kept": None if kept is None else sorted(map(int, kept)),
        "means": [float(mean) for column in columns for mean in np.atleast_1d(shares @ column)],
    }


def agrees(found: dict[str, Any], given: dict[str, Any]) -> bool:
    return found["kept"] == given["kept"] and np.allclose(
        found["means"], given["means"], rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("key", [key for key, _, _ in methods()])
def test_other_rows_have_another_version(key: str) -> None:
    registry, name = {each: (registry, name) for each, registry, name in methods()}[key]
    if name in OPTIONAL and find_spec("coreax") is None:
        pytest.skip("coreax is not installed")
    given = json.loads(GIVEN.read_text())[key]
    found = given_by(registry, name)
    assert found["cache_version"] == given["cache_version"]
    assert agrees(found, given), (
        f"{key} gives other rows than before: raise its cache_version, and write "
        f"{GIVEN.name} anew with python -m tests.contracts.test_cache_versions"
    )


def write() -> None:
    old = json.loads(GIVEN.read_text()) if GIVEN.exists() else {}
    new = {key: given_by(registry, name) for key, registry, name in methods()}
    for key in new.keys() & old.keys():
        same = new[key]["cache_version"] == old[key]["cache_version"]
        if same and not agrees(new[key], old[key]):
            raise SystemExit(f"{key} gives other rows: raise its cache_version first")
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in new.items())
    GIVEN.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    write()
