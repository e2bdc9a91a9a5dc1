"""Search a learner's parameters on fifty distilled transitions, and confirm them on all the data.

    python search_on_a_set.py results/search

Candidates are trained on the set first, which is cheap, and on the full dataset then, which a user
would do with the winner alone: here with all of them, to see whether the set chose well. Records
are kept, so that a second call only reads them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from harness import run_suite
from harness.core.records import read_records

RATES = [1e-5, 1e-4, 1e-3]
SEEDS = [1000]  # of the search alone: what is reported has others, and more of them
SHARED = {
    "description": "Learning rates of fitted Q-iteration on CartPole.",
    "datasets": ["classic/cartpole/medium-v0"],
    "sizes": [50],
    "seeds": SEEDS,
    "episodes": 3,
}
SET = {"name": "stratified", "labels": "advantage"}


def try_rates(name: str, reducer: dict[str, str], steps: int, folder: Path) -> dict[float, float]:
    """Train every candidate on one reduction, and return the mean return of each."""
    learner = {
        "name": "fqi",
        "label": "fqi-{learning_rate}",
        "parameters": {"steps": steps, "checkpoints": 2},
        "sweep": {"learning_rate": RATES},
    }
    suite = {**SHARED, "name": name, "reducers": [reducer], "learners": [learner]}
    run_suite(suite, folder / name, jobs=2)
    returns: dict[float, list[float]] = {rate: [] for rate in RATES}
    for record in read_records(folder / name):
        returns[float(record.spec.learner.parameters["learning_rate"])].append(record.headline)
    return {rate: float(np.mean(found)) for rate, found in returns.items()}


def main(folder: Path) -> None:
    """Search, confirm, and print both."""
    searched = try_rates("on-the-set", SET, 300, folder)
    confirmed = try_rates("on-all-data", {"name": "full"}, 2000, folder)
    print(f"{'learning rate':<16}{'50 transitions':>16}{'all data':>12}")
    for rate in RATES:
        print(f"{rate:<16g}{searched[rate]:>16.1f}{confirmed[rate]:>12.1f}")
    chosen = max(searched, key=searched.__getitem__)
    best = max(confirmed, key=confirmed.__getitem__)
    print(f"chosen on the set: {chosen:g}; best on all data: {best:g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
