"""Claims of one file, judged on the data and sizes that another names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.analysis import judge_control
from harness.analysis.claims import render_claims
from harness.analysis.claims.published import read_claims
from harness.core.errors import InputError
from tests.support.records.control import make_run

PUBLISHED = Path(__file__).parents[4] / "results" / "published" / "arxiv-2512.00536.toml"
ELSEWHERE = """
same_as = "arxiv-2512.00536.toml"
history = "fixed for a test."

[claims.control-full]
datasets = ["classic/acrobot/mixed-v0"]
sizes = [20, 40]
"""


def write_elsewhere(folder: Path, text: str = ELSEWHERE) -> Path:
    shutil.copy(PUBLISHED, folder)
    path = folder / "elsewhere.toml"
    path.write_text(text)
    return path


def test_claims_are_judged_where_the_file_says_and_by_the_same_criteria(tmp_path: Path) -> None:
    path = write_elsewhere(tmp_path)
    runs = [
        make_run(
            [100 * (score + 0.01 * seed)],
            dataset="classic/acrobot/mixed-v0",
            arm=arm,
            size=size,
            learner="fqi",
            seed=seed,
        )
        for arm, size, score in [
            ("full", None, 0.5),
            ("bellman-product-k20", 20, 0.7),
            ("bellman-product-k20", 40, 0.8),
        ]
        for seed in range(10)
    ]
    (row,) = judge_control(runs, path).to_dict("records")
    assert (row["claim"], row["sizes"], row["seeds"]) == ("control-full", "20, 40", 10)
    assert row["difference"] == pytest.approx((0.7 + 0.8) / 2 - 0.5)
    assert row["verdict"] == "reproduced"
    # Of one verdict alone the intervals that hold all together are its own.
    assert row["corrected_low"] == row["difference_low"]
    there, here = read_claims(PUBLISHED), read_claims(path)
    rules = {claim.id: rule for claim, rule in there.control}
    assert [rule for _, rule in here.control] == [rules["control-full"]]
    assert f"{there.history} Here, fixed for a test." in render_claims(runs, path)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"arxiv-2512.00536.toml"', '"absent.toml"', r"no file .*absent\.toml"),
        ('"arxiv-2512.00536.toml"', '"../absent.toml"', r"same_as = .*: String should match"),
        ('"arxiv-2512.00536.toml"', '"elsewhere.toml"', "title: Field required"),
        ('history = "fixed for a test."', "", "history: Field required"),
        ("sizes = [20, 40]", "sizes = []", r"claims\.control-full\.sizes = \[\]: .* at least 1"),
        ("claims.control-full", "claims.control-ful", r"did you mean 'control-full'\?"),
        ("claims.control-full", "claims.supervised-full", "unknown claim of control"),
    ],
)
def test_a_file_that_cannot_be_followed_is_refused(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in ELSEWHERE
    path = write_elsewhere(tmp_path, ELSEWHERE.replace(old, new))
    with pytest.raises(InputError, match=complaint) as refusal:
        read_claims(path)
    assert "\n" not in str(refusal.value)
