"""`load_results`: records, packed or not, as a row a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import trim_mean

from harness import load_results
from harness.analysis.results import COLUMNS, results_frame
from harness.core.errors import InputError
from harness.core.records import RunRecord, write_record
from tests.support.records.control import REFERENCES
from tests.support.records.stored import write_packed

RESULTS = Path(__file__).parents[3] / "results"


def test_a_row_says_what_a_run_was_and_measured(run: Callable[..., RunRecord]) -> None:
    record = run([10.0, 20.0, 30.0, 50.0], arm="random", size=50, seed=3, references=(0.0, 80.0))
    frame = results_frame([record, run(None, seed=4)], "mine")
    assert frame.dtypes.astype(str).to_dict() == COLUMNS
    done = frame[frame["status"] == "completed"].iloc[0]
    expected = {
        **{"suite": "mine", "run_id": record.run_id, "arm": "random", "method": "random"},
        **{"labels": "recorded", "size": 50, "learner": "fqi", "engine": "d3rlpy", "seed": 3},
        **{"metric": "return", "headline": 100 / 3, "score": 100 / 240, "last_return": 50.0},
        **{"steps": 2000, "rows": 50, "environment": "CartPole-v1", "dataset_hash": "0" * 64},
    }
    assert done[list(expected)].to_dict() == pytest.approx(expected)
    assert done[["teacher", "control", "regret", "reason", "failure"]].isna().all()
    failed = frame[frame["status"] == "failed"].iloc[0]
    assert failed["failure"] == "ValueError: diverged"
    assert failed[["metric", "headline", "score", "steps", "seconds_training"]].isna().all()


def test_packed_and_loose_records_are_read_alike(
    records: Sequence[RunRecord], tmp_path: Path
) -> None:
    for record in records:
        write_record(tmp_path / "loose" / "study", record)
    write_packed(tmp_path / "packed" / "study", *records)
    loose, packed = (load_results(tmp_path / form / "study") for form in ("loose", "packed"))
    pd.testing.assert_frame_equal(loose, packed)
    assert len(loose) == len(records)
    assert loose["suite"].unique().tolist() == ["study"]  # the folder's, which holds no suite


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no records in"):
        load_results(str(tmp_path))


def test_scores_of_returns_alone_are_normalised(records: Sequence[RunRecord]) -> None:
    frame = results_frame(records, "study")
    for dataset, (low, high) in REFERENCES.items():
        of_it = frame[frame["dataset"] == dataset]
        assert ((of_it["headline"] - low) / (high - low)).tolist() == of_it["score"].tolist()


def test_committed_results_give_their_committed_table() -> None:
    frame = load_results(RESULTS / "quickstart")
    assert set(frame["suite"]) == {"quickstart"}
    table = pd.read_csv(RESULTS / "quickstart" / "tables" / "comparison.csv")
    means = frame.groupby(["learner", "arm"])["headline"].apply(trim_mean, 0.25)
    expected = table.set_index(["learner", "arm"])["return"]
    assert means.to_dict() == pytest.approx(expected.to_dict())
