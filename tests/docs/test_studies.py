"""The pages of studies: each results folder has one, whose tables are those of its records."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.core.errors import InputError
from tests.support.web.pages import ROOT, page_name

sys.path.insert(0, str(ROOT / "docs" / "tools"))

from views import fill, view

STUDIES = sorted((ROOT / "docs" / "studies").glob("*.md"))
RESULTS = {path.parent.name for path in (ROOT / "results").glob("*/tables")}


def test_every_study_has_a_page() -> None:
    assert {page.stem for page in STUDIES} - {"index"} == RESULTS


@pytest.mark.parametrize("page", STUDIES, ids=page_name)
def test_views_are_parts_of_the_committed_tables(page: Path) -> None:
    """If not, run ``python docs/tools/views.py docs/studies/*.md``."""
    text = page.read_text(encoding="utf-8")
    assert fill(text) == text


@pytest.mark.parametrize("study", sorted(RESULTS))
def test_a_study_says_what_was_asked_found_and_failed(study: str) -> None:
    text = (ROOT / "docs" / "studies" / f"{study}.md").read_text(encoding="utf-8")
    parts = [line for line in text.splitlines() if line.startswith("## ")]
    assert parts == [f"## {part}" for part in PARTS]
    assert f"<!-- begin view {study}/" in text
    assert f"../../results/{study}/tables/" in text
    figures = ROOT / "results" / study / "figures"
    assert not figures.exists() or f"../../results/{study}/figures/" in text
    assert f"[{study}]({study}.md)" in (ROOT / "docs" / "studies" / "index.md").read_text()


PARTS = ("Question", "Protocol", "Result", "Verdict", "What failed")


def test_a_view_shows_the_numbers_of_the_table() -> None:
    request = "where: learner = dqn; arm = full, random\nrows: arm\nvalues: return, rows"
    lines = view("quickstart/comparison", request).splitlines()
    assert [cell.strip() for cell in lines[0].split("|")[1:-1]] == [
        *("arm", "return", "return interval", "rows"),
    ]
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        *("full", "493.5", "[448.2, 500.0]", "29523"),
    ]
    spread = view("quickstart/comparison", "rows: arm\ncolumns: learner\nvalues: return")
    assert "493.5 [448.2, 500.0] |" in spread.splitlines()[2]


@pytest.mark.parametrize(
    ("table", "request_", "said"),
    [
        ("quickstart/absent", "rows: arm\nvalues: return", "there is no"),
        ("quickstart/comparison", "rows: arms\nvalues: return", "did you mean 'arm'"),
        ("quickstart/comparison", "where: arm = ful\nrows: arm", "did you mean 'full'"),
        ("quickstart/comparison", "row: arm", "did you mean 'rows'"),
        ("quickstart/comparison", "rows: arm\ncolumns: size\nvalues: return", "narrow it"),
    ],
)
def test_a_view_of_what_there_is_not_is_refused(table: str, request_: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        view(table, request_)
