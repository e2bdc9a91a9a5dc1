"""Compare two results folders in paired seeds, such as those of before and after a change.

    python compare_folders.py results/before results/after

A folder that is not there is made: here the change is from recorded rewards to advantage labels.
The command for the same, with intervals, is

    bellman-bench compare results/before results/after --versus mine
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from harness import load_results, run_suite

PAIR = ["dataset", "learner", "arm", "seed"]
SHARED = {
    "description": "Fifty rows of CartPole, and all of them.",
    "datasets": ["classic/cartpole/medium-v0"],
    "sizes": [50],
    "seeds": [0, 1, 2],
    "episodes": 5,
    "learners": [{"name": "linear-fqi", "parameters": {"feature_count": 100}}],
}


def make(folder: Path, labels: str) -> None:
    """Run a small suite with one's own arm beside the full data."""
    mine = {"name": "stratified", "label": "mine", "labels": labels}
    run_suite({**SHARED, "name": folder.name, "reducers": ["full", mine]}, folder)


def scores(folder: Path) -> pd.DataFrame:
    """Read the normalised score of every completed run."""
    runs = load_results(folder)
    return runs.loc[runs["status"] == "completed", [*PAIR, "score"]]


def main(before: Path, after: Path) -> None:
    """Make what is missing, pair runs of the same seed, and print the mean difference of arms."""
    for folder, labels in ((before, "recorded"), (after, "advantage")):
        if not folder.exists():
            make(folder, labels)
    pairs = scores(before).merge(scores(after), on=PAIR, suffixes=("_before", "_after"))
    pairs["difference"] = pairs["score_after"] - pairs["score_before"]
    means = ["score_before", "score_after", "difference"]
    table = pairs.groupby(["learner", "arm"])[means].mean()
    print(table.assign(pairs=pairs.groupby(["learner", "arm"]).size()).round(3).to_string())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
