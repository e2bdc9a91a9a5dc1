"""Results folders side by side, in paired seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from harness.analysis.folders import compare_folders
from harness.core.errors import InputError
from harness.core.records import RunRecord, RunResult, write_record
from tests.support.commands import Command
from tests.support.records.regression import make_regression

MakeRun = Callable[..., RunRecord]
CARTPOLE, ACROBOT = "classic/cartpole/medium-v0", "classic/acrobot/mixed-v0"


@pytest.fixture
def arm(run: MakeRun) -> Callable[..., list[RunRecord]]:
    """Runs of an arm by seed; references are 0 and 100, so that scores are returns / 100."""

    def make(returns: Iterable[float | None], first: int = 0, **named: object) -> list[RunRecord]:
        return [
            run(None if value is None else [value], seed=first + number, **named)
            for number, value in enumerate(returns)
        ]

    return make


MakeArm = Callable[..., list[RunRecord]]


def with_result(record: RunRecord, **changes: object) -> RunRecord:
    assert isinstance(record.result, RunResult)
    return record.model_copy(update={"result": record.result.model_copy(update=changes)})


def with_data(record: RunRecord, **changes: object) -> RunRecord:
    assert record.result is not None
    return with_result(record, dataset=record.result.dataset.model_copy(update=changes))


def with_spec(record: RunRecord, **changes: object) -> RunRecord:
    return record.model_copy(update={"spec": record.spec.model_copy(update=changes)})


def test_differences_are_means_over_the_seeds_that_both_have(arm: MakeArm) -> None:
    old = arm([80.0, 90.0, 70.0]) + arm([10.0, 30.0, 20.0], arm="random", size=50)
    new = arm([50.0, None, 80.0, 40.0], first=1, arm="mine", size=50)
    table = compare_folders({"old": old, "new": new}).frame
    assert table[["size", "arm", "versus"]].to_numpy().tolist() == [
        [50, "random (old)", "full (old)"],
        [50, "mine (new)", "full (old)"],
    ]
    mine = table.iloc[1]
    assert (mine["pairs"], mine["unpaired"]) == (1, 4)  # seed 1; seed 2 failed, 0, 3, 4 lack one
    assert mine["difference"] == pytest.approx(0.5 - 0.9)
    assert np.isnan(mine["difference_low"])
    random = table.iloc[0]
    assert (random["pairs"], random["unpaired"]) == (3, 2)
    assert random["difference"] == pytest.approx(np.mean([-0.7, -0.6, -0.5]))
    ends = random["difference_low"], random["difference_high"]
    assert -0.701 < ends[0] < random["difference"] < ends[1] < -0.499
    assert (random["score"], random["reference"]) == pytest.approx((0.2, 0.8))


def test_an_arm_is_compared_with_itself_of_another_folder(arm: MakeArm) -> None:
    before = arm([10.0, 20.0], arm="mine", size=50)
    after = arm([15.0, 40.0], arm="mine", size=50)
    (row,) = compare_folders({"a": before, "b": after}, "mine").frame.to_dict("records")
    assert (row["arm"], row["versus"]) == ("mine (b)", "mine (a)")
    assert row["difference"] == pytest.approx(0.125)


def test_what_only_one_folder_has_is_left_out(arm: MakeArm) -> None:
    one = [*arm([50.0, 60.0]), *arm([30.0, 20.0], arm="random", size=50)]
    one += arm([50.0, 60.0], dataset=ACROBOT) + arm([5.0, 6.0], learner="dqn")
    other = arm([40.0, 41.0], arm="mine", size=20)  # beside which full stands as well
    table = compare_folders({"one": one, "other": other}).frame
    assert table[["dataset", "size", "learner", "arm"]].to_numpy().tolist() == [
        [CARTPOLE, 20, "fqi", "mine (other)"]
    ]


def test_over_all_datasets_each_counts_alike(arm: MakeArm) -> None:
    one = arm([50.0] * 3) + arm([50.0] * 2, dataset=ACROBOT)
    mine: dict[str, object] = {"arm": "mine", "size": 20}
    two = arm([60.0] * 3, **mine) + arm([90.0] * 2, dataset=ACROBOT, **mine)
    table = compare_folders({"one": one, "two": two}).frame
    assert table["dataset"].tolist() == [ACROBOT, CARTPOLE, "all datasets"]
    assert table["difference"].tolist() == pytest.approx([0.4, 0.1, 0.25])


def test_one_folder_keeps_the_names_of_its_arms(records: Sequence[RunRecord]) -> None:
    table = compare_folders({"only": records}, "random").frame
    assert set(table["versus"]) == {"random"}
    assert set(table["arm"]) == {"full", "stratified", "leverage", "bellman"}


def test_errors_are_compared_as_they_are() -> None:
    folders = {
        name: [make_regression(value + seed, arm="mine", size=9, seed=seed) for seed in range(3)]
        for name, value in (("a", 1.0), ("b", 1.5))
    }
    compared = compare_folders(folders, "mine")
    (row,) = compared.frame.to_dict("records")
    assert (row["reference"], row["score"], row["difference"]) == (2.0, 2.5, 0.5)
    assert "test MSE, of which less is better" in compared.caption


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda run: with_data(run, content_hash="f" * 64), "has hash 0000.* in a and ffff.* in b"),
        (lambda run: with_data(run, environment_id="Mine-v0"), "the environment CartPole-v1 in a"),
        (lambda run: with_data(run, reference_max=99.0), "the expert's return 100.0 in a and 99.0"),
        (lambda run: with_spec(run, episodes=3), "episodes 2 in a and 3 in b"),
        (lambda run: with_spec(run, engine="fast"), "engine d3rlpy in a and fast in b.*--engines"),
        (
            lambda run: with_result(run, learner_parameters={"steps": 7}),
            "learner 'fqi' on '.*' has steps 5 in a and 7 in b",
        ),
        (lambda _: make_regression(1.0), "a measures return, b measures test MSE"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    arm: MakeArm, change: Callable[[RunRecord], RunRecord], told: str
) -> None:
    runs = [with_result(run, learner_parameters={"steps": 5}) for run in arm([1.0, 2.0])]
    with pytest.raises(InputError, match=told):
        compare_folders({"a": runs, "b": list(map(change, runs))})


def test_engines_are_arms_where_they_are_named(arm: MakeArm) -> None:
    slow, fast = arm([10.0, 20.0]), arm([11.0, 22.0])
    fast = [with_spec(run, engine="fast") for run in fast]
    (row,) = compare_folders({"a": slow, "b": fast}, engines=True).frame.to_dict("records")
    assert (row["arm"], row["versus"]) == ("full (b, fast)", "full (a, d3rlpy)")
    assert row["difference"] == pytest.approx(0.015)


def test_folders_without_anything_in_common_are_refused(arm: MakeArm) -> None:
    with pytest.raises(InputError, match="nothing in a, b to compare with 'full'"):
        compare_folders({"a": arm([1.0]), "b": arm([1.0], dataset=ACROBOT)})
    with pytest.raises(InputError, match=r"unknown arm 'ful': .* \(did you mean 'full'\?\)"):
        compare_folders({"a": arm([1.0]), "b": arm([2.0])}, "ful")


@pytest.fixture
def folders(arm: MakeArm, tmp_path: Path) -> list[Path]:
    for name, value in (("a", 10.0), ("b", 15.0)):
        for record in arm([value, value + 1], arm="mine", size=20):
            write_record(tmp_path / name, record)
    return [tmp_path / "a", tmp_path / "b"]


def test_the_comparison_is_printed_and_written(
    bench: Command, folders: list[Path], tmp_path: Path
) -> None:
    command = ("compare", *folders, "--versus", "mine", "--output")
    shown = bench(*command, tmp_path / "out.md")
    assert shown.status == 0
    table, _, caption = shown.output.partition("\n\n")
    assert "| mine (b) | mine (a) |" in table
    assert (tmp_path / "out.md").read_text() == f"{caption}\n{table}\n"
    assert bench(*command, tmp_path / "out.csv").status == 0
    header, row = (tmp_path / "out.csv").read_text().splitlines()
    assert header.startswith("dataset,size,learner,arm,versus,pairs,unpaired,reference,")
    assert "mine (b),mine (a),2,0," in row
    wrong = bench(*command, tmp_path / "out.xls")
    assert (wrong.status, wrong.output) == (2, "")
    assert "'out.xls': choose from .csv, .html, .md, .tex" in wrong.errors


def test_folders_called_alike_are_told_apart_by_path(
    bench: Command, folders: list[Path], tmp_path: Path
) -> None:
    twin = tmp_path / "other" / "a"
    twin.parent.mkdir()
    folders[1].rename(twin)
    shown = bench("compare", folders[0], twin, "--versus", "mine")
    assert f"mine ({twin})" in shown.output
    twice = bench("compare", folders[0], folders[0])
    assert (twice.status, "is given twice" in twice.errors) == (2, True)
