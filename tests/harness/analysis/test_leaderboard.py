"""Arms ranked by retention."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from harness.analysis import comparison
from harness.analysis.leaderboard import rank_arms
from harness.core.classes.specs import ReducerSpec
from harness.core.errors import InputError
from harness.core.records import RunRecord
from tests.support.commands import Command
from tests.support.records.regression import make_regression

ROOT = Path(__file__).parents[3]


def test_ranks_follow_the_retention_of_the_comparison(records: Sequence[RunRecord]) -> None:
    table = rank_arms({"study": records}).frame
    compared = comparison(records)
    compared = compared[compared["dataset"] == "all datasets"]
    for (learner, size), block in table.groupby(["learner", "size"]):
        expected = compared[(compared["learner"] == learner) & (compared["size"] == size)]
        expected = expected.sort_values("retention", ascending=False)
        assert block["arm"].tolist() == expected["arm"].tolist()
        assert block["retention"].tolist() == expected["retention"].tolist()
        assert block["rank"].tolist() == list(range(1, 6))
    full = table[table["arm"] == "full"]
    assert (full[["retention", "retention_low", "retention_high"]] == 1.0).all(axis=None)
    others = table[table["arm"] != "full"]
    assert (others["retention_low"] < others["retention"]).all()
    assert (others["retention"] < others["retention_high"]).all()


def test_a_control_stands_beside_its_arm_and_has_no_rank(
    records: Sequence[RunRecord],
) -> None:
    spec = ReducerSpec(name="random", label="random-constant", control="constant")
    controls = [
        record.model_copy(update={"spec": record.spec.model_copy(update={"reducer": spec})})
        for record in records
        if record.spec.reducer.label == "random"
    ]
    table = rank_arms({"study": [*records, *controls]}).frame
    assert "random-constant" not in set(table["arm"])
    random = table[table["arm"] == "random"]
    assert random["without_signal"].tolist() == random["score"].tolist()
    assert np.isnan(table[table["arm"] != "random"]["without_signal"]).all()


def test_other_metrics_have_no_leaderboard() -> None:
    with pytest.raises(InputError, match="records of test MSE"):
        rank_arms({"study": [make_regression(1.0)]})


def test_the_committed_leaderboard_is_what_the_records_say(bench: Command, tmp_path: Path) -> None:
    folders = [
        ROOT / "results" / name for name in ("quickstart", "labels-steps", "paper-rl-d3rlpy")
    ]
    assert bench("leaderboard", *folders, "--output", tmp_path / "made.md").status == 0
    committed = ROOT / "results" / "leaderboard.md"
    assert (tmp_path / "made.md").read_text() == committed.read_text()
